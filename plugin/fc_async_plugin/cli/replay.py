# SPDX-License-Identifier: MIT
"""``fc-async replay``: sends the failures of a report again."""

from __future__ import annotations

import functools
import sys
from typing import TYPE_CHECKING

import click

from fc_async_plugin.cli import _options as options
from fc_async_plugin.report import PARTLY, Format, terminal
from fc_async_plugin.report.tables import Column

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fc_async_plugin.account.connection import Account, Where
    from fc_async_plugin.operate.failures import FailureGroup, Report
    from fc_async_plugin.operate.redrives.record import Source


@click.command()
@click.argument("file", required=False, callback=options.refuse_empty_names)
@click.option(
    "--group",
    "numbers",
    type=click.IntRange(1),
    metavar="N",
    multiple=True,
    help="Only this group of the report; may be given several times.",
)
@click.option(
    "--report",
    "report_id",
    metavar="ID",
    callback=options.refuse_empty_names,
    help="The report that the groups are of.  [default: the last one in this folder]",
)
@click.option(
    "--failed",
    "function",
    metavar="FUNCTION",
    callback=options.refuse_empty_names,
    help="All that fc-async failures FUNCTION shows now.",
)
@click.option("--since", metavar="TIME", default="1d", help="With --failed: since when.")
@options.sending_options
@options.flag("--dry-run", help="Send nothing.")
@options.place_options
@options.yes_option
@options.format_option
def command(
    *,
    file: str | None,
    numbers: tuple[int, ...],
    report_id: str | None,
    function: str | None,
    since: str,
    sending: options.SendingOptions,
    dry_run: bool,
    where: Where,
    yes: bool,
    output: Format,
) -> int:
    """Send failures again: exactly those that fc-async failures showed, with the same payloads.

    FILE is what fc-async failures -o json printed (- is stdin). --report ID is a report that
    fc-async failures showed in this folder; with --group alone it is the last one. Tasks are
    replayed as by tasks replay, messages and dead events as by events replay: only functions whose
    failure destination is the queue are called. Without a terminal and without -y nothing is sent.

    What is sent is a redrive, with an id and a record in this folder: it survives Ctrl-C and a
    kill, and fc-async redrives shows, pauses, resumes and stops it. With --pace and --store it
    shares a pace with production.

    Exit code 1 means that something failed or was refused, 3 that some are left: not there any
    more, held by another reader, beyond --max, or not sent because the redrive was paused.

    \b
    Examples:
      fc-async replay --group 1
      fc-async failures orders --since 3h -o json > report.json
      fc-async replay report.json --rate 25/s
      fc-async replay --failed orders --since 3h --max 100
    """  # noqa: D301 -- click reads the \b as "keep these lines"
    from fc_async_plugin.account import connection
    from fc_async_plugin.operate.redrives import asking, record, reports, telling

    report = _report(file, report_id, numbers, function, since, where)
    _check_target(report, where.account)
    groups = reports.chosen(report, numbers)
    sources, failures = reports.failures_of(groups)
    chosen, beyond = record.bounded(failures, sending.most)
    not_kept = sum(group.count for group in groups if group.source is None)
    if output == "text":
        _show(groups)
    # What is sent cannot be taken back. Without a terminal there is no question: only -y sends.
    dry = dry_run or not (yes or sys.stdin.isatty())
    with connection.regions_of(where) as (account, regions):
        _check_sources(sources, sending)
        operation = sending.operation(account, regions, begins=not dry and bool(chosen))
        if dry or not chosen:
            ran = telling.Ran(None, operation.look(chosen, sources), {})
        else:
            target = connection.target_of(account)
            recognised = asking.confirm(chosen, sources, regions, target=target, yes=yes)
            head = operation.ledger.begin(
                chosen, sources, target=target, pacing=sending.pacing, reader=sending.reader
            )
            ran, _ = operation.run(head, recognised)
    ran = ran._replace(beyond=beyond, not_kept=not_kept)
    telling.tell(ran, output, {})
    if ran.head is None and chosen:
        terminal.note("Nothing was sent: this was a dry run. Send them with -y.")
    # A report that could not be read whole does not show that nothing is left to send.
    if function is not None and report.omitted and not chosen:
        return PARTLY
    return ran.exit_code


def _check_sources(sources: Sequence[Source], sending: options.SendingOptions) -> None:
    """Refuse to begin a redrive whose sources cannot be read.

    Raises:
        click.ClickException: A source is a file, or a topic whose reader is not named.
    """
    from fc_async_plugin.operate.events.argument import SourceArgument
    from fc_async_plugin.operate.failures import TASKS
    from fc_async_sdk.spec.arn import RocketMqTopicArn

    for source in sources:
        if source.name == TASKS:
            continue
        argument = SourceArgument.read(source.name)
        # A report may come from anywhere: it does not name files of this machine.
        if argument.is_file:
            raise click.ClickException(f"{source.name} is not a queue, a topic or a function")
        if isinstance(argument.channel, RocketMqTopicArn) and sending.reader is None:
            raise click.UsageError("a topic of RocketMQ needs --reader, the group that reads it")


def _report(
    file: str | None,
    report_id: str | None,
    numbers: Sequence[int],
    function: str | None,
    since: str,
    where: Where,
) -> Report:
    """Return the report that the arguments name.

    Raises:
        click.UsageError: They name none, or several.
    """
    from pathlib import Path

    from fc_async_plugin.operate import failures
    from fc_async_plugin.operate.redrives import reports

    if file is not None and report_id is not None:
        raise click.UsageError("FILE is a report: leave out --report")
    if function is not None:
        if file is not None or report_id is not None or numbers:
            raise click.UsageError(
                "--failed reads a report of its own: leave out FILE, --report and --group"
            )
        begins = functools.partial(options.beginning, "--since", since)
        report, _ = failures.report_of([function], where, begins, most=None)
        for sentence in report.omitted:
            terminal.note(f"Not looked at: {sentence}")
        return report
    if file is not None:
        content = sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()
        return reports.read(content, file)
    if report_id is not None:
        return reports.shown(report_id)
    if not numbers:
        raise click.UsageError(
            "name a report: FILE, --report ID, --group N of the last one, or --failed"
        )
    return reports.latest()


def _check_target(report: Report, account: Account) -> None:
    """Refuse to send the failures of one account or runtime to another one.

    A file may come from anywhere: it does not decide where the user's keys go.

    Raises:
        click.ClickException: The report is of another place.
    """
    from fc_async_plugin.account import connection

    target = connection.target_of(account)
    if report.target != target:
        raise click.ClickException(
            f"the report is of {report.target}, and this command goes to {target}\n"
            "Name the same place: --endpoint, or -a, --region, --account-id."
        )


def _show(groups: Sequence[FailureGroup]) -> None:
    columns = (
        Column("group", right=True),
        Column("function"),
        Column("count", right=True),
        Column("condition"),
        Column("error", optional=1),
        Column("from"),
    )
    rows = [
        [
            group.group,
            group.function,
            group.count,
            group.condition,
            group.error,
            group.source or "nothing kept it",
        ]
        for group in groups
    ]
    if rows:
        terminal.print_table(columns, rows)
    else:
        terminal.note("There is no failure to send.")
