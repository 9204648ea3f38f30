# SPDX-License-Identifier: MIT
"""The official Python SDK does the whole round against the runtime, signatures verified."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import time

import pytest
import requests
from alibabacloud_fc20230330 import models
from alibabacloud_fc20230330.client import Client
from alibabacloud_tea_openapi.models import Config
from alibabacloud_tea_util.models import RuntimeOptions
from darabonba.exceptions import ResponseException

from fc_async_local.embedded import LocalRuntime
from fc_async_local.settings import Settings
from fc_async_tests.code import archive

KEY, SECRET = "LTAI5tExampleExampleKey1", "ExampleSecretExampleSecret0001"
CODE = """
def handler(event, context):
    if event == b"fail":
        raise ValueError("no")
    return {"got": event.decode(), "attempt": int(context.retry_count)}
"""


@pytest.fixture(scope="module")
def runtime(tmp_path_factory):
    settings = Settings.of(strict_auth=True, access_keys={KEY: SECRET}, function_retry_first_ms=10)
    with LocalRuntime(data=tmp_path_factory.mktemp("runtime"), port=0, settings=settings) as local:
        yield local


def make_client(runtime, secret=SECRET):
    return Client(
        Config(
            access_key_id=KEY,
            access_key_secret=secret,
            endpoint=runtime.endpoint.removeprefix("http://"),
            protocol="HTTP",
            region_id="cn-hangzhou",
        )
    )


@pytest.fixture
def client(runtime):
    return make_client(runtime)


@pytest.fixture
def function(client, request):
    name = "f" + str(abs(hash(request.node.name)))
    client.create_function(models.CreateFunctionRequest(body=function_input(name)))
    yield name
    client.delete_function(name)


def function_input(name):
    return models.CreateFunctionInput(
        function_name=name,
        runtime="python3.10",
        handler="index.handler",
        timeout=10,
        tags=[models.Tag(key="team", value="a b/é~*")],
        code=models.InputCodeLocation(zip_file=base64.b64encode(archive(CODE)).decode()),
    )


def config_input(**changes):
    return models.PutAsyncInvokeConfigInput(async_task=True, **changes)


def invoke(client, name, body, **headers):
    common = {}
    if "delay" in headers:
        common["x-fc-async-delay"] = str(headers.pop("delay"))
    return client.invoke_function_with_options(
        name,
        models.InvokeFunctionRequest(body=body, qualifier="LATEST"),
        models.InvokeFunctionHeaders(common_headers=common, **headers),
        RuntimeOptions(),
    )


def finished(client, name, task_id):
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        task = client.get_async_task(name, task_id, models.GetAsyncTaskRequest()).body
        if task.status in {"Succeeded", "Failed", "Stopped", "Expired", "Invalid"}:
            return task
        time.sleep(0.02)
    raise AssertionError(f"{task_id} is still {task.status}")


def test_functions_are_read_updated_and_listed(client, function):
    found = client.get_function(function, models.GetFunctionRequest()).body
    assert found.function_name == function
    assert found.tags[0].value == "a b/é~*"
    changed = client.update_function(
        function, models.UpdateFunctionRequest(body=models.UpdateFunctionInput(timeout=20))
    ).body
    assert (changed.timeout, changed.code_checksum) == (20, found.code_checksum)
    listed = client.list_functions(
        models.ListFunctionsRequest(prefix=function, tags=[models.Tag(key="team", value="a b/é~*")])
    ).body
    assert [f.function_name for f in listed.functions] == [function]


def test_versions_and_aliases(client, function):
    version = client.publish_function_version(
        function,
        models.PublishFunctionVersionRequest(body=models.PublishVersionInput(description="one")),
    ).body
    assert version.version_id == "1"
    alias = client.create_alias(
        function,
        models.CreateAliasRequest(body=models.CreateAliasInput(alias_name="prod", version_id="1")),
    ).body
    assert alias.alias_name == "prod"
    assert client.get_alias(function, "prod").body.version_id == "1"
    versions = client.list_function_versions(function, models.ListFunctionVersionsRequest()).body
    assert [v.version_id for v in versions.versions] == ["1"]
    assert len(client.list_aliases(function, models.ListAliasesRequest()).body.aliases) == 1
    client.delete_alias(function, "prod")
    client.delete_function_version(function, "1")


def test_an_http_trigger_that_the_sdk_creates_answers(client, function):
    config = models.HTTPTriggerConfig(auth_type="anonymous", methods=["POST"])
    made = client.create_trigger(
        function,
        models.CreateTriggerRequest(
            body=models.CreateTriggerInput(
                trigger_name="web",
                trigger_type="http",
                trigger_config=json.dumps(config.to_map()),
            )
        ),
    ).body
    url = made.http_trigger.url_internet
    assert client.get_trigger(function, "web").body.http_trigger.url_internet == url
    client.put_async_invoke_config(
        function, models.PutAsyncInvokeConfigRequest(body=config_input())
    )
    answer = requests.post(f"{url}/orders", data="7", timeout=60)
    event = json.loads(answer.json()["got"])
    assert (answer.status_code, event["rawPath"]) == (200, "/orders")
    assert requests.get(url, timeout=60).status_code == 403

    headers = {"X-Fc-Invocation-Type": "Async", "X-Fc-Async-Task-Id": "order-7"}
    accepted = requests.post(url, data="7", headers=headers, timeout=60)
    assert (accepted.status_code, accepted.headers["x-fc-async-task-id"]) == (202, "order-7")
    assert finished(client, function, "order-7").status == "Succeeded"


def test_triggers_concurrency_and_provision_of_a_function(client, function):
    trigger = models.CreateTriggerInput(
        trigger_name="nightly",
        trigger_type="timer",
        trigger_config='{"cronExpression": "0 0 4 * * *", "enable": true}',
    )
    client.create_trigger(function, models.CreateTriggerRequest(body=trigger))
    assert client.get_trigger(function, "nightly").body.trigger_type == "timer"
    assert len(client.list_triggers(function, models.ListTriggersRequest()).body.triggers) == 1
    client.delete_trigger(function, "nightly")
    put = client.put_concurrency_config(
        function,
        models.PutConcurrencyConfigRequest(body=models.PutConcurrencyInput(reserved_concurrency=2)),
    ).body
    assert put.reserved_concurrency == 2
    assert client.get_concurrency_config(function).body.to_map() == put.to_map()
    client.delete_concurrency_config(function)
    assert (
        client.get_provision_config(function, models.GetProvisionConfigRequest()).body.target == 0
    )
    assert client.list_vpc_bindings(function).body.vpc_ids == []
    arn = client.get_function(function, models.GetFunctionRequest()).body.function_arn
    client.tag_resources(
        models.TagResourcesRequest(
            body=models.TagResourcesInput(
                resource_type="function",
                resource_id=[arn],
                tag=[models.Tag(key="env", value="x")],
            )
        )
    )
    tags = client.list_tag_resources(
        models.ListTagResourcesRequest(resource_type="function", resource_id=[arn])
    ).body.tag_resources
    assert [t.tag_key for t in tags] == ["env", "team"]
    client.untag_resources(
        models.UntagResourcesRequest(resource_type="function", resource_id=[arn], tag_key=["env"])
    )
    code = client.get_function_code(function, models.GetFunctionCodeRequest()).body
    assert code.url.startswith("http://127.0.0.1:")


def test_asynchronous_configurations(client, function):
    destination = models.Destination(destination="acs:mns:cn-hangzhou:123:/queues/q/messages")
    put = client.put_async_invoke_config(
        function,
        models.PutAsyncInvokeConfigRequest(
            qualifier="LATEST",
            body=config_input(
                max_async_retry_attempts=0,
                max_async_event_age_in_seconds=3600,
                destination_config=models.DestinationConfig(on_failure=destination),
            ),
        ),
    ).body
    assert (put.async_task, put.max_async_retry_attempts) == (True, 0)
    got = client.get_async_invoke_config(function, models.GetAsyncInvokeConfigRequest()).body
    assert got.to_map() == put.to_map()
    listed = client.list_async_invoke_configs(
        models.ListAsyncInvokeConfigsRequest(function_name=function)
    ).body
    assert [c.function_arn for c in listed.configs] == [put.function_arn]
    client.delete_async_invoke_config(function, models.DeleteAsyncInvokeConfigRequest())
    with pytest.raises(ResponseException) as caught:
        client.get_async_invoke_config(function, models.GetAsyncInvokeConfigRequest())
    assert (caught.value.code, caught.value.status_code) == ("AsyncConfigNotExists", 404)


@pytest.mark.parametrize("body", ["text", b"bytes", None])
def test_a_synchronous_call(client, function, body):
    answer = invoke(client, function, body, x_fc_log_type="Tail")
    text = body.decode() if isinstance(body, bytes) else body or ""
    assert answer.status_code == 200
    assert json.loads(answer.body.read()) == {"got": text, "attempt": 0}
    assert b"FC Invoke Start" in base64.b64decode(answer.headers["x-fc-log-result"])
    assert answer.headers["x-fc-invocation-service-version"] == "LATEST"


def test_a_failing_function_is_no_api_error(client, function):
    answer = invoke(client, function, "fail")
    assert answer.status_code == 200
    assert answer.headers["x-fc-error-type"] == "UnhandledInvocationError"
    assert json.loads(answer.body.read())["errorType"] == "ValueError"


@pytest.mark.real_time
def test_an_asynchronous_call_with_delay_and_task_id(client, function):
    client.put_async_invoke_config(
        function, models.PutAsyncInvokeConfigRequest(body=config_input())
    )
    answer = invoke(
        client,
        function,
        "in",
        x_fc_invocation_type="Async",
        x_fc_async_task_id="task-1",
        delay=1,
    )
    assert (answer.status_code, answer.body.read()) == (202, b"")
    assert answer.headers["x-fc-async-task-id"] == "task-1"
    task = finished(client, function, "task-1")
    assert (task.status, task.request_id) == ("Succeeded", answer.headers["x-fc-request-id"])
    assert task.started_time - task.events[0].timestamp >= 1000
    with pytest.raises(ResponseException) as caught:
        invoke(client, function, "in", x_fc_invocation_type="Async", x_fc_async_task_id="task-1")
    assert caught.value.status_code == 409
    listed = client.list_async_tasks(
        function,
        models.ListAsyncTasksRequest(include_payload=True, status="Succeeded", limit=1),
    ).body
    assert [(t.task_id, t.task_payload) for t in listed.tasks] == [("task-1", "in")]


@pytest.mark.real_time
def test_retries_end_in_failure(client, function):
    client.put_async_invoke_config(
        function,
        models.PutAsyncInvokeConfigRequest(body=config_input(max_async_retry_attempts=1)),
    )
    invoke(client, function, "fail", x_fc_invocation_type="Async", x_fc_async_task_id="t")
    task = finished(client, function, "t")
    assert (task.status, task.already_retried_times) == ("Failed", 1)
    assert task.task_error_message == "UnhandledInvocationError"


@pytest.mark.real_time
def test_a_waiting_task_is_stopped(client, function):
    client.put_async_invoke_config(
        function, models.PutAsyncInvokeConfigRequest(body=config_input())
    )
    invoke(
        client,
        function,
        "in",
        x_fc_invocation_type="Async",
        x_fc_async_task_id="t",
        delay=3000,
    )
    assert client.stop_async_task(function, "t", models.StopAsyncTaskRequest()).status_code == 204
    assert finished(client, function, "t").status == "Stopped"


@pytest.mark.parametrize(
    ("call", "status", "code"),
    [
        (lambda c: c.get_function("nobody", models.GetFunctionRequest()), 404, "FunctionNotFound"),
        (lambda c: invoke(c, "nobody", "x"), 404, "FunctionNotFound"),
        (
            lambda c: c.get_async_task(
                "f 1/é$LATEST", "a:b+c d*(x)~", models.GetAsyncTaskRequest()
            ),
            400,
            "PathNotSupported",
        ),
        (lambda c: c.delete_function("nobody"), 404, "FunctionNotFound"),
    ],
)
def test_errors_are_understood(client, call, status, code):
    with pytest.raises(ResponseException) as caught:
        call(client)
    assert (caught.value.status_code, caught.value.code) == (status, code)
    assert "request id: 1-" in caught.value.message


def test_a_wrong_secret_is_refused(runtime):
    with pytest.raises(ResponseException) as caught:
        make_client(runtime, "wrong").list_functions(models.ListFunctionsRequest())
    assert (caught.value.status_code, caught.value.code) == (403, "SignatureNotMatch")


@pytest.mark.real_time
def test_the_asyncio_client_does_the_same(client, function):
    async def calls():
        await client.put_async_invoke_config_async(
            function, models.PutAsyncInvokeConfigRequest(body=config_input())
        )
        answer = await client.invoke_function_with_options_async(
            function,
            models.InvokeFunctionRequest(body=b"in"),
            models.InvokeFunctionHeaders(x_fc_invocation_type="Async", x_fc_async_task_id="aio-1"),
            RuntimeOptions(),
        )
        listed = await client.list_async_tasks_async(
            function, models.ListAsyncTasksRequest(include_payload=True, prefix="aio")
        )
        return answer, listed

    answer, listed = asyncio.run(calls())
    assert answer.status_code == 202
    assert [t.task_id for t in listed.body.tasks] == ["aio-1"]
    assert finished(client, function, "aio-1").status == "Succeeded"
    with contextlib.suppress(ResponseException):
        client.stop_async_task(function, "aio-1", models.StopAsyncTaskRequest())
