# SPDX-License-Identifier: MIT
"""The message that waits on: what travels with a payload that its slot has not come for. Pure.

A message waits for at most 3,599 seconds with the service. What is left of its wait travels in an
envelope; the handler's wrapper sends the payload again for it (:mod:`.receiving`).

Invariants:

- The first wait is a duration: clocks of senders do not matter. Later ones are corrected by the
  lateness of the delivery, as far as clocks of instances tell it.
- The id of the next message follows from the task and the request, which all attempts of one
  delivery share: an attempt that is repeated sends nothing twice.
- The next message has the id of a replay of the task, so that groups find it.
"""

from __future__ import annotations

import re
import zlib
from typing import TYPE_CHECKING, Final

import msgspec

from fc_async_sdk._pacing import gcra
from fc_async_sdk._payloads import envelopes
from fc_async_sdk.errors import InvalidParameter, InvalidPayload

if TYPE_CHECKING:
    from fc_async_sdk.models import AsyncTask

_MEMBER: Final = re.compile(r"(?P<prefix>.+?)(?:_r[1-9][0-9]*)?(?P<index>-(?:0|[1-9][0-9]*))?")
_TAGS: Final = 1_000_000
_ID_LENGTH: Final = 128
_LONGEST_TAG: Final = len("_r168999999")


