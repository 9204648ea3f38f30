# SPDX-License-Identifier: MIT
"""``fc-async metrics``: shows the metrics of a function, local or in the account."""

from __future__ import annotations

import time
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Final

import click

from fc_async_plugin.cli import options
from fc_async_plugin.report import Format, terminal
from fc_async_plugin.report.tables import Column
from fc_async_sdk.spec import metrics as spec

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fc_async_plugin.account.connection import Where
    from fc_async_plugin.operate.metrics import Query, Series
    from fc_async_sdk.admin.models import MetricPoint

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
    "--start",
    metavar="TIME",
    default="1h",
    help="Since when: a duration such as 90m or 7d, a time such as 2026-01-31T09:00, or "
    "milliseconds.",
)
@click.option("--end", metavar="TIME", help="Until when.  [default: now]")
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
    start: str,
    end: str | None,
    period: str | None,
    monitor_endpoint: str | None,
    where: Where,
    output: Format,
) -> None:
    """Show the metrics of FUNCTION: accepted, waiting, running, errors, deliveries.

    With the endpoint of a local runtime they come from it, otherwise from the account's
    CloudMonitor, under the same names.

    \b
    Examples:
      fc-async metrics orders --endpoint http://127.0.0.1:9900
      fc-async metrics orders --start 7d
      fc-async metrics orders --metric FunctionAsyncMessagesBacklogV2
    """  # noqa: D301 -- click reads the \b as "keep these lines"
    from fc_async_plugin.account import connection, suggestions
    from fc_async_plugin.operate import metrics

    with connection.named_functions((function,), where) as (account, [(client, [name])]):
        here = monitor_endpoint is None and connection.is_here(account)
        now = metrics.now_of(client) if here else time.time_ns() // 1_000_000
        begin = options.beginning("--start", start, now, end=("--end", end))
        # The period that has just begun is part of what is shown up to now.
        until = max(options.moment(end, now), begin + 1) if end else now + 1
        seconds = _PERIODS[period] if period else metrics.period_for(begin, until)
        wanted = metrics.Query(name, _chosen(names), begin, until, seconds)
        _refuse_many_points(wanted, period)
        cloud = monitor_endpoint or metrics.cloud_endpoint(client.region_name)
        found = metrics.read(client, account, wanted, monitor_endpoint)
        if here and not found:
            with suggestions.for_function(function, (), client):
                client.get_function(name)  # of one that does not exist nothing is counted either
    source = client.endpoint_url if here else cloud
    if output == "json":
        _print_json(source, wanted, found)
    elif not found:
        terminal.note(f"Nothing was counted for {wanted.function} in this time.")
    elif names:
        _print_points(found)
    else:
        _print_overview(wanted, found)


def _chosen(names: tuple[str, ...]) -> tuple[str, ...]:
    """Return the metrics of these names; all without one."""
    try:
        return tuple(spec.named(name) for name in names) or spec.ALL
    except ValueError as error:
        raise click.UsageError(str(error)) from None


def _refuse_many_points(wanted: Query, period: str | None) -> None:
    if wanted.end - wanted.start > wanted.period * 1_000 * spec.POINTS:
        raise click.UsageError(
            f"--start to --end are more than {spec.POINTS} points: use "
            f"{'--period hour or ' if period == 'minute' else ''}a later --start"
        )


def _print_json(source: str, wanted: Query, found: Sequence[Series]) -> None:
    import msgspec

    terminal.print_json(
        {
            "function": wanted.function,
            "source": source,
            "start": wanted.start,
            "end": wanted.end,
            "period": wanted.period,
            "metrics": [
                {**msgspec.to_builtins(one), "unit": spec.METRICS[one.metric].unit} for one in found
            ],
        }
    )


def _print_overview(wanted: Query, found: Sequence[Series]) -> None:
    span = "minute" if wanted.period == _PERIODS["minute"] else "hour"
    columns = [Column("metric"), Column("value", right=True), Column(f"by {span}", least=_WIDTH)]
    rows = [
        [
            one.metric,
            _value(one.value, spec.METRICS[one.metric].unit),
            sparkline(one.points, wanted),
        ]
        for one in found
    ]
    terminal.print_table(columns, rows)


def _print_points(found: Sequence[Series]) -> None:
    by_name = {one.metric: {point.timestamp: point.value for point in one.points} for one in found}
    times = sorted({at for points in by_name.values() for at in points})
    columns = [Column("time"), *(Column(name, right=True) for name in by_name)]
    rows = [[_minute(at), *(_shown(points.get(at)) for points in by_name.values())] for at in times]
    terminal.print_table(columns, rows)


def _minute(milliseconds: int) -> str:
    moment = datetime.fromtimestamp(milliseconds / 1_000, timezone.utc).astimezone()
    return f"{moment:%Y-%m-%d %H:%M}"


def sparkline(points: Sequence[MetricPoint], wanted: Query) -> str:
    """Return the course of a series as bars; each is the largest value of its part of the time."""
    step = max(wanted.period * 1_000, -(-(wanted.end - wanted.start) // _WIDTH))
    count = -(-(wanted.end - wanted.start) // step)
    cells = [0.0] * count
    for point in points:
        place = min(max((point.timestamp - wanted.start) // step, 0), count - 1)
        cells[place] = max(cells[place], point.value)
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
