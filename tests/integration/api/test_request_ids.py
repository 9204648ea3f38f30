# SPDX-License-Identifier: MIT
"""A caller that chooses its request id finds its task by it, and cannot take another's id."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests

SYNC = {"x-fc-invocation-type": "Sync"}


def send(fc_local, function, payload=b"", **headers):
    return requests.post(
        f"{fc_local.endpoint}/2023-03-30/functions/{function}/invocations",
        data=payload,
        headers={"x-fc-invocation-type": "Async"} | headers,
        timeout=30,
    )


def test_a_task_is_found_by_the_request_id_that_the_caller_chose(fc_local):
    fc_local.deploy("orders", lambda _, context: context.request_id)
    assert send(fc_local, "orders", **{"x-fc-request-id": "order-42"}).status_code == 202
    fc_local.run_until_idle()
    task = fc_local.client.get_async_task("orders", "order-42")
    assert (task.request_id, task.return_payload) == ("order-42", "order-42")


def test_a_request_id_is_taken_once_over_all_functions(fc_local):
    for name in ("orders", "other"):
        fc_local.deploy(name, lambda *_: "done")
    given = {"x-fc-request-id": "order-42"}
    assert send(fc_local, "orders", **given).status_code == 202
    for name, more in (("orders", {}), ("other", {}), ("other", {"x-fc-async-task-id": "t"})):
        again = send(fc_local, name, **given, **more)
        assert (again.status_code, again.json()["Code"]) == (409, "AsyncTaskAlreadyExists")
        assert again.json()["RequestId"] == "order-42"


@pytest.mark.parametrize("header", ["x-fc-request-id", "x-fc-trace-id"])
@pytest.mark.parametrize("kind", ["Sync", "Async"])
def test_a_caller_finds_its_own_id_in_answer_and_function_in_both_kinds_of_calls(
    fc_local, header, kind
):
    seen = []
    fc_local.deploy("orders", lambda _, context: seen.append(context.request_id))
    answer = send(fc_local, "orders", **{header: "order-42", "x-fc-invocation-type": kind})
    fc_local.run_until_idle()
    assert (answer.ok, answer.headers["x-fc-request-id"]) == (True, "order-42")
    assert seen == ["order-42"]


def test_the_request_id_counts_if_a_caller_sends_a_trace_id_too(fc_local):
    fc_local.deploy("orders", lambda _, context: context.request_id)
    ids = {"x-fc-request-id": "order-42", "x-fc-trace-id": "trace-1"}
    assert send(fc_local, "orders", **ids, **SYNC).text == "order-42"


def test_an_id_that_could_not_name_a_task_is_refused_by_the_header_that_has_it(fc_local):
    fc_local.deploy("orders", lambda *_: "done")
    answer = send(fc_local, "orders", **{"x-fc-trace-id": "a b"}, **SYNC)
    assert (answer.status_code, answer.json()["Code"]) == (400, "InvalidArgument")
    assert "x-fc-trace-id must be" in answer.json()["Message"]


def test_a_function_that_passes_its_id_on_reaches_the_next_one(fc_local):
    async def outer(_event, context):
        chosen = {"x-fc-request-id": context.request_id}
        inner = await asyncio.to_thread(send, fc_local, "inner", **chosen, **SYNC)
        return [context.request_id, inner.text]

    fc_local.deploy("outer", outer)
    fc_local.deploy("inner", lambda _, context: context.request_id)
    answer = send(fc_local, "outer", **{"x-fc-request-id": "order-42"}, **SYNC)
    assert answer.json() == ["order-42", "order-42"]


def test_stopping_a_task_leaves_a_call_with_the_same_id_alone(fc_local):
    begun, stopped = threading.Event(), threading.Event()

    def orders(event, _context):
        begun.set()
        assert stopped.wait(timeout=30)
        return event.decode()

    fc_local.deploy("orders", orders)
    assert send(fc_local, "orders", **{"x-fc-request-id": "t", "x-fc-async-delay": "60"}).ok
    with ThreadPoolExecutor() as pool:
        called = pool.submit(send, fc_local, "orders", b"kept", **{"x-fc-trace-id": "t"}, **SYNC)
        assert begun.wait(timeout=30)
        fc_local.client.stop_async_task("orders", "t")
        stopped.set()
        assert called.result().text == "kept"


def test_a_misspelled_delay_does_not_run_the_function_at_once(fc_local):
    seen = []
    fc_local.deploy("orders", lambda *_: seen.append("ran"))
    for name in ("x-fc-async-dely", "x-fc-stateful-async-invocation-id"):
        answer = send(fc_local, "orders", **{name: "60"})
        assert (answer.status_code, answer.json()["Code"]) == (400, "InvalidArgument")
        assert name in answer.json()["Message"]
    fc_local.run_until_idle()
    assert seen == []
