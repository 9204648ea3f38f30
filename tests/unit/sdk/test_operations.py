# SPDX-License-Identifier: MIT
"""What is checked before a request is sent, and what the request then is."""

from __future__ import annotations

import base64
import math
import re
from datetime import timedelta
from types import MappingProxyType
from typing import Any

import msgspec
import pytest

from fc_async_sdk import errors, operations
from fc_async_sdk.models import AsyncConfig, Code, Destination, DestinationConfig
from fc_async_sdk.operations import AcceptedInvocation, Answer, Call
from fc_async_sdk.spec import arn, limits

QUEUE = "acs:mns:cn-hangzhou:123:/queues/q/messages"


def body_of(call: Call[Any]) -> Any:
    return msgspec.json.decode(call.body)


class TestDelay:
    @pytest.mark.parametrize("delay", [0, -1, 3600, 1.5, 1.0, True, False, math.nan, "5", 10**20])
    def test_outside_the_open_interval_is_refused(self, delay) -> None:
        with pytest.raises(errors.InvalidParameter, match="delay"):
            operations.invoke_async("f", delay=delay)

    @pytest.mark.parametrize(
        "delay", [timedelta(0), timedelta(hours=1), timedelta(seconds=1.5), timedelta(days=-1)]
    )
    def test_so_is_a_timedelta_outside(self, delay: timedelta) -> None:
        with pytest.raises(errors.InvalidParameter, match="delay"):
            operations.invoke_later("f", delay=delay)

    @pytest.mark.parametrize(
        ("delay", "sent"), [(1, "1"), (3599, "3599"), (timedelta(minutes=2), "120")]
    )
    def test_inside_is_sent_as_whole_seconds(self, delay, sent: str) -> None:
        assert operations.invoke_async("f", delay=delay).headers["x-fc-async-delay"] == sent

    def test_a_delay_of_none_sends_no_header(self) -> None:
        assert "x-fc-async-delay" not in operations.invoke_async("f").headers

    def test_invoke_later_must_have_one(self) -> None:
        with pytest.raises(errors.InvalidParameter, match="delay"):
            operations.invoke_later("f", delay=None)  # type: ignore[arg-type]


class TestTaskId:
    @pytest.mark.parametrize("task_id", ["", "1a", "-a", "a" * 129, "a b", "a/b", "ä", "a\n", 5])
    def test_outside_the_grammar_is_refused(self, task_id) -> None:
        with pytest.raises(errors.InvalidParameter, match="task_id"):
            operations.invoke_async("f", task_id=task_id)

    @pytest.mark.parametrize("task_id", ["a", "_", "a" * 128, "A-1_b"])
    def test_a_valid_task_id_is_sent(self, task_id: str) -> None:
        call = operations.invoke_async("f", task_id=task_id)
        assert call.headers["x-fc-async-task-id"] == task_id


