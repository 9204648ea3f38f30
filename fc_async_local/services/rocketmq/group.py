# SPDX-License-Identifier: MIT
"""Reading of a topic's log by a consumer group (pure).

A store implements :class:`ConsumerGroup`, its rows of one topic and group within one transaction;
:func:`take` and :func:`acknowledge` decide what is read and written. They are coroutines because
PostgreSQL answers over the network.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Protocol

from msgspec.structs import replace

from fc_async_local.services.rocketmq.model import MOST_CONSUMED, RETENTION_MS, Pending, Taken

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fc_async_local.services.common import Receipt
    from fc_async_local.services.rocketmq.model import Message, Want

_PAGE: Final = 32
"""Messages of the log that are read at a time."""
_ORDERED_WINDOW: Final = 1_024
"""Largest number of messages that an ordered group holds back for busy sharding keys."""


class ConsumerGroup(Protocol):
    """One topic's log and the state of one group, within a transaction of a store."""

    async def expire(self, before: int) -> None:
        """Delete messages that joined the log at or before a time, also from all groups."""
        ...

    async def append_due(self, now: int) -> None:
        """Append delayed messages that are due to the log, in the order of their times."""
        ...

    async def lock(self) -> None:
        """Keep other consumers of the group waiting until the end of the transaction."""
        ...

    async def next_delayed(self) -> int | None:
        """Return when the next delayed message is due."""
        ...

    async def position(self) -> int:
        """Return the sequence of the last message that the group has read; 0 for a new group."""
        ...

    async def move(self, position: int) -> None:
        """Set the position."""
        ...

    async def log(self, after: int, limit: int) -> Sequence[tuple[int, Message]]:
        """Return messages of the log after a position, in order, with their sequences."""
        ...

    async def due(self, now: int, limit: int) -> Sequence[Pending]:
        """Return pending messages that may be handed out, in the order of the log."""
        ...

    async def pending(self) -> Sequence[Pending]:
        """Return all pending messages, in the order of the log."""
        ...

    async def find(self, sequence: int) -> Pending | None:
        """Return one pending message."""
        ...

    async def put(self, pending: Sequence[Pending]) -> None:
        """Store the state of pending messages."""
        ...

    async def drop(self, sequence: int) -> None:
        """Delete a pending message."""
        ...

    async def next_due(self, now: int) -> int | None:
        """Return when the next pending message that is hidden now is due."""
        ...


async def take(group: ConsumerGroup, want: Want, *, now: int) -> Taken:
    """Hand out messages to a consumer of a group.

    Args:
        group: Rows of the group.
        want: The consumer's request.
        now: Milliseconds since the epoch.
    """
    await group.expire(now - RETENTION_MS)
    await group.append_due(now)
    await group.lock()
    find = _find_ordered if want.ordered else _find_any
    found = await find(group, want, now)
    given_up = [item for item in found if item.consumed >= MOST_CONSUMED]
    for item in given_up:
        await group.drop(item.sequence)
    taken = [_hand_out(item, want, now) for item in found if item.consumed < MOST_CONSUMED]
    await group.put(taken)
    return Taken(tuple(taken), await _next_at(group, now), tuple(given_up))


async def _next_at(group: ConsumerGroup, now: int) -> int | None:
    times = (await group.next_due(now), await group.next_delayed())
    return min((time for time in times if time is not None), default=None)


def _hand_out(pending: Pending, want: Want, now: int) -> Pending:
    return replace(
        pending,
        consumed=pending.consumed + 1,
        next_at=now + want.hold_ms,
        first_at=pending.first_at or now,
        claims=pending.claims + 1,
    )


async def _find_any(group: ConsumerGroup, want: Want, now: int) -> list[Pending]:
    """Find messages that are due again, then new ones."""
    found = list(await group.due(now, want.limit))
    while len(found) < want.limit:
        new = await _read_log(group, want, want.limit - len(found))
        if new is None:
            break
        found += new
    return found


async def _find_ordered(group: ConsumerGroup, want: Want, now: int) -> list[Pending]:
    """Find messages whose sharding keys have no message that is handed out.

    Messages with a busy key become pending too, so that they keep their order.
    """
    held = list(await group.pending())
    free = _without_busy_keys(held, now)
    while len(free) < want.limit and len(held) < _ORDERED_WINDOW:
        new = await _read_log(group, want, want.limit)
        if new is None:
            break
        await group.put(new)
        held += new
        free = _without_busy_keys(held, now)
    return free[: want.limit]


def _without_busy_keys(held: Sequence[Pending], now: int) -> list[Pending]:
    busy = {item.message.sharding_key for item in held if item.next_at > now}
    return [item for item in held if item.message.sharding_key not in busy]


async def _read_log(group: ConsumerGroup, want: Want, limit: int) -> list[Pending] | None:
    """Read on in the log, up to ``limit`` wanted messages; return None at its end."""
    position = await group.position()
    found: list[Pending] = []
    page = await group.log(position, _PAGE)
    for sequence, message in page:
        if len(found) == limit:
            break
        position = sequence
        if want.tags is None or message.tag in want.tags:
            found.append(Pending(sequence=sequence, message=message))
    if not page:
        return None
    await group.move(position)
    return found


async def acknowledge(
    group: ConsumerGroup, receipts: Sequence[Receipt], *, now: int
) -> Sequence[bool]:
    """Delete messages that a consumer has processed.

    Args:
        group: Rows of the group.
        receipts: Of the messages.
        now: Milliseconds since the epoch.

    Returns:
        False for each receipt that is not valid any more.
    """
    await group.lock()
    return [await _acknowledge(group, receipt, now) for receipt in receipts]


async def _acknowledge(group: ConsumerGroup, receipt: Receipt, now: int) -> bool:
    pending = await group.find(receipt.sequence)
    valid = (
        pending is not None
        and pending.message.message_id == receipt.message_id
        and pending.claims == receipt.claims
        and pending.next_at > now
    )
    if valid:
        await group.drop(receipt.sequence)
    return valid
