# SPDX-License-Identifier: MIT
"""``fc-async events replay``: shows failed events, and sends them again."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, NamedTuple

import click

from fc_async_plugin.cli import _options as options
from fc_async_plugin.cli.events import replay_report
from fc_async_plugin.report import DONE, FAILED, PARTLY, Format

if TYPE_CHECKING:
    from collections.abc import Callable

    from fc_async_plugin.account.connection import Where
    from fc_async_plugin.operate.events.selection import Choice
    from fc_async_plugin.operate.events.sources import Source
    from fc_async_sdk.fanout import Outcome
    from fc_async_sdk.pacing import Pace


class EventFilters(NamedTuple):
    """The options that choose events."""

    conditions: tuple[str, ...]
    functions: tuple[str, ...]
    error: str | None
    error_text: str | None
    since: str | None
    matches: tuple[str, ...]
    limit: int | None

    def choose(self, source: Source, now: int, refusal: Callable[[str], str]) -> Choice:
        """Return the events of a source that are chosen, and what is left out.

        Args:
            source: The source.
            now: Milliseconds since the epoch.
            refusal: Returns why a function is not called, "" if it is.
        """
        from fc_async_plugin.operate.events import selection
        from fc_async_plugin.operate.selection import Selection

        since = None
        if self.since is not None:
            since = options.beginning("--since", self.since, now)
        criteria = Selection(
            conditions=self.conditions,
            functions=self.functions,
            error=self.error,
            error_text=self.error_text,
            since=since,
            matches=tuple(map(selection.match_of, self.matches)),
        )
        return selection.choose(source.look(), criteria, self.limit, refusal)


_filters = options.gathered(
    "filters",
    EventFilters,
    click.option(
        "--condition",
        "conditions",
        metavar="NAME",
        multiple=True,
        help="Only events with this condition; may be given several times.",
    ),
    click.option(
        "--function",
        "functions",
        metavar="NAME",
        multiple=True,
        help="Only events of this function, which may then be called whatever its configuration "
        "says; may be given several times.",
    ),
    options.error_option,
    options.error_text_option,
    click.option(
        "--since", metavar="TIME", help="Only events since then: 90m, 7d, 2026-01-31T09:00."
    ),
    click.option(
        "--match",
        "matches",
        metavar="FIELD=REGEX",
        multiple=True,
        help="Only events with such a field, as events tail -o json has it, such as "
        "requestPayload.order.id=^7; may be given several times.",
    ),
    click.option(
        "--limit",
        type=click.IntRange(1),
        show_default="all",
        help="Largest number of events.",
    ),
)


@click.command("replay")
@click.argument("source")
@click.option(
    "--to",
    metavar="FUNCTION",
    callback=options.refuse_empty_names,
    help="Call this one.  [default: the one that failed]",
)
@_filters
@options.rate_option
@options.flag("--show", help="Show the newest event that would be sent, whole.")
@options.flag("--dry-run", help="Send nothing.")
@options.reader_option
@options.source_endpoint_option
@options.where_options
@options.yes_option
@options.format_option
def command(
    *,
    source: str,
    to: str | None,
    filters: EventFilters,
    pace: Pace | None,
    show: bool,
    dry_run: bool,
    reader: str | None,
    source_endpoint: str | None,
    where: Where,
    yes: bool,
    output: Format,
) -> int:
    """Send failed events again: call the function that failed with the same payload.

    SOURCE is a queue of MNS (name or ARN), a topic of RocketMQ (ARN), a function in task mode that
    is a failure destination (ARN), a file with a line of JSON for each event (- is stdin), such as
    events tail -o json writes, or the word dead-events, for those of a local runtime. A message is
    deleted after its event was accepted. Without a terminal and without -y nothing is sent.

    A message says which function to call. Only functions whose failure destination is SOURCE are
    called; others are refused and their messages stay, unless --function or --to names them. With
    -y the events of a file need --function or --to.

    For a function without task mode, events are sent and their messages deleted one after the
    other, so that a command that is killed has sent at most two whose messages are still there.
    Exit code 3 means that the source was not read to its end: run the same command again.

    \b
    Examples:
      fc-async events replay failed-orders --dry-run
      fc-async events replay failed-orders --condition UnhandledInvocationError -y
      fc-async events replay events.jsonl --match 'requestPayload.order.id=^7'
      fc-async events replay events.jsonl --function orders -y
    """  # noqa: D301 -- click reads the \\b as "keep these lines"
    from fc_async_plugin.account import connection
    from fc_async_plugin.operate import metrics
    from fc_async_plugin.operate.events.argument import SourceArgument, tell_notes
    from fc_async_plugin.operate.events.origin import TRUSTED
    from fc_async_plugin.operate.events.sending import EventReplay

    if where.qualifier is not None and to is None:
        raise click.UsageError("--qualifier needs --to, the function that it is of")
    argument = SourceArgument.read(source)
    where = argument.in_its_region(where)
    chooses_functions = to is not None or bool(filters.functions)
    target = connection.NamedFunction(to or "the function of the events", where)
    with (
        target.client as client,
        argument.opened(reader, source_endpoint, where.account, client) as messages,
    ):
        now = metrics.now_of(client)
        # Nothing is called by --show, and functions that the user named are the user's choice.
        is_trusted = show or chooses_functions
        origin = TRUSTED
        if not is_trusted:
            origin = argument.origin(where.account, client, asks=dry_run or not yes)
        choice = filters.choose(messages, now, origin.refusal)
        if show:
            return replay_report.show_newest(choice, output)
        replay_report.tell_choice(choice, now, output)
        # What is sent cannot be taken back. Without a terminal there is no question: only -y sends.
        can_send = yes or sys.stdin.isatty()
        outcomes: list[Outcome] = []
        if can_send and not dry_run:
            replay = EventReplay(choice, to and target.function, where, pace)
            replay.send(client, messages, outcomes, yes=yes, shown=output == "text")
            failed = replay_report.tell_result(choice, outcomes, output, dry_run=False)
        else:
            failed = replay_report.tell_result(choice, outcomes, output, dry_run=True)
            must_name = argument.is_file and not chooses_functions
            replay_report.advise(choice, output, name_functions=must_name)
        tell_notes(messages)
    return _exit_code(failed=failed or bool(choice.refused), left=messages.left)


def _exit_code(*, failed: bool, left: bool) -> int:
    if failed:
        return FAILED
    return PARTLY if left else DONE