class TestPayload:
    def test_256_kb_is_what_an_account_may_be_granted_and_one_more_byte_is_not(self) -> None:
        operations.invoke_async("f", b"x" * 262_144)
        with pytest.raises(errors.PayloadTooLarge) as caught:
            operations.invoke_async("f", b"x" * 262_145)
        assert (caught.value.size, caught.value.limit) == (262_145, 262_144)

    def test_only_asynchronous_calls_have_the_limit_of_the_account(self) -> None:
        payload = b"x" * 131_073
        operations.invoke("f", payload).check_size(131_072)
        operations.invoke_async("f", payload[1:]).check_size(131_072)
        with pytest.raises(errors.PayloadTooLarge) as caught:
            operations.invoke_async("f", payload).check_size(131_072)
        assert (caught.value.size, caught.value.limit) == (131_073, 131_072)

    def test_a_synchronous_call_takes_more(self) -> None:
        assert operations.invoke("f", b"x" * (limits.ASYNC_PAYLOAD_BYTES + 1)).body

    @pytest.mark.parametrize(
        ("payload", "sent"),
        [
            (None, b""),
            (b"\xff", b"\xff"),
            (bytearray(b"ab"), b"ab"),
            (memoryview(b"ab"), b"ab"),
            ("é", "é".encode()),
            ({"a": [1, None]}, b'{"a":[1,null]}'),
            (0, b"0"),
            (False, b"false"),
            ("", b""),
        ],
    )
    def test_bytes_text_and_json_go_out(self, payload, sent: bytes) -> None:
        assert operations.invoke_async("f", payload).body == sent

    @pytest.mark.parametrize("payload", [object(), "\ud800", {1j: 1}])
    def test_a_payload_of_another_type_is_refused(self, payload) -> None:
        with pytest.raises(errors.InvalidParameter, match="payload"):
            operations.invoke_async("f", payload)

    @pytest.mark.parametrize(
        ("payload", "place"),
        [
            (math.nan, "$"),
            ({"a": [1, {"b": math.inf}], "c": None}, "$.a[1].b"),
            ((None, -math.inf), "$[1]"),
        ],
    )
    def test_a_number_that_json_lacks_is_refused_with_its_place(self, payload, place: str) -> None:
        with pytest.raises(errors.InvalidParameter, match=re.escape(f"(at {place})")):
            operations.invoke_async("f", payload)

    def test_null_and_floats_go_out(self) -> None:
        assert operations.invoke_async("f", [None, 1.5, "null"]).body == b'[null,1.5,"null"]'

    def test_a_number_that_json_lacks_is_refused_in_other_documents_too(self) -> None:
        with pytest.raises(errors.InvalidParameter, match="no such number"):
            operations.create_trigger(
                "f", "t", trigger_type="timer", trigger_config={"payload": math.nan}
            )


class TestNames:
    @pytest.mark.parametrize(
        ("name", "path"),
        [
            ("f", "/2023-03-30/functions/f/invocations"),
            ("a/b", "/2023-03-30/functions/a%2Fb/invocations"),
            ("a?b#c", "/2023-03-30/functions/a%3Fb%23c/invocations"),
            ("é 函数", "/2023-03-30/functions/%C3%A9%20%E5%87%BD%E6%95%B0/invocations"),
        ],
    )
    def test_names_are_percent_encoded(self, name: str, path: str) -> None:
        assert operations.invoke_async(name).path == path

    @pytest.mark.parametrize("name", ["", ".", "..", "a\nb", "\ud800", None, 5, "a" * 513])
    def test_names_that_a_path_cannot_carry_are_refused(self, name) -> None:
        with pytest.raises(errors.InvalidParameter, match="function"):
            operations.get_function(name)

    @pytest.mark.parametrize("name", ["1f", "-f", "a.b", "a" * 129, ""])
    def test_of_new_functions_follow_the_services_grammar(self, name: str) -> None:
        with pytest.raises(errors.InvalidParameter, match="function"):
            operations.create_function(name, runtime="python3.10")

    @pytest.mark.parametrize("qualifier", ["", "a/b", "a b", 1])
    def test_qualifiers_are_checked(self, qualifier) -> None:
        with pytest.raises(errors.InvalidParameter, match="qualifier"):
            operations.invoke_async("f", qualifier=qualifier)


class TestHeaders:
    def test_a_frozen_mapping_is_taken_and_stays_as_it_is(self) -> None:
        given = MappingProxyType({"X-Trace": "1"})
        call = operations.invoke_async("f", task_id="t", headers=given)
        assert call.headers["x-trace"] == "1"
        assert dict(given) == {"X-Trace": "1"}

    def test_a_dict_that_is_used_twice_carries_nothing_over(self) -> None:
        shared: dict[str, str] = {}
        operations.invoke_async("f", task_id="t", delay=5, headers=shared)
        sync = operations.invoke("f", headers=shared)
        assert shared == {}
        assert sync.headers["x-fc-invocation-type"] == "Sync"
        assert "x-fc-async-task-id" not in sync.headers

    @pytest.mark.parametrize(
        "headers",
        [
            {"Authorization": "x"},
            {"x-acs-date": "x"},
            {"X-Fc-Async-Delay": "0"},
            {"Transfer-Encoding": "chunked"},
            {"Expect": "100-continue"},
            {"a": "x\r\nb: c"},
            {"a\r\nb": "c"},
            {"a b": "c"},
            {"": "c"},
            {"a": "é"},
            {"a": "\x00"},
            {"a": 1},
        ],
    )
    def test_headers_that_would_break_the_request_are_refused(self, headers) -> None:
        with pytest.raises(errors.InvalidParameter, match="headers"):
            operations.invoke_async("f", headers=headers)


