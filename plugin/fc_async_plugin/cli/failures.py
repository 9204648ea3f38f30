# SPDX-License-Identifier: MIT
"""``fc-async failures``: one screen for what failed, where it went, and how to send it again."""

from __future__ import annotations

import os
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any, Final

import click

from fc_async_plugin.cli import options
from fc_async_plugin.report import Format, terminal

if TYPE_CHECKING:
    from fc_async_plugin.account.connection import Account
    from fc_async_plugin.failures import Found, Group
    from fc_async_sdk import Client

_TRACE_LINES: Final = 12


@click.command()
@click.argument("functions", metavar="[FUNCTION]...", nargs=-1)
@click.option(
    "--since",
    metavar="TIME",
    default="1d",
    show_default=True,
    help="Since when: a duration such as 90m or 7d, a time such as 2026-01-31T09:00, or "
    "milliseconds.",
)
@options.template_option
@options.env_option
@options.account_options
@options.format_option
def command(
    *,
    functions: tuple[str, ...],
    since: str,
    template: str | None,
    environment: str | None,
    account: Account,
    output: Format,
) -> None:
    """Show what failed: by function, error and condition, with the newest example of each.

    Without FUNCTION: the functions of the template, or of the region if there is no template. Reads
    tasks, the messages of failure queues without hiding them, dead events of a local runtime, and
    metrics. It says what it could not look at.

    \b
    Examples:
      fc-async failures
      fc-async failures orders --since 3h
      fc-async failures --endpoint http://127.0.0.1:9900
    """  # noqa: D301 -- click reads the \b as "keep these lines"
    from fc_async_plugin import failures
    from fc_async_plugin.account import connection

    where = connection.Where(None, template, environment, account)
    with connection.named_functions(functions, where) as (reached, places):
        now = _now(places[0][0], here=connection.is_here(account))
        begin = _begin(since, now)
        found = failures.merged(
            [
                failures.Reader(client, reached, since=begin, now=now).read(names)
                for client, names in places
            ]
        )
    if (url := account.endpoint) and os.environ.get("FC_ASYNC_ENDPOINT") != url:
        groups = [one._replace(send_again=_at(one.send_again, url)) for one in found.groups]
        found = found._replace(groups=groups)
    if output == "json":
        terminal.print_json(_as_data(begin, found))
    else:
        _show(found, since, now)
    for sentence in found.omitted:
        terminal.note(f"Not looked at: {sentence}")


def _at(command: str, endpoint: str) -> str:
    """Return a command for the endpoint that was given on the command line."""
    return command and f"{command} --endpoint {endpoint}"


def _now(client: Client, *, here: bool) -> int:
    """Return the time of the runtime, which may be virtual, or of this machine."""
    from fc_async_plugin import metrics

    now = metrics.clock_of(client) if here else datetime.now(timezone.utc)
    return round(now.timestamp() * 1_000)


def _begin(since: str, now: int) -> int:
    from fc_async_plugin import metrics

    try:
        return metrics.time_of(since, datetime.fromtimestamp(now / 1_000, timezone.utc))
    except ValueError as error:
        raise click.UsageError(str(error)) from None


def _show(found: Found, since: str, now: int) -> None:
    from fc_async_plugin.report import moments
    from fc_async_plugin.report.tables import Column, cut

    if not found.groups:
        terminal.tell(f"No failure was found since {since}.")
    else:
        columns = [
            Column("function"),
            Column("count", right=True),
            Column("newest", optional=1),
            Column("condition"),
            Column("error", optional=2),
            Column("went to"),
        ]
        rows = (
            [
                one.newest.function,
                one.number,
                moments.short_time(one.newest.at, now),
                one.newest.condition,
                one.newest.error,
                _went(one, found),
            ]
            for one in found.groups
        )
        terminal.print_table(columns, rows)
    width = terminal.width()
    for group in found.groups:
        newest = group.newest
        terminal.tell(f"\n{newest.function}: {newest.condition}", bold=True)
        terminal.tell(f"  newest      {newest.task_id or newest.request_id}")
        for line in group.trace[-_TRACE_LINES:]:
            terminal.tell(f"  {line if width is None else cut(line, width - 2)}")
        if newest.lost:
            terminal.tell(f"  because     {newest.lost}")
        again = group.send_again or "not possible: nothing kept the payload"
        terminal.tell(f"  send again  {again}")
    _show_counts(found)


def _show_counts(found: Found) -> None:
    from fc_async_sdk.spec.metrics import METRICS

    counted = {name: values for name, values in found.counted.items() if values}
    if counted:
        terminal.tell("\nCounted by metrics", bold=True)
    for name, values in counted.items():
        shown = (f"{METRICS[metric].meaning}: {value:g}" for metric, value in values.items())
        terminal.tell(f"  {name}  {', '.join(shown)}")


def _went(group: Group, found: Found) -> str:
    """Return where failures went, in words."""
    from fc_async_plugin.failures import label

    one = group.newest
    if not one.destination:
        return "nowhere"
    name = label(one.destination)
    if one.lost:
        return f"not delivered to {name}"
    depth = found.depths.get(one.destination)
    return name if depth is None else f"{name} ({depth} waiting)"


def _as_data(begin: int, found: Found) -> dict[str, Any]:
    return {
        "since": begin,
        "failures": [
            {
                "function": one.newest.function,
                "condition": one.newest.condition,
                "error": one.newest.error or None,
                "count": one.number,
                "newest": {
                    "requestId": one.newest.request_id,
                    "taskId": one.newest.task_id or None,
                    "time": one.newest.at,
                    "trace": list(one.trace),
                },
                "destination": one.newest.destination or None,
                "notDelivered": one.newest.lost or None,
                "waiting": found.depths.get(one.newest.destination),
                "sendAgain": one.send_again or None,
            }
            for one in found.groups
        ],
        "counted": [
            {"function": name, "metric": metric, "value": value}
            for name, values in found.counted.items()
            for metric, value in values.items()
        ],
        "omitted": list(found.omitted),
    }
