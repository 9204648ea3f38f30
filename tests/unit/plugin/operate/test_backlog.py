# SPDX-License-Identifier: MIT
"""The backlog of a function in an account: read from a server that answers as CloudMonitor and
Function Compute do. Not tried on an account."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

import pytest
from werkzeug import Response

import fc_async_sdk
from fc_async_plugin.account.connection import Account
from fc_async_plugin.operate import backlog
from fc_async_sdk.errors import ServiceError
from fc_async_sdk.spec import metrics as names

if TYPE_CHECKING:
    from collections.abc import Iterator

    from werkzeug import Request

    from fc_async_sdk.spec.backlog import Explanation

MINUTE = 60_000
FUNCTION = "/2023-03-30/functions/reply"


class Cloud:
    """An account with the function ``reply``.

    Attributes:
        points: Points by metric: minutes ago, and the value.
        function: Answer of GetFunction; None: there is no such function.
        reserved: Its reserved concurrency; None: it has none.
        tasks: Its tasks that succeeded.
        refuses: Whether CloudMonitor refuses to answer.
    """

    def __init__(self) -> None:
        self.points: dict[str, list[tuple[int, float]]] = {}
        self.function: dict[str, Any] | None = {"functionName": "reply"}
        self.reserved: int | None = None
        self.tasks: list[dict[str, Any]] = []
        self.refuses = False

    def monitor(self, request: Request) -> Response:
        if self.refuses:
            return _refusal(403, "Forbidden.RAM", "cms:QueryMetricList is not allowed")
        form = parse_qs(request.get_data(as_text=True))
        now = time.time_ns() // 1_000_000
        points = [
            {"timestamp": now - minutes * MINUTE, "Value": value}
            for minutes, value in self.points.get(form["MetricName"][0], [])
        ]
        body = {"Code": "200", "Success": True, "Datapoints": json.dumps(points)}
        return Response(json.dumps(body), content_type="application/json")

    def get_function(self, _: Request) -> Response:
        if self.function is None:
            return _refusal(404, "FunctionNotFound", "function 'reply' does not exist")
        return Response(json.dumps(self.function), content_type="application/json")

    def get_concurrency(self, _: Request) -> Response:
        if self.reserved is None:
            return _refusal(404, "OnDemandConfigNotFound", "none")
        body = {"functionArn": "", "reservedConcurrency": self.reserved}
        return Response(json.dumps(body), content_type="application/json")

    def list_tasks(self, _: Request) -> Response:
        return Response(json.dumps({"tasks": self.tasks}), content_type="application/json")


def _refusal(status: int, code: str, message: str) -> Response:
    body = json.dumps({"Code": code, "Message": message, "RequestId": "R"})
    return Response(body, status, content_type="application/json")


@pytest.fixture
def cloud(httpserver: Any, monkeypatch: pytest.MonkeyPatch) -> Cloud:
    monkeypatch.setenv("ALIBABA_CLOUD_ACCESS_KEY_ID", "madeup")
    monkeypatch.setenv("ALIBABA_CLOUD_ACCESS_KEY_SECRET", "madeup")
    account = Cloud()
    httpserver.expect_request("/", method="POST").respond_with_handler(account.monitor)
    httpserver.expect_request(FUNCTION).respond_with_handler(account.get_function)
    httpserver.expect_request(f"{FUNCTION}/concurrency").respond_with_handler(
        account.get_concurrency
    )
    httpserver.expect_request(f"{FUNCTION}/async-tasks").respond_with_handler(account.list_tasks)
    return account


@pytest.fixture
def explain(httpserver: Any, cloud: Cloud) -> Iterator[Any]:
    url = httpserver.url_for("")
    with fc_async_sdk.client(
        endpoint_url=url, access_key_id="madeup", access_key_secret="madeup"
    ) as client:
        account = Account(endpoint=url)
        yield lambda: backlog.explanation_of("reply", client, account, url)


def busy(cloud: Cloud) -> None:
    cloud.points = {
        names.BACKLOG: [(3, 400), (2, 426)],
        names.IN_PROCESS: [(2, 31)],
        names.ENQUEUED: [(3, 220), (2, 220)],
        names.DEQUEUED: [(3, 210), (2, 210)],
        names.THROTTLES: [(2, 12)],
        names.DURATION_AVERAGE: [(3, 40_000), (2, 48_000)],
        names.DURATION_P90: [(3, 90_000), (2, 94_000)],
    }


def test_cloudmonitor_and_the_api_explain_a_backlog(cloud: Cloud, explain: Any) -> None:
    busy(cloud)
    cloud.reserved = 31
    explanation: Explanation = explain()
    assert (explanation.waiting, explanation.running) == (426, 31)
    assert (explanation.arrivals_per_minute, explanation.ends_per_minute) == (44, 42)
    assert (explanation.mean_ms, explanation.median_ms, explanation.p90_ms) == (
        44_000,
        None,
        94_000,
    )
    assert explanation.instances_needed == 33
    assert explanation.grows
    [held] = explanation.held_by
    assert (held.cause, held.limit) == ("reserved", 31)


def test_tasks_tell_the_median_of_those_that_needed_no_retry(cloud: Cloud, explain: Any) -> None:
    busy(cloud)
    for seconds, retries in ((10, 0), (41, 0), (94, 0), (999, 2)):
        times = {"startedTime": 1_000, "endTime": 1_000 + seconds * 1_000}
        cloud.tasks.append(
            {"taskId": f"t{seconds}", "status": "Succeeded", **times}
            | {"alreadyRetriedTimes": retries}
        )
    assert (explain().median_ms, explain().p90_ms) == (41_000, 94_000)


def test_what_is_not_known_of_an_account_is_named(cloud: Cloud, explain: Any) -> None:
    busy(cloud)
    explanation = explain()
    [held] = explanation.held_by
    assert (held.cause, held.limit) == ("quota", None), "throttled without a reservation"
    assert explanation.capacity_per_minute is None
    assert [text.partition(":")[0] for text in explanation.unknown] == [
        "the account's quota of instances",
        "whether calls are delayed or wait for a Pace",
        "hops",
        "how many of the waiting calls are delayed, paced or wait for a retry",
    ]


def test_a_reserved_concurrency_of_zero_is_named(cloud: Cloud, explain: Any) -> None:
    busy(cloud)
    cloud.reserved = 0
    assert [held.cause for held in explain().held_by] == ["blocked"]


def test_cloudmonitor_that_refuses_is_named_and_the_rest_is_shown(
    cloud: Cloud, explain: Any
) -> None:
    cloud.refuses = True
    explanation = explain()
    assert explanation.waiting is None
    assert any("cms:QueryMetricList is not allowed" in text for text in explanation.unknown)


def test_cloudmonitor_without_points_is_not_taken_for_an_empty_queue(
    cloud: Cloud, explain: Any
) -> None:
    explanation = explain()
    assert (explanation.waiting, explanation.arrivals_per_minute) == (None, None)
    assert any("has no point of" in text for text in explanation.unknown)


def test_a_function_that_does_not_exist_is_an_error(cloud: Cloud, explain: Any) -> None:
    cloud.function = None
    with pytest.raises(ServiceError, match="does not exist"):
        explain()
