# SPDX-License-Identifier: MIT
"""RocketMQ logs on a PostgreSQL server, for several nodes.

Invariants:
    * A published message is flushed before it is acknowledged.
    * What groups take and acknowledge is committed but not flushed: after a crash of the server a
      message may be delivered again, and none is lost.
    * Consumers of one group wait for each other, consumers of different groups do not.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec

from fc_async_local.services.rocketmq import group as groups
from fc_async_local.services.rocketmq.model import RETENTION_MS, Message
from fc_async_local.services.rocketmq.sqlite import from_pending, to_pending
from fc_async_local.store import sql
from fc_async_local.store.postgres.database import load

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fc_async_local.services.common import Receipt
    from fc_async_local.services.rocketmq.model import Pending, Taken, Want
    from fc_async_local.store.postgres.database import Connection, PostgresDatabase

_PACKAGE: Final = "fc_async_local.services.rocketmq"
SCHEMA: Final = sql.schema("rocketmq", _PACKAGE, "postgres_migrations")
_SQL: Final = load(_PACKAGE, "postgres.sql")

_encode: Final = msgspec.json.Encoder().encode
_message: Final = msgspec.json.Decoder(Message).decode


class PostgresLogStore:
    """:class:`~fc_async_local.services.rocketmq.store.LogStore` of several nodes.

    Args:
        database: With the tables of :data:`SCHEMA`; :meth:`open` creates them.
    """

    def __init__(self, database: PostgresDatabase) -> None:
        self._database = database

    @classmethod
    async def open(cls, database: PostgresDatabase) -> PostgresLogStore:
        """Create or migrate the tables and return a store on them."""
        await database.migrate(SCHEMA)
        return cls(database)

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

        async def job(connection: Connection) -> None:
            await connection.execute(_SQL["expire"], row)
            if deliver_at is None:
                await connection.execute(_SQL["lock_topic"], row)
                await connection.execute(_SQL["append"], row)
            else:
                await connection.execute(_SQL["delay"], row)

        await self._database.run(job, pipelined=True)

    async def take(self, topic: str, group: str, want: Want, *, now: int) -> Taken:
        """Hand out messages to a consumer of a group."""

        async def job(connection: Connection) -> Taken:
            return await groups.take(_Group(connection, topic, group), want, now=now)

        return await self._database.run(job, pipelined=True, flush=False)

    async def acknowledge(
        self, topic: str, group: str, receipts: Sequence[Receipt], *, now: int
    ) -> Sequence[bool]:
        """Delete processed messages."""

        async def job(connection: Connection) -> Sequence[bool]:
            return await groups.acknowledge(_Group(connection, topic, group), receipts, now=now)

        return await self._database.run(job, pipelined=True, flush=False)

    async def forget(self, topic: str) -> int:
        """Delete the messages and groups of a topic; return how many messages there were."""

        async def job(connection: Connection) -> int:
            async def forgotten(what: str) -> int:
                return (await connection.execute(_SQL[f"forget_{what}"], {"topic": topic})).rowcount

            await forgotten("pending")
            await forgotten("groups")
            return await forgotten("delayed") + await forgotten("messages")

        return await self._database.run(job)


class _Group:
    """:class:`~fc_async_local.services.rocketmq.group.ConsumerGroup` in a transaction."""

    def __init__(self, connection: Connection, topic: str, name: str) -> None:
        self._connection = connection
        self._scope = {"topic": topic, "name": name}

    async def expire(self, before: int) -> None:
        await self._do("expire", before=before)

    async def append_due(self, now: int) -> None:
        if await self._number("has_due_delayed", now=now):
            await self._do("lock_topic")
            await self._do("append_due", now=now)

    async def lock(self) -> None:
        await self._do("add_group")
        await self._do("lock_group")

    async def next_delayed(self) -> int | None:
        return await self._number("next_delayed")

    async def position(self) -> int:
        return await self._number("position") or 0

    async def move(self, position: int) -> None:
        await self._do("move", position=position)

    async def log(self, after: int, limit: int) -> Sequence[tuple[int, Message]]:
        rows = await self._rows("log", after=after, limit=limit)
        return [(sequence, _message(body)) for sequence, body in rows]

    async def due(self, now: int, limit: int) -> Sequence[Pending]:
        return [to_pending(row) for row in await self._rows("due", now=now, limit=limit)]

    async def pending(self) -> Sequence[Pending]:
        return [to_pending(row) for row in await self._rows("pending")]

    async def find(self, sequence: int) -> Pending | None:
        found = await self._rows("find", sequence=sequence)
        return to_pending(found[0]) if found else None

    async def put(self, pending: Sequence[Pending]) -> None:
        rows = [self._scope | from_pending(item) for item in pending]
        async with self._connection.cursor() as cursor:
            await cursor.executemany(_SQL["put"], rows)

    async def drop(self, sequence: int) -> None:
        await self._do("drop_pending", sequence=sequence)

    async def next_due(self, now: int) -> int | None:
        return await self._number("next_due", now=now)

    async def _do(self, statement: str, **values: object) -> None:
        await self._connection.execute(_SQL[statement], self._scope | values)

    async def _rows(self, statement: str, **values: object) -> list[tuple[Any, ...]]:
        cursor = await self._connection.execute(_SQL[statement], self._scope | values)
        return await cursor.fetchall()

    async def _number(self, statement: str, **values: object) -> int | None:
        rows = await self._rows(statement, **values)
        number: int | None = rows[0][0] if rows else None
        return number
