# SPDX-License-Identifier: MIT
"""``fc-async metrics``: an overview, points, JSON, and what is refused before anything is asked."""

from __future__ import annotations

import json
import socket
import time
from typing import TYPE_CHECKING, Any

import pytest

from fc_async_plugin.cli.group import run
from fc_async_plugin.cli.metrics import sparkline
from fc_async_plugin.operate.metrics import Query
from fc_async_sdk.admin.models import MetricPoint
from fc_async_sdk.spec import metrics

if TYPE_CHECKING:
    from pathlib import Path

MINUTE = 60_000
NOW = time.time_ns() // 1_000_000


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder without a template."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("FC_ASYNC_ENDPOINT", raising=False)


def counted(*series: tuple[str, float, list[dict[str, int]]]) -> dict[str, Any]:
    """Return the answer of a runtime for metrics with their values and points."""
    found = [
        {
            "metric": name,
            "function": "resize",
            "meaning": "",
            "unit": metrics.METRICS[name].unit,
            "statistic": metrics.METRICS[name].statistic,
            "value": value,
            "points": points,
        }
        for name, value, points in series
    ]
    return {"start": 0, "end": NOW, "period": 60, "metrics": found}


@pytest.fixture(autouse=True)
def _clock(httpserver) -> None:
    """The clock of the runtime."""
    httpserver.expect_request("/_local/clock").respond_with_json({"now": NOW, "virtual": False})


@pytest.fixture
def arguments(httpserver) -> list[str]:
    """The command, for a runtime that has counted two invocations of a function."""
    at = (NOW // MINUTE - 3) * MINUTE
    points = [{"timestamp": at, "value": 1}, {"timestamp": at + MINUTE, "value": 1}]
    httpserver.expect_request("/_local/metrics").respond_with_json(
        counted((metrics.ENQUEUED, 2, points), (metrics.LATENCY_AVERAGE, 12.5, []))
    )
    return ["metrics", "resize", "--endpoint", httpserver.url_for("")]


def test_the_overview_has_a_row_for_each_metric(arguments, capsys) -> None:
    assert run(arguments) == 0
    heading, first, second = capsys.readouterr().out.splitlines()
    assert heading.split() == ["metric", "value", "by", "minute"]
    assert first.split()[:2] == ["FunctionEnqueueCount", "2"]
    assert first.rstrip().endswith("█")
    assert second.split() == ["FunctionAsyncMessageLatencyAvg", "12.5", "ms", "-"]


def test_the_overview_fits_into_eighty_columns(arguments, capsys) -> None:
    run(arguments)
    assert max(len(line) for line in capsys.readouterr().out.splitlines()) <= 80


def test_a_named_metric_is_shown_point_by_point(arguments, capsys) -> None:
    assert run([*arguments, "--metric", metrics.ENQUEUED]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["time", metrics.ENQUEUED]
    assert [line.split()[-1] for line in lines[1:]] == ["1", "1"]


def test_json_has_all_points(arguments, capsys) -> None:
    assert run([*arguments, "--format", "json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert (shown["function"], shown["period"], shown["end"] - shown["start"]) == (
        "resize",
        60,
        60 * MINUTE + 1,
    )
    assert [one["metric"] for one in shown["metrics"]] == [
        metrics.ENQUEUED,
        metrics.LATENCY_AVERAGE,
    ]
    assert len(shown["metrics"][0]["points"]) == 2


def test_a_runtime_with_a_virtual_clock_is_asked_for_the_hour_before_its_own_time(
    httpserver, arguments, capsys
) -> None:
    httpserver.clear()
    httpserver.expect_request("/_local/clock").respond_with_json(
        {"now": 7_200_000, "virtual": True}
    )
    httpserver.expect_request("/_local/metrics").respond_with_json(counted())
    httpserver.expect_request("/2023-03-30/functions/resize").respond_with_json(
        {"functionName": "resize"}
    )
    assert run([*arguments, "--format", "json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert (shown["start"], shown["end"]) == (3_600_000, 7_200_001)


def test_nothing_counted_is_told_on_stderr(httpserver, capsys) -> None:
    httpserver.expect_request("/_local/metrics").respond_with_json(counted())
    httpserver.expect_request("/2023-03-30/functions/resize").respond_with_json(
        {"functionName": "resize"}
    )
    assert run(["metrics", "resize", "--endpoint", httpserver.url_for("")]) == 0
    out, err = capsys.readouterr()
    assert (out, err.splitlines()[1:]) == ("", ["Nothing was counted for resize in this time."])


def test_a_runtime_that_does_not_answer_is_named_with_what_to_do(capsys) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    assert run(["metrics", "resize", "--endpoint", f"http://127.0.0.1:{port}"]) == 1
    assert "start one with: fc-async local start" in capsys.readouterr().err


def test_cloudmonitor_is_read_without_a_local_runtime(httpserver, capsys) -> None:
    at = (NOW // MINUTE - 3) * MINUTE
    datapoints = json.dumps([{"timestamp": at, "Sum": 7}])
    httpserver.expect_request("/", method="POST").respond_with_json(
        {"Code": "200", "Datapoints": datapoints}
    )
    url = httpserver.url_for("")
    arguments = ["metrics", "resize", "--region", "cn-hangzhou", "--monitor-endpoint", url]
    assert run([*arguments, "--metric", metrics.EXPIRED, "--format", "json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert shown["source"] == url
    assert [(one["metric"], one["value"]) for one in shown["metrics"]] == [(metrics.EXPIRED, 7)]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (["--metric", "nonsense"], "there is no metric 'nonsense'"),
        (["--since", "soon"], "'soon' is not a time"),
        (["--since", "1h", "--until", "2h"], "--since 1h is later than --until 2h"),
        (["--since", "2100-01-01"], "--since 2100-01-01 is later than now: use an earlier --since"),
        (["--since", "2d", "--period", "minute"], "more than 1440 points: use --period hour or"),
        (["--since", "90d"], "more than 1440 points: use a later --since"),
    ],
)
def test_a_wrong_option_is_refused_with_what_is_right(
    arguments, given: list[str], message: str, capsys, httpserver
) -> None:
    assert run([*arguments, *given]) == 1
    assert message in capsys.readouterr().err
    assert all(request.path == "/_local/clock" for request, _ in httpserver.log)


def test_a_sparkline_shows_the_largest_value_of_each_part_of_the_time() -> None:
    wanted = Query("f", (), 0, 48 * MINUTE, 60)
    points = [
        MetricPoint(0, 1),
        MetricPoint(MINUTE, 8),
        MetricPoint(2 * MINUTE, 4),
        MetricPoint(47 * MINUTE, 8),
    ]
    assert sparkline(points, wanted) == "█▅" + " " * 21 + "█"


@pytest.mark.parametrize("points", [[], [MetricPoint(0, 0)]])
def test_a_sparkline_of_nothing_is_empty(points: list[MetricPoint]) -> None:
    assert sparkline(points, Query("f", (), 0, MINUTE, 60)) == ""
