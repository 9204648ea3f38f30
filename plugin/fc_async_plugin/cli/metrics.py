# SPDX-License-Identifier: MIT
"""``fc-async metrics``: shows the metrics of a function, local or in the account."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import TYPE_CHECKING, Final, NamedTuple

import click

from fc_async_plugin.cli import options
from fc_async_plugin.report import Format, terminal

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fc_async_plugin.account.connection import Where
    from fc_async_plugin.metrics import Series, Wanted
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
    from fc_async_plugin import metrics
    from fc_async_plugin.account import connection
    from fc_async_sdk import _endpoint

    target = connection.Target(function, where)
    asked = _Asked(target.function, names, start, end, period)
    endpoint, region = target.client.endpoint_url, target.client.region_name
    if monitor_endpoint is None and _endpoint.parse(endpoint).loopback:
        source = endpoint
        with target.client as client:
            wanted = _wanted(asked, metrics.clock_of(client))
            found = metrics.from_runtime(client, wanted)
    else:
        source = monitor_endpoint or metrics.cloud_endpoint(region)
        wanted = _wanted(asked, datetime.now(timezone.utc))
        with target.elsewhere(source) as client:
            found = metrics.from_cloud(client, region, wanted)
    if output == "json":
        _print_json(source, wanted, found)
    elif names:
        _print_points(wanted, found)
    else:
        _print_overview(wanted, found)


class _Asked(NamedTuple):
    """Options as they were typed."""

    function: str
    names: tuple[str, ...]
    start: str
    end: str | None
    period: str | None


def _wanted(asked: _Asked, now: datetime) -> Wanted:
    from fc_async_plugin import metrics
    from fc_async_sdk.spec import metrics as spec

    period = asked.period
    try:
        begin = metrics.time_of(asked.start, now)
        # The period that has just begun is part of what is shown up to now.
        until = metrics.time_of(asked.end, now) if asked.end else metrics.time_of("0s", now) + 1
        chosen = tuple(spec.named(name) for name in asked.names) or spec.ALL
    except ValueError as error:
        raise click.UsageError(str(error)) from None
    if begin >= until:
        raise click.UsageError(f"--start {asked.start} is not before --end {asked.end or 'now'}")
    seconds = _PERIODS[period] if period else metrics.period_for(begin, until)
    if until - begin > seconds * 1_000 * spec.POINTS:
        raise click.UsageError(
            f"--start to --end are more than {spec.POINTS} points: use "
            f"{'--period hour or ' if period == 'minute' else ''}a later --start"
        )
    return metrics.Wanted(asked.function, chosen, begin, until, seconds)


def _print_json(source: str, wanted: Wanted, found: Sequence[Series]) -> None:
    import msgspec

    from fc_async_sdk.spec.metrics import METRICS

    terminal.print_json(
        {
            "function": wanted.function,
            "source": source,
            "start": wanted.start,
            "end": wanted.end,
            "period": wanted.period,
            "metrics": [
                {**msgspec.to_builtins(one), "unit": METRICS[one.metric].unit} for one in found
            ],
        }
    )


def _print_overview(wanted: Wanted, found: Sequence[Series]) -> None:
    from fc_async_plugin.report.tables import Column
    from fc_async_sdk.spec.metrics import METRICS

    if not found:
        terminal.note(f"Nothing was counted for {wanted.function} in this time.")
        return
    span = "minute" if wanted.period == _PERIODS["minute"] else "hour"
    columns = [Column("metric"), Column("value", right=True), Column(f"by {span}", least=_WIDTH)]
    rows = [
        [one.metric, _value(one.value, METRICS[one.metric].unit), sparkline(one.points, wanted)]
        for one in found
    ]
    terminal.print_table(columns, rows)


def _print_points(wanted: Wanted, found: Sequence[Series]) -> None:
    from fc_async_plugin.report.tables import Column

    if not found:
        terminal.note(f"Nothing was counted for {wanted.function} in this time.")
        return
    by_name = {one.metric: {point.timestamp: point.value for point in one.points} for one in found}
    times = sorted({at for points in by_name.values() for at in points})
    columns = [Column("time"), *(Column(name, right=True) for name in by_name)]
    rows = [[_minute(at), *(_shown(points.get(at)) for points in by_name.values())] for at in times]
    terminal.print_table(columns, rows)


def _minute(milliseconds: int) -> str:
    moment = datetime.fromtimestamp(milliseconds / 1_000, timezone.utc).astimezone()
    return f"{moment:%Y-%m-%d %H:%M}"


def sparkline(points: Sequence[MetricPoint], wanted: Wanted) -> str:
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
