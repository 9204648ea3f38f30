# SPDX-License-Identifier: MIT
"""``fc-async replay``: sends the failures of a report again."""

from __future__ import annotations

import functools
import sys
from typing import TYPE_CHECKING, NamedTuple

import click

from fc_async_plugin.cli import _options as options
from fc_async_plugin.report import DONE, FAILED, PARTLY, Format, bulk, moments, terminal
from fc_async_plugin.report.tables import Column

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fc_async_plugin.account.connection import Account, Where
    from fc_async_plugin.operate.failures import FailureGroup, Report
    from fc_async_plugin.operate.redrive import Batch, Sent
    from fc_async_sdk import Client
    from fc_async_sdk.fanout import Outcome
    from fc_async_sdk.pacing import Pace


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
@options.reader_option
@options.source_endpoint_option
@options.rate_option
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
    reader: str | None,
    source_endpoint: str | None,
    pace: Pace | None,
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

    Exit code 1 means that something failed or was refused, 3 that a failure is not there any more,
    or that another reader has its message.

    \b
    Examples:
      fc-async replay --group 1
      fc-async failures orders --since 3h -o json > report.json
      fc-async replay report.json
      fc-async replay --failed orders --since 3h
    """  # noqa: D301 -- click reads the \b as "keep these lines"
    from fc_async_plugin.account import connection
    from fc_async_plugin.operate import redrive
    from fc_async_plugin.operate.failures import TASKS

    report = _report(file, report_id, numbers, function, since, where)
    _check_target(report, where.account)
    groups = redrive.chosen(report, numbers)
    batches = redrive.batches(groups)
    # Ignored in silence, the rate would be a promise to the system that the functions call.
    if pace is not None and any(batch.source == TASKS for batch in batches):
        raise click.UsageError(
            "--rate is for messages and dead events, and these failures are sent from tasks: choose"
            " others with --group, or leave out --rate"
        )
    impossible = sum(group.count for group in groups if group.source is None)
    if output == "text":
        _show(groups)
    # What is sent cannot be taken back. Without a terminal there is no question: only -y sends.
    dry = dry_run or not (yes or sys.stdin.isatty())
    with connection.regions_of(where) as (account, regions):
        redriver = _Redriver(account, pace, reader, source_endpoint, output)
        sent = [redriver.send(regions[batch.region], batch, dry=dry, yes=yes) for batch in batches]
    total = redrive.summed(sent)
    _tell(total, impossible, output, dry=dry)
    if total.errors or total.refused:
        return FAILED
    return PARTLY if total.left else DONE


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

    from fc_async_plugin.operate import failures, redrive

    if file is not None and report_id is not None:
        raise click.UsageError("FILE is a report: leave out --report")
    if function is not None:
        if file is not None or report_id is not None or numbers:
            raise click.UsageError(
                "--failed reads a report of its own: leave out FILE, --report and --group"
            )
        begins = functools.partial(options.beginning, "--since", since)
        report, _ = failures.report_of([function], where, begins)
        for sentence in report.omitted:
            terminal.note(f"Not looked at: {sentence}")
        return report
    if file is not None:
        content = sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()
        return redrive.read(content, file)
    if report_id is not None:
        return redrive.shown(report_id)
    if not numbers:
        raise click.UsageError(
            "name a report: FILE, --report ID, --group N of the last one, or --failed"
        )
    return redrive.latest()


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


class _Redriver(NamedTuple):
    """Sends batches of failures.

    Attributes:
        account: The account.
        pace: Decides when calls start.
        reader: Group that reads topics of RocketMQ.
        source_endpoint: URL of MNS or RocketMQ; None: that of the runtime or of the service.
        output: Format of the output.
    """

    account: Account
    pace: Pace | None
    reader: str | None
    source_endpoint: str | None
    output: Format

    def send(self, client: Client, batch: Batch, *, dry: bool, yes: bool) -> Sent:
        """Ask, send a batch, and return what became of it; in a dry run, of what is known."""
        from fc_async_plugin.operate import redrive
        from fc_async_plugin.operate.failures import TASKS

        if batch.source != TASKS:
            return self._send_events(client, batch, dry=dry, yes=yes)
        if dry:
            return redrive.Sent(chosen=len(batch.ids))
        self._confirm(batch, yes=yes)
        return redrive.send_tasks(client, batch)

    def _confirm(self, batch: Batch, *, yes: bool) -> None:
        from fc_async_plugin.account import connection

        number = moments.plural(len(batch.ids), "task")
        target = connection.target_of(self.account)
        terminal.confirm(f"Replay {number} of {batch.functions[0]} at {target}?", yes=yes)

    def _send_events(self, client: Client, batch: Batch, *, dry: bool, yes: bool) -> Sent:
        """Send the events of a batch that its source still has."""
        from fc_async_plugin.account.connection import Where
        from fc_async_plugin.operate import redrive
        from fc_async_plugin.operate.events import selection
        from fc_async_plugin.operate.events.argument import SourceArgument, tell_notes
        from fc_async_plugin.operate.events.sending import EventReplay
        from fc_async_plugin.operate.selection import Selection
        from fc_async_sdk.spec.arn import RocketMqTopicArn

        argument = SourceArgument.read(batch.source)
        if argument.is_file:
            raise click.ClickException(f"{batch.source} is not a queue or a topic")
        if isinstance(argument.channel, RocketMqTopicArn) and self.reader is None:
            raise click.UsageError("a topic of RocketMQ needs --reader, the group that reads it")
        criteria = Selection(functions=tuple(batch.functions), ids=frozenset(batch.ids))
        outcomes: list[Outcome] = []
        with argument.opened(self.reader, self.source_endpoint, self.account, client) as messages:
            origin = argument.origin(self.account, client, asks=False)
            choice = selection.choose(messages.look(), criteria, None, origin.refusal)
            choice = redrive.without_copies(choice)
            for refusal in choice.refused:
                events = moments.plural(refusal.events, "event")
                terminal.error(f"{events} of {refusal.function} not sent: {refusal.reason}")
            if not dry:
                replay = EventReplay(choice, None, Where(account=self.account), self.pace)
                shown = self.output == "text"
                replay.send(client, messages, outcomes, yes=yes, shown=shown)
            tell_notes(messages)
        return redrive.count_events(batch, choice, outcomes)


def _tell(total: Sent, impossible: int, output: Format, *, dry: bool) -> None:
    """Print what became of all failures."""
    if output == "json":
        terminal.print_json(
            {
                "dryRun": dry,
                "chosen": total.chosen + impossible,
                "accepted": total.accepted,
                "acceptedBefore": total.before,
                "refused": total.refused,
                "left": total.left,
                "notKept": impossible,
                "failed": [{"id": key, "error": text} for key, text in total.errors.items()],
            }
        )
    elif total.chosen and not dry:
        text = moments.summary(total.chosen, total.accepted, total.before, len(total.errors))
        terminal.print_text(text)
    if total.left:
        left = moments.plural(total.left, "failure")
        terminal.note(f"Left: {left}, sent again or removed before, or held by another reader.")
    if impossible:
        terminal.note(f"Not possible: {moments.plural(impossible, 'failure')} without a payload.")
    if dry and total.chosen:
        terminal.note("Nothing was sent: this was a dry run. Send them with -y.")
    bulk.print_errors([f"{key}: {text}" for key, text in total.errors.items()])
