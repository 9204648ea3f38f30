# SPDX-License-Identifier: MIT
"""The console's lists have invocations without task mode; the FC API answers as the service."""

from __future__ import annotations

import pytest

from fc_async_sdk.errors import AsyncTaskNotFound
from fc_async_tests import runtime_requests as requests


@pytest.fixture
def plain(fc_local) -> str:
    """A function without task mode that has failed once; the id of its invocation."""

    def handler(event, context):
        raise ValueError("no items")

    fc_local.deploy("orders", handler, async_config={"maxAsyncRetryAttempts": 0})
    accepted = fc_local.client.invoke_async("orders", b"{}")
    fc_local.run_until_idle()
    return accepted.request_id


def ask(fc_local, path: str, **query):
    return requests.get(f"{fc_local.endpoint}/_local{path}", params=query, timeout=10).json()


def test_the_fc_api_does_not_know_them(fc_local, plain):
    assert fc_local.client.list_async_tasks("orders").tasks == ()
    with pytest.raises(AsyncTaskNotFound):
        fc_local.client.get_async_task("orders", plain)
    with pytest.raises(AsyncTaskNotFound):
        fc_local.client.stop_async_task("orders", plain)


def test_lists_and_counts_have_them_with_a_mark(fc_local, plain):
    [task] = ask(fc_local, "/tasks")["tasks"]
    assert (task["taskId"], task["status"], task["taskMode"]) == (plain, "Failed", False)
    assert (task["errorType"], task["errorMessage"]) == ("ValueError", "no items")
    assert ask(fc_local, "/tasks/counts")["byStatus"] == {"Failed": 1}


def test_one_has_its_steps_its_payload_and_the_mark(fc_local, plain):
    task = ask(fc_local, f"/tasks/orders/{plain}")
    assert [one["status"] for one in task["events"]] == ["Enqueued", "Running", "Failed"]
    assert task["taskPayload"] == "{}"
    assert task["taskMode"] is False


def test_one_is_replayed_with_the_same_bytes(fc_local, plain):
    body = {"action": "replay", "tasks": [{"function": "orders", "taskId": plain}]}
    url = f"{fc_local.endpoint}/_local/tasks/actions"
    [done] = requests.post(url, json=body, timeout=10).json()["done"]
    fc_local.run_until_idle()
    assert ask(fc_local, f"/tasks/orders/{done['newTaskId']}")["taskPayload"] == "{}"


@pytest.mark.parametrize("task_mode", [True, False])
def test_a_second_replay_is_refused_and_names_the_first(fc_local, task_mode):
    seen = []
    fc_local.deploy(
        "orders", lambda event, _: seen.append(event), async_config={"asyncTask": task_mode}
    )
    task = fc_local.client.invoke_async("orders", b"{}", task_id="order-7")
    body = {"action": "replay", "tasks": [{"function": "orders", "taskId": task.task_id}]}
    answers = []
    for _ in range(2):
        fc_local.run_until_idle()
        url = f"{fc_local.endpoint}/_local/tasks/actions"
        answers.append(requests.post(url, json=body, timeout=10).json())
    fc_local.run_until_idle()
    first, second = answers
    assert first["done"][0]["newTaskId"] == "order-7-replay-1"
    [refused] = second["refused"]
    assert "replayed before as 'order-7-replay-1'" in refused["message"]
    assert len(seen) == 2


def test_pages_have_each_once_in_the_order_of_time(fc_local):
    for name, mode in (("plain", False), ("kept", True)):
        fc_local.deploy(name, lambda *_: b"", async_config={"asyncTask": mode})
    ids = []
    for number in range(15):
        name = ("plain", "kept")[number % 2]
        ids.append(fc_local.client.invoke_async(name, b"{}").request_id)
        fc_local.advance(1)
    listed, token = [], ""
    while token is not None:
        page = ask(fc_local, "/tasks", limit=4, nextToken=token)
        listed += [one["taskId"] for one in page["tasks"]]
        token = page.get("nextToken")
    assert listed == ids[::-1]
