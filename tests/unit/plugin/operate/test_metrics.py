# SPDX-License-Identifier: MIT
"""The metrics of a function, read from a local runtime and from a server that answers as
CloudMonitor does."""

from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING
from urllib.parse import parse_qs

import pytest
from werkzeug import Request, Response

import fc_async_sdk
from fc_async_plugin import PluginError
from fc_async_plugin.operate import metrics
from fc_async_sdk import _signing
from fc_async_sdk.admin.models import MetricPoint
from fc_async_sdk.errors import ServiceError
from fc_async_sdk.spec import metrics as spec

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

MINUTE = 60_000
START = 1_795_600_800_000
WANTED = metrics.Query("resize", (spec.ENQUEUED,), START, START + 5 * MINUTE, 60)
NOW = datetime(2026, 11, 25, 10, 0, tzinfo=timezone.utc)


def points(*values: tuple[int, str, float]) -> str:
    """Datapoints as CloudMonitor answers them: JSON in a text."""
    return json.dumps(
        [
            {
                "timestamp": START + minute * MINUTE,
                "userId": "1234567890123456",
                "region": "cn-hangzhou",
                "functionName": "resize",
                statistic: value,
            }
            for minute, statistic, value in values
        ]
    )


class CloudMonitor:
    """Answers DescribeMetricList; keeps the forms that it was asked with.

    Attributes:
        pages: Datapoints by metric, page by page.
        forms: What was asked, one after the other.
    """

    def __init__(self) -> None:
        self.pages: dict[str, list[str]] = {}
        self.forms: list[dict[str, str]] = []

    def answer(self, request: Request) -> Response:
        _signing.verify(
            method=request.method,
            target=request.full_path.rstrip("?"),
            headers=request.headers.items(),
            body=request.get_data(),
            secret_of=lambda _: "madeup",
            now=datetime.now(timezone.utc).timestamp(),
        )
        assert request.headers["x-acs-action"] == "DescribeMetricList"
        assert request.headers["x-acs-version"] == "2019-01-01"
        form = {name: value[0] for name, value in parse_qs(request.get_data(as_text=True)).items()}
        self.forms.append(form)
        pages = self.pages.get(form["MetricName"], ["[]"])
        page = int(form.get("NextToken", "0"))
        body = {
            "RequestId": "R",
            "Code": "200",
            "Success": True,
            "Period": form["Period"],
            "Datapoints": pages[page],
        }
        if page + 1 < len(pages):
            body["NextToken"] = str(page + 1)
        return Response(json.dumps(body), content_type="application/json")


@pytest.fixture
def cloud(httpserver) -> CloudMonitor:
    monitor = CloudMonitor()
    httpserver.expect_request("/", method="POST").respond_with_handler(monitor.answer)
    return monitor


@pytest.fixture
def client(httpserver) -> Iterator[fc_async_sdk.Client]:
    with fc_async_sdk.client(
        endpoint_url=httpserver.url_for(""), access_key_id="madeup", access_key_secret="madeup"
    ) as one:
        yield one


@pytest.fixture
def read(client: fc_async_sdk.Client) -> Callable[[str], list[metrics.Series]]:
    """Reads one metric from CloudMonitor."""
    return lambda name: metrics.from_cloud(client, "cn-hangzhou", WANTED._replace(names=(name,)))


def test_cloudmonitor_is_asked_for_the_function_by_its_dimensions(cloud, read) -> None:
    read(spec.ENQUEUED)
    assert cloud.forms == [
        {
            "Namespace": "acs_fc",
            "MetricName": "FunctionEnqueueCount",
            "Period": "60",
            "StartTime": str(START - 1),
            "EndTime": str(START + 5 * MINUTE),
            "Dimensions": '[{"region":"cn-hangzhou","serviceName":"","functionName":"resize"}]',
            "Length": "1440",
        }
    ]


@pytest.mark.parametrize(
    ("name", "statistic", "value"),
    [
        (spec.ENQUEUED, "Sum", 8),
        (spec.LATENCY_AVERAGE, "Average", 4),
        (spec.LATENCY_MAXIMUM, "Maximum", 6),
        (spec.BACKLOG, "Value", 2),
        (spec.BACKLOG, "Sum", 2),
        (spec.ENQUEUED, "Value", 8),
    ],
)
def test_points_become_a_series_with_its_value_over_the_time(
    cloud, read, name: str, statistic: str, value: float
) -> None:
    cloud.pages[name] = [points((0, statistic, 6), (3, statistic, 2))]
    assert read(name) == [
        metrics.Series(
            name,
            value,
            (MetricPoint(START, 6), MetricPoint(START + 3 * MINUTE, 2)),
        )
    ]


