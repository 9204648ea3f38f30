# SPDX-License-Identifier: MIT
"""InvokeFunction over HTTP: what is taken, what is passed on, what is answered."""

from __future__ import annotations

import base64

import pytest

from fc_async_local.domain.errors import Rejected
from fc_async_local.domain.invocation import InvokeRequest, Outcome, OutcomeKind

URL = "/2023-03-30/functions/orders/invocations"
ASYNC = {"x-fc-invocation-type": "Async"}


def test_an_accepted_call_is_answered_202_without_a_body(world):
    answer = world.call("POST", URL, b"in", ASYNC)
    assert (answer.status, answer.body) == (202, b"")
    assert answer.headers == {
        "x-fc-request-id": "req-1",
        "x-fc-async-task-id": "req-1",
        "content-length": "0",
    }


def test_all_parameters_of_an_asynchronous_call_reach_the_engine(world):
    headers = ASYNC | {"x-fc-async-delay": "10", "x-fc-async-task-id": "task-1"}
    world.call("POST", URL + "?qualifier=prod", b"\xff\x00", headers)
    assert world.engine.calls == [
        (
            "invoke_async",
            InvokeRequest(
                "orders",
                b"\xff\x00",
                qualifier="prod",
                delay_seconds=10,
                task_id="task-1",
                request_id="req-1",
            ),
        )
    ]


def test_the_request_id_of_an_asynchronous_call_names_the_task(world):
    answer = world.call("POST", URL, b"", ASYNC | {"x-fc-request-id": "1-order_42"})
    assert answer.headers["x-fc-request-id"] == "1-order_42"
    assert answer.headers["x-fc-async-task-id"] == "1-order_42"
    assert world.engine.calls[0][1].request_id == "1-order_42"


def test_a_task_id_stands_beside_the_request_id(world):
    given = {"x-fc-request-id": "1-order_42", "x-fc-async-task-id": "task"}
    answer = world.call("POST", URL, b"", ASYNC | given)
    assert answer.headers["x-fc-request-id"] == "1-order_42"
    assert answer.headers["x-fc-async-task-id"] == "task"


@pytest.mark.parametrize("request_id", ["a b", "a/b", "a.b", "x" * 129, "\xe9", "a\x00"])
def test_a_request_id_of_another_form_is_refused(world, request_id):
    answer = world.call("POST", URL, b"", ASYNC | {"x-fc-request-id": request_id})
    assert (answer.status, answer.json["Code"]) == (400, "InvalidArgument")
    assert answer.headers["x-fc-request-id"] == "req-1"
    assert world.engine.calls == []


@pytest.mark.parametrize("header", ["x-fc-request-id", "x-fc-trace-id"])
def test_the_request_id_of_a_synchronous_call_is_the_callers(world, header):
    answer = world.call("POST", URL, b"", {header: "mine"})
    assert answer.headers["x-fc-request-id"] == "mine"
    assert world.call("POST", URL, b"").headers["x-fc-request-id"] == "req-2"


@pytest.mark.parametrize(
    ("query", "qualifier"),
    [("", "LATEST"), ("?qualifier=", "LATEST"), ("?qualifier=a%2Fb", "a/b")],
)
def test_the_qualifier_is_latest_unless_it_is_said(world, query, qualifier):
    world.call("POST", URL + query, b"", ASYNC)
    assert world.engine.calls[0][1].qualifier == qualifier


@pytest.mark.parametrize("query", ["?qualifer=prod", "?Qualifier=prod", "?delay", "?qualifier=a&x"])
def test_a_misspelled_qualifier_does_not_call_another_version(world, query):
    for headers in (ASYNC, {}):
        answer = world.call("POST", URL + query, b"", headers)
        assert (answer.status, answer.json["Code"]) == (400, "InvalidArgument")
    assert query.lstrip("?").rpartition("&")[2].partition("=")[0] in answer.json["Message"]
    assert world.engine.calls == []


@pytest.mark.parametrize("delay", ["1", "3599"])
def test_delays_within_the_open_interval_are_taken(world, delay):
    assert world.call("POST", URL, b"", ASYNC | {"x-fc-async-delay": delay}).status == 202


