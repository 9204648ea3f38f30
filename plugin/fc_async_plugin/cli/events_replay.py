# SPDX-License-Identifier: MIT
"""``fc-async events replay``: shows failed events, and sends them again."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import click

from fc_async_plugin.cli import options
from fc_async_plugin.report import DONE, FAILED, Format, terminal

if TYPE_CHECKING:
    from fc_async_plugin.account.connection import Account, Where
    from fc_async_plugin.events.selection import Choice
    from fc_async_plugin.events.sources import Source
    from fc_async_sdk import Client
    from fc_async_sdk.errors import FcAsyncError
    from fc_async_sdk.events import DestinationEvent

DEAD: Final = "dead:"
_MOST: Final = 10_000


class Origin(NamedTuple):
    """The source that a command line names.

    Attributes:
        text: SOURCE.
        group: Group of RocketMQ.
        endpoint: URL of MNS or RocketMQ, None: that of the account or of the runtime.
    """

    text: str
    group: str | None
    endpoint: str | None


@click.command("replay")
@click.argument("source")
@click.option(
    "--to", metavar="FUNCTION", default=None, help="Call this one.  [default: the one that failed]"
)
@click.option(
    "--condition",
    "conditions",
    metavar="NAME",
    multiple=True,
    help="Only events with this condition; may be given several times.",
)
@click.option(
    "--function",
    "functions",
    metavar="NAME",
    multiple=True,
    help="Only events of this function; may be given several times.",
)
@click.option(
    "--since",
    metavar="TIME",
    default=None,
    help="Only events since then: 90m, 7d, 2026-01-31T09:00.",
)
@click.option(
    "--match",
    "matches",
    metavar="FIELD=REGEX",
    multiple=True,
    help="Only events with such a field, as events tail -o json has it, such as "
    "requestPayload.order.id=^7; may be given several times.",
)
@click.option(
    "--limit",
    type=click.IntRange(1),
    default=_MOST,
    show_default=True,
    help="Largest number of events.",
)
@click.option("--show", is_flag=True, help="Show the newest event that would be sent, whole.")
@click.option("--dry-run", is_flag=True, help="Send nothing.")
@click.option("--group", metavar="GID", default=None, help="Group that reads a topic of RocketMQ.")
@click.option(
    "--source-endpoint",
    metavar="URL",
    default=None,
    help="URL of MNS or RocketMQ.  [default: that of the local runtime, or the service's]",
)
@options.where_options
@options.yes_option
@options.format_option
def command(
    *,
    source: str,
    to: str | None,
    limit: int,
    show: bool,
    dry_run: bool,
    group: str | None,
    source_endpoint: str | None,
    where: Where,
    yes: bool,
    output: Format,
    **filters: Any,
) -> int:
    """Send failed events again: call the function that failed with the same payload.

    SOURCE is a queue of MNS (name or ARN), a topic of RocketMQ (ARN), dead: for the dead events of
    a local runtime, or a file with a line of JSON for each event (- is stdin), such as events tail
    -o json writes. A message is deleted after its event was accepted. Without a terminal and
    without -y nothing is sent.

    \b
    Examples:
      fc-async events replay failed-orders --dry-run
      fc-async events replay failed-orders --condition UnhandledInvocationError -y
      fc-async events replay events.jsonl --to orders --match 'requestPayload.order.id=^7'
    """  # noqa: D301 -- click reads the \\b as "keep these lines"
    from fc_async_plugin.account import connection
    from fc_async_plugin.events import selection

    if where.qualifier is not None and to is None:
        raise click.UsageError("--qualifier needs --to, the function that it is of")
    origin = Origin(source, group, source_endpoint)
    target = connection.Target(to or "the function of the events", where)
    with target.client as client, _source(origin, where.account, client) as opened:
        now = options.now_of(client)
        wanted = _selection(now=now, **filters)
        choice = selection.choose(opened.look(), wanted, limit)
        if show:
            return _show_newest(choice, output)
        replay = _Replay(client, opened, choice, to and target.function, where.qualifier)
        if output == "text":
            replay.show(round(now.timestamp() * 1_000))
        dry = dry_run or not (yes or sys.stdin.isatty())
        if choice.chosen and not dry:
            replay.note_task_mode()
            terminal.confirm(f"Send {len(choice.chosen)} events again?", yes=yes)
            replay.send(bar=output == "text" and sys.stderr.isatty())
        return replay.tell(output, dry=dry)


def _selection(now: Any, **filters: Any) -> Any:
    from fc_async_plugin.events.selection import Match, Selection

    since = filters["since"]
    return Selection(
        conditions=filters["conditions"],
        functions=filters["functions"],
        since=since and options.moment(since, now),
        matches=tuple(map(Match.read, filters["matches"])),
    )


class _Replay:
    """One replay, and what became of it."""

    def __init__(
        self,
        client: Client,
        source: Source,
        choice: Choice,
        to: str | None,
        qualifier: str | None,
    ) -> None:
        self._client = client
        self._source = source
        self._choice = choice
        self._to = to
        self._qualifier = qualifier
        self._sent = self._before = 0
        self._failed: list[tuple[str, DestinationEvent, FcAsyncError]] = []

    def show(self, now: int) -> None:
        """Print what would be sent, and on stderr what is left out."""
        from fc_async_plugin.events.selection import groups
        from fc_async_plugin.report import replays

        chosen = groups(event for _, event in self._choice.chosen)
        if chosen:
            terminal.print_lines(replays.table(chosen, now=now, width=terminal.width()))
        else:
            terminal.note("There is no failed event to send.")
        for sentence in replays.left_out(self._choice.left_out):
            terminal.note(sentence)
        if not self._choice.ended:
            terminal.note(f"There are more: --limit {len(self._choice.chosen)} ends here.")

    def note_task_mode(self) -> None:
        """Print on stderr for which functions the service does not know task ids."""
        from contextlib import suppress

        from fc_async_plugin.account import lists
        from fc_async_sdk.errors import FcAsyncError

        names = {self._to} if self._to else {event.function for _, event in self._choice.chosen}
        for name in sorted(filter(None, names)):
            with suppress(FcAsyncError):  # a function that cannot be called is an error of its own
                if lists.in_task_mode(self._client, name, self._qualifier):
                    continue
                terminal.note(
                    f"{name} is not in task mode: the service may not recognise an event that was"
                    " sent before"
                )

    def send(self, *, bar: bool) -> None:
        """Send what was shown, and remove what was accepted."""
        chosen = self._choice.chosen
        run = self._client.replay_events(
            [event for _, event in chosen],
            to=self._to,
            qualifier=self._qualifier,
            progress=bar or None,
        )
        try:
            for outcome in run:
                message_id, event = chosen[outcome.index]
                if outcome.error is not None:
                    self._failed.append((message_id, event, outcome.error))
                    continue
                self._sent += 1
                self._before += bool(outcome.accepted and outcome.accepted.duplicate)
                self._source.accepted(message_id)
        finally:
            self._source.finish()

    def tell(self, output: Format, *, dry: bool) -> int:
        """Print the result, write what failed into a file, and return the exit code."""
        from fc_async_plugin.events import selection
        from fc_async_plugin.report import replays

        chosen = self._choice.chosen
        failed = [_as_data(*one) for one in self._failed]
        file = _write(failed) if failed else None
        if output == "json":
            found = selection.groups(event for _, event in chosen)
            terminal.print_json(
                {
                    "dryRun": dry,
                    "groups": [one._asdict() for one in found],
                    "leftOut": self._choice.left_out,
                    "events": len(chosen),
                    "accepted": self._sent,
                    "acceptedBefore": self._before,
                    "failed": failed,
                    "failedFile": file and str(file),
                }
            )
        elif chosen and not dry:
            terminal.tell(replays.summary(len(chosen), self._sent, self._before, len(self._failed)))
        elif chosen:
            terminal.note("Nothing was sent: this was a dry run. Send them with -y.")
        if file is not None:
            first = self._failed[0]
            terminal.error(f"{first[1].request_id}: {first[2]}")
            terminal.note(f"What failed is in {file}: a source for another replay.")
        for sentence in self._source.notes:
            terminal.note(f"Note: {sentence}.")
        return FAILED if failed else DONE


def _as_data(message_id: str, event: DestinationEvent, error: FcAsyncError) -> dict[str, Any]:
    from fc_async_plugin.events.lines import Shown, as_data

    return {**as_data(Shown(message_id, event)), "error": str(error)}


def _write(failed: list[dict[str, Any]]) -> Path:
    """Write events as lines of JSON into a new private file; return its path."""
    import json
    import time

    from fc_async_sdk import _project_folder

    _project_folder.make_private(_project_folder.EVENTS)
    file = _project_folder.EVENTS / f"failed-{time.time_ns() // 1_000_000}.jsonl"
    with _project_folder.replacing(file) as unfinished:
        unfinished.write_text("".join(f"{json.dumps(one)}\n" for one in failed), encoding="utf-8")
    return file


def _show_newest(choice: Choice, output: Format) -> int:
    from fc_async_plugin.events.lines import Shown, as_data
    from fc_async_plugin.report import printed

    if not choice.chosen:
        raise click.ClickException("there is no failed event to show")
    message_id, event = max(choice.chosen, key=lambda one: one[1].timestamp or 0)
    if output == "json":
        terminal.print_json(as_data(Shown(message_id, event)))
    else:
        printed.print_event(event)
    return DONE


def _source(origin: Origin, account: Account, client: Client) -> Source:
    """Return the source that a command line names.

    Raises:
        click.UsageError: It is none.
    """
    from fc_async_plugin.account import connection, runtime
    from fc_async_plugin.account.service_urls import service_url
    from fc_async_plugin.events import sources
    from fc_async_sdk.spec import arn

    text = origin.text
    if text == DEAD:
        runtime.local_endpoint(account.endpoint, "has dead events")
        return sources.DeadEvents(client)
    if text == "-":
        return sources.File(sys.stdin.buffer)
    if (named := _arn(text)) is None:
        return sources.File(Path(text).read_bytes().splitlines())
    named = named.resolve(region=account.region or "", account_id=account.account_id or "")
    credentials = connection.credentials(account)
    if not isinstance(named, arn.MnsQueueArn | arn.RocketMqTopicArn):
        raise click.UsageError(f"{text} is neither a queue of MNS nor a topic of RocketMQ")
    address = origin.endpoint or service_url(
        "mns" if isinstance(named, arn.MnsQueueArn) else "rocketmq",
        account.endpoint,
        account_id=named.account_id or credentials.account_id,
        region=named.region,
        otherwise="pass --source-endpoint",
    )
    if isinstance(named, arn.MnsQueueArn):
        from fc_async_plugin.events.queues import QueueSource

        return QueueSource(address, named.queue, credentials)
    if origin.group is None:
        raise click.UsageError("a topic of RocketMQ needs --group, the group that reads it")
    from fc_async_plugin.events.topics import TopicSource

    return TopicSource(address, named, origin.group, credentials)


def _arn(text: str) -> Any:
    """Return the ARN of a queue or another destination; None if the text names a file.

    Raises:
        click.UsageError: It names a queue and a file.
    """
    from fc_async_sdk.spec import arn
    from fc_async_sdk.spec.destinations import QUEUE_NAME

    if text.startswith("acs:"):
        return arn.parse(text)
    if QUEUE_NAME.problem(text) is not None:
        return None
    if Path(text).is_file():
        raise click.UsageError(f"{text} is a file here: write ./{text}, or the ARN of the queue")
    return arn.MnsQueueArn(queue=text)
