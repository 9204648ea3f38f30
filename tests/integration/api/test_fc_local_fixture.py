# SPDX-License-Identifier: MIT
"""The pytest fixture that users get: a whole runtime, virtual time, callables and folders."""

from __future__ import annotations

import asyncio
import os
import re
import subprocess
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests

from fc_async_local.settings import Settings
from fc_async_sdk.models import InstanceLifecycleConfig, LifecycleHook
from fc_async_tests.users_pytest import PYTEST

FIVE_HOURS = 5 * 3600


def test_a_callable_is_invoked_after_its_delay(fc_local):
    seen = []
    fc_local.deploy("orders", lambda event, _: seen.append(event))
    accepted = fc_local.client.invoke_async("orders", b"in", delay=60)
    fc_local.advance(59)
    assert seen == []
    fc_local.advance(1)
    assert seen == [b"in"]
    assert fc_local.client.get_async_task("orders", accepted.task_id).status == "Succeeded"


def test_a_failure_arrives_in_its_queue_after_all_attempts(fc_local):
    def fail(event, context):
        raise ValueError("no")

    queue = fc_local.create_queue("failures")
    fc_local.deploy(
        "orders",
        fail,
        async_config={
            "asyncTask": True,
            "maxAsyncRetryAttempts": 2,
            "destinationConfig": {"onFailure": {"destination": queue}},
        },
    )
    fc_local.client.invoke_async("orders", b"in")
    fc_local.run_until_idle()
    event = fc_local.receive(queue)  # by its ARN, as by its name
    assert event is not None
    assert not event.succeeded
    assert event.attempts == 3
    assert event.request.text() == "in"
    assert fc_local.receive("failures") is None


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"timout": 3}, "has an unknown name 'timout': did you mean 'timeout'"),
        ({"memory_sise": 512}, "did you mean 'memory_size'"),
        ({"functionName": "other"}, "unknown name 'functionName'"),
        (
            {"async_config": {"maxAsyncRetryAttempt": 0}},
            "async_config has an unknown name .*: did you mean 'maxAsyncRetryAttempts'",
        ),
        (
            {"async_config": {"destinationConfig": {"onFailed": {"destination": "x"}}}},
            "async_config.destinationConfig has .* 'onFailed': did you mean 'onFailure'",
        ),
        (
            {"async_config": {"destinationConfig": {"onFailure": {"destinatoin": "x"}}}},
            "did you mean 'destination'",
        ),
        (
            {"custom_runtime_config": {"comand": ["x"]}},
            r"deploy\('orders'\).customRuntimeConfig has an unknown name 'comand'",
        ),
        ({"qqq": 1}, "known are .*timeout"),
    ],
)
def test_deploy_refuses_misspelled_names_and_creates_nothing(fc_local, arguments, message):
    with pytest.raises(TypeError, match=message):
        fc_local.deploy("orders", lambda *_: "done", **arguments)
    assert fc_local.client.list_functions().functions == ()


def test_deploy_takes_the_names_of_nested_settings(fc_local, tmp_path):
    (tmp_path / "index.py").write_text("def handler(event, context): return 'done'\n")
    fc_local.deploy(
        "orders",
        tmp_path,
        timeout=20,
        instance_lifecycle_config={"preStop": {"handler": "index.stop", "timeout": 3}},
        async_config={"asyncTask": True, "maxAsyncEventAgeInSeconds": 60},
    )
    config = fc_local.client.get_async_invoke_config("orders")
    assert config.max_async_event_age_in_seconds == 60
    assert fc_local.client.get_function("orders").timeout == 20


def test_deploy_takes_the_options_of_the_sdk(fc_local):
    fc_local.deploy(
        "orders",
        lambda *_: "done",
        memory_size=1024,
        environment_variables={"MODE": "test"},
        instance_lifecycle_config=InstanceLifecycleConfig(
            pre_stop=LifecycleHook(handler="index.stop", timeout=3)
        ),
        extra={"diskSize": 10240},
    )
    made = fc_local.client.get_function("orders")
    assert (made.memory_size, made.disk_size) == (1024, 10240)
    assert made.environment_variables == {"MODE": "test"}
    assert made.instance_lifecycle_config.pre_stop.timeout == 3


@pytest.mark.parametrize(
    ("setting", "instead"),
    [({"memorySize": 1024}, "memory_size"), ({"sessionAffinityConfig": "{}"}, "extra")],
)
def test_names_of_the_service_are_accepted_with_a_warning(fc_local, setting, instead):
    with pytest.warns(DeprecationWarning, match=f"use {instead}= for {next(iter(setting))}"):
        fc_local.deploy("orders", lambda *_: "done", **setting)
    assert fc_local.client.get_function("orders").memory_size == setting.get("memorySize", 512)


