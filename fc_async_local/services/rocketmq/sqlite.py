# SPDX-License-Identifier: MIT
"""RocketMQ logs in the runtime's SQLite file.

Invariants:
    * A published message is on the disk before it is acknowledged.
    * What groups take and acknowledge is committed but not flushed: after a power loss a message
      may be delivered again, and none is lost.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, TypeVar

import msgspec

from fc_async_local.services.rocketmq import group as groups
from fc_async_local.services.rocketmq.model import RETENTION_MS, Message, Pending
from fc_async_local.store import sql

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Coroutine, Sequence

    from fc_async_local.services.common import Receipt
    from fc_async_local.services.rocketmq.model import Taken, Want
    from fc_async_local.store.sqlite.database import Database

T = TypeVar("T")

SCHEMA: Final = sql.schema("rocketmq", "fc_async_local.services.rocketmq")
_SQL: Final = sql.statements("fc_async_local.services.rocketmq")
_encode: Final = msgspec.json.Encoder().encode
_message: Final = msgspec.json.Decoder(Message).decode


class SqliteLogStore:
    """:class:`~fc_async_local.services.rocketmq.store.LogStore` in a shared database file.

    Args:
        database: With the tables of :data:`SCHEMA`; :meth:`open` creates them.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    @classmethod
    async def open(cls, database: Database) -> SqliteLogStore:
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
        statement = _SQL["append" if deliver_at is None else "delay"]

        def job(connection: sqlite3.Connection) -> None:
            connection.execute(_SQL["expire"], row)
            connection.execute(statement, row)

        await self._database.write(job)

    async def take(self, topic: str, group: str, want: Want, *, now: int) -> Taken:
        """Hand out messages to a consumer of a group."""
        return await self._database.write_light(
            lambda connection: _run(groups.take(_Group(connection, topic, group), want, now=now))
        )

    async def acknowledge(
        self, topic: str, group: str, receipts: Sequence[Receipt], *, now: int
    ) -> Sequence[bool]:
        """Delete processed messages."""
        return await self._database.write_light(
            lambda connection: _run(
                groups.acknowledge(_Group(connection, topic, group), receipts, now=now)
            )
        )

    async def forget(self, topic: str) -> int:
        """Delete the messages and groups of a topic; return how many messages there were."""

        def job(connection: sqlite3.Connection) -> int:
            def forgotten(what: str) -> int:
                return connection.execute(_SQL[f"forget_{what}"], {"topic": topic}).rowcount

            forgotten("pending")
            forgotten("groups")
            return forgotten("delayed") + forgotten("messages")

        return await self._database.write(job)


def _run(coroutine: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine of :mod:`.group` in the writer thread, which has no event loop.

    It ends in its first step, because no method of the group waits for anything.
    """
    try:
        coroutine.send(None)
    except StopIteration as end:
        result: T = end.value
        return result
    raise AssertionError("a method of a group in SQLite waited")


class _Group:
    """:class:`~fc_async_local.services.rocketmq.group.ConsumerGroup` in a transaction."""

    def __init__(self, connection: sqlite3.Connection, topic: str, name: str) -> None:
        self._connection = connection
        self._scope = {"topic": topic, "name": name}

    def _execute(self, statement: str, **values: object) -> sqlite3.Cursor:
        return self._connection.execute(_SQL[statement], self._scope | values)

    async def expire(self, before: int) -> None:
        self._execute("expire", before=before)

    async def append_due(self, now: int) -> None:
        self._execute("append_due", now=now)
        self._execute("drop_delayed", now=now)

    async def lock(self) -> None:
        """Do nothing: the file has one writer."""

    async def next_delayed(self) -> int | None:
        return self._number("next_delayed")

    async def position(self) -> int:
        return self._number("position") or 0

    async def move(self, position: int) -> None:
        self._execute("move", position=position)

    async def log(self, after: int, limit: int) -> Sequence[tuple[int, Message]]:
        rows = self._execute("log", after=after, limit=limit)
        return [(sequence, _message(body)) for sequence, body in rows]

    async def due(self, now: int, limit: int) -> Sequence[Pending]:
        return [to_pending(row) for row in self._execute("due", now=now, limit=limit)]

    async def pending(self) -> Sequence[Pending]:
        return [to_pending(row) for row in self._execute("pending")]

    async def find(self, sequence: int) -> Pending | None:
        row = self._execute("find", sequence=sequence).fetchone()
        return None if row is None else to_pending(row)

    async def put(self, pending: Sequence[Pending]) -> None:
        rows = [self._scope | from_pending(item) for item in pending]
        self._connection.executemany(_SQL["put"], rows)

    async def drop(self, sequence: int) -> None:
        self._execute("drop_pending", sequence=sequence)

    async def next_due(self, now: int) -> int | None:
        return self._number("next_due", now=now)

    def _number(self, statement: str, **values: object) -> int | None:
        row = self._execute(statement, **values).fetchone()
        number: int | None = None if row is None else row[0]
        return number


def from_pending(pending: Pending) -> dict[str, object]:
    """Return the row of a pending message, without topic and group."""
    row = msgspec.structs.asdict(pending)
    del row["message"]
    return row


def to_pending(row: tuple[Any, ...]) -> Pending:
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