class TestRepetition:
    @pytest.mark.parametrize(
        ("call", "repeat"),
        [
            (operations.invoke("f"), "never"),
            (operations.invoke_async("f"), "never"),
            (operations.invoke_async("f", task_id="t"), "always"),
            (operations.get_function("f"), "always"),
            (operations.put_async_invoke_config("f"), "always"),
            (operations.delete_function("f"), "always"),
            (operations.stop_async_task("f", "t"), "always"),
            (operations.create_function("f", runtime="python3.10"), "refused"),
            (operations.publish_function_version("f"), "refused"),
            (operations.create_alias("f", "a", version_id="1"), "refused"),
        ],
        ids=lambda value: value.operation if isinstance(value, Call) else value,
    )
    def test_only_what_is_safe_is_repeated(self, call: Call[Any], repeat: str) -> None:
        assert call.repeat == repeat

    def test_a_duplicate_after_our_own_repetition_is_an_accepted_invocation(self) -> None:
        call = operations.invoke_async("f", task_id="t")
        answer = Answer(409, {"x-fc-request-id": "r"}, b'{"Code":"AsyncTaskAlreadyExists"}')
        accepted = call.result(answer, repeated=True)
        assert (accepted.task_id, accepted.request_id, accepted.duplicate) == ("t", "r", True)

    def test_a_duplicate_at_the_first_try_is_an_error_whatever_its_code(self) -> None:
        call = operations.invoke_async("f", task_id="t")
        body = b'{"Code":"SomethingNew","Message":"m","RequestId":"r"}'
        with pytest.raises(errors.AsyncTaskAlreadyExists) as caught:
            call.result(Answer(409, {}, body))
        assert caught.value.code == "SomethingNew"


class TestAsyncConfig:
    def test_zero_retries_are_sent(self) -> None:
        call = operations.put_async_invoke_config("f", max_async_retry_attempts=0)
        assert body_of(call) == {"maxAsyncRetryAttempts": 0}

    def test_all_fields_of_an_async_config_are_sent(self) -> None:
        call = operations.put_async_invoke_config(
            "f",
            qualifier="prod",
            async_task=True,
            max_async_retry_attempts=8,
            max_async_event_age_in_seconds=604_800,
            on_success="acs:fc:::functions/g",
            on_failure=QUEUE,
        )
        assert (call.method, call.path, call.query) == (
            "PUT",
            "/2023-03-30/functions/f/async-invoke-config",
            "qualifier=prod",
        )
        assert body_of(call) == {
            "asyncTask": True,
            "maxAsyncRetryAttempts": 8,
            "maxAsyncEventAgeInSeconds": 604_800,
            "destinationConfig": {
                "onSuccess": {"destination": "acs:fc:::functions/g"},
                "onFailure": {"destination": QUEUE},
            },
        }

    def test_no_destinations_at_all_are_said_when_they_were_given(self) -> None:
        without = operations.put_async_invoke_config("f", config=AsyncConfig(async_task=True))
        emptied = operations.put_async_invoke_config(
            "f", config=AsyncConfig(async_task=True, destination_config=DestinationConfig())
        )
        assert body_of(without) == {"asyncTask": True}
        assert body_of(emptied) == {"asyncTask": True, "destinationConfig": {}}

    def test_an_async_config_that_was_read_can_be_changed_and_put(self) -> None:
        read = AsyncConfig(
            async_task=True,
            max_async_retry_attempts=2,
            destination_config=DestinationConfig(on_failure=Destination(destination=QUEUE)),
            function_arn="acs:fc:cn-hangzhou:1:functions/f",
            created_time="2024-01-01T00:00:00Z",
        )
        call = operations.put_async_invoke_config("f", config=read, max_async_retry_attempts=0)
        assert body_of(call) == {
            "asyncTask": True,
            "maxAsyncRetryAttempts": 0,
            "destinationConfig": {"onFailure": {"destination": QUEUE}},
        }

    @pytest.mark.parametrize(
        ("name", "value"),
        [
            ("max_async_retry_attempts", -1),
            ("max_async_retry_attempts", 9),
            ("max_async_retry_attempts", True),
            ("max_async_retry_attempts", 1.0),
            ("max_async_event_age_in_seconds", 0),
            ("max_async_event_age_in_seconds", 604_801),
            ("async_task", 1),
        ],
    )
    def test_values_out_of_range_are_refused(self, name: str, value) -> None:
        with pytest.raises(errors.InvalidParameter, match=name):
            operations.put_async_invoke_config("f", **{name: value})

    def test_a_destination_that_is_no_arn_is_refused(self) -> None:
        with pytest.raises(errors.InvalidArn):
            operations.put_async_invoke_config("f", on_success="queue")


