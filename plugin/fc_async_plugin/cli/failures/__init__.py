# SPDX-License-Identifier: MIT
"""``fc-async failures``: one screen for what failed, where it went, and how to send it again."""

from __future__ import annotations

import functools
import shlex
from itertools import groupby
from typing import TYPE_CHECKING, Final

import click

from fc_async_plugin.cli import _options as options
from fc_async_plugin.cli.failures import export
from fc_async_plugin.report import Format, tables, terminal
from fc_async_plugin.report.moments import plural

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from fc_async_plugin.account.connection import Account, Where
    from fc_async_plugin.operate.failures import Counted, FailureGroup, Report

_TRACE_LINES: Final = 12
_WIDEST: Final = 10_000


@click.command(cls=options.CommandWithParts, parts={"export": export.command})
@click.argument("functions", metavar="[FUNCTION]...", nargs=-1, callback=options.refuse_empty_names)
@click.option(
    "--since",
    metavar="TIME",
    default="1d",
    help="Since when: a duration such as 90m or 7d, a time such as 2026-01-31T09:00, or "
    "milliseconds.",
)
@options.place_options
@options.format_option
def command(
    *,
    functions: tuple[str, ...],
    since: str,
    where: Where,
    output: Format,
) -> None:
    """Show what failed: by function, error and condition, with the newest example of each.

    Without FUNCTION: the functions of the template, or of the region if there is no template. Reads
    tasks, the messages of failure queues without hiding them, dead events of a local runtime, and
    metrics. It says what it could not look at.

    The report is kept in this folder: the command in it sends a group again. A later report does
    not change what that command sends. The payloads stay where they are: fc-async failures
    export FILE keeps them for longer.

    \b
    Examples:
      fc-async failures
      fc-async failures orders --since 3h
      fc-async failures --endpoint http://127.0.0.1:9900
    """  # noqa: D301 -- click reads the \b as "keep these lines"
    import msgspec

    from fc_async_plugin.operate import failures

    begins = functools.partial(options.beginning, "--since", since)
    report, now = failures.report_of(functions, where, begins)
    if output == "json":
        terminal.print_json(msgspec.to_builtins(report))
    else:
        if not report.failures:
            # Without keys or permissions little was looked at: the sentence claims no more.
            seen = " in what was looked at" if report.omitted else ""
            others = "other " if report.cured else ""
            terminal.print_text(f"No {others}failure was found since {since}{seen}.")
        else:
            _show(report.failures, now, _how_to_send(report, where.account))
        if report.cured:
            cured = plural(report.cured, "failure")
            terminal.print_text(f"\nCured: {cured}, sent again and succeeded.")
        _show_counts(report.counted)
    for sentence in report.paused:
        terminal.note(sentence)
    for sentence in report.omitted:
        terminal.note(f"Not looked at: {sentence}")


def _how_to_send(report: Report, account: Account) -> str:
    """Keep a report; return the command that sends a group of it, but for the number."""
    from fc_async_plugin.operate.redrives import reports
    from fc_async_sdk._project_folder import ForeignFolder

    words = ["fc-async", "replay", *_to_the_same_place(account)]
    try:
        reports.keep(report)
    except (ForeignFolder, OSError) as error:
        terminal.note(f"This report was not kept: {error}\nSave it with -o json > FILE.")
        words.append("FILE")
    else:
        words += ["--report", report.report]
    return shlex.join([*words, "--group"])


def _to_the_same_place(account: Account) -> Iterator[str]:
    """Yield the options with which a command goes where these failures were read."""
    from fc_async_plugin.account.target import DecidedBy

    if account.by is DecidedBy.OPTION and account.endpoint:
        yield from ("--endpoint", account.endpoint)
    elif account.by is not DecidedBy.ACCOUNT:
        return  # the variable or the folder decides again
    if account.access:
        yield from ("-a", account.access)
    if account.region:
        yield from ("--region", account.region)
    if account.account_id:
        yield from ("--account-id", account.account_id)


def _show(groups: Sequence[FailureGroup], now: int, command: str) -> None:
    """Print the failures.

    Args:
        groups: Groups of failures that are alike.
        now: Milliseconds since the epoch.
        command: The command that sends a group again, without the number of the group.
    """
    from fc_async_plugin.operate.failures import NOT_DELIVERED
    from fc_async_plugin.report import moments
    from fc_async_plugin.report.tables import Column, cut

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
            group.function,
            group.count,
            moments.short_time(group.newest.time, now),
            group.condition,
            group.error,
            _went(group),
        ]
        for group in groups
    )
    terminal.print_table(columns, rows)
    width = terminal.width() or _WIDEST
    for group in groups:
        terminal.print_text(f"\n{group.function}: {group.condition}", bold=True)
        terminal.print_text(f"  newest      {group.newest.task_id or group.newest.request_id}")
        for line in group.newest.trace[-_TRACE_LINES:]:
            terminal.print_text(f"  {cut(line, width - 2)}")
        if group.not_delivered:
            terminal.print_text(f"  because     {group.not_delivered}")
        if group.retention is not None:
            days = moments.duration(group.retention * 1_000)
            until = moments.short_time(group.kept_until, now)
            terminal.print_text(f"  kept        for {days} in the queue, the oldest until {until}")
        if group.sent_again is not None:
            sent_again = moments.sent_again(group.sent_again.time, group.sent_again.status, now)
            terminal.print_text(f"  sent again  {sent_again}")
        again = "not possible: nothing kept the payload"
        if group.source is not None:
            again = f"{command} {group.group}"
        elif group.condition == NOT_DELIVERED:
            again = "deliver the event again, in the console"
        # `events replay` would find nothing, and a replay of the tasks would run them once more.
        elif group.waiting == 0:
            again = "no message waits in the queue: it was sent again, received, or is yet to come"
        for line in _wrapped(again, width - 14):
            terminal.print_text(line)


def _wrapped(command: str, width: int) -> list[str]:
    """Return a command on lines that a shell joins again, if it does not fit."""
    parts = [command]
    if "'" not in command:  # a line end within quotes would be part of the text
        parts = tables.wrapped(command, width - 2, "    ")
    first, *continued = [f"{part} \\" for part in parts[:-1]] + parts[-1:]
    return [f"  send again  {first}", *(f"{'':14}{line}" for line in continued)]


def _show_counts(counted: Sequence[Counted]) -> None:
    from fc_async_sdk.spec.metrics import METRICS

    if counted:
        terminal.print_text("\nCounted by metrics", bold=True)
    for function, counts in groupby(counted, key=lambda count: count.function):
        shown = (f"{METRICS[count.metric].meaning}: {count.value:g}" for count in counts)
        terminal.print_text(f"  {function}  {', '.join(shown)}")


def _went(group: FailureGroup) -> str:
    """Return where failures went, in words."""
    from fc_async_sdk.spec.graph import destination_label

    if group.destination is None:
        return "nowhere"
    name = destination_label(group.destination)
    if group.not_delivered:
        return f"not delivered to {name}"
    return name if group.waiting is None else f"{name} ({group.waiting} waiting)"
