# SPDX-License-Identifier: MIT
"""Configurations through the admin API: limits, a check before saving, put and delete."""

from __future__ import annotations

import pytest

from fc_async_sdk.spec import arn
from fc_async_sdk.spec.destinations import KINDS

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
        assert one["label"] == KINDS[one["kind"]].label


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


# --- where a template has destinations ------------------------------------------------------------

PLACES = "/_local/async-config-places"


def place(function: str, target: str, at: str, outcome: str = "success") -> dict[str, object]:
    arn_ = f"acs:fc:::functions/{target}"
    return {"function": function, "outcome": outcome, "destination": arn_, "place": at}


def written(world) -> dict[str, str]:
    edges = world.call("GET", "/_local/graph").json["edges"]
    return {edge["source"]: edge["written"] for edge in edges}


def test_the_graph_says_where_a_destination_is_written(world):
    world.create("a")
    world.create("b")
    world.call("PUT", CONFIG.format("a"), to("b"))
    world.call("PUT", CONFIG.format("b"), to("a"))
    told = world.call("PUT", PLACES, {"places": [place("a", "b", "s.yaml:12:9")]})
    assert told.json == {"known": 1}
    assert written(world) == {"a/LATEST": "s.yaml:12:9", "b/LATEST": ""}


def test_a_configuration_that_is_put_again_forgets_where_it_was_written(world):
    world.create("a")
    world.call("PUT", CONFIG.format("a"), to("a"))
    world.call("PUT", PLACES, {"places": [place("a", "a", "s.yaml:12:9")]})
    world.call("PUT", CONFIG.format("a"), to("a"))
    assert written(world) == {"a/LATEST": ""}


@pytest.mark.parametrize(
    "other", [place("a", "b", "x:1:1"), place("a", "a", "x:1:1", "failure"), place("c", "a", "x")]
)
def test_a_place_of_a_destination_that_is_not_deployed_is_ignored(world, other):
    world.create("a")
    world.call("PUT", CONFIG.format("a"), to("a"))
    assert world.call("PUT", PLACES, {"places": [other]}).json == {"known": 0}
    assert written(world) == {"a/LATEST": ""}


def test_places_that_cannot_be_read_are_refused(world):
    answer = world.call("PUT", PLACES, {"places": [{"function": "a"}]})
    assert (answer.status, answer.json["Code"]) == (400, "InvalidArgument")
