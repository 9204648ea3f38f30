# SPDX-License-Identifier: MIT
"""``fc-async events replay``: shows failed events, and sends them again."""

from __future__ import annotations

import shlex
import sys
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import click

from fc_async_plugin.cli import _options as options
from fc_async_plugin.report import DONE, FAILED, PARTLY, Format, moments, terminal
from fc_async_plugin.report.moments import plural
from fc_async_plugin.report.tables import Column

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from fc_async_plugin.account.connection import Account, Where
    from fc_async_plugin.operate.events.origin import Origin
    from fc_async_plugin.operate.events.selection import Choice
    from fc_async_plugin.operate.events.sources import Source
    from fc_async_sdk import Client
    from fc_async_sdk.fanout import Outcome
    from fc_async_sdk.pacing import Pace

_DEAD: Final = "dead-events"
_CONCURRENCY: Final = 32
"""Calls on the wire at a time, where the service recognises an event that is sent again."""
_COLUMNS: Final = (
    Column("function"),
    Column("condition"),
    Column("events", right=True),
    Column("oldest", optional=2),
    Column("newest", optional=1),
    Column("request id of the newest"),
)
_LEFT_OUT: Final = {
    "succeeded": "of invocations that succeeded",
    "filtered": "that the filters leave out",
    "unreadable": "without a destination event",
}


class _Filters(NamedTuple):
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

        criteria = selection.Selection(
            conditions=self.conditions,
            functions=self.functions,
            since=None if self.since is None else options.beginning("--since", self.since, now),
            matches=tuple(map(selection.Match.read, self.matches)),
        )
        return selection.choose(source.look(), criteria, self.limit, refusal)


