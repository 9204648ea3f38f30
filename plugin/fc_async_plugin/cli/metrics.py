# SPDX-License-Identifier: MIT
"""``fc-async metrics``: shows the metrics of a function, local or in the account."""

from __future__ import annotations

import time
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Final

import click

from fc_async_plugin.cli import _options as options
from fc_async_plugin.report import Format, terminal
from fc_async_plugin.report.tables import Column
from fc_async_sdk.errors import FcAsyncError
from fc_async_sdk.spec import metrics as spec

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fc_async_plugin.account.connection import Where
    from fc_async_plugin.operate.metrics import Query, Series
    from fc_async_sdk.admin.models import MetricPoint
    from fc_async_sdk.spec.backlog import Explanation

_BARS: Final = "▁▂▃▄▅▆▇█"
_WIDTH: Final = 24
_PERIODS: Final = {"minute": 60, "hour": 3_600}


@click.command()
@options.function_argument
@click.option(
    "--metric",
    "names",
    metavar="NAME",
    multiple=True,
    help="Only this metric, point by point; may be given several times.",
)
@click.option(
    "--since",
    metavar="TIME",
    default="1h",
    help="Since when: a duration such as 90m or 7d, a time such as 2026-01-31T09:00, or "
    "milliseconds.",
)
@click.option("--until", metavar="TIME", help="Until when.  [default: now]")
@options.former("--start", "--since")
@options.former("--end", "--until")
@click.option(
    "--period",
    type=click.Choice(list(_PERIODS)),
    help="Length of a point.  [default: minute, hour for more than a day]",
)
@click.option(
    "--monitor-endpoint",
    metavar="URL",
    help="URL of CloudMonitor.  [default: that of the region]",
)
@options.place_options
@options.format_option
def command(
    *,
    function: str,
    names: tuple[str, ...],
    since: str,
    until: str | None,
    period: str | None,
    monitor_endpoint: str | None,
    where: Where,
    output: Format,
) -> None:
    """Show the metrics of FUNCTION: accepted, waiting, running, errors, deliveries.

    With the endpoint of a local runtime they come from it, otherwise from the account's
    CloudMonitor, under the same names. -o json without --metric has what doctor FUNCTION prints,
    as backlog.

    \b
    Examples:
      fc-async metrics orders --endpoint http://127.0.0.1:9900
      fc-async metrics orders --since 7d
      fc-async metrics orders --metric FunctionAsyncMessagesBacklogV2
    """  # noqa: D301 -- click reads the \b as "keep these lines"
    from fc_async_plugin.account import connection, suggestions
    from fc_async_plugin.operate import backlog, metrics

    with connection.named_functions((function,), where) as (account, [(client, [name])]):
        is_local = monitor_endpoint is None and connection.is_here(account)
        now = metrics.now_of(client) if is_local else time.time_ns() // 1_000_000
        begin = options.beginning("--since", since, now, end=("--until", until))
        # The period that has just begun is part of what is shown up to now.
        end = max(options.moment(until, now), begin + 1) if until else now + 1
        seconds = _PERIODS[period] if period else metrics.period_for(begin, end)
        query = metrics.Query(name, _chosen(names), begin, end, seconds)
        _refuse_many_points(query, period)
        # In an account, metrics are those of CloudMonitor in the region of the function.
        cloud = monitor_endpoint or metrics.cloud_endpoint(client.region_name)
        all_series = metrics.read(client, account, query, monitor_endpoint)
        explanation = None
        if output == "json" and not names:
            # Metrics outlive their function, and need fewer permissions than its limits do.
            try:
                explanation = backlog.explanation_of(name, client, account, monitor_endpoint)
            except FcAsyncError as error:
                terminal.note(f"The backlog is not explained: {error}")
        if is_local and not all_series:
            with suggestions.for_function(function, (), client):
                client.get_function(name)  # of one that does not exist nothing is counted either
    source = client.endpoint_url if is_local else cloud
    if output == "json":
        _print_json(source, query, all_series, explanation)
    elif not all_series:
        terminal.note(f"Nothing was counted for {query.function} in this time.")
    elif names:
        _print_points(all_series)
    else:
        _print_overview(query, all_series)


def _chosen(names: tuple[str, ...]) -> tuple[str, ...]:
    """Return the metrics of these names; all without one."""
    try:
        return tuple(spec.named(name) for name in names) or spec.ALL
    except ValueError as error:
        raise click.UsageError(str(error)) from None


def _refuse_many_points(query: Query, period: str | None) -> None:
    if query.end - query.start > query.period * 1_000 * spec.POINTS:
        raise click.UsageError(
            f"--since to --until are more than {spec.POINTS} points: use "
            f"{'--period hour or ' if period == 'minute' else ''}a later --since"
        )


def _print_json(
    source: str,
    query: Query,
    all_series: Sequence[Series],
    explanation: Explanation | None,
) -> None:
    import msgspec

    terminal.print_json(
        {
            "function": query.function,
            "source": source,
            "start": query.start,
            "end": query.end,
            "period": query.period,
            "metrics": [
                {**msgspec.to_builtins(series), "unit": spec.METRICS[series.metric].unit}
                for series in all_series
            ],
            "backlog": msgspec.to_builtins(explanation),
        }
    )


def _print_overview(query: Query, all_series: Sequence[Series]) -> None:
    span = "minute" if query.period == _PERIODS["minute"] else "hour"
    columns = [Column("metric"), Column("value", right=True), Column(f"by {span}", least=_WIDTH)]
    rows = [
        [
            series.metric,
            _value(series.value, spec.METRICS[series.metric].unit),
            sparkline(series.points, query),
        ]
        for series in all_series
    ]
    terminal.print_table(columns, rows)


def _print_points(all_series: Sequence[Series]) -> None:
    by_name = {
        series.metric: {point.timestamp: point.value for point in series.points}
        for series in all_series
    }
    times = sorted({at for points in by_name.values() for at in points})
    columns = [Column("time"), *(Column(name, right=True) for name in by_name)]
    rows = [[_minute(at), *(_shown(points.get(at)) for points in by_name.values())] for at in times]
    terminal.print_table(columns, rows)


def _minute(milliseconds: int) -> str:
    moment = datetime.fromtimestamp(milliseconds / 1_000, timezone.utc).astimezone()
    return f"{moment:%Y-%m-%d %H:%M}"


def sparkline(points: Sequence[MetricPoint], query: Query) -> str:
    """Return the course of a series as bars; each is the largest value of its part of the time."""
    step = max(query.period * 1_000, -(-(query.end - query.start) // _WIDTH))
    count = -(-(query.end - query.start) // step)
    cells = [0.0] * count
    for point in points:
        cell_number = min(max((point.timestamp - query.start) // step, 0), count - 1)
        cells[cell_number] = max(cells[cell_number], point.value)
    largest = max(cells, default=0.0)
    if largest <= 0:
        return ""
    return "".join(
        " " if cell <= 0 else _BARS[round(cell / largest * (len(_BARS) - 1))] for cell in cells
    ).rstrip()


def _value(value: float, unit: str) -> str:
    return f"{_shown(value)} ms" if unit == "ms" else _shown(value) or ""


def _shown(value: float | None) -> str | None:
    return None if value is None else f"{value:.1f}".removesuffix(".0")
