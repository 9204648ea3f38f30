# SPDX-License-Identifier: MIT
"""Chooses the events that a replay sends, and groups them for a table. Pure."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from typing import TYPE_CHECKING, Final, NamedTuple

import msgspec

from fc_async_plugin import PluginError
from fc_async_plugin.operate.events.lines import Shown, as_data
from fc_async_plugin.operate.selection import Match
from fc_async_plugin.report.payloads import as_bytes, outcome_of
from fc_async_sdk import events as sdk_events
from fc_async_sdk.events.error_documents import error_lines, error_type

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from fc_async_plugin.operate.selection import Selection
    from fc_async_sdk.events import DestinationEvent

FIELDS: Final = tuple(as_data(Shown("", sdk_events.parse(b'{"requestContext":{}}'))))[1:]
"""Fields of a line of ``events tail -o json`` that belong to the event."""


def match_of(text: str) -> Match:
    """Return the condition that ``FIELD=REGEX`` says.

    The field is one of :data:`FIELDS`; after that of a payload, a dot and names of JSON objects or
    indices of lists may follow, such as ``requestPayload.items.0.id``.

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
        return Match(field, re.compile(pattern))
    except re.error as error:
        raise PluginError(f"{pattern} is not a valid regular expression: {error}") from None


class FailedEvent(NamedTuple):
    """The event of a failure, as a :class:`~fc_async_plugin.operate.selection.Candidate`."""

    event: DestinationEvent

    @property
    def id(self) -> str:
        """Request id."""
        return self.event.request_id

    @property
    def function(self) -> str:
        """Name of the function that failed."""
        return self.event.function

    @property
    def condition(self) -> str:
        """Reason of the failure."""
        return outcome_of(self.event)

    @property
    def time(self) -> int | None:
        """Milliseconds since the epoch; None if it is not known."""
        return self.event.timestamp

    def error_type(self) -> str:
        """Return the type that the response names, else the condition."""
        return error_type(self.event.response.raw) or self.condition

    def error_text(self) -> str:
        """Return the condition, and type and message of the response."""
        return "\n".join([self.condition, *error_lines(self.event.response.raw)[-1:]])

    def field(self, path: str) -> str | None:
        """Return the text of a field, or of a value inside of a payload."""
        name, *inner = path.split(".")
        if inner:
            return _inside(as_bytes(getattr(self.event, name.removesuffix("Payload"))), inner)
        value = as_data(Shown("", self.event)).get(name)
        return None if value is None else str(value)


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
        refused_ids: Their request ids.
    """

    chosen: list[tuple[str, DestinationEvent]]
    left_out: dict[str, int]
    ended: bool
    refused: list[Refused]
    refused_ids: frozenset[str] = frozenset()


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
    refused_ids: set[str] = set()
    ended = True
    for message in messages:
        event = message.event
        if event is None:
            left_out["unreadable"] += 1
        elif event.succeeded:
            left_out["succeeded"] += 1
        elif not selection.admits(FailedEvent(event)):
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
            refused_ids.add(event.request_id)
        else:
            chosen.append((message.message_id, event))
    by_function = [Refused(name, count, reasons[name]) for name, count in sorted(refused.items())]
    return Choice(chosen, left_out, ended, by_function, frozenset(refused_ids))


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