class TestFunctions:
    def test_create_with_a_zip(self) -> None:
        call = operations.create_function(
            "f",
            runtime="python3.10",
            handler="index.handler",
            code=b"PK",
            memory_size=512,
            timeout=60,
            environment_variables={"A": "1"},
            extra={"newField": {"x": 1}},
        )
        assert body_of(call) == {
            "functionName": "f",
            "runtime": "python3.10",
            "handler": "index.handler",
            "memorySize": 512,
            "timeout": 60,
            "environmentVariables": {"A": "1"},
            "code": {"zipFile": base64.b64encode(b"PK").decode()},
            "newField": {"x": 1},
        }

    def test_update_with_an_object_sends_what_is_given_and_no_more(self) -> None:
        code = Code(oss_bucket_name="b", oss_object_name="o")
        call = operations.update_function("f", code=code)
        assert body_of(call) == {"code": {"ossBucketName": "b", "ossObjectName": "o"}}

    @pytest.mark.parametrize(
        ("option", "value"),
        [
            ("timeout", 0),
            ("timeout", 86_401),
            ("memory_size", 100),
            ("memory_size", 129),
            ("instance_concurrency", 201),
            ("environment_variables", {"A": "x" * 4096}),
            ("environment_variables", {"A": 1}),
            ("no_such_option", 1),
        ],
    )
    def test_options_out_of_range_are_refused(self, option: str, value) -> None:
        with pytest.raises(errors.InvalidParameter, match=option):
            operations.update_function("f", **{option: value})

    def test_a_variable_that_utf_8_does_not_have_is_refused(self) -> None:
        with pytest.raises(errors.InvalidParameter, match="environmentVariables"):
            operations.update_function("f", environment_variables={"A": "\ud800"})

    def test_tags_of_the_list_are_one_json_text(self) -> None:
        call = operations.list_functions(tags=[{"Key": "k", "Value": "v"}], limit=100)
        tags = "%5B%7B%22Key%22%3A%22k%22%2C%22Value%22%3A%22v%22%7D%5D"
        assert call.query == f"limit=100&tags={tags}"


