# SPDX-License-Identifier: MIT
"""``fc-async events replay``: shows failed events, and sends them again."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import click

from fc_async_plugin.cli import _options as options
from fc_async_plugin.cli.events import replay_report
from fc_async_plugin.report import DONE, FAILED, PARTLY, Format

if TYPE_CHECKING:
    from collections.abc import Callable

    from fc_async_plugin.account import Regions
    from fc_async_plugin.account.connection import Where
    from fc_async_plugin.operate.events.selection import Choice
    from fc_async_plugin.operate.events.sources import Source
    from fc_async_plugin.operate.redrives.telling import Ran


class EventFilters(NamedTuple):
    """The options that choose events."""

    conditions: tuple[str, ...]
    functions: tuple[str, ...]
    error: str | None
    error_text: str | None
    since: str | None
    matches: tuple[str, ...]

    def choose(
        self, source: Source, now: int, most: int | None, refusal: Callable[[str], str]
    ) -> Choice:
        """Return the events of a source that are chosen, and what is left out.

        Args:
            source: The source.
            now: Milliseconds since the epoch.
            most: The largest number of events; None: all.
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
        return selection.choose(source.look(), criteria, most, refusal)


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
@options.sending_options
@options.flag("--show", help="Show the newest event that would be sent, whole.")
@options.flag("--dry-run", help="Send nothing.")
@options.where_options
@options.yes_option
@options.format_option
def command(
    *,
    source: str,
    to: str | None,
    filters: EventFilters,
    sending: options.SendingOptions,
    show: bool,
    dry_run: bool,
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

    What is sent is a redrive, as of fc-async replay, which fc-async redrives shows and resumes. For
    a function without task mode, events are sent and their messages deleted one after the other, so
    that a command that is killed has sent at most one whose message is still there. Exit code 3
    means that some are left: run the same command again.

    \b
    Examples:
      fc-async events replay failed-orders --dry-run
      fc-async events replay failed-orders --condition UnhandledInvocationError -y
      fc-async events replay events.jsonl --match 'requestPayload.order.id=^7'
      fc-async events replay events.jsonl --function orders -y
    """  # noqa: D301 -- click reads the \\b as "keep these lines"
    from fc_async_plugin.account import Regions, connection
    from fc_async_plugin.operate import metrics
    from fc_async_plugin.operate.events.argument import SourceArgument
    from fc_async_plugin.operate.events.origin import TRUSTED

    if where.qualifier is not None and to is None:
        raise click.UsageError("--qualifier needs --to, the function that it is of")
    argument = SourceArgument.read(source)
    where = argument.in_its_region(where)
    chooses_functions = to is not None or bool(filters.functions)
    target = connection.NamedFunction(to or "the function of the events", where)
    # What is sent cannot be taken back. Without a terminal there is no question: only -y sends.
    dry = dry_run or not (yes or sys.stdin.isatty())
    with (
        target.client as client,
        sending.opener(where.account).messages_of(client, argument) as messages,
    ):
        now = metrics.now_of(client)
        # Nothing is called by --show, and functions that the user named are the user's choice.
        is_trusted = show or chooses_functions
        asks = dry_run or not yes
        origin = TRUSTED if is_trusted else argument.origin(where.account, client, asks=asks)
        choice = filters.choose(messages, now, sending.most, origin.refusal)
        if show:
            return replay_report.show_newest(choice, output)
        replay_report.tell_choice(choice, now, output)
        begun = _Begun(source, to and target.function, filters.functions, where, sending)
        regions = Regions(lambda _: client)
        ran, failed = begun.send(regions, messages, choice, dry=dry, yes=yes)
    replay_report.tell_result(ran, choice, failed, output)
    if dry:
        must_name = argument.is_file and not chooses_functions
        replay_report.advise(choice, output, name_functions=must_name)
    return _exit_code(ran, choice, left=messages.left)


def _exit_code(ran: Ran, choice: Choice, *, left: bool) -> int:
    if choice.refused:
        return FAILED
    is_whole = choice.ended and not left
    return ran.exit_code if is_whole else max(ran.exit_code, PARTLY, key=_WORST.index)


_WORST: Final = (DONE, PARTLY, FAILED)
"""Exit codes, the worst last."""


class _Begun(NamedTuple):
    """A redrive of events that were chosen.

    Attributes:
        source: The argument SOURCE.
        to: Function that is called; None: those that failed.
        names: Functions that the user named.
    """

    source: str
    to: str | None
    names: tuple[str, ...]
    where: Where
    sending: options.SendingOptions

    def send(
        self, regions: Regions, messages: Source, choice: Choice, *, dry: bool, yes: bool
    ) -> tuple[Ran, list[dict[str, Any]]]:
        """Send the events unless it is a dry run; return the redrive, and what was not accepted."""
        from fc_async_plugin.operate.events.argument import tell_notes

        if not dry and choice.chosen:
            return self._begin(regions, messages, choice, yes=yes)
        tell_notes(messages)
        return replay_report.of_dry_run(choice), []

    def _begin(
        self, regions: Regions, messages: Source, choice: Choice, *, yes: bool
    ) -> tuple[Ran, list[dict[str, Any]]]:
        """Ask, begin the redrive and send the events; return it, and what was not accepted."""
        from fc_async_plugin.account import connection
        from fc_async_plugin.operate.redrives import asking, sources
        from fc_async_plugin.operate.redrives.record import Source as RecordedSource

        client = regions[""]
        functions = {event.function for _, event in choice.chosen}
        # The user has seen the names: the question has them.
        named = sorted(functions) if self._is_file() else [*self.names]
        source = RecordedSource(
            region=client.region_name,
            name=self.source,
            named=named,
            to=self.to,
            qualifier=self.where.qualifier,
        )
        chosen = sources.chosen_events(choice)
        target = connection.target_of(self.where.account)
        operation = self.sending.operation(self.where.account, regions, begins=True)
        recognised = asking.confirm(chosen, [source], regions, target=target, yes=yes)
        head = operation.ledger.begin(
            chosen,
            [source],
            target=target,
            pacing=self.sending.pacing,
            reader=self.sending.reader,
        )
        events = sources.Events(client, source, messages, choice, recognised=recognised[0])
        ran, failed = operation.run(head, recognised, events)
        return ran, replay_report.as_lines(failed)

    def _is_file(self) -> bool:
        from fc_async_plugin.operate.events.argument import SourceArgument

        return SourceArgument.read(self.source).is_file
