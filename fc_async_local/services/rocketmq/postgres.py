# SPDX-License-Identifier: MIT
"""Logs on a PostgreSQL server: what one node publishes, the groups of any node get.

Consumers of one group take turns, those of different groups don't. Publishing is flushed before it
is acknowledged; what groups take and acknowledge is not: after a crash of the server a message may
come again, none is lost.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec

from fc_async_local.services.rocketmq import log, outline
from fc_async_local.services.rocketmq.model import RETENTION_MS, Message, Pending, Taken
from fc_async_local.services.rocketmq.outline import LaidOut, OutOfSight, View
from fc_async_local.store import sql
from fc_async_local.store.postgres.database import load

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from fc_async_local.services.rocketmq.model import Receipt, Want
    from fc_async_local.store.postgres.database import Connection, PostgresDatabase

_PACKAGE: Final = "fc_async_local.services.rocketmq"
SCHEMA: Final = sql.schema("rocketmq", _PACKAGE, "postgres_migrations")
_SQL: Final = load(_PACKAGE, "postgres.sql")
_WINDOW: Final = 256
"""Messages of a log looked at first; twice as many each time if that is not enough."""

_encode: Final = msgspec.json.Encoder().encode
_message: Final = msgspec.json.Decoder(Message).decode


class PostgresLogStore:
    """:class:`~fc_async_local.services.rocketmq.store.LogStore` of several nodes."""

    def __init__(self, database: PostgresDatabase) -> None:
        """Use :meth:`open`."""
        self._database = database

    @classmethod
    async def open(cls, database: PostgresDatabase) -> PostgresLogStore:
        """Bring the tables up to date and use them."""
        await database.migrate(SCHEMA)
        return cls(database)

    async def append(self, topic: str, message: Message, *, deliver_at: int | None = None) -> None:
        """Keep a message."""
        row = {
            "topic": topic,
            "message": _encode(message),
            "outline": outline.outline_of(message),
            "published_at": message.published_at,
            "deliver_at": deliver_at,
            # A topic that nobody reads must not grow for ever.
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
        """Hand messages out to a group."""

        async def job(connection: Connection) -> Taken:
            return await _Counter(connection, topic, group, now).take(want)

        return await self._database.run(job, pipelined=True, flush=False)

    async def acknowledge(
        self, topic: str, group: str, receipts: Sequence[Receipt], *, now: int
    ) -> Sequence[bool]:
        """Be done with messages."""

        async def job(connection: Connection) -> Sequence[bool]:
            return await _Counter(connection, topic, group, now).acknowledge(receipts)

        return await self._database.run(job, pipelined=True, flush=False)

    async def forget(self, topic: str) -> None:
        """Forget a topic's messages and groups."""

        async def job(connection: Connection) -> None:
            for what in ("pending", "groups", "delayed", "messages"):
                await connection.execute(_SQL[f"forget_{what}"], {"topic": topic})

        await self._database.run(job, pipelined=True)


class _Counter:
    """Serves one group of one topic, inside a transaction."""

    def __init__(self, connection: Connection, topic: str, group: str, now: int) -> None:
        self._connection = connection
        self._now = now
        self._scope = {
            "topic": topic,
            "name": group,
            "now": now,
            "before": now - RETENTION_MS,
        }

    async def take(self, want: Want) -> Taken:
        await self._do("expire")
        ((due,),) = await self._rows("has_due_delayed")
        if due:
            await self._do("lock_topic")
            await self._do("surface")
        view = await self._look(want)
        while True:
            shelf = LaidOut(view)
            try:
                taken = log.take(shelf, want, now=self._now)
            except OutOfSight:
                view = await self._look_further(view)
                continue
            if await self._hold([*shelf.kept, *shelf.dropped]):
                await self._write(shelf)
                return await self._complete(taken)
            view = await self._look(want)

    async def _hold(self, sequences: Sequence[int]) -> bool:
        """Keep messages from being forgotten until the commit; False if some already are."""
        if not sequences:
            return True
        return len(await self._rows("hold_messages", sequences=sequences)) == len(sequences)

    async def acknowledge(self, receipts: Sequence[Receipt]) -> Sequence[bool]:
        await self._rows("lock_group")
        sequences = [receipt.sequence for receipt in receipts]
        pending = [
            _pending(row, _message(row[1])) for row in await self._rows("some", sequences=sequences)
        ]
        shelf = LaidOut(View(0, (), True, pending, None, None))
        results = log.acknowledge(shelf, receipts, now=self._now)
        await self._write(shelf)
        return results

    async def _look(self, want: Want) -> View:
        await self._do("add_group")
        ((position,),) = await self._rows("lock_group")
        held = await self._rows("pending" if want.ordered else "due", limit=want.limit)
        fresh = await self._fresh(position, _WINDOW)
        ((next_due, next_delayed),) = await self._rows("moments")
        return View(
            position,
            fresh,
            len(fresh) < _WINDOW,
            [_pending(row, outline.from_outline(row[1])) for row in held],
            next_due,
            next_delayed,
        )

    async def _look_further(self, view: View) -> View:
        wanted = len(view.fresh)
        more = await self._fresh(view.fresh[-1][0], wanted)
        return view._replace(fresh=[*view.fresh, *more], complete=len(more) < wanted)

    async def _fresh(self, after: int, limit: int) -> Sequence[tuple[int, Message]]:
        found = await self._rows("fresh", after=after, limit=limit)
        return [(sequence, outline.from_outline(raw)) for sequence, raw in found]

    async def _write(self, shelf: LaidOut) -> None:
        if shelf.moved_to is not None:
            await self._do("move", position=shelf.moved_to)
        if shelf.dropped:
            await self._do("drop_pending", sequences=list(shelf.dropped))
        if shelf.kept:
            kept = shelf.kept.values()
            await self._do(
                "put",
                sequences=[pending.sequence for pending in kept],
                consumed=[pending.consumed for pending in kept],
                next=[pending.next_at for pending in kept],
                first=[pending.first_at for pending in kept],
                claims=[pending.claims for pending in kept],
            )

    async def _complete(self, taken: Taken) -> Taken:
        """Fetch what was only known in outline."""
        sequences = [pending.sequence for pending in (*taken.messages, *taken.given_up)]
        if not sequences:
            return taken
        found = await self._rows("messages", sequences=sequences)
        messages = {sequence: _message(raw) for sequence, raw in found}

        def whole(outlined: Sequence[Pending]) -> tuple[Pending, ...]:
            return tuple(
                msgspec.structs.replace(pending, message=messages[pending.sequence])
                for pending in outlined
            )

        return taken._replace(messages=whole(taken.messages), given_up=whole(taken.given_up))

    async def _do(self, statement: str, **values: object) -> None:
        await self._connection.execute(_SQL[statement], self._scope | values)

    async def _rows(self, statement: str, **values: object) -> list[tuple[Any, ...]]:
        row: Mapping[str, object] = self._scope | values
        return await (await self._connection.execute(_SQL[statement], row)).fetchall()


def _pending(row: tuple[Any, ...], message: Message) -> Pending:
    return Pending(
        sequence=row[0],
        message=message,
        consumed=row[2],
        next_at=row[3],
        first_at=row[4],
        claims=row[5],
    )