class TestOtherRequests:
    @pytest.mark.parametrize(
        ("call", "method", "target", "body"),
        [
            (
                operations.list_async_tasks(
                    "f", status="Running", include_payload=True, sort_order_by_time="desc", limit=5
                ),
                "GET",
                "functions/f/async-tasks?includePayload=true&limit=5&sortOrderByTime=desc&status=Running",
                None,
            ),
            (
                operations.stop_async_task("f", "t", qualifier="prod"),
                "PUT",
                "functions/f/async-tasks/t/stop?qualifier=prod",
                None,
            ),
            (
                operations.list_async_invoke_configs("f"),
                "GET",
                "async-invoke-configs?functionName=f",
                None,
            ),
            (
                operations.publish_function_version("f", description="d"),
                "POST",
                "functions/f/versions",
                {"description": "d"},
            ),
            (
                operations.delete_function_version("f", "3"),
                "DELETE",
                "functions/f/versions/3",
                None,
            ),
            (
                operations.create_alias(
                    "f", "prod", version_id="1", additional_version_weight={"2": 0.1}
                ),
                "POST",
                "functions/f/aliases",
                {"aliasName": "prod", "versionId": "1", "additionalVersionWeight": {"2": 0.1}},
            ),
            (
                operations.update_alias("f", "prod", version_id="2"),
                "PUT",
                "functions/f/aliases/prod",
                {"versionId": "2"},
            ),
            (
                operations.create_trigger(
                    "f", "t", trigger_type="timer", trigger_config={"enable": True}
                ),
                "POST",
                "functions/f/triggers",
                {"triggerName": "t", "triggerType": "timer", "triggerConfig": '{"enable":true}'},
            ),
            (
                operations.put_concurrency_config("f", reserved_concurrency=0),
                "PUT",
                "functions/f/concurrency",
                {"reservedConcurrency": 0},
            ),
            (operations.list_concurrency_configs(), "GET", "concurrency-configs", None),
            (
                operations.list_concurrency_configs("f", limit=3),
                "GET",
                "concurrency-configs?functionName=f&limit=3",
                None,
            ),
            (
                operations.disable_function_invocation("f", reason="r", abort_ongoing_request=True),
                "POST",
                "functions/f/invoke/disable",
                {"reason": "r", "abortOngoingRequest": True},
            ),
            (
                operations.enable_function_invocation("f"),
                "POST",
                "functions/f/invoke/enable",
                None,
            ),
            (operations.delete_concurrency_config("f"), "DELETE", "functions/f/concurrency", None),
            (
                operations.create_trigger(
                    "f",
                    "t",
                    trigger_type="eventbridge",
                    trigger_config="{}",
                    source_arn="acs:eventbridge:::eventbus/b",
                    invocation_role="acs:ram::1:role/r",
                    qualifier="prod",
                ),
                "POST",
                "functions/f/triggers",
                {
                    "triggerName": "t",
                    "triggerType": "eventbridge",
                    "triggerConfig": "{}",
                    "sourceArn": "acs:eventbridge:::eventbus/b",
                    "invocationRole": "acs:ram::1:role/r",
                    "qualifier": "prod",
                },
            ),
            (
                operations.update_trigger("f", "t", trigger_config={"a": 1}, description=""),
                "PUT",
                "functions/f/triggers/t",
                {"triggerConfig": '{"a":1}', "description": ""},
            ),
            (operations.get_trigger("f", "t"), "GET", "functions/f/triggers/t", None),
            (
                operations.list_triggers("f", prefix="a b"),
                "GET",
                "functions/f/triggers?prefix=a%20b",
                None,
            ),
            (operations.delete_trigger("f", "t"), "DELETE", "functions/f/triggers/t", None),
            (
                operations.list_function_versions("f", direction="FORWARD", next_token="n+/="),
                "GET",
                "functions/f/versions?direction=FORWARD&nextToken=n%2B%2F%3D",
                None,
            ),
            (
                operations.get_function_code("f", qualifier="1"),
                "GET",
                "functions/f/code?qualifier=1",
                None,
            ),
            (
                operations.list_async_tasks("f", started_time_begin=1, started_time_end=2),
                "GET",
                "functions/f/async-tasks?startedTimeBegin=1&startedTimeEnd=2",
                None,
            ),
            (
                operations.update_function("f", runtime="python3.12", handler="a.b"),
                "PUT",
                "functions/f",
                {"runtime": "python3.12", "handler": "a.b"},
            ),
            (
                operations.create_function("f", runtime="custom", tags=[{"Key": "k"}]),
                "POST",
                "functions",
                {
                    "functionName": "f",
                    "runtime": "custom",
                    "handler": "index.handler",
                    "tags": [{"Key": "k"}],
                },
            ),
        ],
        ids=lambda value: value.operation if isinstance(value, Call) else "",
    )
    def test_are_what_the_api_says(self, call: Call[Any], method: str, target: str, body) -> None:
        sent = f"{call.path}?{call.query}" if call.query else call.path
        assert (call.method, sent) == (method, f"/2023-03-30/{target}")
        assert (body_of(call) if call.body else None) == body


