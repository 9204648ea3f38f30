# SPDX-License-Identifier: MIT
"""Reads the metrics of one function, from the local runtime or from the account's CloudMonitor.

Both show the same names, periods and points, so that what a test checks locally can be looked at
in the account.
"""

from __future__ import annotations

import json
import re
import time
from contextlib import suppress
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final, NamedTuple
from urllib.parse import urlencode

import msgspec

from fc_async_plugin import PluginError
from fc_async_plugin.account import connection
from fc_async_plugin.account.runtime import ask
from fc_async_plugin.check.conditions import History
from fc_async_sdk import _endpoint
from fc_async_sdk.admin import operations as admin
from fc_async_sdk.admin.models import MetricPoint
from fc_async_sdk.operations.call import Call, read_json
from fc_async_sdk.spec import metrics

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from fc_async_plugin.account.connection import Account
    from fc_async_sdk import Client

VERSION: Final = "2019-01-01"
"""Version of CloudMonitor's API. Source: docs/reference/sources.md, "CloudMonitor"."""

_FORM: Final = "application/x-www-form-urlencoded"
_TIMEOUT: Final = 10
_MOST_PAGES: Final = 100
_STATISTICS: Final = ("Value", "Sum", "Average", "Maximum")
_AGO: Final = re.compile(r"([0-9]{1,9})(s|m|h|d)")
_UNITS: Final = {"s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}
_rows: Final = msgspec.json.Decoder(list[dict[str, Any]]).decode
_OTHER_SPELLINGS: Final = {name: alias for alias, name in metrics.ALIASES.items()}


class Query(NamedTuple):
    """Selection of metrics.

    Attributes:
        function: Function name.
        names: Metrics, in the order in which they are shown.
        start: Milliseconds since the epoch; the period that it lies in is the first.
        end: Milliseconds since the epoch; periods that begin later are left out.
        period: Length of a period in seconds.
    """

    function: str
    names: tuple[str, ...]
    start: int
    end: int
    period: int


class Series(msgspec.Struct, frozen=True):
    """One metric over the time that was asked for.

    Attributes:
        metric: CloudMonitor's name.
        value: The sum, average or maximum of all periods; of a level, the last one.
        points: Oldest first. A period without a point had the value 0, or nothing to measure.
    """

    metric: str
    value: int | float
    points: tuple[MetricPoint, ...] = ()


class _Page(msgspec.Struct, frozen=True, rename="pascal"):
    """An answer of DescribeMetricList."""

    code: str | int = ""
    message: str = ""
    datapoints: str = "[]"
    next_token: str = ""


def time_of(text: str, now: int) -> int:
    """Return milliseconds since the epoch.

    Args:
        text: A duration back from now (``90m``, ``7d``), a time in ISO 8601 (without an offset in
            this machine's time zone), or milliseconds since the epoch.
        now: The present, milliseconds since the epoch.

    Raises:
        ValueError: It is none of them.
    """
    ago = _AGO.fullmatch(text)
    if ago is not None:
        moment = now - int(ago[1]) * _UNITS[ago[2]]
        if moment >= 0:
            return moment
    if text.isascii() and text.isdigit() and len(text) < 16:  # noqa: PLR2004 -- fits a datetime
        return int(text)
    if "-" in text:
        with suppress(ValueError, OverflowError, OSError):
            return round(datetime.fromisoformat(text).timestamp() * 1_000)
    raise ValueError(f"{text!r} is not a time: use 90m, 7d, 2026-01-31T09:00 or milliseconds")


def period_for(start: int, end: int) -> int:
    """Return the shortest period that shows all of a time in one answer, in seconds."""
    # An answer of CloudMonitor has a limited number of points; more of them take further requests.
    for period in metrics.PERIODS:
        if end - start < period * 1_000 * metrics.POINTS:
            return period
    return metrics.PERIODS[-1]


def now_of(client: Client) -> int:
    """Return the present of the local runtime, whose clock may be virtual, or of this machine.

    Returns:
        Milliseconds since the epoch.

    Raises:
        PluginError: The endpoint is on this machine, and no runtime answers.
        FcAsyncError: The runtime refuses.
    """
    local = _endpoint.parse(client.endpoint_url).loopback
    return ask(client, admin.get_clock()).now if local else time.time_ns() // 1_000_000


def history(client: Client, account: Account, function: str, begin: int, span: str) -> History:
    """Read how often a function ran and failed since a time.

    Args:
        client: A client of the function's region.
        account: The options, with the access alias of the template.
        function: Function name.
        begin: Milliseconds since the epoch.
        span: The time back to it, in words.

    Raises:
        FcAsyncError: The metrics cannot be read.
    """
    names = (metrics.INVOCATIONS, metrics.FUNCTION_ERRORS)
    query = Query(function, names, begin, now_of(client), metrics.PERIODS[-1])
    by_metric = {series.metric: series for series in read(client, account, query)}
    executions = by_metric.get(metrics.INVOCATIONS, Series(metrics.INVOCATIONS, 0))
    errors = by_metric.get(metrics.FUNCTION_ERRORS, Series(metrics.FUNCTION_ERRORS, 0))
    busiest = max((point.value for point in executions.points), default=0)
    return History(executions.value, errors.value, busiest, span)


def from_runtime(client: Client, query: Query) -> list[Series]:
    """Read what the local runtime has counted.

    Raises:
        FcAsyncError: The runtime refuses, or does not answer.
    """
    call = admin.get_metrics(
        query.function,
        names=query.names,
        start=query.start,
        end=query.end,
        period=query.period,
    )
    by_metric = {series.metric: series for series in ask(client, call).metrics}
    counted = [by_metric[name] for name in query.names if name in by_metric]
    return [Series(metric.metric, metric.value, metric.points or ()) for metric in counted]


def read(
    client: Client, account: Account, query: Query, monitor: str | None = None
) -> list[Series]:
    """Read metrics from the runtime that the endpoint names, or from the account's CloudMonitor.

    Args:
        client: A client of the function's region.
        account: The options, with the access alias of the template.
        query: What is asked for.
        monitor: URL of CloudMonitor, from which they are read then; None: that of the region.

    Raises:
        FcAsyncError: They cannot be read.
    """
    # A CloudMonitor that is named is asked even if functions are looked for on this machine.
    if monitor is None and connection.is_here(account):
        return from_runtime(client, query)
    region = client.region_name
    account = account._replace(endpoint=monitor or cloud_endpoint(region))
    with connection.client(account, region) as opened:
        return from_cloud(opened, region, query)


def cloud_endpoint(region: str) -> str:
    """Return the URL of CloudMonitor in a region."""
    return f"https://metrics.{region}.aliyuncs.com"


def from_cloud(client: Client, region: str, query: Query) -> list[Series]:
    """Read what CloudMonitor has recorded; metrics without any point are left out.

    Args:
        client: Sends to the endpoint of CloudMonitor.
        region: Region of the function.
        query: What is asked for.

    Raises:
        FcAsyncError: CloudMonitor refuses, or does not answer.
    """
    series = []
    for name in query.names:
        points = tuple(_points(client, region, query, name))
        # The user guide spells a metric in another way than the appendix: either may be recorded.
        if not points and name in _OTHER_SPELLINGS:
            points = tuple(_points(client, region, query, _OTHER_SPELLINGS[name]))
        if points:
            values = [point.value for point in points]
            series.append(Series(name, whole(metrics.statistic_of(name), values), points))
    return series


def _points(client: Client, region: str, query: Query, name: str) -> Iterator[MetricPoint]:
    token = ""
    for _ in range(_MOST_PAGES):
        page: _Page = client.send(_describe(region, query, name, token), total_timeout=_TIMEOUT)
        # An error may come with status 200 and its code in the body.
        if str(page.code or "200") != "200":
            raise PluginError(f"CloudMonitor: {name}: {page.code}: {page.message}")
        for point in _read(page.datapoints, name):
            if query.start - query.period * 1_000 < point.timestamp < query.end:
                yield point
        token = page.next_token
        if not token:
            return
    # A sum of a part would look like the whole.
    raise PluginError(f"CloudMonitor: {name}: more than {_MOST_PAGES} pages; ask for less time")


def _describe(region: str, query: Query, name: str, token: str) -> Call[_Page]:
    dimensions = metrics.dimensions(region, query.function)
    form = {
        "Namespace": metrics.NAMESPACE,
        "MetricName": name,
        "Period": str(query.period),
        # The start is not part of what is asked for, the end is.
        "StartTime": str(query.start - 1),
        "EndTime": str(query.end),
        "Dimensions": json.dumps(dimensions, separators=(",", ":")),
        "Length": str(metrics.POINTS),
        **({"NextToken": token} if token else {}),
    }
    return Call(
        operation="DescribeMetricList",
        method="POST",
        path="/",
        headers={"content-type": _FORM, "x-acs-version": VERSION},
        body=urlencode(form).encode(),
        read=read_json(_Page, "DescribeMetricList"),
    )


def _read(datapoints: str, name: str) -> list[MetricPoint]:
    """Read the points, which are JSON in a text; the key of the value depends on the metric."""
    statistics = (metrics.statistic_of(name), *_STATISTICS)
    try:
        points = []
        for row in _rows(datapoints or "[]"):
            value = next(row[key] for key in statistics if key in row)
            points.append(MetricPoint(int(row["timestamp"]), value + 0))  # + 0: refuses a text
    except (msgspec.DecodeError, KeyError, TypeError, ValueError, StopIteration) as error:
        raise PluginError(f"CloudMonitor: {name}: the points cannot be read: {error!r}") from error
    return points


def whole(statistic: metrics.Statistic, values: Sequence[float]) -> float:
    """Return the value of all periods together, of which there is at least one."""
    return {
        "Sum": sum(values),
        "Average": round(sum(values) / len(values), 1),
        "Maximum": max(values),
        "Value": values[-1],
    }[statistic]
