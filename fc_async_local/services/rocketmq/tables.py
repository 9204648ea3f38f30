# SPDX-License-Identifier: MIT
"""RocketMQ logs in the tables of SQLite or PostgreSQL.

Invariants:
    * Consumers of one group wait for each other, consumers of different groups do not.
    * A published message is on the disk before it is acknowledged.
    * What groups take and acknowledge is committed but not flushed: after a power loss a message
      may be delivered again, and none is lost.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from fc_async_local.services.rocketmq import group as groups
from fc_async_local.services.rocketmq.memory import MemoryLogStore
from fc_async_local.services.rocketmq.model import RETENTION_MS, Message, Pending
from fc_async_local.store import sql
from fc_async_local.store.factory import open_transactions

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fc_async_local.services.common import Receipt
    from fc_async_local.services.rocketmq.model import Taken, Want
    from fc_async_local.store.factory import AnyDatabase
    from fc_async_local.store.transactions import Row, Transaction, Transactions

_PACKAGE: Final = "fc_async_local.services.rocketmq"
SCHEMA: Final = sql.schema("rocketmq", _PACKAGE)

_encode: Final = msgspec.json.Encoder().encode
_message: Final = msgspec.json.Decoder(Message).decode


class TableLogStore:
    """Logs and groups as in :class:`MemoryLogStore`.

    All methods raise ``StoreUnavailable`` when the store cannot answer now.

    Args:
        transactions: Of the database.
    """

    def __init__(self, transactions: Transactions) -> None:
        self._transactions = transactions

    @classmethod
    async def open(cls, database: AnyDatabase) -> TableLogStore:
        """Create or migrate the tables and return a store on them."""
        return cls(await open_transactions(database, SCHEMA, _PACKAGE))

    async def append(self, topic: str, message: Message, *, deliver_at: int | None = None) -> None:
        """Store a message."""
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

    async def take(self, topic: str, group: str, want: Want, *, now: int) -> Taken:
        """Hand out messages to a consumer of a group."""
        return await self._transactions.claim(
            lambda tables: groups.take(_Group(tables, topic, group), want, now=now)
        )

    async def acknowledge(
        self, topic: str, group: str, receipts: Sequence[Receipt], *, now: int
    ) -> Sequence[bool]:
        """Delete processed messages."""
        return await self._transactions.write_light(
            lambda tables: groups.acknowledge(_Group(tables, topic, group), receipts, now=now)
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


LogStore = MemoryLogStore | TableLogStore


class _Group(groups.ConsumerGroup):
    """The rows of one topic and group."""

    def __init__(self, tables: Transaction, topic: str, name: str) -> None:
        self._tables = tables
        self._scope = {"topic": topic, "name": name}

    async def expire(self, before: int) -> None:
        await self._do("expire", before=before)

    async def append_due(self, now: int) -> None:
        if not await self._value("has_due_delayed", now=now):
            return
        await self._tables.lock("lock_topic", self._scope)
        due = sorted(await self._rows("take_due", now=now))
        # A message is kept as long as any other from the time at which it joins the log.
        joined = [{"published_at": at, "message": message} for at, _arrival, message in due]
        await self._tables.each("append", [self._scope | each for each in joined])

    async def lock(self) -> None:
        await self._do("add_group")
        await self._tables.lock("lock_group", self._scope)

    async def next_delayed(self) -> int | None:
        return await self._value("next_delayed")

    async def position(self) -> int:
        return await self._value("position") or 0

    async def move(self, position: int) -> None:
        await self._do("move", position=position)

    async def log(self, after: int, limit: int) -> Sequence[tuple[int, Message]]:
        rows = await self._rows("log", after=after, limit=limit)
        return [(sequence, _message(body)) for sequence, body in rows]

    async def due(self, now: int, limit: int) -> Sequence[Pending]:
        return [_pending_of(row) for row in await self._rows("due", now=now, limit=limit)]

    async def pending(self) -> Sequence[Pending]:
        return [_pending_of(row) for row in await self._rows("pending")]

    async def find(self, sequence: int) -> Pending | None:
        found = await self._rows("find", sequence=sequence)
        return _pending_of(found[0]) if found else None

    async def put(self, pending: Sequence[Pending]) -> None:
        rows = [self._scope | msgspec.structs.asdict(one) for one in pending]
        for row in rows:
            del row["message"]
        await self._tables.each("put", rows)

    async def drop(self, sequence: int) -> None:
        await self._do("drop_pending", sequence=sequence)

    async def next_due(self, now: int) -> int | None:
        return await self._value("next_due", now=now)

    async def _do(self, statement: str, **values: object) -> None:
        await self._tables.do(statement, self._scope | values)

    async def _rows(self, statement: str, **values: object) -> list[Row]:
        return await self._tables.rows(statement, self._scope | values)

    async def _value(self, statement: str, **values: object) -> int | None:
        number: int | None = await self._tables.value(statement, self._scope | values)
        return number


def _pending_of(row: Row) -> Pending:
    """Return a pending message from its row, joined with the message."""
    sequence, message, consumed, next_at, first_at, claims = row
    return Pending(
        sequence=sequence,
        message=_message(message),
        consumed=consumed,
        next_at=next_at,
        first_at=first_at,
        claims=claims,
    )