class TestMistakes:
    @pytest.mark.parametrize(
        ("make", "name"),
        [
            (lambda: operations.list_async_tasks("f", status="Done"), "status"),  # type: ignore[arg-type]
            (
                lambda: operations.list_async_tasks("f", started_time_begin=1.5),
                "started_time_begin",
            ),  # type: ignore[arg-type]
            (lambda: operations.list_async_tasks("f", started_time_end=-1), "started_time_end"),
            (lambda: operations.list_async_tasks("f", include_payload="yes"), "include_payload"),  # type: ignore[arg-type]
            (lambda: operations.list_async_tasks("f", limit=0), "limit"),
            (lambda: operations.list_functions(limit=101), "limit"),
            (lambda: operations.put_concurrency_config("f", reserved_concurrency=-1), "reserved"),
            (lambda: operations.delete_function_version("f", "v1"), "version_id"),
            (
                lambda: operations.create_alias(
                    "f", "a", version_id="1", additional_version_weight={"2": 1.5}
                ),
                "additional_version_weight",
            ),
            (
                lambda: operations.update_alias(
                    "f",
                    "a",
                    additional_version_weight=["2"],  # type: ignore[arg-type]
                ),
                "additional_version_weight",
            ),
            (lambda: operations.list_functions(tags={"team": "data"}), "tags"),  # type: ignore[arg-type]
            (lambda: operations.create_function("f", runtime="x", tags=["a"]), "tags"),  # type: ignore[list-item]
            (lambda: operations.put_async_invoke_config("f", config={}), "config"),  # type: ignore[arg-type]
            (
                lambda: operations.create_trigger(
                    "f", "t", trigger_type="x", trigger_config={"a": object()}
                ),
                "trigger_config",
            ),
            (lambda: operations.create_function("f", runtime="x", code=5), "code"),  # type: ignore[arg-type]
            (lambda: operations.invoke("f", log_type="All"), "log_type"),  # type: ignore[arg-type]
            (lambda: operations.invoke("f", timeout=0), "timeout"),
            (lambda: operations.list_async_tasks("f", prefix="\ud800"), "prefix"),
            (lambda: operations.update_function("f", description="\ud800"), "UpdateFunction"),
            (lambda: operations.update_function("f", extra={"x": object()}), "UpdateFunction"),
            (lambda: operations.invoke("f", timeout=True), "timeout"),
        ],
    )
    def test_invalid_arguments_are_refused_before_a_request(self, make, name: str) -> None:
        with pytest.raises(errors.InvalidParameter, match=name):
            make()

    @pytest.mark.parametrize(
        "make",
        [
            lambda secret: operations.invoke_async("f", {"key": secret, "bad": object()}),
            lambda secret: operations.update_function("f", environment_variables={"K": [secret]}),
            lambda secret: operations.update_function(
                "f", environment_variables={"K": secret, "L": "x" * 4096}
            ),
            lambda secret: operations.update_function("f", extra={"k": secret, "bad": object()}),
            lambda secret: operations.invoke_async("f", headers={"x-key": [secret]}),
            lambda secret: operations.invoke_async("f", headers={"x-key": f"{secret}\n"}),
        ],
    )
    def test_do_not_show_what_may_be_secret(self, make) -> None:
        with pytest.raises(errors.InvalidParameter) as caught:
            make("hush")
        assert "hush" not in str(caught.value)

    def test_a_destination_may_be_a_parsed_arn(self) -> None:
        queue = arn.parse(QUEUE)
        call = operations.put_async_invoke_config("f", on_failure=queue)
        assert body_of(call) == {"destinationConfig": {"onFailure": {"destination": QUEUE}}}


