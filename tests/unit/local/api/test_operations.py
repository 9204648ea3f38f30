# SPDX-License-Identifier: MIT
"""Functions, versions, aliases, configurations and tasks over HTTP: paths, status codes, shapes."""

from __future__ import annotations

import json

import pytest

from fc_async_local.domain.invocation import TaskEvent
from fc_async_local.domain.states import Status
from fc_async_local.store.protocol import Position, Task

FUNCTIONS = "/2023-03-30/functions"
ORDERS = FUNCTIONS + "/orders"
NOW = 1_700_000_000_000


def test_a_function_from_creation_to_deletion(world):
    created = world.create(timeout=5)
    assert (created.status, created.json["functionName"]) == (200, "orders")
    assert world.call("GET", ORDERS).json == created.json
    assert world.call("GET", ORDERS + "?qualifier=LATEST").json == created.json
    assert world.call("PUT", ORDERS, {"timeout": 6}).json["timeout"] == 6
    listed = world.call("GET", FUNCTIONS + "?limit=10&prefix=ord").json
    assert [f["functionName"] for f in listed["functions"]] == ["orders"]
    deleted = world.call("DELETE", ORDERS)
    assert (deleted.status, deleted.body) == (204, b"")
    gone = world.call("GET", ORDERS)
    assert (gone.status, gone.json["Code"]) == (404, "FunctionNotFound")
    assert gone.json["Message"] == "function 'orders' does not exist"


def test_the_code_of_a_function_can_be_downloaded(world, archive):
    created = world.create().json
    code = world.call("GET", ORDERS + "/code").json
    assert code["checksum"] == created["codeChecksum"]
    path = code["url"].removeprefix("http://127.0.0.1:9900")
    assert world.call("GET", path).body == archive


def test_versions_and_aliases(world):
    world.create()
    version = world.call("POST", ORDERS + "/versions", {"description": "one"})
    assert (version.status, version.json["versionId"]) == (200, "1")
    versions = world.call("GET", ORDERS + "/versions?direction=FORWARD").json
    assert (versions["direction"], len(versions["versions"])) == ("FORWARD", 1)
    alias = world.call("POST", ORDERS + "/aliases", {"aliasName": "prod", "versionId": "1"})
    assert alias.status == 200
    assert world.call("PUT", ORDERS + "/aliases/prod", {"description": "d"}).status == 200
    assert world.call("GET", ORDERS + "/aliases/prod").json["description"] == "d"
    assert len(world.call("GET", ORDERS + "/aliases?prefix=p").json["aliases"]) == 1
    assert world.call("DELETE", ORDERS + "/aliases/prod").status == 204
    assert world.call("DELETE", ORDERS + "/versions/1").status == 204


def test_asynchronous_configurations(world):
    world.create()
    url = ORDERS + "/async-invoke-config?qualifier=LATEST"
    missing = world.call("GET", url)
    assert (missing.status, missing.json["Code"]) == (404, "AsyncConfigNotExists")
    put = world.call("PUT", url, {"asyncTask": True, "maxAsyncRetryAttempts": 0})
    assert (put.status, put.json["maxAsyncRetryAttempts"]) == (200, 0)
    assert world.call("GET", url).json == put.json
    for query in ("", "?functionName=orders"):
        listed = world.call("GET", "/2023-03-30/async-invoke-configs" + query).json
        assert listed == {"configs": [put.json]}
    assert world.call("DELETE", url).status == 204
    assert world.call("DELETE", url).status == 404


