# SPDX-License-Identifier: MIT
"""Two runtimes on one PostgreSQL: code, configuration and tasks are those of both."""

from __future__ import annotations

import base64
import time

import pytest
import requests

from fc_async_local.embedded import LocalRuntime
from fc_async_tests.code import archive

FUNCTIONS = "/2023-03-30/functions"
CODE = "import os\ndef handler(event, context):\n    return os.environ['FC_ASYNC_ENDPOINT']\n"


@pytest.fixture(scope="module")
def nodes(empty_postgres, tmp_path_factory):
    url = empty_postgres()
    with (
        LocalRuntime(data=tmp_path_factory.mktemp("a"), port=0, store=url) as a,
        LocalRuntime(data=tmp_path_factory.mktemp("b"), port=0, store=url) as b,
        requests.Session() as http,
    ):
        body = {
            "functionName": "orders",
            "runtime": "python3.10",
            "handler": "index.handler",
            "code": {"zipFile": base64.b64encode(archive(CODE)).decode()},
        }
        # B has read what there is (nothing) before A writes.
        assert http.get(b.endpoint + FUNCTIONS).json() == {"functions": []}
        assert http.post(a.endpoint + FUNCTIONS, json=body).ok
        yield a.endpoint + FUNCTIONS, b.endpoint + FUNCTIONS, http


def test_a_function_made_on_one_node_runs_on_the_other(nodes):
    a, b, http = nodes
    answer = http.post(f"{b}/orders/invocations")
    assert (answer.status_code, answer.text) == (200, b.removesuffix(FUNCTIONS))
    assert http.get(f"{a}/orders").json() == http.get(f"{b}/orders").json()


def test_a_change_on_one_node_is_seen_by_the_other_at_once(nodes):
    a, b, http = nodes
    for retries in (1, 2, 3):
        url = f"{a}/orders/async-invoke-config"
        assert http.put(url, json={"maxAsyncRetryAttempts": retries}).ok
        seen = http.get(f"{b}/orders/async-invoke-config").json()
        assert seen["maxAsyncRetryAttempts"] == retries


def test_two_nodes_do_not_create_the_same_function(nodes):
    a, b, http = nodes
    body = {"functionName": "image", "runtime": "custom-container"}
    body["customContainerConfig"] = {"image": "registry/image:1"}
    assert http.post(a, json=body).status_code == 200
    assert http.post(b, json=body).json()["Code"] == "FunctionAlreadyExists"


@pytest.mark.real_time
def test_a_task_accepted_by_one_node_is_known_to_the_other(nodes):
    a, b, http = nodes
    http.put(f"{a}/orders/async-invoke-config", json={"asyncTask": True})
    headers = {"x-fc-invocation-type": "Async", "x-fc-async-task-id": "t-1"}
    assert http.post(f"{a}/orders/invocations", headers=headers).status_code == 202
    assert http.post(f"{b}/orders/invocations", headers=headers).status_code == 409
    deadline = time.monotonic() + 60
    while http.get(f"{b}/orders/async-tasks/t-1").json()["status"] != "Succeeded":
        assert time.monotonic() < deadline
        time.sleep(0.02)
    headers = {
        "x-fc-invocation-type": "Async",
        "x-fc-async-task-id": "t-2",
        "x-fc-async-delay": "3000",
    }
    assert http.post(f"{a}/orders/invocations", headers=headers).status_code == 202
    assert http.put(f"{b}/orders/async-tasks/t-2/stop").status_code == 204
    assert http.get(f"{a}/orders/async-tasks/t-2").json()["status"] == "Stopped"