class Turn(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """Numbers that a message takes along which waits for others, see :mod:`fc_async_sdk.ordering`.

    Attributes:
        ticket: Its number in the order of its key; 0: none.
        waits: How often it was sent on only because others came first.
        since: When it began to wait, in seconds since the epoch; 0: it has not.
        window: The window of messages that it carries; "": none.
    """

    ticket: int = 0
    waits: int = 0
    since: float = 0
    window: str = ""


class Hop(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """A payload on its way, and how long it waits on.

    Attributes:
        payload: What the handler gets.
        rest: Whole seconds to wait on after this delivery.
        part: Microseconds to wait in the handler after that, below one second.
        due: When this delivery was to arrive, in seconds since the epoch, by an instance's clock;
            0 if a sender outside has sent it.
        count: How often it was delivered only to wait on.
        retries: How often the handler has sent it back (``RetryLater``).
        task: Task id of the first message.
        booked: Whether it has a slot.
        turn: What it takes along for the others of its key.
        slot: When the handler is to start, in microseconds since the epoch, by the clock of the
            pace; 0 if that is not known.
        tries: How many attempts of its handler have failed before it was sent on.
    """

    payload: envelopes.Content
    rest: int = 0
    part: int = 0
    due: float = 0
    count: int = 0
    retries: int = 0
    task: str = ""
    booked: bool = True
    turn: Turn = Turn()
    slot: int = 0
    tries: int = 0

    def encode(self) -> bytes:
        """Return the payload that is this message."""
        return envelopes.write(envelopes.HOP, msgspec.json.encode(self))


_DECODER: Final = msgspec.json.Decoder(Hop)


def read(event: bytes) -> Hop | None:
    """Return the message that an event is, or None if it is a payload.

    Raises:
        InvalidPayload: It is a message of another version.
    """
    envelope = envelopes.read(event)
    if envelope is None or envelope.name != envelopes.HOP:
        return None
    try:
        return _DECODER.decode(envelope.body)
    except msgspec.DecodeError as error:
        raise InvalidPayload("Hop", str(error), "$", what="the envelope") from error


def first(
    payload: bytes,
    *,
    seconds: int,
    part: int,
    spread: int,
    task: str,
    slot: int = 0,
) -> tuple[int, bytes]:
    """Return the delay of a message that is sent, and its payload; 0: without delay.

    Args:
        payload: What the handler gets.
        seconds: Whole seconds until its slot.
        part: Microseconds to wait in the handler after that.
        spread: A number that differs among messages that are sent together.
        task: Its task id, or "".
        slot: When its handler is to start, for a handler that looks at it; 0: for any handler.

    Raises:
        InvalidParameter: The ids of the messages that follow would be too long.
    """
    delay = gcra.first_wait(seconds, spread)
    remaining_seconds = seconds - delay
    if not remaining_seconds and not part and not slot:
        return delay, payload
    longest = _ID_LENGTH - _LONGEST_TAG
    if remaining_seconds and len(task) > longest:
        # Refused here, where the sender sees it: the wrapper could only fail, an hour later.
        text = f"must have at most {longest} characters for a wait beyond an hour"
        raise InvalidParameter("task_id", task, text)
    before = read(payload)  # of a message that failed after its wait, and is replayed
    content = envelopes.content(payload) if before is None else before.payload
    turn = Turn()
    if before is not None:
        turn = Turn(ticket=before.turn.ticket, window=before.turn.window)
    message = Hop(
        payload=content, rest=remaining_seconds, part=part, task=task, slot=slot, turn=turn
    )
    return delay, message.encode()


def remaining(hop: Hop, now: float) -> int:
    """Return how many whole seconds a message still waits; 0: it has waited.

    A message that has something left is sent on also if it is late, so that its payload tells
    whether another message follows.

    Args:
        hop: The message that was delivered.
        now: Seconds since the epoch, by the instance's clock.
    """
    if not hop.rest:
        return 0
    late = max(0, int(now - hop.due)) if hop.due else 0
    return max(1, hop.rest - late)


def onward(
    hop: Hop,
    seconds: int,
    now: float,
    *,
    spread: int = 0,
) -> tuple[int, Hop]:
    """Return the delay of the next message, and the message.

    Args:
        hop: The message that was delivered.
        seconds: How long it waits on, in whole seconds.
        now: Seconds since the epoch, by the instance's clock.
        spread: As for :func:`first`, if its wait begins here; 0 if it has begun before.
    """
    wait = gcra.first_wait(seconds, spread) if spread else gcra.next_wait(seconds)
    delay = max(1, wait)
    message = msgspec.structs.replace(
        hop,
        rest=max(0, seconds - delay),
        due=round(now + delay, 3),
        count=hop.count + 1,
    )
    return delay, message


def next_id(hop: Hop, request_id: str) -> str:
    """Return the task id of the next message.

    Args:
        hop: The next message.
        request_id: Of the delivery that sends it.
    """
    if not hop.task:
        return f"hop_{request_id}"[:_ID_LENGTH]
    match = _MEMBER.fullmatch(hop.task)
    assert match is not None
    # All attempts of a delivery share the request id, and a replay of the message has another: an
    # attempt that is repeated gets this id again, the replay one of its own.
    tag = zlib.crc32(request_id.encode()) % _TAGS
    number = hop.count * _TAGS + tag
    return f"{match['prefix']}_r{number}{match['index'] or ''}"


class Sent(msgspec.Struct, frozen=True):
    """The result of a delivery that only sent the payload again.

    Attributes:
        next: Task id of the next message; "" after the last step of a feed.
        seconds: Its delay.
        reason: Why, if the handler asked for it.
        handled: Whether the handler ran, and asked for it.
    """

    next: str
    seconds: int
    reason: str = ""
    handled: bool = False

    def result(self) -> dict[str, object]:
        """Return what the handler returns."""
        return {envelopes.HOP: msgspec.to_builtins(self)}


_RESULTS: Final = msgspec.json.Decoder(Sent)


def sent(result: bytes | None) -> Sent | None:
    """Return the next message that a result names, or None for a result of a handler."""
    envelope = envelopes.read(result) if result else None
    if envelope is None or envelope.name != envelopes.HOP:
        return None
    try:
        return _RESULTS.decode(envelope.body)
    except msgspec.DecodeError:
        return None


def following(task: AsyncTask, payload: bytes | None) -> str:
    """Return the id of the message that a task has sent instead of running the handler, or "".

    The result says so. Where the service keeps no results, the payload says whether its slot had
    not come; a message that the handler has sent back is not found there.

    Args:
        task: What is known of the task.
        payload: What it was called with, if that is known.
    """
    if not task.succeeded:
        return ""
    result = task.return_payload_bytes
    if result is not None:
        next_message = sent(result)
        return next_message.next if next_message is not None else ""
    message = None if payload is None else read(payload)
    if message is None or not message.rest:
        return ""
    following_message = msgspec.structs.replace(message, count=message.count + 1)
    return next_id(following_message, task.request_id or "")
