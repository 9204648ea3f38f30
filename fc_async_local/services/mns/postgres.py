# SPDX-License-Identifier: MIT
"""Queues on a PostgreSQL server, for several nodes.

Invariants:
    * Consumers do not wait for each other: a receive skips messages that another transaction is
      receiving (``FOR UPDATE SKIP LOCKED``).
    * A sent message is flushed before it is acknowledged.
    * Claims and deletions are committed but not flushed before they are acknowledged: after a crash
      of the server a message may be delivered again, as the protocol allows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec

from fc_async_local.services.mns import model as rules
from fc_async_local.services.mns.errors import MnsError, queue_missing
from fc_async_local.services.mns.model import Counts, Creation, Message, Queue, Received
from fc_async_local.services.mns.store import (
    attributes_column,
    extra_column,
    message_of,
    queue_of,
    receive_columns,
)
from fc_async_local.store import sql
from fc_async_local.store.postgres import batches
from fc_async_local.store.postgres.database import load, without_nul

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from fc_async_local.domain.invocation import Job
    from fc_async_local.services.common import Receipt
    from fc_async_local.services.mns.model import Draft, Offer, QueueAttributes
    from fc_async_local.store.postgres.database import Connection, PostgresDatabase

_PACKAGE: Final = "fc_async_local.services.mns"
SCHEMA: Final = sql.schema("mns", _PACKAGE, "postgres_migrations")
_SQL: Final = load(_PACKAGE, "postgres.sql")


class PostgresMessageStore:
    """:class:`~fc_async_local.services.mns.store.MessageStore` of several nodes.

    Args:
        database: With the tables of :data:`SCHEMA`; :meth:`open` creates them.
    """

    def __init__(self, database: PostgresDatabase) -> None:
        self._database = database

    @classmethod
    async def open(cls, database: PostgresDatabase) -> PostgresMessageStore:
        """Create or migrate the tables and return a store on them."""
        await database.migrate(SCHEMA)
        return cls(database)

    async def create_queue(self, queue: Queue) -> Creation:
        """Create a queue; an existing one is not changed."""
        row = msgspec.structs.asdict(queue)
        row["attributes"] = attributes_column(queue.attributes)

        async def job(connection: Connection) -> Creation:
            if await _all(connection, "put_queue", row):
                return "created"
            return rules.compare(await _queue(connection, queue.name), queue.attributes)

        return await self._database.run(job)

    async def change_queue(self, name: str, attributes: QueueAttributes, *, now: int) -> None:
        """Replace all attributes of a queue."""
        row = _named(name) | {"attributes": attributes_column(attributes), "now": now}
        if not await self._database.ask(_SQL["change_queue"], row):
            raise queue_missing(name)

    async def queue(self, name: str) -> Queue:
        """Return a queue."""
        return _one_queue(name, await self._database.ask(_SQL["get_queue"], _named(name)))

    async def queues(self, *, prefix: str = "", after: str = "", limit: int) -> Sequence[Queue]:
        """Return queues sorted by name, after the name ``after``."""
        row = {"prefix": without_nul(prefix), "after": without_nul(after), "limit": limit}
        return [queue_of(found) for found in await self._database.ask(_SQL["list_queues"], row)]

    async def delete_queue(self, name: str) -> None:
        """Delete a queue and its messages."""
        if not await self._database.ask(_SQL["delete_queue"], _named(name)):
            raise queue_missing(name)

    async def send(self, name: str, drafts: Sequence[Draft], *, now: int) -> Sequence[Message]:
        """Put messages into a queue, all or none."""
        return await self._database.run(lambda connection: _send(connection, name, drafts, now))

    async def broadcast(
        self, offers: Sequence[Offer], jobs: Sequence[Job], *, now: int
    ) -> Sequence[bool]:
        """Put messages into several queues and write jobs, in one transaction."""

        async def write(connection: Connection) -> Sequence[bool]:
            taken = [await _offer(connection, offer, now) for offer in offers]
            await batches.insert_jobs(connection, [*jobs, *rules.refused(offers, taken)])
            return taken

        return await self._database.run(write)

    async def receive(self, name: str, limit: int, *, now: int) -> Received:
        """Receive up to ``limit`` visible messages."""

        async def job(connection: Connection) -> Received:
            queue = await _queue(connection, name)
            scope = _scope(queue, now)
            # Delete expired messages; mark those ready that have become visible.
            await connection.execute(_SQL["expire"], scope)
            await connection.execute(_SQL["surface"], scope)
            found = await _all(connection, "ready", scope | {"limit": limit})
            taken = tuple(rules.take(queue, message_of(row), now) for row in found)
            await _change(connection, taken)
            visible = None
            if not taken:
                ((visible,),) = await _all(connection, "next_visible", scope)
            return Received(taken, visible, queue.attributes.polling_wait_seconds)

        return await self._database.run(job, pipelined=True, flush=False)

    async def peek(self, name: str, limit: int, *, now: int) -> Sequence[Message]:
        """Return the messages that :meth:`receive` would return, without changing them."""
        row = _scope(await self.queue(name), now) | {"limit": limit}
        return [message_of(found) for found in await self._database.ask(_SQL["visible"], row)]

    async def delete(self, name: str, receipts: Sequence[Receipt], *, now: int) -> Sequence[bool]:
        """Delete received messages; return False for each receipt that is not valid."""

        async def job(connection: Connection) -> Sequence[bool]:
            found = await _held(connection, name, receipts, now)
            results, gone = rules.delete(found, receipts, now)
            await connection.execute(_SQL["delete_messages"], {"sequences": gone})
            return results

        return await self._database.run(job, pipelined=True, flush=False)

    async def purge(self, name: str, *, now: int) -> int:
        """Delete all messages, also received and delayed ones; return how many there were."""

        async def job(connection: Connection) -> int:
            scope = _scope(await _queue(connection, name), now)
            await connection.execute(_SQL["expire"], scope)
            return (await connection.execute(_SQL["purge"], scope)).rowcount

        return await self._database.run(job)

    async def hide(
        self, name: str, receipt: Receipt, *, seconds: float, now: int
    ) -> Message | None:
        """Change the visibility of a received message; return None if the receipt is not valid."""

        async def job(connection: Connection) -> Message | None:
            found = await _held(connection, name, [receipt], now)
            hidden = rules.hide(found, receipt, seconds=seconds, now=now)
            if hidden is not None:
                await _change(connection, [hidden])
            return hidden

        return await self._database.run(job, pipelined=True, flush=False)

    async def counts(self, name: str, *, now: int) -> Counts:
        """Count messages."""
        row = _scope(await self.queue(name), now)
        return Counts(*(await self._database.ask(_SQL["counts"], row))[0])


async def _change(connection: Connection, messages: Sequence[Message]) -> None:
    async with connection.cursor() as cursor:
        await cursor.executemany(
            _SQL["change_message"], [receive_columns(message) for message in messages]
        )


async def _all(
    connection: Connection, statement: str, row: Mapping[str, object]
) -> list[tuple[Any, ...]]:
    return await (await connection.execute(_SQL[statement], row)).fetchall()


def _one_queue(name: str, found: Sequence[tuple[Any, ...]]) -> Queue:
    if not found:
        raise queue_missing(name)
    name, attributes, created_at, modified_at = found[0]
    return queue_of((name, attributes, created_at, modified_at))


async def _queue(connection: Connection, name: str, *, how: str = "get_queue") -> Queue:
    return _one_queue(name, await _all(connection, how, _named(name)))


def _named(queue: str) -> dict[str, object]:
    return {"name": without_nul(queue)}


def _scope(queue: Queue, now: int) -> dict[str, object]:
    return {"queue": queue.name, "now": now, "kept_since": rules.kept_since(queue, now)}


async def _send(
    connection: Connection, name: str, drafts: Sequence[Draft], now: int
) -> Sequence[Message]:
    queue = await _queue(connection, name, how="hold_queue")
    # All are checked before the first is written, because a refusal must change nothing.
    messages = [rules.enqueue(queue, draft, sequence=0, now=now) for draft in drafts]
    # Here too, because a queue without consumers must not grow without limit.
    await connection.execute(_SQL["expire"], _scope(queue, now))
    row = {
        "queue": name,
        "now": now,
        "ids": [message.message_id for message in messages],
        "bodies": [message.body for message in messages],
        "priorities": [message.priority for message in messages],
        "visible": [message.visible_at for message in messages],
        "extras": [extra_column(message) for message in messages],
    }
    numbers = await _all(connection, "put_messages", row)
    return [
        msgspec.structs.replace(message, sequence=sequence)
        for message, (sequence,) in zip(messages, sorted(numbers), strict=True)
    ]


async def _offer(connection: Connection, offer: Offer, now: int) -> bool:
    try:
        await _send(connection, offer.queue, [offer.draft], now)
    except MnsError:
        return False
    return True


async def _held(
    connection: Connection, name: str, receipts: Sequence[Receipt], now: int
) -> dict[int, Message]:
    """Lock and return the messages of receipts, valid or not, by sequence."""
    scope = _scope(await _queue(connection, name), now)
    scope["sequences"] = [receipt.sequence for receipt in receipts]
    found = [message_of(row) for row in await _all(connection, "some", scope)]
    return {message.sequence: message for message in found}