class TestAnswers:
    def test_an_error_tells_all_it_knows(self) -> None:
        body = b'{"Code":"FunctionNotFound","Message":"gone","RequestId":"r-1"}'
        with pytest.raises(errors.FunctionNotFound) as caught:
            operations.get_function("f").result(Answer(404, {}, body))
        error = caught.value
        assert (error.code, error.http_status, error.message) == ("FunctionNotFound", 404, "gone")
        assert (error.request_id, error.operation) == ("r-1", "GetFunction")
        assert "region" in str(error)

    @pytest.mark.parametrize(
        "body",
        [
            b'{"errorCode":"X","errorMessage":"m","requestId":"r"}',
            b'{"ErrorCode":"X","ErrorMessage":"m","RequestId":"r"}',
            b'{"code":"X","message":"m","requestId":"r"}',
        ],
    )
    def test_older_spellings_of_errors_are_read(self, body: bytes) -> None:
        error = operations.get_function("f").refusal(Answer(400, {}, body))
        assert (error.code, error.message, error.request_id) == ("X", "m", "r")

    @pytest.mark.parametrize("body", [b"", b"<html>", b"[1]", b"\xff", b"[" * 100_000])
    @pytest.mark.parametrize(
        ("status", "kind"),
        [(404, errors.NotFound), (429, errors.Throttled), (502, errors.ServerError)],
    )
    def test_an_error_of_another_server_is_described_by_its_status(
        self, status: int, kind: type[errors.ServiceError], body: bytes
    ) -> None:
        error = operations.get_function("f").refusal(Answer(status, {}, body))
        assert (type(error), error.code) == (kind, f"Http{status}")

    @pytest.mark.parametrize("body", [b"", b"<html>", b'{"functionName":', b"[]", b"{}", b"\xff"])
    def test_an_answer_that_is_not_the_apis_is_an_invalid_response(self, body: bytes) -> None:
        with pytest.raises(errors.InvalidResponse, match="GetFunction"):
            operations.get_function("f").result(Answer(200, {}, body))

    @pytest.mark.parametrize("body", [b'{"tasks":null}', b'{"tasks":null,"nextToken":null}', b"{}"])
    def test_null_for_an_empty_list_is_an_empty_list(self, body: bytes) -> None:
        page = operations.list_async_tasks("f").result(Answer(200, {}, body))
        assert (page.tasks, page.next_token) == ((), None)

    def test_a_status_of_a_newer_service_does_not_break_an_older_sdk(self) -> None:
        body = b'{"taskId":"t","status":"Pondering","events":null,"newField":[1]}'
        task = operations.get_async_task("f", "t").result(Answer(200, {}, body))
        assert (task.status, task.finished, task.succeeded) == ("Pondering", False, False)

    def test_a_number_in_a_string_is_a_number(self) -> None:
        body = b'{"taskId":"t","status":"Running","startedTime":"1700000000000"}'
        task = operations.get_async_task("f", "t").result(Answer(200, {}, body))
        assert task.started_time == 1_700_000_000_000

    def test_a_redirect_is_an_invalid_response(self) -> None:
        with pytest.raises(errors.InvalidResponse, match="redirect"):
            operations.get_function("f").result(Answer(302, {"location": "x"}, b""))

    def test_200_does_not_accept_an_asynchronous_call(self) -> None:
        with pytest.raises(errors.InvalidResponse, match="202"):
            operations.invoke_async("f").result(Answer(200, {}, b""))

    def test_the_page_of_another_server_is_not_a_result(self) -> None:
        with pytest.raises(errors.InvalidResponse, match="x-fc-request-id"):
            operations.invoke("f").result(Answer(200, {}, b"<html>It works!</html>"))

    def test_202_without_a_request_id_is_an_invalid_response(self) -> None:
        with pytest.raises(errors.InvalidResponse, match="x-fc-request-id"):
            operations.invoke_async("f").result(Answer(202, {}, b""))

    def test_202_about_another_task_is_an_invalid_response(self) -> None:
        headers = {"x-fc-request-id": "r-1", "x-fc-async-task-id": "b"}
        with pytest.raises(errors.InvalidResponse, match=r"'b', not about 'a' \[request r-1\]"):
            operations.invoke_async("f", task_id="a").result(Answer(202, headers, b""))

    def test_202_without_a_task_id_is_about_the_task_id_that_was_given(self) -> None:
        headers = {"x-fc-request-id": "r-1"}
        accepted = operations.invoke_async("f", task_id="a").result(Answer(202, headers, b""))
        assert accepted == AcceptedInvocation(request_id="r-1", task_id="a")

    @pytest.mark.parametrize(
        ("headers", "seconds"),
        [
            ({"x-acs-retry-after": "1500"}, 1.5),
            ({"retry-after": "2"}, 2.0),
            ({"retry-after": "Wed, 21 Oct 2015 07:28:00 GMT"}, None),
            ({"x-acs-retry-after": "-1"}, None),
            ({"x-acs-retry-after": "inf"}, None),
            ({}, None),
        ],
    )
    def test_the_wait_that_is_asked_for_is_in_the_error(
        self, headers: dict[str, str], seconds: float | None
    ) -> None:
        error = operations.get_function("f").refusal(Answer(429, headers, b"{}"))
        assert error.retry_after == seconds

    def test_a_function_that_failed_is_a_result(self) -> None:
        headers = {
            "x-fc-request-id": "r",
            "x-fc-error-type": "UnhandledInvocationError",
            "x-fc-log-result": base64.b64encode(b"log").decode(),
            "x-fc-invocation-duration": "12.5",
        }
        result = operations.invoke("f").result(Answer(200, headers, b'{"errorMessage":"boom"}'))
        assert not result.succeeded
        assert (result.log, result.duration_ms) == ("log", 12.5)
        assert result.json() == {"errorMessage": "boom"}
        with pytest.raises(errors.FunctionError, match="boom") as caught:
            result.raise_for_function_error()
        assert caught.value.error_type == "UnhandledInvocationError"

    @pytest.mark.parametrize(
        ("payload", "said"),
        [
            (
                b"""{"errorMessage": "'items'", "errorType": "KeyError", "stackTrace": [
                    ["File \\"/code/place.py\\"", "line 3", "in outer", "handler()"],
                    ["File \\"/code/place.py\\"", "line 7", "in handler", "order['items']"]]}""",
                "place failed: KeyError: 'items' (code/place.py:7, in handler) [request r]",
            ),
            (
                b'{"errorMessage":"no\\nluck","errorType":"Error","stackTrace":["at a (/b:1:2)"]}',
                "place failed: Error: no luck [request r]",
            ),
            (
                b'{"errorMessage":"Function timed out after 3 seconds"}',
                "place failed: Function timed out after 3 seconds [request r]",
            ),
            (
                b"oh no",
                "place failed with UnhandledInvocationError: 'oh no' [request r]",
            ),
        ],
        ids=["python", "node", "without a type", "not an error document"],
    )
    def test_a_function_error_names_the_function_the_error_and_its_place(
        self, payload: bytes, said: str
    ) -> None:
        headers = {"x-fc-request-id": "r", "x-fc-error-type": "UnhandledInvocationError"}
        result = operations.invoke("place").result(Answer(200, headers, payload))
        with pytest.raises(errors.FunctionError) as caught:
            result.raise_for_function_error()
        assert str(caught.value) == said
        assert (caught.value.function, caught.value.payload) == ("place", payload)

    def test_a_result_that_is_not_json_is_an_error(self) -> None:
        result = operations.invoke("f").result(Answer(200, {"x-fc-request-id": "r"}, b"\xff"))
        assert result.text() == "\ufffd"
        with pytest.raises(errors.InvalidResponse):
            result.json()


