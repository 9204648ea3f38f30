# SPDX-License-Identifier: MIT
"""RocketMQ logs, and how consumer groups read them, in the tables of SQLite or of PostgreSQL.

:class:`ConsumerGroup` has the rows of one topic and group within one transaction; :func:`take` and
:func:`acknowledge` decide what is read and written. They are coroutines because PostgreSQL answers
over the network. The store ``memory`` runs the same statements on SQLite in memory. The tests
compare them with a model in plain Python.

Invariants:
    * Consumers of one group wait for each other, consumers of different groups do not.
    * A published message is on the disk before it is acknowledged.
    * What groups take and acknowledge is committed but not flushed: after a power loss a message
      may be delivered again, and none is lost.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec
from msgspec.structs import replace

from fc_async_local.services.rocketmq.model import (
    MOST_CONSUMED,
    RETENTION_MS,
    Pending,
    RocketMqMessage,
    Taken,
)
from fc_async_local.store import sql
from fc_async_local.store.factory import open_transactions

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fc_async_local.services.common import Receipt
    from fc_async_local.services.rocketmq.model import Want
    from fc_async_local.store.factory import AnyDatabase
    from fc_async_local.store.sql import Row, Transaction, Transactions

read_message: Final = msgspec.json.Decoder(RocketMqMessage).decode
_PAGE: Final = 32
"""Messages of the log that are read at a time."""
_ORDERED_WINDOW: Final = 1_024
"""Largest number of messages that an ordered group holds back for busy sharding keys."""


class ConsumerGroup:
    """One topic's log and the state of one group, within a transaction."""

    def __init__(self, tables: Transaction, topic: str, name: str) -> None:
        self._tables = tables
        self._scope = {"topic": topic, "name": name}

    async def expire(self, before: int) -> None:
        """Delete messages that joined the log at or before a time, also from all groups."""
        await self._do("expire", before=before)

    async def append_due(self, now: int) -> None:
        """Append delayed messages that are due to the log, in the order of their times."""
        # Read first: the lock that follows makes all publishers of the topic wait.
        if not await self._value("has_due_delayed", now=now):
            return
        await self._tables.lock("lock_topic", self._scope)
        due = sorted(await self._rows("take_due", now=now))
        # A message is kept as long as any other from the time at which it joins the log.
        rows = []
        for at, _arrival, message in due:
            rows.append(
                {
                    **self._scope,
                    "published_at": at,
                    "message": message,
                }
            )
        await self._tables.each("append", rows)

    async def lock(self) -> None:
        """Keep other consumers of the group waiting until the end of the transaction."""
        await self._do("add_group")
        await self._tables.lock("lock_group", self._scope)

    async def next_delayed(self) -> int | None:
        """Return when the next delayed message is due."""
        return await self._value("next_delayed")

    async def position(self) -> int:
        """Return the sequence of the last message that the group has read; 0 for a new group."""
        return await self._value("position") or 0

    async def move(self, position: int) -> None:
        """Set the position."""
        await self._do("move", position=position)

    async def log(self, after: int, limit: int) -> Sequence[tuple[int, RocketMqMessage]]:
        """Return messages of the log after a position, in order, with their sequences."""
        rows = await self._rows("log", after=after, limit=limit)
        return [(sequence, read_message(body)) for sequence, body in rows]

    async def due(self, now: int, limit: int) -> Sequence[Pending]:
        """Return pending messages that may be handed out, in the order of the log."""
        rows = await self._rows("due", now=now, limit=limit)
        return [_pending_of(row) for row in rows]

    async def pending(self) -> Sequence[Pending]:
        """Return all pending messages, in the order of the log."""
        return [_pending_of(row) for row in await self._rows("pending")]

    async def find(self, sequence: int) -> Pending | None:
        """Return one pending message."""
        result = await self._rows("find", sequence=sequence)
        return _pending_of(result[0]) if result else None

    async def put(self, pending: Sequence[Pending]) -> None:
        """Store the state of pending messages."""
        rows = []
        for message in pending:
            row = self._scope | msgspec.structs.asdict(message)
            del row["message"]  # it is in the log
            rows.append(row)
        await self._tables.each("put", rows)

    async def drop(self, sequence: int) -> None:
        """Delete a pending message."""
        await self._do("drop_pending", sequence=sequence)

    async def next_due(self, now: int) -> int | None:
        """Return when the next pending message that is hidden now is due."""
        return await self._value("next_due", now=now)

    async def _do(self, statement: str, **values: object) -> None:
        await self._tables.do(statement, self._scope | values)

    async def _rows(self, statement: str, **values: object) -> list[Row]:
        return await self._tables.rows(statement, self._scope | values)

    async def _value(self, statement: str, **values: object) -> int | None:
        number: int | None = await self._tables.value(statement, self._scope | values)
        return number