@pytest.mark.parametrize("delay", ["0", "3600", "-1", "1.5", "ten", "1e3", "٣", "9" * 400])
def test_a_delay_out_of_range_is_an_invalid_argument(world, delay):
    headers = ASYNC | {"x-fc-async-delay": delay.encode().decode("latin-1")}
    answer = world.call("POST", URL, b"", headers)
    assert (answer.status, answer.json["Code"]) == (400, "InvalidArgument")
    assert world.engine.calls == []


@pytest.mark.parametrize(
    ("kind", "limit"), [("Async", 128 * 1024), ("Sync", 32 * 1024 * 1024)], ids=["async", "sync"]
)
def test_a_payload_at_the_limit_is_taken_and_one_byte_more_is_not(world, kind, limit):
    headers = {"x-fc-invocation-type": kind}
    assert world.call("POST", URL, b"x" * limit, headers).status in {200, 202}
    answer = world.call("POST", URL, b"x" * (limit + 1), headers)
    assert (answer.status, answer.json["Code"]) == (400, "EntityTooLarge")
    assert len(world.engine.calls) == 1


def test_a_body_that_comes_in_parts_is_put_together(world):
    world.call("POST", URL, headers=ASYNC, chunks=[b"a", b"b", b"", b"c"])
    assert world.engine.calls[0][1].payload == b"abc"


def test_a_body_in_parts_is_refused_as_soon_as_it_is_over_the_limit(world):
    answer = world.call("POST", URL, headers=ASYNC, chunks=[b"x" * 65_536] * 3)
    assert (answer.status, answer.json["Code"]) == (400, "EntityTooLarge")


def test_a_body_that_breaks_off_leaves_nothing_behind(world):
    answer = world.call("POST", URL, headers=ASYNC, chunks=[b"half"], hang_up=True)
    assert answer.status == 0
    assert world.engine.calls == []


def test_a_synchronous_call_is_answered_with_the_functions_output(world):
    world.create()
    world.engine.outcome = Outcome(
        kind=OutcomeKind.SUCCESS,
        payload=b"out",
        log=b"x" * 5000 + b"end",
        instance_id="c-1",
        duration_ms=12,
        memory_mb=34,
    )
    answer = world.call("POST", URL, b"in", {"x-fc-log-type": "Tail"})
    checksum = world.call("GET", "/2023-03-30/functions/orders").json["codeChecksum"]
    log = base64.b64decode(answer.headers.pop("x-fc-log-result"))
    assert (answer.status, answer.body) == (200, b"out")
    assert (len(log), log[-3:]) == (4096, b"end")
    assert answer.headers == {
        "content-type": "application/octet-stream",
        "content-length": "3",
        "x-fc-request-id": "req-2",
        "x-fc-instance-id": "c-1",
        "x-fc-code-checksum": checksum,
        "x-fc-invocation-service-version": "LATEST",
        "x-fc-invocation-duration": "12",
        "x-fc-max-memory-usage": "34",
    }


def test_a_failing_function_is_an_answer_not_an_error(world):
    world.engine.outcome = Outcome(
        kind=OutcomeKind.FUNCTION_ERROR,
        error_type="UnhandledInvocationError",
        payload=b'{"errorMessage":"no"}',
    )
    answer = world.call("POST", URL)
    assert answer.status == 200
    assert answer.headers["x-fc-error-type"] == "UnhandledInvocationError"
    assert answer.body == b'{"errorMessage":"no"}'


def test_the_log_is_returned_only_when_asked_for(world):
    world.engine.outcome = Outcome(kind=OutcomeKind.SUCCESS, log=b"log")
    assert "x-fc-log-result" not in world.call("POST", URL).headers
    assert "x-fc-log-result" not in world.call("POST", URL, b"", {"x-fc-log-type": "None"}).headers


@pytest.mark.parametrize("headers", [{"x-fc-invocation-type": "Task"}, {"x-fc-log-type": "All"}])
def test_words_that_the_operation_does_not_know_are_refused(world, headers):
    answer = world.call("POST", URL, b"", headers)
    assert (answer.status, answer.json["Code"]) == (400, "InvalidArgument")


def test_a_refusal_of_the_engine_is_answered_in_the_services_form(world):
    world.engine.error = Rejected(429, "Throttled", "the queue is full", retry_after=3)
    answer = world.call("POST", URL, b"", ASYNC)
    assert answer.status == 429
    assert answer.headers["retry-after"] == "3"
    assert answer.json == {
        "Code": "Throttled",
        "Message": "the queue is full",
        "RequestId": "req-1",
    }
