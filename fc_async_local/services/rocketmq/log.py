# SPDX-License-Identifier: MIT
"""How a consumer group takes from a topic's log, written once for every store.

A store gives a :class:`Shelf` (its rows of one topic and group, inside a transaction); what is
moved where is decided here. No I/O of its own, no clock.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, Protocol

import msgspec

from fc_async_local.services.rocketmq import model
from fc_async_local.services.rocketmq.errors import RocketMqError
from fc_async_local.services.rocketmq.model import (
    Message,
    NewMessage,
    Pending,
    Receipt,
    Taken,
    Want,
)
from fc_async_sdk.errors import shorten

if TYPE_CHECKING:
    from collections.abc import Sequence

_FETCHED: Final = 256
"""Messages looked at in the log in one go."""
_ORDERED_WINDOW: Final = 1_024
"""Messages that an ordered group holds back at most while their shards are busy."""
_HANDLE: Final = re.compile(r"([0-9]{1,18})-([0-9]{1,18})-([0-9A-F]+)", re.ASCII)
_FORBIDDEN: Final = re.compile("[:|\"'&<>]")
_UNSPEAKABLE: Final = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_KEYS: Final = "KEYS"
_MILLISECONDS: Final = re.compile("[0-9]{1,18}")
_DELIVER_AT: Final = "__STARTDELIVERTIME"
_SHARDING_KEY: Final = "__SHARDINGKEY"
_TRANSACTION: Final = "__TransCheckT"


class Shelf(Protocol):
    """One topic's log and one group's place in it, as a store keeps them."""

    def expire(self, before: int) -> None:
        """Forget what joined the log at or before a moment, here and in all groups."""
        ...

    def surface(self, now: int) -> None:
        """Append delayed messages that are due to the log, in the order in which they are due."""
        ...

    def next_delayed(self) -> int | None:
        """When the next delayed message is due."""
        ...

    def position(self) -> int:
        """Sequence of the last message that the group has fetched; 0 for a new group."""
        ...

    def move(self, position: int) -> None:
        """Set the position."""
        ...

    def fresh(self, after: int, limit: int) -> Sequence[tuple[int, Message]]:
        """Messages of the log behind a position, in order."""
        ...

    def due(self, now: int, limit: int) -> list[Pending]:
        """Pending messages that may be handed out, in the order of the log."""
        ...

    def pending(self) -> list[Pending]:
        """All pending messages, in the order of the log."""
        ...

    def one(self, sequence: int) -> Pending | None:
        """One pending message."""
        ...

    def put(self, pending: Pending) -> None:
        """Keep the state of a pending message."""
        ...

    def drop(self, sequence: int) -> None:
        """The group is done with a message."""
        ...

    def next_due(self, now: int) -> int | None:
        """When the next pending message that is out comes back."""
        ...


def take(shelf: Shelf, want: Want, *, now: int) -> Taken:
    """Hand messages out to a consumer of a group."""
    shelf.expire(now - model.RETENTION_MS)
    shelf.surface(now)
    candidates = _ordered(shelf, want, now) if want.ordered else _any(shelf, want, now)
    taken, given_up = [], []
    for candidate in candidates:
        if candidate.consumed >= model.MOST_CONSUMED:
            given_up.append(candidate)
            shelf.drop(candidate.sequence)
            continue
        handed = _hand_out(candidate, want, now)
        shelf.put(handed)
        taken.append(handed)
    moments = [m for m in (shelf.next_due(now), shelf.next_delayed()) if m is not None]
    return Taken(tuple(taken), min(moments, default=None), tuple(given_up))


def _hand_out(pending: Pending, want: Want, now: int) -> Pending:
    return msgspec.structs.replace(
        pending,
        consumed=pending.consumed + 1,
        next_at=now + want.hold_ms,
        first_at=pending.first_at or now,
        claims=pending.claims + 1,
    )


def _any(shelf: Shelf, want: Want, now: int) -> list[Pending]:
    """What comes back first, then what is new."""
    found = shelf.due(now, want.limit)
    while len(found) < want.limit:
        fetched = _fetch(shelf, want, want.limit - len(found))
        if fetched is None:
            break
        found += fetched
    return found


def _ordered(shelf: Shelf, want: Want, now: int) -> list[Pending]:
    """Only of shards of which nothing is out; what must wait is held back in its order."""
    held = shelf.pending()
    while True:
        busy = {item.message.sharding_key for item in held if item.next_at > now}
        free = [item for item in held if item.message.sharding_key not in busy]
        if len(free) >= want.limit or len(held) >= _ORDERED_WINDOW:
            return free[: want.limit]
        fetched = _fetch(shelf, want, want.limit)
        if fetched is None:
            return free[: want.limit]
        for item in fetched:
            shelf.put(item)
        held += fetched


def _fetch(shelf: Shelf, want: Want, limit: int) -> list[Pending] | None:
    """Go on in the log, past what the group doesn't want. None: the end was reached before."""
    position = shelf.position()
    fresh = shelf.fresh(position, _FETCHED)
    if not fresh:
        return None
    found: list[Pending] = []
    for sequence, message in fresh:
        if len(found) == limit:
            break
        position = sequence
        if want.tags is None or message.tag in want.tags:
            found.append(Pending(sequence=sequence, message=message))
    shelf.move(position)
    return found


