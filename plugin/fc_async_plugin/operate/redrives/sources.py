# SPDX-License-Identifier: MIT
"""Sends the failures of one source of a redrive: tasks, or events of a destination.

Invariant: a message is removed after its failure is written as accepted, not before.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Final, Protocol

from fc_async_plugin import PluginError
from fc_async_plugin.operate.events import selection
from fc_async_plugin.operate.events.argument import SourceArgument, tell_notes
from fc_async_plugin.operate.failures import TASKS
from fc_async_plugin.operate.redrives.record import PART, Chosen, MemberState, Result
from fc_async_plugin.operate.selection import Selection
from fc_async_plugin.operate.tasks import FunctionTasks, each
from fc_async_plugin.report import terminal
from fc_async_plugin.report.moments import plural

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from typing_extensions import Self

    from fc_async_plugin.account.connection import Account
    from fc_async_plugin.operate.events import sources as event_sources
    from fc_async_plugin.operate.events.selection import Choice
    from fc_async_plugin.operate.redrives.record import Part, Source
    from fc_async_plugin.operate.tasks import Replayed
    from fc_async_sdk import Client
    from fc_async_sdk.events import DestinationEvent
    from fc_async_sdk.pacing import Pace

_CONCURRENCY: Final = 32
"""Calls on the wire at a time, where the service recognises an event that is sent again."""


class Place(Protocol):
    """An opened source of failures.

    Attributes:
        at_once: How many failures are sent between two writes to the record.
    """

    at_once: int

    def has(self, failure: str) -> bool:
        """Return whether a failure is there and may be sent."""
        ...

    def refuses(self, failure: str) -> bool:
        """Return whether the function of a failure may not be called."""
        ...

    def send(
        self, part: Part, ids: Sequence[str], pace: Pace | None
    ) -> Iterator[tuple[str, Result]]:
        """Send failures of a part; yield what became of them, as it is known."""
        ...

    def remove(self, ids: Iterable[str]) -> None:
        """Remove what was accepted, if it is still there."""
        ...


class Tasks:
    """Payloads that the tasks of functions have; nothing is removed."""

    at_once = PART

    def __init__(self, client: Client) -> None:
        self._client = client

    def has(self, failure: str) -> bool:
        """Return True: whether a task is there is known when it is sent."""
        del failure
        return True

    def refuses(self, failure: str) -> bool:
        """Return False: a function gets the payloads that it had."""
        del failure
        return False

    def send(
        self, part: Part, ids: Sequence[str], pace: Pace | None
    ) -> Iterator[tuple[str, Result]]:
        """Invoke the function of a part again with the payloads of tasks, byte for byte."""
        tasks = FunctionTasks(self._client, part.function, part.qualifier)
        for replayed in each(functools.partial(tasks.replay, pace=pace), ids):
            result = _of_task(replayed)
            if result is not None:
                yield replayed.task_id, result

    def remove(self, ids: Iterable[str]) -> None:
        """Do nothing: the service keeps tasks for its time."""


def _of_task(replayed: Replayed) -> Result | None:
    """Return what became of a task; None: it is not there any more."""
    if replayed.before:
        return Result(MemberState.BEFORE)
    if replayed.gone:
        return None
    if replayed.error:
        return Result(MemberState.FAILED, replayed.error)
    return Result(MemberState.SENT)


class Events:
    """Events in a queue, a topic, a file, tasks of a function, or dead events of a runtime.

    Args:
        client: A client of the functions' region.
        source: As the record has it.
        messages: The opened source.
        choice: What was read from it.
        recognised: Whether the service recognises what was sent before, for all functions.

    Attributes:
        failed: The messages that were not accepted, with the reason.
    """

    def __init__(
        self,
        client: Client,
        source: Source,
        messages: event_sources.Source,
        choice: Choice,
        *,
        recognised: bool,
    ) -> None:
        self.at_once = PART
        self.failed: list[tuple[str, DestinationEvent, str]] = []
        self._client = client
        self._source = source
        self._messages = messages
        self._refused = choice.refused_ids
        # A queue may deliver an event twice: it is sent once, and each copy is removed.
        self._events: dict[str, list[tuple[str, DestinationEvent]]] = {}
        for message_id, event in choice.chosen:
            self._events.setdefault(id_of(message_id, event), []).append((message_id, event))
        self._concurrency = _CONCURRENCY
        if messages.removes and not recognised:
            # The service would run an event twice if the command were killed between the call and
            # the removal of its message: one at a time keeps that to the last one.
            messages.remove_at_once()
            self._concurrency = 1
            self.at_once = 1

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        try:
            self._messages.finish()
        finally:
            tell_notes(self._messages)

    def has(self, failure: str) -> bool:
        """Return whether the event of a failure was read."""
        return failure in self._events

    def refuses(self, failure: str) -> bool:
        """Return whether the function of an event may not be called."""
        return failure in self._refused and failure not in self._events

    def send(
        self, part: Part, ids: Sequence[str], pace: Pace | None
    ) -> Iterator[tuple[str, Result]]:
        """Invoke functions again with the payloads of events, byte for byte."""
        del part
        run = self._client.replay_events(
            [self._events[failure][0][1] for failure in ids],
            to=self._source.to,
            qualifier=self._source.qualifier,
            concurrency=self._concurrency,
            pace=pace,
        )
        for outcome in run:
            failure = ids[outcome.index]
            if outcome.accepted is None:
                message_id, event = self._events[failure][0]
                self.failed.append((message_id, event, str(outcome.error)))
                yield failure, Result(MemberState.FAILED, str(outcome.error))
            elif outcome.accepted.duplicate:
                yield failure, Result(MemberState.BEFORE)
            else:
                yield failure, Result(MemberState.SENT)

    def remove(self, ids: Iterable[str]) -> None:
        """Remove the messages of events that were accepted."""
        for failure in ids:
            for message_id, _ in self._events.pop(failure, ()):
                self._messages.accepted(message_id)


def id_of(message_id: str, event: DestinationEvent) -> str:
    """Return the id of a failure in a record; without a request id it is that of the message."""
    return event.request_id or message_id


def chosen_events(choice: Choice) -> list[Chosen]:
    """Return the events of the only source of a redrive, by function and qualifier."""
    ids: dict[tuple[int, str, str | None], dict[str, None]] = {}
    for message_id, event in choice.chosen:
        qualifier = event.arn.qualifier if event.arn else None
        failures = ids.setdefault((0, event.function, qualifier), {})
        failures[id_of(message_id, event)] = None
    return [Chosen(*key, list(failures)) for key, failures in ids.items()]


class Opener:
    """Opens the sources of a redrive, and reads their events.

    Args:
        account: The account.
        reader: Group of RocketMQ that reads topics.
        endpoint: URL of MNS or RocketMQ; None: that of the runtime or of the service.
    """

    def __init__(self, account: Account, reader: str | None, endpoint: str | None) -> None:
        self._account = account
        self._reader = reader
        self._endpoint = endpoint

    def messages(self, client: Client, source: Source) -> event_sources.Source:
        """Return the opened source of events.

        Raises:
            PluginError: It cannot be read again, or is a topic without a reader.
        """
        if source.name == "-":
            raise PluginError(
                "the events came from standard input, which cannot be read again: run the same"
                " command once more, and what was accepted is recognised"
            )
        return self.messages_of(client, SourceArgument.read(source.name))

    def messages_of(self, client: Client, argument: SourceArgument) -> event_sources.Source:
        """Return the opened source of events that an argument names.

        Raises:
            PluginError: It is not a source of events, or a topic without a reader.
        """
        return argument.opened(self._reader, self._endpoint, self._account, client)

    def choose(
        self,
        client: Client,
        source: Source,
        messages: event_sources.Source,
        parts: Iterable[tuple[str, Sequence[str]]],
    ) -> Choice:
        """Read the failures of parts from an opened source; say which are refused.

        Args:
            client: A client of the functions' region.
            source: The source.
            messages: Likewise, opened.
            parts: Names of functions, each with the ids of its failures.
        """
        argument = SourceArgument.read(source.name)
        ids: set[str] = set()
        functions: set[str] = set()
        for function, failures in parts:
            functions.add(function)
            ids.update(failures)
        origin = argument.origin(self._account, client, asks=False)
        named = frozenset(source.named)

        def refusal(function: str) -> str:
            return "" if source.to or function in named else origin.refusal(function)

        chosen = Selection(ids=frozenset(ids), functions=tuple(functions))
        choice = selection.choose(messages.look(), chosen, None, refusal)
        for refused in choice.refused:
            events = plural(refused.events, "event")
            terminal.error(f"{events} of {refused.function} not sent: {refused.reason}")
        return choice


def is_tasks(source: Source) -> bool:
    """Return whether the payloads of a source are those of tasks of the functions themselves."""
    return source.name == TASKS
