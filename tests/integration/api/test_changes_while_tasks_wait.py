# SPDX-License-Identifier: MIT
"""What becomes of waiting tasks when their function is changed, deleted or made anew."""

from __future__ import annotations

import pytest

from fc_async_local.settings import Settings
from fc_async_sdk import errors
from fc_async_sdk.admin.models import PREFIX
from fc_async_tests import runtime_requests as requests


def accept(fc_local, **options):
    return fc_local.client.invoke_async("orders", b"in", delay=60, **options).task_id


def status(fc_local, task_id):
    return fc_local.client.get_async_task("orders", task_id).status


def test_a_waiting_task_of_a_deleted_function_becomes_invalid(fc_local):
    fc_local.deploy("orders", lambda *_: "done")
    task_id = accept(fc_local)
    fc_local.client.delete_function("orders")
    fc_local.run_until_idle()
    assert status(fc_local, task_id) == "Invalid"


def test_a_waiting_task_of_a_deleted_alias_becomes_invalid(fc_local):
    fc_local.deploy("orders", lambda *_: "done")
    client = fc_local.client
    client.publish_function_version("orders")
    client.create_alias("orders", "prod", version_id="1")
    client.put_async_invoke_config("orders", qualifier="prod", async_task=True)
    task_id = accept(fc_local, qualifier="prod")
    client.delete_alias("orders", "prod")
    fc_local.run_until_idle()
    assert status(fc_local, task_id) == "Invalid"


def waiting(fc_local, qualifier="LATEST", *, task_mode=False):
    """A waiting invocation whose outcome goes to a queue."""
    fc_local.deploy("orders", lambda *_: "done")
    client = fc_local.client
    if qualifier != "LATEST":
        client.publish_function_version("orders")
        client.create_alias("orders", qualifier, version_id="1")
    queue = fc_local.create_queue("told")
    client.put_async_invoke_config(
        "orders",
        qualifier=qualifier,
        async_task=task_mode,
        on_success=queue,
        on_failure=queue,
    )
    return accept(fc_local, qualifier=qualifier)


@pytest.mark.parametrize("task_mode", [False, True])
@pytest.mark.parametrize(
    ("qualifier", "delete", "condition"),
    [
        ("LATEST", lambda client: client.delete_function("orders"), "FunctionNotFound"),
        ("prod", lambda client: client.delete_alias("orders", "prod"), "AliasNotFound"),
        ("LATEST", lambda client: client.delete_async_invoke_config("orders"), ""),
    ],
    ids=["function", "alias", "configuration"],
)
def test_the_outcome_is_delivered_although_the_function_was_deleted_meanwhile(
    fc_local, qualifier, delete, condition, task_mode
):
    task_id = waiting(fc_local, qualifier, task_mode=task_mode)
    delete(fc_local.client)
    fc_local.run_until_idle()
    assert fc_local.receive("told").condition == condition
    assert fc_local.receive("told") is None
    if task_mode:
        assert fc_local.client.get_async_task("orders", task_id).destination_status == "Succeeded"


def test_a_configuration_without_destinations_replaces_that_of_the_accept(fc_local):
    waiting(fc_local)
    fc_local.client.put_async_invoke_config("orders", max_async_retry_attempts=0)
    fc_local.run_until_idle()
    assert fc_local.receive("told") is None


class TestRoles:
    @pytest.fixture
    def fc_local_settings(self):
        return Settings.of(enforce_roles=True)

    def test_an_event_for_a_deleted_function_is_a_dead_event(self, fc_local):
        waiting(fc_local)
        fc_local.client.delete_function("orders")
        fc_local.run_until_idle()
        url = f"{fc_local.endpoint}{PREFIX}/deliveries/dead"
        (event,) = requests.get(url, timeout=5).json()["deliveries"]
        assert event["error"].startswith("403 AccessDenied: the function's role is unknown")


def test_a_waiting_task_runs_on_the_code_of_its_moment(fc_local):
    fc_local.deploy("orders", lambda *_: "old")
    task_id = accept(fc_local)
    fc_local.deploy("orders", lambda *_: "new")
    fc_local.run_until_idle()
    assert fc_local.client.get_async_task("orders", task_id).return_payload == "new"


def test_a_waiting_task_runs_on_a_function_of_the_same_name_made_anew(fc_local):
    fc_local.deploy("orders", lambda *_: "old")
    task_id = accept(fc_local)
    fc_local.client.delete_function("orders")
    fc_local.deploy("orders", lambda *_: "new")
    fc_local.run_until_idle()
    assert status(fc_local, task_id) == "Succeeded"


@pytest.mark.parametrize("reserved", [0, 1])
def test_reserved_concurrency_holds_back_what_is_over_it(fc_local, tmp_path, reserved):
    code = tmp_path / "code"
    code.mkdir()
    (code / "index.py").write_text("def handler(event, context): return 'done'\n")
    fc_local.deploy("orders", code)
    fc_local.client.put_concurrency_config("orders", reserved_concurrency=reserved)
    task_id = fc_local.client.invoke_async("orders", b"in").task_id
    fc_local.advance(3)
    assert status(fc_local, task_id) == ("Succeeded" if reserved else "Retrying")
    fc_local.client.delete_concurrency_config("orders")
    fc_local.advance(10)
    assert status(fc_local, task_id) == "Succeeded"


@pytest.mark.parametrize("code", ["folder", "handler"])
def test_a_function_that_ran_before_obeys_reserved_concurrency_of_zero(fc_local, tmp_path, code):
    (tmp_path / "index.py").write_text("def handler(event, context): return 'done'\n")
    fc_local.deploy("orders", tmp_path if code == "folder" else lambda *_: "done")
    assert fc_local.client.invoke("orders", b"").payload == b"done"
    fc_local.client.put_concurrency_config("orders", reserved_concurrency=0)
    with pytest.raises(errors.Throttled, match="reserved concurrency is 0") as refused:
        fc_local.client.invoke("orders", b"")
    assert refused.value.message == "function 'orders': its reserved concurrency is 0"
    task_id = fc_local.client.invoke_async("orders", b"").task_id
    fc_local.advance(3)
    assert status(fc_local, task_id) == "Retrying"
    fc_local.client.delete_concurrency_config("orders")
    fc_local.advance(10)
    assert status(fc_local, task_id) == "Succeeded"


class TestQueueLimit:
    @pytest.fixture
    def fc_local_settings(self):
        return Settings.of(queue_limit=2)

    def test_a_full_queue_answers_429_with_retry_after(self, fc_local):
        def flood():
            for _ in range(3000):
                accept(fc_local)

        fc_local.deploy("orders", lambda *_: "done")
        with pytest.raises(errors.Throttled) as caught:
            flood()
        assert caught.value.http_status == 429
        assert caught.value.retry_after