async def take(group: ConsumerGroup, want: Want, *, now: int) -> Taken:
    """Hand out messages to a consumer of a group.

    Args:
        group: Rows of the group.
        want: The consumer's request.
        now: Milliseconds since the epoch.
    """
    # In the transaction of a consumer: no job of its own is needed, and no message outlives its
    # time.
    await group.expire(now - RETENTION_MS)
    await group.append_due(now)
    await group.lock()
    if want.ordered:
        candidates = await _find_ordered(group, want, now)
    else:
        candidates = await _find_any(group, want, now)
    given_up: list[Pending] = []
    taken: list[Pending] = []
    for pending in candidates:
        if pending.consumed >= MOST_CONSUMED:
            given_up.append(pending)
            await group.drop(pending.sequence)
        else:
            taken.append(_hand_out(pending, want, now))
    await group.put(taken)
    return Taken(tuple(taken), await _next_at(group, now), tuple(given_up))


async def _next_at(group: ConsumerGroup, now: int) -> int | None:
    due_at = await group.next_due(now)
    delayed_until = await group.next_delayed()
    if due_at is None or delayed_until is None:
        return delayed_until if due_at is None else due_at
    return min(due_at, delayed_until)


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
    candidates = list(await group.due(now, want.limit))
    while len(candidates) < want.limit:
        # Messages with other tags are passed, so a page may have none of the tags: read on.
        new = await _read_log(group, want, want.limit - len(candidates))
        if new is None:
            break
        candidates += new
    return candidates


async def _find_ordered(group: ConsumerGroup, want: Want, now: int) -> list[Pending]:
    """Find messages whose sharding keys have no message that is handed out.

    Messages with a busy key become pending too, so that they keep their order.
    """
    # All of them, because one that is handed out keeps its sharding key busy.
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
    handed_out = [pending for pending in held if pending.next_at > now]
    busy = {pending.message.sharding_key for pending in handed_out}
    return [pending for pending in held if pending.message.sharding_key not in busy]


async def _read_log(group: ConsumerGroup, want: Want, limit: int) -> list[Pending] | None:
    """Read on in the log, up to ``limit`` wanted messages; return None at its end."""
    position = await group.position()
    read: list[Pending] = []
    page = await group.log(position, _PAGE)
    for sequence, message in page:
        if len(read) == limit:
            break
        position = sequence
        if want.tags is None or message.tag in want.tags:
            read.append(Pending(sequence=sequence, message=message))
    if not page:
        return None
    await group.move(position)
    return read


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
    if pending is None or pending.message.message_id != receipt.message_id:
        return False
    # Only the last receipt is valid, and only until the message may be handed out again: by then
    # another consumer may be at work on it.
    if pending.claims != receipt.claims or pending.next_at <= now:
        return False
    await group.drop(receipt.sequence)
    return True


def _pending_of(row: Row) -> Pending:
    """Return a pending message from its row, joined with the message."""
    fields: dict[str, Any] = dict(zip(Pending.__struct_fields__, row, strict=True))
    fields["message"] = read_message(fields["message"])
    return Pending(**fields)


PACKAGE: Final = "fc_async_local.services.rocketmq"
SCHEMA: Final = sql.schema("rocketmq", PACKAGE)

_encode: Final = msgspec.json.Encoder().encode


class TableLogStore:
    """Logs and groups. ``topic`` is a key that includes the instance.

    All methods raise ``StoreUnavailable`` when the store cannot answer now.

    Args:
        transactions: Of the database.
    """

    def __init__(self, transactions: Transactions) -> None:
        self._transactions = transactions

    @classmethod
    async def open(cls, database: AnyDatabase) -> TableLogStore:
        """Create or migrate the tables and return a store on them."""
        return cls(await open_transactions(database, SCHEMA, PACKAGE))

    async def append(
        self, topic: str, message: RocketMqMessage, *, deliver_at: int | None = None
    ) -> None:
        """Store a message; return when it is durable.

        Args:
            topic: Key of the topic.
            message: The message.
            deliver_at: When it joins the log; None for at once.
        """
        row = {
            "topic": topic,
            "message": _encode(message),
            "published_at": message.published_at,
            "deliver_at": deliver_at,
            # Here too, because a topic without consumers must not grow without limit.
            "before": message.published_at - RETENTION_MS,
        }

        async def job(tables: Transaction) -> None:
            await tables.do("expire", row)
            if deliver_at is None:
                await tables.lock("lock_topic", row)
                await tables.do("append", row)
            else:
                await tables.do("delay", row)

        await self._transactions.write(job)

    async def take(
        self,
        topic: str,
        group: str,
        want: Want,
        *,
        now: int,
    ) -> Taken:
        """Hand out messages to a consumer of a group."""
        return await self._transactions.claim(
            lambda tables: take(ConsumerGroup(tables, topic, group), want, now=now)
        )

    async def acknowledge(
        self,
        topic: str,
        group: str,
        receipts: Sequence[Receipt],
        *,
        now: int,
    ) -> Sequence[bool]:
        """Delete processed messages; return False for each receipt that is not valid any more."""
        return await self._transactions.write_light(
            lambda tables: acknowledge(ConsumerGroup(tables, topic, group), receipts, now=now)
        )

    async def forget(self, topic: str) -> int:
        """Delete the messages and groups of a topic; return how many messages there were."""
        row = {"topic": topic}

        async def job(tables: Transaction) -> int:
            await tables.do("forget_pending", row)
            await tables.do("forget_groups", row)
            delayed = await tables.changed("forget_delayed", row)
            return delayed + await tables.changed("forget_messages", row)

        return await self._transactions.write(job)