def acknowledge(shelf: Shelf, receipts: Sequence[Receipt], *, now: int) -> list[bool]:
    """Be done with messages; False for each handle that is no longer good."""
    return [_acknowledge(shelf, receipt, now) for receipt in receipts]


def _acknowledge(shelf: Shelf, receipt: Receipt, now: int) -> bool:
    pending = shelf.one(receipt.sequence)
    good = (
        pending is not None
        and pending.message.message_id == receipt.message_id
        and pending.claims == receipt.claims
        and pending.next_at > now
    )
    if good:
        shelf.drop(receipt.sequence)
    return good


def handle_of(pending: Pending) -> str:
    """The receipt handle of a message as handed out; safe in a URL."""
    return f"{pending.sequence}-{pending.claims}-{pending.message.message_id}"


def read_handle(handle: str) -> Receipt | None:
    """Read a receipt handle. None: it was never given out here."""
    match = _HANDLE.fullmatch(handle)
    return match and Receipt(int(match[1]), int(match[2]), match[3])


def read_tags(text: str) -> frozenset[str] | None:
    """A tag expression: ``A||B``; "" and ``*`` are all."""
    tags = frozenset(tag.strip() for tag in text.split("||") if tag.strip())
    return None if not tags or "*" in tags else tags


def message_of(new: NewMessage, *, message_id: str, now: int) -> Message:
    """The message as the log keeps it.

    Raises:
        RocketMqError: InvalidArgument: empty, over 4 MB, or not to be carried by the protocol.
    """
    size = len(new.body.encode("utf-8", "surrogatepass"))
    if not 0 < size <= model.MESSAGE_BYTES:
        raise RocketMqError(
            "InvalidArgument", f"MessageBody has {size} bytes: 1 to {model.MESSAGE_BYTES}"
        )
    unspeakable = _UNSPEAKABLE.search(new.body)
    if unspeakable is not None:
        raise RocketMqError(
            "InvalidArgument",
            f"MessageBody holds {unspeakable[0]!r}, which XML 1.0 can't carry: send base64",
        )
    if new.deliver_at is not None and new.deliver_at > now + model.DELAY_MS:
        raise RocketMqError(
            "InvalidArgument", f"{_DELIVER_AT}={new.deliver_at}: at most 40 days from now"
        )
    return Message(
        message_id=message_id,
        body=new.body,
        tag=new.tag,
        properties=write_properties(new),
        sharding_key=new.sharding_key,
        published_at=now,
        call_path=new.call_path,
    )


def write_properties(new: NewMessage) -> str:
    """Properties as transmitted.

    Raises:
        RocketMqError: InvalidArgument: a name or value holds one of ``: | " ' & < >``.
    """
    reserved = {
        _KEYS: new.keys,
        _DELIVER_AT: "" if new.deliver_at is None else str(new.deliver_at),
        _SHARDING_KEY: new.sharding_key,
    }
    every = {name: value for name, value in reserved.items() if value} | new.properties
    for name, value in every.items():
        if _FORBIDDEN.search(name) or _FORBIDDEN.search(value):
            raise RocketMqError(
                "InvalidArgument",
                f"property {shorten(name)}={shorten(value)}: none of : | \" ' & < > may be in it",
            )
    return "".join(f"{name}:{value}|" for name, value in every.items())


def read_new_message(body: str, tag: str, properties: str) -> NewMessage:
    """What a client transmits.

    Raises:
        RocketMqError: InvalidArgument.
    """
    pairs = dict(pair.split(":", 1) for pair in properties.split("|") if ":" in pair)
    if _TRANSACTION in pairs:
        raise RocketMqError(
            "InvalidArgument", f"{_TRANSACTION}: transactional messages are not served here"
        )
    deliver_at = pairs.pop(_DELIVER_AT, "")
    if deliver_at and not _MILLISECONDS.fullmatch(deliver_at):
        raise RocketMqError(
            "InvalidArgument",
            f"{_DELIVER_AT}={shorten(deliver_at)}: expected milliseconds since the epoch",
        )
    return NewMessage(
        body=body,
        tag=tag,
        keys=pairs.pop(_KEYS, ""),
        sharding_key=pairs.pop(_SHARDING_KEY, ""),
        deliver_at=int(deliver_at) if deliver_at else None,
        properties=pairs,
    )