class TestWholeAnswers:
    """An answer counts only if its JSON is whole: a proxy answers with the same statuses."""

    @pytest.mark.parametrize("body", [b"<html>Conflict</html>", b"", b"{}", b'{"Code":"AsyncTas'])
    def test_a_409_that_is_not_the_services_is_not_a_duplicate(self, body: bytes) -> None:
        call = operations.invoke_async("f", task_id="t")
        for repeated in (False, True):
            with pytest.raises(errors.Conflict) as caught:
                call.result(Answer(409, {}, body), repeated=repeated)
            assert not isinstance(caught.value, errors.AsyncTaskAlreadyExists)

    def test_a_409_of_the_service_is_one(self) -> None:
        call = operations.invoke_async("f", task_id="t")
        answer = Answer(409, {}, b'{"Code":"SomeNewName","Message":"m","RequestId":"r"}')
        assert call.result(answer, repeated=True).duplicate
        with pytest.raises(errors.AsyncTaskAlreadyExists):
            call.result(answer)

    @pytest.mark.parametrize("body", [b"<html>Not Found</html>", b"", b'{"Code":"Func'])
    def test_a_404_that_is_not_the_services_does_not_say_that_a_delete_worked(
        self, body: bytes
    ) -> None:
        call = operations.delete_function("f")
        with pytest.raises(errors.NotFound):
            call.result(Answer(404, {}, body), repeated=True)
        found = Answer(404, {}, b'{"Code":"FunctionNotFound","Message":"m"}')
        assert call.result(found, repeated=True) is None

    def test_a_page_of_a_proxy_does_not_say_that_a_delete_worked(self) -> None:
        call = operations.delete_function("f")
        with pytest.raises(errors.InvalidResponse, match="check the endpoint"):
            call.result(Answer(200, {}, b"<html>Please log in</html>"))
        assert call.result(Answer(204, {}, b"")) is None
        assert call.result(Answer(200, {}, b"{}")) is None
