# SPDX-License-Identifier: MIT
"""A caller that chooses its request id finds its task by it, and cannot take another's id."""

from __future__ import annotations

import requests


def send(fc_local, function, **headers):
    return requests.post(
        f"{fc_local.endpoint}/2023-03-30/functions/{function}/invocations",
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