def test_a_task_is_shown_with_steps_and_payloads(world, make_task):
    invocation = make_task(
        status=Status.FAILED,
        attempts=3,
        instance_id="c-1",
        started_at=NOW + 5,
        ended_at=NOW + 25,
        error="UnhandledInvocationError",
        return_payload=b"\xff",
        destination_status="Succeeded",
    )
    events = (
        TaskEvent(status=Status.ENQUEUED, at=NOW),
        TaskEvent(status=Status.FAILED, at=NOW + 25, detail={"Error": "x"}),
    )
    world.store.tasks["orders", "t1"] = Task(invocation, events)
    answer = world.call("GET", ORDERS + "/async-tasks/t1").json
    assert json.loads(answer["events"][1].pop("eventDetail")) == {"Error": "x"}
    assert answer == {
        "taskId": "t1",
        "requestId": "1-a-b-c",
        "functionArn": "acs:fc:cn-hangzhou:1234567890123456:functions/orders",
        "qualifier": "LATEST",
        "instanceId": "c-1",
        "status": "Failed",
        "startedTime": NOW + 5,
        "endTime": NOW + 25,
        "durationMs": 20,
        "alreadyRetriedTimes": 2,
        "destinationStatus": "Succeeded",
        "taskErrorMessage": "UnhandledInvocationError",
        "taskPayload": "in",
        "returnPayload": "/w==",
        "returnPayloadEncoding": "base64",
        "events": [
            {"eventId": 1, "status": "Enqueued", "timestamp": NOW},
            {"eventId": 2, "status": "Failed", "timestamp": NOW + 25},
        ],
    }


def test_what_a_waiting_task_does_not_have_yet_is_left_out(world, make_task):
    world.store.tasks["orders", "t1"] = Task(make_task(), ())
    answer = world.call("GET", ORDERS + "/async-tasks/t1").json
    assert answer.keys() == {
        *("taskId", "requestId", "functionArn", "qualifier", "status", "alreadyRetriedTimes"),
        *("taskPayload", "events"),
    }


@pytest.mark.parametrize(
    ("exists", "code"), [(True, "AsyncTaskNotFound"), (False, "FunctionNotFound")]
)
def test_an_unknown_task_is_a_404(world, exists, code):
    if exists:
        world.create()
    answer = world.call("GET", ORDERS + "/async-tasks/a:b%2Bc%20d*(x)~")
    assert (answer.status, answer.json["Code"]) == (404, code)


def test_a_task_of_another_qualifier_is_not_found(world, make_task):
    world.create()
    world.store.tasks["orders", "t1"] = Task(make_task(qualifier="prod"), ())
    assert world.call("GET", ORDERS + "/async-tasks/t1?qualifier=prod").status == 200
    assert world.call("GET", ORDERS + "/async-tasks/t1?qualifier=LATEST").status == 404


def test_every_filter_of_a_list_reaches_the_store(world, make_task):
    world.store.tasks["orders", "t1"] = Task(make_task(), ())
    position = Position(NOW, "r")
    world.store.after = position
    query = (
        "?includePayload=True&limit=10&prefix=a+b&qualifier=prod&sortOrderByTime=asc"
        "&startedTimeBegin=1&startedTimeEnd=2&status=Running"
    )
    answer = world.call("GET", ORDERS + "/async-tasks" + query).json
    world.call("GET", ORDERS + "/async-tasks?nextToken=" + answer["nextToken"])
    first, second = world.store.queries
    assert answer["tasks"][0]["taskPayload"] == "in"
    assert first.function == "orders"
    assert first.qualifier == "prod"
    assert first.statuses == {Status.RUNNING}
    assert first.prefix == "a b"
    assert (first.started_from, first.started_to) == (1, 2)
    assert (first.descending, first.limit, first.after) == (False, 10, None)
    assert (second.descending, second.limit, second.after) == (True, 20, position)


def test_payloads_are_listed_only_when_asked_for(world, make_task):
    world.store.tasks["orders", "t1"] = Task(make_task(), ())
    answer = world.call("GET", ORDERS + "/async-tasks?includePayload=false").json
    assert "taskPayload" not in answer["tasks"][0]
    assert "nextToken" not in answer


@pytest.mark.parametrize(
    "query",
    [
        "limit=0",
        "limit=101",
        "limit=x",
        "status=Done",
        "sortOrderByTime=up",
        "includePayload=yes",
        "startedTimeBegin=now",
        "nextToken=!",
    ],
)
def test_filters_that_can_not_be_are_invalid_arguments(world, query):
    answer = world.call("GET", ORDERS + "/async-tasks?" + query)
    assert (answer.status, answer.json["Code"]) == (400, "InvalidArgument")


def test_stop_is_passed_on(world):
    assert world.call("PUT", ORDERS + "/async-tasks/t1/stop").status == 204
    assert world.engine.calls == [("stop_task", ("orders", "t1"))]
