# SPDX-License-Identifier: MIT
"""ListAsyncTasks over HTTP and a real store: every filter, order and page size."""

from __future__ import annotations

import itertools

import pytest
import requests

from fc_async_local.embedded import LocalRuntime

START = 1_700_000_000_000
FUNCTION = "/2023-03-30/functions/orders"


def fail(event, attempt):
    if event.endswith(b"bad"):
        raise ValueError("no")
    return event


@pytest.fixture(scope="module", params=["memory", "sqlite"])
def runtime(request, tmp_path_factory):
    """Twelve tasks, one a second: even ones of ``prod``, every third one failed."""
    with (
        LocalRuntime(
            data=tmp_path_factory.mktemp("runtime"),
            port=0,
            clock="virtual",
            clock_start=START,
            store=request.param,
            handlers={"orders": fail},
        ) as local,
        requests.Session() as http,
    ):
        body = {"functionName": "orders", "runtime": "custom-container"}
        body["customContainerConfig"] = {"image": "registry/image:1"}
        assert http.post(local.endpoint + "/2023-03-30/functions", json=body).ok
        url = local.endpoint + FUNCTION
        assert http.post(url + "/versions", json={}).ok
        assert http.post(url + "/aliases", json={"aliasName": "prod", "versionId": "1"}).ok
        config = {"asyncTask": True, "maxAsyncRetryAttempts": 0}
        for qualifier in ("LATEST", "prod"):
            http.put(f"{url}/async-invoke-config?qualifier={qualifier}", json=config)
        for number in range(12):
            answer = http.post(
                f"{url}/invocations?qualifier={'prod' if number % 2 == 0 else 'LATEST'}",
                data=f"p{number}{'bad' if number % 3 == 0 else ''}",
                headers={
                    "x-fc-invocation-type": "Async",
                    "x-fc-async-task-id": f"{'ab'[number // 6]}-{number:02}",
                },
            )
            assert answer.status_code == 202, answer.text
            local.advance(1)
        local.run_until_idle()
        yield local


@pytest.fixture
def http():
    with requests.Session() as session:
        yield session


@pytest.fixture
def listed(runtime, http):
    def ask(**query):
        answer = http.get(f"{runtime.endpoint}{FUNCTION}/async-tasks", params=query)
        assert answer.status_code == 200, answer.text
        body = answer.json()
        return [int(t["taskId"][2:]) for t in body["tasks"]], body.get("nextToken", "")

    return ask


@pytest.mark.parametrize(
    ("query", "numbers"),
    [
        ({}, [*range(11, -1, -1)]),
        ({"sortOrderByTime": "desc"}, [*range(11, -1, -1)]),
        ({"sortOrderByTime": "asc"}, [*range(12)]),
        ({"status": "Failed"}, [9, 6, 3, 0]),
        ({"status": "Running"}, []),
        ({"status": "Failed,Succeeded", "sortOrderByTime": "asc"}, [*range(12)]),
        ({"qualifier": "prod"}, [10, 8, 6, 4, 2, 0]),
        ({"qualifier": "prod", "status": "Failed"}, [6, 0]),
        ({"prefix": "b-"}, [11, 10, 9, 8, 7, 6]),
        ({"prefix": "b-1"}, [11, 10]),
        ({"prefix": "%"}, []),
        ({"prefix": "_"}, []),
        ({"startedTimeBegin": START + 10_000}, [11, 10]),
        ({"startedTimeEnd": START + 1_000}, [1, 0]),
        ({"startedTimeBegin": START + 2_000, "startedTimeEnd": START + 3_000}, [3, 2]),
    ],
)
def test_filters_and_orders(listed, query, numbers):
    assert listed(**query) == (numbers, "")


@pytest.mark.parametrize("order", ["asc", "desc"])
@pytest.mark.parametrize("size", [1, 5, 11, 12, 13, 100])
def test_pages_put_together_are_the_whole_list(listed, size, order):
    whole, _ = listed(sortOrderByTime=order)
    found, token = [], None
    for _ in itertools.count():
        page, token = listed(
            limit=size, sortOrderByTime=order, **({"nextToken": token} if token else {})
        )
        assert len(page) <= size
        found += page
        if not token:
            break
    assert found == whole


def test_a_page_has_twenty_and_stays_right_while_tasks_arrive(fc_local):
    fc_local.deploy("orders", lambda event, _: event)
    for number in range(25):
        fc_local.client.invoke_async("orders", b"x", task_id=f"t-{number:02}")
        fc_local.advance(1)
    first = fc_local.client.list_async_tasks("orders")
    fc_local.client.invoke_async("orders", b"x", task_id="t-99")
    second = fc_local.client.list_async_tasks("orders", next_token=first.next_token)
    assert len(first.tasks) == 20
    assert second.next_token is None
    numbers = [int(task.task_id[2:]) for task in (*first.tasks, *second.tasks)]
    assert numbers == [*range(24, -1, -1)]


def test_payloads_come_only_when_asked_for(runtime, http):
    url = f"{runtime.endpoint}{FUNCTION}/async-tasks"
    for written in ("True", "true"):
        query = {"prefix": "a-01", "includePayload": written}
        (task,) = http.get(url, params=query).json()["tasks"]
        assert task["taskPayload"] == "p1"
    (task,) = http.get(url, params={"prefix": "a-01"}).json()["tasks"]
    assert "taskPayload" not in task
    assert "events" not in task