_filters = options.gathered(
    "filters",
    _Filters,
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
    filters: _Filters,
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
    named = source if source in (_DEAD, "-") else _named(source)
    if not isinstance(named, str) and not where.account.region:
        where = where._replace(account=where.account._replace(region=named.region or None))
    target = connection.Target(to or "the function of the events", where)
    with (
        target.client as client,
        _source(named, group, source_endpoint, where.account, client) as opened,
    ):
        now = metrics.now_of(client)
        is_named = show or to is not None or bool(filters.functions)
        origin = TRUSTED
        if not is_named:
            origin = _origin(named, where.account, client, asks=dry_run or not yes)
        choice = filters.choose(opened, now, origin.refusal)
        if show:
            return _show_newest(choice, output)
        if output == "text":
            _show(choice, now)
        _tell_refused(choice)
        outcomes: list[Outcome] = []
        dry = dry_run or not (yes or sys.stdin.isatty())
        if not dry:
            replay = _Replay(choice, to and target.function, where, pace)
            replay.send(client, opened, outcomes, yes=yes, shown=output == "text")
        failed = _tell(choice, outcomes, output, dry=dry)
        if dry and output == "text":
            is_file = isinstance(named, str) and named != _DEAD
            _advise(choice, name_functions=is_file and not is_named)
        for sentence in opened.notes:
            terminal.note(f"Note: {sentence}.")
    if failed or choice.refused:
        return FAILED
    return PARTLY if opened.unread else DONE


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

    called: dict[str | None, set[str]] = defaultdict(set)
    if function:
        called[where.qualifier].add(function)
    else:
        for _, event in choice.chosen:
            called[event.arn.qualifier if event.arn else None].add(event.function)
    recognised = True
    for qualifier, names in called.items():
        if not task_mode.note_if_off(client, names, qualifier):
            recognised = False
    number = plural(len(choice.chosen), "event")
    functions = {function} if function else {event.function for _, event in choice.chosen}
    listed = ", ".join(sorted(filter(None, functions))) or "no function"
    target = connection.target_of(where.account)
    terminal.confirm(f"Send {number} again to {listed} at {target}?", yes=yes)
    return recognised


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


def _show(choice: Choice, now: int) -> None:
    """Print what would be sent, and on stderr what is left out."""
    from fc_async_plugin.operate.events.selection import groups

    if choice.chosen:
        rows = (
            [*group[:3], _age(group.oldest, now), _age(group.newest, now), group.example]
            for group in groups(event for _, event in choice.chosen)
        )
        terminal.print_table(_COLUMNS, rows)
    else:
        terminal.note("There is no failed event to send.")
    for reason, count in choice.left_out.items():
        if count:
            terminal.note(f"Left out: {plural(count, 'message')} {_LEFT_OUT[reason]}.")
    if not choice.ended:
        terminal.note(f"There are more: --limit {len(choice.chosen)} ends here.")


def _tell_refused(choice: Choice) -> None:
    """Write which events are not sent, and how to send them all the same."""
    for function, events, reason in choice.refused:
        terminal.error(
            f"{plural(events, 'event')} of {function} not sent: {reason}. To call it all the same:"
            f" --function {shlex.quote(function)}"
        )


def _advise(choice: Choice, *, name_functions: bool) -> None:
    """Write which options send what was shown."""
    if not choice.chosen:
        return
    functions = {event.function for _, event in choice.chosen if event.function}
    names = [f"--function {shlex.quote(name)} " for name in sorted(functions)]
    options_to_send = f"{''.join(names) if name_functions else ''}-y"
    terminal.note(f"Nothing was sent: this was a dry run. Send them with {options_to_send}.")


def _age(at: int | None, now: int) -> str | None:
    if at is None:
        return None
    shown = moments.duration(max(now - at, 0) // 1_000 * 1_000)
    return f"{' '.join(shown.split()[:2])} ago"  # the largest unit


def _tell(choice: Choice, outcomes: list[Outcome], output: Format, *, dry: bool) -> bool:
    """Print the result; write what failed into a file, and return whether something did."""
    from fc_async_plugin.operate.events.lines import Shown, as_data
    from fc_async_plugin.operate.events.selection import groups

    total = len(choice.chosen)
    failed = [
        {**as_data(Shown(*choice.chosen[outcome.index])), "error": str(outcome.error)}
        for outcome in outcomes
        if outcome.error is not None
    ]
    accepted = [outcome.accepted for outcome in outcomes if outcome.accepted is not None]
    before = sum(invocation.duplicate for invocation in accepted)
    file = _write(failed) if failed else None
    if output == "json":
        data = {
            "dryRun": dry,
            "groups": [group._asdict() for group in groups(event for _, event in choice.chosen)],
            "leftOut": choice.left_out,
            "events": total,
            "accepted": len(accepted),
            "acceptedBefore": before,
            "refused": [refusal._asdict() for refusal in choice.refused],
            "failed": failed,
            "failedFile": file and str(file),
        }
        terminal.print_json(data)
    elif total and not dry:
        terminal.tell(moments.summary(total, len(accepted), before, len(failed)))
    if file is not None:
        terminal.error(f"{failed[0]['requestId']}: {failed[0]['error']}")
        terminal.note(f"What failed is in {file}: a source for another replay.")
    return file is not None


def _write(failed: list[dict[str, Any]]) -> Path:
    """Write events as lines of JSON into a new private file; return its path."""
    import time

    import msgspec

    from fc_async_sdk import _project_folder

    _project_folder.make_private(_project_folder.EVENTS)
    file = _project_folder.EVENTS / f"failed-{time.time_ns() // 1_000_000}.jsonl"
    with _project_folder.replacing(file) as unfinished:
        unfinished.write_bytes(msgspec.json.Encoder().encode_lines(failed))
    return file


def _show_newest(choice: Choice, output: Format) -> int:
    from fc_async_plugin.deploy import printed
    from fc_async_plugin.operate.events.lines import Shown, as_data

    if not choice.chosen:
        raise click.ClickException("there is no failed event to show")
    message_id, event = max(choice.chosen, key=lambda chosen_event: chosen_event[1].timestamp or 0)
    if output == "json":
        terminal.print_json(as_data(Shown(message_id, event)))
    else:
        printed.print_event(event)
    return DONE


def _origin(named: Any, account: Account, client: Client, *, asks: bool) -> Origin:
    """Return which functions the events of a source may call.

    Args:
        named: The source; a text is a file or the dead events.
        account: The account.
        client: A client of the functions' region.
        asks: Whether nothing is sent before the user has seen the functions and agreed.
    """
    from fc_async_plugin.account import connection, lists
    from fc_async_plugin.operate.events import origin
    from fc_async_sdk.errors import ServiceError

    if isinstance(named, str):
        return origin.TRUSTED if asks or named == _DEAD else origin.FILE
    is_local = connection.is_here(account)  # a local runtime has its functions in any region
    try:
        configs = lists.all_configs(client)
    except ServiceError as error:
        return origin.unreadable(error)
    return origin.of_channel(
        configs,
        named,
        region="" if is_local else client.region_name,
        account_id="" if is_local else client.account_id,
    )


def _source(
    named: Any, group: str | None, endpoint: str | None, account: Account, client: Client
) -> Source:
    """Return the source that an ARN or another argument names.

    Raises:
        click.UsageError: It is none.
    """
    from fc_async_plugin.account import connection, runtime
    from fc_async_plugin.account.runtime import service_url
    from fc_async_plugin.operate.events import sources
    from fc_async_plugin.operate.input_lines import lines_of
    from fc_async_sdk.spec.arn import MnsQueueArn, RocketMqTopicArn

    if named == _DEAD:
        runtime.local_endpoint(account.endpoint, "has dead events")
        return sources.DeadEvents(client)
    if isinstance(named, str):
        return sources.File(lines_of(named))
    is_queue = isinstance(named, MnsQueueArn)
    if not is_queue and not isinstance(named, RocketMqTopicArn):
        raise click.UsageError(f"{named} is neither a queue of MNS nor a topic of RocketMQ")
    if not is_queue and group is None:
        raise click.UsageError("a topic of RocketMQ needs --group, the group that reads it")
    credentials = connection.credentials(account)
    address = endpoint or service_url(
        "mns" if is_queue else "rocketmq",
        account.endpoint,
        account_id=named.account_id or client.account_id or credentials.account_id,
        region=named.region or client.region_name,
        otherwise="pass --source-endpoint",
    )
    if is_queue:
        from fc_async_plugin.operate.events.queues import Queue

        return Queue(address, named.queue, credentials)
    from fc_async_plugin.operate.events.topics import Topic

    return Topic(address, named, group or "", credentials)


def _named(text: str) -> Any:
    """Return the ARN of a queue or another destination; the text itself if it names a file.

    Raises:
        click.UsageError: It names a queue and a file.
    """
    from fc_async_sdk.spec import arn
    from fc_async_sdk.spec.destinations import QUEUE_NAME

    if text.startswith("acs:"):
        return arn.parse(text)
    if QUEUE_NAME.problem(text) is not None:
        return text
    if Path(text).is_file():
        raise click.UsageError(f"{text} is a file here: write ./{text}, or the ARN of the queue")
    return arn.MnsQueueArn(queue=text)
