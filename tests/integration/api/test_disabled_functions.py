# SPDX-License-Identifier: MIT
"""A function whose invocation is disabled runs nothing; nothing that was accepted is lost."""

from __future__ import annotations

import asyncio
import threading

import pytest

from fc_async_sdk import errors


def status(fc_local, task_id):
    return fc_local.client.get_async_task("orders", task_id).status


def test_calls_of_a_disabled_function_are_refused_until_it_is_enabled(fc_local):
    fc_local.deploy("orders", lambda *_: "done")
    fc_local.client.disable_function_invocation("orders", reason="migration")
    for call in (fc_local.client.invoke_async, fc_local.client.invoke):
        with pytest.raises(errors.AccessDenied) as refused:
            call("orders", b"")
        assert type(refused.value) is errors.FunctionInvocationDisabled
        assert "migration" in str(refused.value)
        assert "RAM policy" not in str(refused.value)
        assert str(refused.value).lower().count("enablefunctioninvocation") == 1
    fc_local.client.enable_function_invocation("orders")
    assert fc_local.client.invoke("orders", b"").payload == b"done"


def test_waiting_tasks_run_after_the_function_is_enabled_again(fc_local):
    calls = []
    fc_local.deploy("orders", lambda event, _: calls.append(event))
    task_id = fc_local.client.invoke_async("orders", b"1", delay=10).task_id
    fc_local.client.disable_function_invocation("orders")
    fc_local.advance(3_600)
    assert (status(fc_local, task_id), calls) == ("Retrying", [])
    fc_local.client.enable_function_invocation("orders")
    fc_local.run_until_idle()
    assert (status(fc_local, task_id), calls) == ("Succeeded", [b"1"])


def test_running_attempts_of_a_disabled_function_end_unless_they_are_aborted(fc_local):
    begun, end = threading.Event(), threading.Event()

    async def handler(event, _):
        begun.set()
        await asyncio.to_thread(end.wait)
        return event

    fc_local.deploy("orders", handler)
    task_id = fc_local.client.invoke_async("orders", b"1").task_id
    assert begun.wait(30)
    fc_local.client.disable_function_invocation("orders")
    assert status(fc_local, task_id) == "Running"
    fc_local.client.disable_function_invocation("orders", abort_ongoing_request=True)
    fc_local.advance(0)
    assert status(fc_local, task_id) == "Retrying"
    end.set()
    fc_local.client.enable_function_invocation("orders")
    fc_local.run_until_idle()
    assert status(fc_local, task_id) == "Succeeded"


def test_events_of_a_disabled_function_are_still_delivered(fc_local):
    queue = fc_local.create_queue("done")
    config = {"asyncTask": True, "destinationConfig": {"onSuccess": {"destination": queue}}}
    fc_local.deploy("orders", lambda *_: "done", async_config=config)
    fc_local.fail_destination(times=1)
    fc_local.client.invoke_async("orders", b"")
    fc_local.advance(0)  # it runs, and the first delivery of its event fails
    fc_local.client.disable_function_invocation("orders")
    assert fc_local.receive("done") is None
    fc_local.run_until_idle()
    assert fc_local.receive("done") is not None
