# SPDX-License-Identifier: MIT
"""The stub fails when it should, and the builders make what the service makes."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import pytest

import fc_async_sdk
from fc_async_sdk import events, testing
from fc_async_sdk.errors import (
    CredentialsError,
    FunctionNotFound,
    InvalidParameter,
    OutcomeUnknown,
    TaskFailed,
)
from fc_async_sdk.models import AsyncTask, Function
from fc_async_sdk.operations import AcceptedInvocation
from fc_async_sdk.payloads import FolderStore
from fc_async_sdk.testing import ANY, Stubber, StubError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from fc_async_sdk._client import Client

ACCEPTED = AcceptedInvocation(request_id="r", task_id="t")


@pytest.fixture
def client() -> Iterator[Client]:
    with fc_async_sdk.client(endpoint_url="http://127.0.0.1:9") as made:
        yield made


class TestStubber:
    def test_answers_come_in_order(self, client: Client) -> None:
        with Stubber(client) as stub:
            stub.add_response("invoke_async", ACCEPTED, {"function": "f", "payload": ANY})
            stub.add_response("get_function", {"functionName": "f", "runtime": "python3.10"})
            stub.add_response("delete_function")
            assert client.invoke_async("f", {"n": 1}) is ACCEPTED
            assert client.get_function("f") == Function(function_name="f", runtime="python3.10")
            client.delete_function("f")

    def test_a_large_payload_is_not_written_to_its_store(
        self, client: Client, tmp_path: Path
    ) -> None:
        with Stubber(client) as stub:
            stub.add_response("invoke_async", ACCEPTED)
            client.function("f", large=FolderStore(tmp_path / "store")).spawn("x" * 300_000)
        assert not (tmp_path / "store").exists()

    def test_errors_are_the_services(self, client: Client) -> None:
        with Stubber(client) as stub:
            stub.add_error("get_function", "FunctionNotFound", http_status=404, message="no f")
            stub.add_error("invoke_async", OutcomeUnknown("lost"))
            with pytest.raises(FunctionNotFound, match="no f"):
                client.get_function("f")
            with pytest.raises(OutcomeUnknown):
                client.invoke_async("f")

    def test_another_method_fails(self, client: Client) -> None:
        stub = Stubber(client)
        stub.add_response("get_function")
        stub.activate()
        with pytest.raises(StubError, match="delete_function was called, get_function was"):
            client.delete_function("f")

    @pytest.mark.parametrize("expected", [{"function": "g"}, {"qualifier": "prod"}])
    def test_another_argument_fails(self, client: Client, expected: dict[str, Any]) -> None:
        stub = Stubber(client)
        stub.add_response("get_function", None, expected)
        stub.activate()
        with pytest.raises(StubError, match=next(iter(expected))):
            client.get_function("f")

    def test_options_are_arguments_too(self, client: Client) -> None:
        with Stubber(client) as stub:
            stub.add_response("update_function", {"functionName": "f"}, {"timeout": 5})
            client.update_function("f", timeout=5)

    def test_a_response_that_was_not_used_is_an_error(self, client: Client) -> None:
        stub = Stubber(client)
        stub.add_response("get_function")
        with pytest.raises(StubError, match="not asked for: get_function"), stub:
            pass

    def test_nothing_left_fails(self, client: Client) -> None:
        with Stubber(client), pytest.raises(StubError, match="no answer is left"):
            client.get_function("f")

    def test_an_error_in_the_test_is_not_hidden_by_what_is_left(self, client: Client) -> None:
        stub = Stubber(client)
        stub.add_response("get_function")
        with pytest.raises(ZeroDivisionError), stub:
            raise ZeroDivisionError

    def test_arguments_are_checked_as_always(self, client: Client) -> None:
        with Stubber(client) as stub:
            stub.add_response("invoke_async", ACCEPTED)
            with pytest.raises(InvalidParameter):
                client.invoke_async("f", delay=0)
            client.invoke_async("f", delay=1)

    @pytest.mark.parametrize("method", ["no_such", "fan_out", "Call"])
    def test_a_method_that_does_not_send_is_refused(self, client: Client, method: str) -> None:
        with pytest.raises(InvalidParameter, match="method"):
            Stubber(client).add_response(method)

    def test_an_argument_that_does_not_exist_is_refused(self, client: Client) -> None:
        with pytest.raises(InvalidParameter, match="functoin"):
            Stubber(client).add_response("get_function", None, {"functoin": "f"})

    def test_afterwards_the_client_is_as_before(self, client: Client) -> None:
        with Stubber(client):
            pass
        with pytest.raises(fc_async_sdk.errors.ConnectFailed):
            client.get_function("f")

    def test_paginators_waiters_and_fan_out_are_stubbed_too(self, client: Client) -> None:
        done = AsyncTask(task_id="t", status="Succeeded")
        with Stubber(client) as stub:
            stub.add_response("list_async_tasks", {"tasks": [done.to_dict()], "nextToken": "n"})
            stub.add_response("list_async_tasks", {"tasks": []}, {"next_token": "n"})
            stub.add_response("get_async_task", done)
            stub.add_response("invoke_async", ACCEPTED, {"payload": 7})
            pages = client.get_paginator("list_async_tasks").paginate("f")
            assert list(pages.items()) == [done]
            assert client.get_waiter("task_finished").wait("f", "t") is done
            assert client.fan_out("f", [7]).run().failures == []

    def test_a_stub_needs_no_credentials(self, tmp_path: Path) -> None:
        session = fc_async_sdk.Session(region_name="cn-hangzhou", environ={"HOME": str(tmp_path)})
        with session.client() as client:
            with Stubber(client) as stub:
                stub.add_response("invoke_async", ACCEPTED)
                assert client.invoke_async("f") is ACCEPTED
            with pytest.raises(CredentialsError, match="no credentials found"):
                client.invoke_async("f")

    def test_handles_are_stubbed_too_also_those_made_before(self, client: Client) -> None:
        function = client.function("f", result=int)
        done = AsyncTask(task_id="t", status="Succeeded", return_payload="5")
        with Stubber(client) as stub:
            stub.add_response("invoke_async", ACCEPTED, {"payload": 7, "task_id": "t"})
            stub.add_response("get_async_task", done, {"task_id": "t"})
            stub.add_response("invoke_async", ACCEPTED, {"payload": 7, "task_id": "b-0"})
            listed = AsyncTask(task_id="b-0", status="Failed")
            stub.add_response("list_async_tasks", {"tasks": [listed.to_dict()]}, {"prefix": "b-"})
            assert function.spawn(7, task_id="t").result() == 5
            assert [type(task.error) for task in function.map([7], task_ids="b")] == [TaskFailed]

    def test_a_stub_works_with_the_asyncio_client(self) -> None:
        async def use() -> AcceptedInvocation:
            async with fc_async_sdk.async_client(endpoint_url="http://127.0.0.1:9") as client:
                with Stubber(client) as stub:
                    stub.add_response("invoke_async", ACCEPTED)
                    stub.add_response("invoke_async", ACCEPTED, {"payload": 7})
                    first = await client.invoke_async("f")
                    run = await client.fan_out("f", [7]).run()
                    assert run.failures == []
                    return first

        assert asyncio.run(use()) is ACCEPTED


class TestBuilders:
    def test_a_success_event_is_built(self) -> None:
        event = testing.success_event(function="g", payload={"n": 1}, response="ok", attempts=2)
        assert (event.function, event.succeeded, event.retried) == ("g", True, True)
        assert event.request.json() == {"n": 1}
        assert event.response.text() == "ok"

    @pytest.mark.parametrize(
        ("event", "condition"),
        [
            (testing.failure_event(error="InvocationError"), "InvocationError"),
            (testing.system_error_event(), "FunctionResourceExhausted"),
            (testing.expired_event(), "AsyncEventAgeExceeded"),
            (testing.stopped_event(), "AsyncTaskStopped"),
        ],
    )
    def test_failure_events_are_built(self, event: events.DestinationEvent, condition: str) -> None:
        assert not event.succeeded
        assert event.condition == condition

    def test_every_carrier_gives_the_event_back(self) -> None:
        event = testing.failure_event()
        assert events.from_mns_message(testing.mns_message(event)) == event
        assert events.from_rocketmq_message(testing.rocketmq_message(event)) == event
        carried = events.from_eventbridge(testing.eventbridge_event(event))
        assert carried.document == event.document
        assert carried.envelope is not None
        assert carried.envelope.type == "fc:AsyncInvoke:failed"


def test_events_of_triggers_are_the_payload_of_the_function():
    assert json.loads(testing.timer_event("hourly", payload="go")) == {
        "triggerTime": "2022-08-10T08:31:16Z",
        "triggerName": "hourly",
        "payload": "go",
    }
    (uploaded,) = json.loads(testing.oss_event("uploads", "in/a.zip", size=7))["events"]
    described = uploaded["oss"]["object"]
    assert uploaded["oss"]["bucket"]["name"] == "uploads"
    assert (described["key"], described["size"]) == ("in/a.zip", 7)