def test_all_pages_are_read(cloud, read) -> None:
    cloud.pages[spec.ENQUEUED] = [points((minute, "Sum", 1)) for minute in range(3)]
    [series] = read(spec.ENQUEUED)
    assert (len(series.points), series.value) == (3, 3)


def test_points_outside_of_the_time_are_left_out(cloud, read) -> None:
    cloud.pages[spec.ENQUEUED] = [points((-1, "Sum", 1), (0, "Sum", 2), (5, "Sum", 4))]
    [series] = read(spec.ENQUEUED)
    assert series.value == 2


def test_the_success_metric_is_found_under_either_spelling(cloud, read) -> None:
    cloud.pages["FunctionDestinationSucceed"] = [points((0, "Sum", 3))]
    [series] = read(spec.DESTINATION_SUCCEEDED)
    assert (series.metric, series.value) == ("FunctionDestinationSucceeded", 3)


def test_a_metric_without_points_is_left_out(cloud, read) -> None:
    assert read(spec.EXPIRED) == []


@pytest.mark.parametrize("datapoints", ["nonsense", "{}", '[{"timestamp": 1}]', '[{"Sum": 1}]'])
def test_points_that_are_none_are_an_error_that_names_the_metric(
    cloud, read, datapoints: str
) -> None:
    cloud.pages[spec.ENQUEUED] = [datapoints]
    with pytest.raises(PluginError, match="CloudMonitor: FunctionEnqueueCount: the points cannot"):
        read(spec.ENQUEUED)


def test_a_refusal_of_cloudmonitor_is_an_error_with_its_code(httpserver, read) -> None:
    body = {"Code": "Forbidden", "Message": "no permission", "RequestId": "R"}
    httpserver.expect_request("/").respond_with_json(body, status=403)
    with pytest.raises(ServiceError, match="no permission"):
        read(spec.ENQUEUED)


def test_an_answer_without_success_is_an_error(httpserver, read) -> None:
    body = {"Code": 404, "Message": "the metric does not exist", "Success": False}
    httpserver.expect_request("/").respond_with_json(body)
    with pytest.raises(PluginError, match="404: the metric does not exist"):
        read(spec.ENQUEUED)


def test_a_list_of_pages_without_end_is_an_error(httpserver, read) -> None:
    body = {"Code": "200", "Datapoints": "[]", "NextToken": "again"}
    httpserver.expect_request("/").respond_with_json(body)
    with pytest.raises(PluginError, match="more than 100 pages"):
        read(spec.ENQUEUED)


def test_a_local_runtime_is_asked_for_the_same_series(httpserver, client) -> None:
    series = {
        "metric": spec.ENQUEUED,
        "function": "resize",
        "meaning": "",
        "unit": "count",
        "statistic": "Sum",
        "value": 3,
        "points": [{"timestamp": START, "value": 3}],
    }
    httpserver.expect_oneshot_request(
        "/_local/metrics",
        query_string={
            "function": "resize",
            "metric": spec.ENQUEUED,
            "start": str(START),
            "end": str(START + 5 * MINUTE),
            "period": "60",
        },
    ).respond_with_json({"start": START, "end": START, "period": 60, "metrics": [series]})
    assert metrics.from_runtime(client, WANTED) == [
        metrics.Series(spec.ENQUEUED, 3, (MetricPoint(START, 3),))
    ]


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("90m", NOW - timedelta(minutes=90)),
        ("7d", NOW - timedelta(days=7)),
        ("2026-11-25T09:00:00+08:00", NOW - timedelta(hours=9)),
        ("1700000000000", datetime.fromtimestamp(1_700_000_000, timezone.utc)),
    ],
)
def test_a_time_is_a_duration_back_an_iso_time_or_milliseconds(text: str, moment: datetime) -> None:
    assert metrics.time_of(text, round(NOW.timestamp() * 1_000)) == round(
        moment.timestamp() * 1_000
    )


@pytest.mark.parametrize("text", ["", "soon", "5w", "999999999d", "2026-13-01", "1" * 20])
def test_another_text_is_not_a_time(text: str) -> None:
    with pytest.raises(ValueError, match="is not a time: use 90m, 7d"):
        metrics.time_of(text, round(NOW.timestamp() * 1_000))


def test_the_period_is_a_minute_up_to_a_day() -> None:
    day = 24 * 60 * MINUTE
    assert metrics.period_for(0, day - 1) == 60
    assert metrics.period_for(0, day) == 3_600
