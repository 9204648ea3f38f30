# SPDX-License-Identifier: MIT
"""The metrics of the admin API and for Prometheus: names and values as CloudMonitor shows them."""

from __future__ import annotations

import asyncio

import pytest

from fc_async_local.domain.invocation import Count
from fc_async_sdk.spec import metrics

NOW = 1_700_000_000_000
MINUTE = 60_000
THIS_MINUTE = NOW - NOW % MINUTE
PATH = "/_local/metrics"


@pytest.fixture
def count(world):
    """Counts a metric some minutes ago."""

    def counted(metric, value=1, *, minutes=0, function="orders"):
        at = THIS_MINUTE - minutes * MINUTE
        added = Count(metric=metric, function=function, at=at, value=value)
        asyncio.run(world.metrics.add_jobs((), (added,)))

    return counted


@pytest.fixture
def shown(world):
    """The values by metric of what a query finds."""
    return lambda query="": {
        each["metric"]: each["value"] for each in world.call("GET", PATH + query).json["metrics"]
    }


@pytest.fixture
def points(world):
    """Minutes before now and values of a series of minutes."""

    def found(metric, query="?period=60"):
        [series] = [
            each
            for each in world.call("GET", PATH + query).json["metrics"]
            if each["metric"] == metric
        ]
        return [((THIS_MINUTE - p["timestamp"]) // MINUTE, p["value"]) for p in series["points"]]

    return found


def test_a_metric_has_the_clouds_name_unit_and_statistic(world, count):
    count("FunctionDestinationErrors", 2, function='or"ders')
    assert world.call("GET", PATH).json == {
        "start": 0,
        "end": NOW + 1,
        "metrics": [
            {
                "metric": "FunctionDestinationErrors",
                "function": 'or"ders',
                "meaning": "not delivered",
                "unit": "count",
                "statistic": "Sum",
                "value": 2,
            }
        ],
    }


def test_all_nine_asynchronous_metrics_of_cloudmonitor_are_shown(count, shown):
    count(metrics.ENQUEUED, 9)
    count(metrics.DEQUEUED, 2)
    count(metrics.IN_PROCESS, 3)
    count(metrics.LATENCY_AVERAGE, 10)
    count(metrics.LATENCY_AVERAGE, 21)
    count(metrics.EXPIRED)
    count(metrics.DESTINATION_ERRORS)
    count(metrics.DESTINATION_SUCCEEDED)
    assert shown() == {
        "FunctionEnqueueCount": 9,
        "FunctionDequeueCount": 2,
        "FunctionAsyncMessagesBacklogV2": 4,
        "FunctionAsyncMessagesInProcess": 3,
        "FunctionAsyncMessageLatencyAvg": 15.5,
        "FunctionAsyncMessageLatencyMax": 21,
        "FunctionAsyncEventExpiredDropped": 1,
        "FunctionDestinationErrors": 1,
        "FunctionDestinationSucceeded": 1,
    }


def test_a_period_asks_for_a_series_of_the_last_hour(world, count, points):
    for minutes in (0, 3, 59, 60):
        count(metrics.EXPIRED, minutes + 1, minutes=minutes)
    assert points(metrics.EXPIRED) == [(59, 60), (3, 4), (0, 1)]
    answer = world.call("GET", f"{PATH}?period=60").json
    assert (answer["period"], answer["end"] - answer["start"]) == (60, 59 * MINUTE + 1)


def test_a_series_of_hours_shows_the_last_day(count, world):
    count(metrics.EXPIRED, minutes=1)
    count(metrics.EXPIRED, minutes=23 * 60)
    count(metrics.EXPIRED, minutes=25 * 60)
    [series] = world.call("GET", f"{PATH}?period=3600").json["metrics"]
    assert (len(series["points"]), series["value"]) == (2, 2)
    assert all(point["timestamp"] % (60 * MINUTE) == 0 for point in series["points"])


def test_a_level_is_shown_in_each_period_until_it_is_zero_again(count, points):
    count(metrics.ENQUEUED, 2, minutes=90)
    count(metrics.DEQUEUED, 1, minutes=3)
    count(metrics.DEQUEUED, 1, minutes=1)
    start = THIS_MINUTE - 5 * MINUTE
    assert points(metrics.BACKLOG, f"?period=60&start={start}") == [(5, 2), (4, 2), (3, 1), (2, 1)]


def test_start_and_end_choose_what_is_counted(count, shown):
    for minutes in (1, 2, 3):
        count(metrics.EXPIRED, minutes=minutes)
    start, end = THIS_MINUTE - 2 * MINUTE, THIS_MINUTE - MINUTE
    assert shown(f"?start={start}") == {metrics.EXPIRED: 2}
    assert shown(f"?start={start}&end={end}") == {metrics.EXPIRED: 1}


def test_functions_and_metrics_can_be_chosen(world, count, shown):
    for function in ("orders", "mails"):
        count(metrics.ENQUEUED, function=function)
        count(metrics.EXPIRED, function=function)
    answer = world.call("GET", f"{PATH}?function=mails").json["metrics"]
    assert {each["function"] for each in answer} == {"mails"}
    query = f"?function=mails&metric={metrics.EXPIRED}&metric={metrics.BACKLOG}"
    assert shown(query) == {metrics.EXPIRED: 1, metrics.BACKLOG: 1}


def test_the_user_guides_spelling_of_the_success_metric_is_an_alias(count, shown):
    count(metrics.DESTINATION_SUCCEEDED)
    assert shown("?metric=FunctionDestinationSucceed") == {"FunctionDestinationSucceeded": 1}


@pytest.mark.parametrize(
    ("query", "reason"),
    [
        ("metric=nonsense", "there is no metric 'nonsense'; the metrics are FunctionEnqueueCount,"),
        ("period=61", "period must be 60 or 3600 seconds, got 61"),
        ("period=x", "period must be 60 or 3600 seconds, got 'x'"),
        ("start=-1", "start must be an integer, at least 0, got '-1'"),
        ("end=soon", "end must be an integer, at least 0, got 'soon'"),
        ("start=0&period=60", "at most 1440 are shown: use period=3600, a later start"),
        ("start=0&period=3600", "at most 1440 are shown: use a later start or an earlier end"),
    ],
)
def test_a_wrong_query_is_refused_with_what_is_right(world, query, reason):
    answer = world.call("GET", f"{PATH}?{query}")
    assert (answer.status, answer.json["Code"]) == (400, "InvalidArgument")
    assert reason in answer.json["Message"]


def test_prometheus_reads_counters_gauges_and_a_summary(world, count):
    count(metrics.ENQUEUED, 5, function='or"ders')
    count(metrics.IN_PROCESS, 2, function='or"ders')
    count(metrics.LATENCY_AVERAGE, 40, minutes=9)
    count(metrics.LATENCY_AVERAGE, 10, minutes=1)
    answer = world.call("GET", "/metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    assert answer.body.decode().splitlines() == [
        "# TYPE FunctionEnqueueCount counter",
        'FunctionEnqueueCount{function="or\\"ders"} 5',
        "# TYPE FunctionAsyncMessagesBacklogV2 gauge",
        'FunctionAsyncMessagesBacklogV2{function="or\\"ders"} 3',
        "# TYPE FunctionAsyncMessagesInProcess gauge",
        'FunctionAsyncMessagesInProcess{function="or\\"ders"} 2',
        "# TYPE FunctionAsyncMessageLatencyAvg gauge",
        'FunctionAsyncMessageLatencyAvg{function="orders"} 10.0',
        "# TYPE FunctionAsyncMessageLatencyMax gauge",
        'FunctionAsyncMessageLatencyMax{function="orders"} 10',
        "# TYPE fc_async_latency_milliseconds summary",
        'fc_async_latency_milliseconds_sum{function="orders"} 50',
        'fc_async_latency_milliseconds_count{function="orders"} 2',
        "# TYPE fc_async_invocations gauge",
        "# TYPE fc_async_deliveries_pending gauge",
        "fc_async_deliveries_pending 0",
        "# TYPE fc_async_deliveries_dead gauge",
        "fc_async_deliveries_dead 0",
    ]


def test_counters_of_prometheus_do_not_fall_when_old_minutes_are_pruned(world, count):
    count(metrics.EXPIRED, 3, minutes=99)
    count(metrics.EXPIRED, 2)
    before = world.call("GET", "/metrics").body
    asyncio.run(world.metrics.prune_metrics(before=THIS_MINUTE))
    assert world.call("GET", "/metrics").body == before
    assert b'FunctionAsyncEventExpiredDropped{function="orders"} 5' in before