@pytest.mark.parametrize(("status", "arrives"), [(503, True), (404, False)])
def test_a_destination_fails_on_purpose(fc_local, status, arrives):
    queue = fc_local.create_queue("results")
    config = {"destinationConfig": {"onSuccess": {"destination": queue}}}
    fc_local.deploy("orders", lambda *_: "done", async_config=config)
    fc_local.fail_destination(queue, status=status, times=2)
    fc_local.client.invoke_async("orders", b"in")
    fc_local.run_until_idle()
    assert (fc_local.receive("results") is not None) is arrives


def test_a_success_goes_on_to_the_next_function(fc_local):
    seen = []
    fc_local.deploy("bill", lambda event, _: seen.append(event))
    target = "acs:fc:::functions/bill"
    fc_local.deploy(
        "orders",
        lambda *_: "done",
        async_config={"destinationConfig": {"onSuccess": {"destination": target}}},
    )
    fc_local.client.invoke_async("orders", b"in")
    fc_local.run_until_idle()
    assert len(seen) == 1
    assert b'"responsePayload":"done"' in seen[0].replace(b" ", b"")


def test_a_folder_runs_in_a_process_of_its_own(fc_local, tmp_path):
    code = tmp_path / "code"
    code.mkdir()
    (code / "index.py").write_text("import os\ndef handler(event, context): return os.getpid()\n")
    fc_local.deploy("orders", code)
    first = fc_local.client.invoke("orders", b"")
    assert int(first.payload) != os.getpid()


def test_a_folder_keeps_what_is_executable(fc_local, tmp_path):
    code = tmp_path / "code"
    code.mkdir()
    script = code / "hello"
    script.write_text("#!/bin/sh\nprintf hello\n")
    script.chmod(0o755)
    (code / "index.py").write_text(
        "import os, subprocess\n"
        "def handler(event, context):\n"
        "    program = os.path.join(os.environ['FC_FUNC_CODE_PATH'], 'hello')\n"
        "    return subprocess.run([program], capture_output=True, check=True).stdout\n"
    )
    fc_local.deploy("orders", code)
    assert fc_local.client.invoke("orders", b"").payload == b"hello"


def test_a_handler_gets_the_context_of_the_service(fc_local):
    seen = []

    def handler(event, context):
        seen.append(context)
        if context.retry_count == 0:
            raise ValueError("once")
        return {"on": context.function.name}

    fc_local.deploy("orders", handler, timeout=30)
    accepted = fc_local.client.invoke_async("orders", b"")
    fc_local.run_until_idle()
    assert [context.retry_count for context in seen] == [0, 1]
    assert {context.request_id for context in seen} == {accepted.request_id}
    assert (seen[0].function.timeout, seen[0].region) == (30, "cn-hangzhou")


def test_a_coroutine_function_is_a_handler_too(fc_local):
    async def handler(event, context):
        await asyncio.sleep(0)
        return event + b"!"

    fc_local.deploy("orders", handler)
    assert fc_local.client.invoke("orders", b"hi").payload == b"hi!"


def test_deploying_again_replaces_the_code(fc_local):
    fc_local.deploy("orders", lambda *_: "one")
    fc_local.deploy("orders", lambda *_: "two")
    assert fc_local.client.invoke("orders", b"").payload == b"two"


class TestSettings:
    @pytest.fixture
    def fc_local_settings(self):
        return Settings.of(region="cn-shanghai", function_retry_first_ms=FIVE_HOURS * 1000)

    def test_can_be_overridden(self, fc_local):
        assert fc_local.runtime.addresses.region == "cn-shanghai"


def test_without_the_extra_local_the_fixture_names_it(tmp_path):
    (tmp_path / "defusedxml.py").write_text(
        "raise ModuleNotFoundError(\"No module named 'defusedxml'\", name='defusedxml')\n"
    )
    (tmp_path / "test_orders.py").write_text("def test_orders(fc_local): pass\n")
    done = subprocess.run(
        [*PYTEST, "test_orders.py"],
        cwd=tmp_path,
        env={name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
        | {"PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert re.search(r"fc_local needs defusedxml: .*\[local\]", done.stdout)
    assert "Traceback" not in done.stdout


def test_services_answer_all_clients_that_come_at_once(fc_local):
    url = fc_local.eventbridge_endpoint
    with ThreadPoolExecutor(20) as pool:
        answers = pool.map(lambda _: requests.post(url, timeout=10).status_code, range(20))
        assert len(set(answers)) == 1
