# SPDX-License-Identifier: MIT
"""Chooses the events that a replay sends, and groups them for a table. Pure."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from typing import TYPE_CHECKING, Final, NamedTuple

import msgspec

from fc_async_plugin import PluginError
from fc_async_plugin.operate.events.lines import Shown, as_data
from fc_async_plugin.report.payloads import as_bytes, outcome_of
from fc_async_sdk import events as sdk_events

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from fc_async_sdk.events import DestinationEvent

FIELDS: Final = tuple(as_data(Shown("", sdk_events.parse(b'{"requestContext":{}}'))))[1:]
"""Fields of a line of ``events tail -o json`` that belong to the event."""


class Match(NamedTuple):
    """A condition on a field of an event.

    Attributes:
        field: One of :data:`FIELDS`; after that of a payload, a dot and names of JSON objects or
            indices of lists may follow, such as ``requestPayload.items.0.id``.
        pattern: Is searched in the text of the value; a number is as it was written.
    """

    field: str
    pattern: re.Pattern[str]

    @classmethod
    def read(cls, text: str) -> Match:
        """Return the condition that ``FIELD=REGEX`` says.

        Raises:
            PluginError: There is no such field, or the pattern is invalid.
        """
        field, equals, pattern = text.partition("=")
        name, dot, _ = field.partition(".")
        path_allowed = name.endswith("Payload") or not dot
        if not equals or name not in FIELDS or not path_allowed:
            raise PluginError(
                f"{text} must be FIELD=REGEX with one of the fields {', '.join(FIELDS)}; after a"
                " payload a path may follow: requestPayload.items.0.id"
            )
        try:
            return cls(field, re.compile(pattern))
        except re.error as error:
            raise PluginError(f"{pattern} is not a valid regular expression: {error}") from None

    def matches(self, event: DestinationEvent) -> bool:
        """Return whether the field is there and its value matches."""
        name, *path = self.field.split(".")
        value: object = as_data(Shown("", event)).get(name)
        if path:
            value = _inside(as_bytes(getattr(event, name.removesuffix("Payload"))), path)
        return value is not None and self.pattern.search(str(value)) is not None


def _inside(document: bytes, path: list[str]) -> str | None:
    """Return the text of a value in JSON; None if it is not there."""
    value = msgspec.Raw(document)
    try:
        for step in path:
            container = msgspec.json.decode(value, type=dict[str, msgspec.Raw] | list[msgspec.Raw])
            value = container[step] if isinstance(container, dict) else container[int(step)]
        # Only a text is decoded: a number stays as it was written, 1.0 is not 1.
        text = bytes(value).decode().strip()
        return msgspec.json.decode(text, type=str) if text.startswith('"') else text
    except (msgspec.DecodeError, RecursionError, UnicodeError, KeyError, ValueError, IndexError):
        return None


class Selection(NamedTuple):
    """Events of a replay: those with some request ids, or those that filters admit.

    Attributes:
        ids: Request ids; None: any. An empty filter does not filter.
        conditions: Reasons of failures, as the service names them.
        functions: Names of functions.
        since: Milliseconds since the epoch; events without a time are left out then.
        matches: All must match.
    """

    conditions: tuple[str, ...] = ()
    functions: tuple[str, ...] = ()
    since: int | None = None
    matches: tuple[Match, ...] = ()
    ids: frozenset[str] | None = None

    def admits(self, event: DestinationEvent) -> bool:
        """Return whether an event is to be sent again."""
        if self.ids is not None and event.request_id not in self.ids:
            return False
        if self.conditions and outcome_of(event) not in self.conditions:
            return False
        if self.functions and event.function not in self.functions:
            return False
        if self.since is not None and (event.timestamp or 0) < self.since:
            return False
        return all(match.matches(event) for match in self.matches)


class Refused(NamedTuple):
    """Events that are not sent, because the replay may not call their function.

    Attributes:
        function: The function that the events name.
        events: Number of the events.
        reason: The reason, without a full stop.
    """

    function: str
    events: int
    reason: str


class Choice(NamedTuple):
    """The messages of a source, by what a replay does with them.

    Attributes:
        chosen: Are sent.
        left_out: Numbers of messages that are not sent, by reason.
        ended: Whether the source was read to its end.
        refused: The failed events that are not sent, by function.
    """

    chosen: list[tuple[str, DestinationEvent]]
    left_out: dict[str, int]
    ended: bool
    refused: list[Refused]


def choose(
    messages: Iterable[Shown],
    selection: Selection,
    limit: int | None,
    refusal: Callable[[str], str] = lambda _: "",
) -> Choice:
    """Return what a replay sends: failed events that the filters admit, up to a limit.

    Args:
        messages: The messages of the source.
        selection: The filters.
        limit: The largest number of events that are sent; None: all.
        refusal: Returns why a function is not called, "" if it is. An event that names no function
            is not asked for: sending it fails.
    """
    chosen: list[tuple[str, DestinationEvent]] = []
    left_out = {"succeeded": 0, "filtered": 0, "unreadable": 0}
    reasons: dict[str, str] = {}
    refused: Counter[str] = Counter()
    ended = True
    for message in messages:
        event = message.event
        if event is None:
            left_out["unreadable"] += 1
        elif event.succeeded:
            left_out["succeeded"] += 1
        elif not selection.admits(event):
            left_out["filtered"] += 1
        # Checked for the message after the last one: only this shows that there are more.
        elif len(chosen) == limit:
            ended = False
            break
        # A message names the function and its payload: without the refusal, any sender to the queue
        # could call each function of the account with the keys of the operator.
        elif event.function and (reason := refusal(event.function)):
            reasons[event.function] = reason
            refused[event.function] += 1
        else:
            chosen.append((message.message_id, event))
    by_function = [Refused(name, count, reasons[name]) for name, count in sorted(refused.items())]
    return Choice(chosen, left_out, ended, by_function)


class EventGroup(NamedTuple):
    """Events of one function with one reason.

    Attributes:
        oldest: Milliseconds since the epoch, None if no event has a time.
        example: Request id of the newest.
    """

    function: str
    condition: str
    events: int
    oldest: int | None
    newest: int | None
    example: str


def groups(events: Iterable[DestinationEvent]) -> list[EventGroup]:
    """Return events by function and reason, the most frequent first."""
    grouped: dict[tuple[str, str], list[DestinationEvent]] = defaultdict(list)
    for event in events:
        grouped[event.function or event.function_arn, outcome_of(event)].append(event)
    table = []
    for (function, condition), members in grouped.items():
        times = [event.timestamp for event in members if event.timestamp is not None]
        newest = max(members, key=lambda event: event.timestamp or 0)
        group = EventGroup(
            function,
            condition,
            events=len(members),
            oldest=min(times, default=None),
            newest=max(times, default=None),
            example=newest.request_id,
        )
        table.append(group)
    return sorted(table, key=lambda group: (-group.events, group.function, group.condition))
