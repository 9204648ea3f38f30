# SPDX-License-Identifier: MIT
"""Requests of clients of FC 2.0: which are mapped to FC 3.0, and how the others are refused."""

from __future__ import annotations

import pytest

from fc_async_local.domain.invocation import InvokeRequest

SERVICE = "/2021-04-06/services/shop"
TASKS = f"{SERVICE}/functions/pay/stateful-async-invocations"
ASYNC = {"x-fc-invocation-type": "Async"}


@pytest.fixture
def shop(world):
    assert world.create("shop$pay").status == 200
    return world


@pytest.mark.parametrize("version", ["2016-08-15", "2021-04-06"])
@pytest.mark.parametrize("name", ["shop$pay", "pay", "shop%24pay"])
def test_a_call_reaches_the_function_of_either_name(world, version, name):
    function = name.replace("%24", "$")
    world.create(function)
    url = f"/{version}/services/shop/functions/pay/invocations"
    assert world.call("POST", url, b"in").body == b"done"
    assert world.engine.calls == [
        ("invoke_sync", InvokeRequest(function, b"in", request_id="req-2"))
    ]


@pytest.mark.parametrize("url", ["shop.prod/functions/pay/invocations"])
@pytest.mark.parametrize("query", ["", "?qualifier=ignored"])
def test_the_qualifier_beside_the_service_is_the_functions(shop, url, query):
    shop.call("POST", f"/2016-08-15/services/{url}{query}", b"")
    assert shop.engine.calls[0][1].qualifier == "prod"


def test_the_qualifier_of_the_query_is_the_functions(shop):
    shop.call("POST", f"{SERVICE}/functions/pay/invocations?qualifier=prod", b"")
    assert shop.engine.calls[0][1].qualifier == "prod"


def test_a_stateful_invocation_is_a_task_with_its_id(shop):
    headers = ASYNC | {
        "x-fc-async-delay": "10",
        "x-fc-stateful-async-invocation-id": "i-1",
        "x-fc-stateful-async-invocation-enable": "true",
    }
    answer = shop.call("POST", f"{SERVICE}/functions/pay/invocations", b"in", headers)
    assert (answer.status, answer.headers["x-fc-stateful-async-invocation-id"]) == (202, "i-1")
    (call,) = shop.engine.calls
    assert (call[1].task_id, call[1].delay_seconds, call[1].task_mode) == ("i-1", 10, True)


def test_a_stateful_invocation_is_stopped(shop):
    assert shop.call("PUT", f"{TASKS}/i-1").status == 204
    assert shop.engine.calls == [("stop_task", ("shop$pay", "i-1"))]


def test_a_payload_has_the_limits_of_its_kind_of_call(shop):
    answer = shop.call("POST", f"{SERVICE}/functions/pay/invocations", b"x" * 200_000, ASYNC)
    assert (answer.status, answer.json["ErrorCode"]) == (400, "EntityTooLarge")


@pytest.mark.parametrize(
    ("method", "url"),
    [
        ("GET", SERVICE),
        ("POST", "/2016-08-15/services"),
        ("GET", f"{SERVICE}/functions/pay"),
        ("GET", f"{SERVICE}/functions/pay/invocations"),
        ("POST", f"{SERVICE}/functions/pay/invocations/i-1"),
        ("POST", TASKS),
        ("PUT", f"{SERVICE}/functions/pay/async-invoke-config"),
        ("GET", "/2021-04-06/stateful-async-invocation-functions"),
        ("GET", "/2016-08-15/proxy/shop/pay/"),
    ],
)
def test_every_other_operation_is_refused_for_clients_of_both_generations(shop, method, url):
    answer = shop.call(method, url)
    assert answer.status == 400
    assert answer.json["Code"] == answer.json["ErrorCode"] == "PathNotSupported"
    assert answer.json["Message"] == answer.json["ErrorMessage"]
    assert answer.json["RequestId"] == answer.headers["x-fc-request-id"]
    assert "s2tos3" in answer.json["Message"]
