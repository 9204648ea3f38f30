# SPDX-License-Identifier: MIT
"""``fc-async events replay``: shows failed events, and sends them again."""

from __future__ import annotations

import sys
from collections import defaultdict
from typing import TYPE_CHECKING, Final, NamedTuple

import click

from fc_async_plugin.cli import _options as options
from fc_async_plugin.cli.events import replay_report
from fc_async_plugin.cli.events.source import SourceArgument, tell_notes
from fc_async_plugin.report import DONE, FAILED, PARTLY, Format, terminal
from fc_async_plugin.report.moments import plural

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from fc_async_plugin.account.connection import Where
    from fc_async_plugin.operate.events.selection import Choice
    from fc_async_plugin.operate.events.sources import Source
    from fc_async_sdk import Client
    from fc_async_sdk.fanout import Outcome
    from fc_async_sdk.pacing import Pace
_CONCURRENCY: Final = 32
"""Calls on the wire at a time, where the service recognises an event that is sent again."""


class EventFilters(NamedTuple):
    """The options that choose events."""

    conditions: tuple[str, ...]
    functions: tuple[str, ...]
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

        since = None
        if self.since is not None:
            since = options.beginning("--since", self.since, now)
        criteria = selection.Selection(
            conditions=self.conditions,
            functions=self.functions,
            since=since,
            matches=tuple(map(selection.Match.read, self.matches)),
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
@click.option("--group", metavar="GID", help="Group that reads a topic of RocketMQ.")
@click.option(
    "--source-endpoint",
    metavar="URL",
    help="URL of MNS or RocketMQ.  [default: that of the local runtime, or the service's]",
)
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
    group: str | None,
    source_endpoint: str | None,
    where: Where,
    yes: bool,
    output: Format,
) -> int:
    """Send failed events again: call the function that failed with the same payload.

    SOURCE is a queue of MNS (name or ARN), a topic of RocketMQ (ARN), a file with a line of JSON
    for each event (- is stdin), such as events tail -o json writes, or the word dead-events, for
    those of a local runtime. A message is deleted after its event was accepted. Without a terminal
    and without -y nothing is sent.

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
    from fc_async_plugin.operate.events.origin import TRUSTED

    if where.qualifier is not None and to is None:
        raise click.UsageError("--qualifier needs --to, the function that it is of")
    argument = SourceArgument.read(source)
    where = argument.in_its_region(where)
    chooses_functions = to is not None or bool(filters.functions)
    target = connection.NamedFunction(to or "the function of the events", where)
    with (
        target.client as client,
        argument.opened(group, source_endpoint, where.account, client) as messages,
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
            replay = _Replay(choice, to and target.function, where, pace)
            replay.send(client, messages, outcomes, yes=yes, shown=output == "text")
            failed = replay_report.tell_result(choice, outcomes, output, dry_run=False)
        else:
            failed = replay_report.tell_result(choice, outcomes, output, dry_run=True)
            must_name = argument.is_file and not chooses_functions
            replay_report.advise(choice, output, name_functions=must_name)
        tell_notes(messages)
    return _exit_code(failed=failed or bool(choice.refused), unread=messages.unread)


def _exit_code(*, failed: bool, unread: bool) -> int:
    if failed:
        return FAILED
    return PARTLY if unread else DONE


class _Replay(NamedTuple):
    """One replay: its events, and where they go.

    Attributes:
        choice: The events.
        function: The function that is called; None: those of the events.
        where: Account and qualifier.
        pace: Decides when the calls start.
    """

    choice: Choice
    function: str | None
    where: Where
    pace: Pace | None

    def send(
        self,
        client: Client,
        source: Source,
        outcomes: list[Outcome],
        *,
        yes: bool,
        shown: bool,
    ) -> None:
        """Ask, send the events, and remove the messages of those that were accepted.

        Args:
            client: A client of the functions' region.
            source: Has the messages.
            outcomes: Gets the outcomes.
            yes: Do not ask.
            shown: Show the progress on a terminal.
        """
        if not self.choice.chosen:
            return
        recognised = _confirm(self.choice, self.function, self.where, client, yes=yes)
        concurrency = _CONCURRENCY
        if source.removes and not recognised:
            # The service would run an event twice if the command were killed between the call and
            # the removal of its message: one call at a time keeps that to the last two events.
            source.remove_at_once()
            concurrency = 1
        run = client.replay_events(
            [event for _, event in self.choice.chosen],
            to=self.function,
            qualifier=self.where.qualifier,
            concurrency=concurrency,
            progress=True if shown and sys.stderr.isatty() else None,
            pace=self.pace,
        )
        _send(run, self.choice, source, outcomes)


def _confirm(
    choice: Choice, function: str | None, where: Where, client: Client, *, yes: bool
) -> bool:
    """Say which functions do not know what was sent before, and ask.

    Returns:
        Whether the service recognises what was sent before, for all functions.
    """
    from fc_async_plugin.account import connection
    from fc_async_plugin.operate import task_mode

    functions = _functions_by_qualifier(choice, function, where.qualifier)
    recognised = True
    for qualifier, names in functions.items():
        if not task_mode.note_if_off(client, names, qualifier):
            recognised = False
    number = plural(len(choice.chosen), "event")
    names_of_all = set[str]().union(*functions.values())
    listed = ", ".join(sorted(filter(None, names_of_all))) or "no function"
    target = connection.target_of(where.account)
    terminal.confirm(f"Send {number} again to {listed} at {target}?", yes=yes)
    return recognised


def _functions_by_qualifier(
    choice: Choice, function: str | None, qualifier: str | None
) -> dict[str | None, set[str]]:
    """Return the functions that a replay calls, by the version or alias of the call.

    Args:
        choice: The events.
        function: The function that gets all events; None: each the function that failed.
        qualifier: Version or alias of that function.
    """
    if function:
        return {qualifier: {function}}
    functions: dict[str | None, set[str]] = defaultdict(set)
    for _, event in choice.chosen:
        own_qualifier = event.arn.qualifier if event.arn else None
        functions[own_qualifier].add(event.function)
    return functions


def _send(run: Iterable[Outcome], choice: Choice, source: Source, outcomes: list[Outcome]) -> None:
    """Send the events and note the outcomes; remove the messages of those that were accepted."""
    try:
        for outcome in run:
            outcomes.append(outcome)
            if outcome.accepted is not None:
                source.accepted(choice.chosen[outcome.index][0])
    except KeyboardInterrupt:
        done = plural(sum(outcome.accepted is not None for outcome in outcomes), "event")
        terminal.note(f"Interrupted after {done}: run the same command again to go on.")
        raise
    finally:
        source.finish()
