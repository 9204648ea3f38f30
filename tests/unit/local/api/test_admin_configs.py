# SPDX-License-Identifier: MIT
"""Configurations through the admin API: limits, a check before saving, put and delete."""

from __future__ import annotations

import pytest

from fc_async_sdk.spec import arn

CONFIG = "/_local/functions/{}/async-config"


def to(name: str) -> dict[str, object]:
    return {"destinationConfig": {"onSuccess": {"destination": f"acs:fc:::functions/{name}"}}}


def test_the_limits_are_those_of_the_service(world):
    limits = world.call("GET", "/_local/limits").json
    assert limits["maxAsyncRetryAttempts"] == {"low": 0, "high": 8, "default": 3}
    assert limits["maxAsyncEventAgeInSeconds"]["high"] == 604_800


def test_the_template_of_each_kind_of_destination_makes_a_valid_arn(world):
    for one in world.call("GET", "/_local/limits").json["destinations"]:
        text = one["template"]
        for field in one["fields"]:
            text = text.replace(f"{{{field}}}", "a-name")
        assert arn.parse(text).kind == one["kind"]


def test_a_configuration_is_saved_and_deleted_without_a_signature(world):
    world.create()
    saved = world.call("PUT", CONFIG.format("orders"), {"maxAsyncRetryAttempts": 0})
    assert saved.json["maxAsyncRetryAttempts"] == 0
    assert world.call("DELETE", CONFIG.format("orders")).status == 204
    assert world.call("DELETE", CONFIG.format("orders")).status == 404


@pytest.mark.parametrize("call", [("PUT", ""), ("POST", "/check")])
def test_what_the_service_refuses_is_refused(world, call):
    world.create()
    method, end = call
    answer = world.call(method, CONFIG.format("orders") + end, {"maxAsyncRetryAttempts": 9})
    assert (answer.status, answer.json["Code"]) == (400, "InvalidArgument")


def test_a_cycle_is_named_before_it_is_saved(world):
    for name in ("a", "b", "c"):
        world.create(name)
    world.call("PUT", CONFIG.format("b"), to("c"))
    world.call("PUT", CONFIG.format("c"), to("a"))
    asked = world.call("POST", CONFIG.format("a") + "/check", to("b"))
    assert asked.json["cycle"] == ["a/LATEST", "b/LATEST", "c/LATEST", "a/LATEST"]
    assert world.call("POST", CONFIG.format("a") + "/check", {}).json["cycle"] == []
    assert world.call("DELETE", CONFIG.format("a")).status == 404
