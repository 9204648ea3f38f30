# SPDX-License-Identifier: MIT
"""Queues in the runtime's SQLite file. Every operation is one transaction of the file's writer.

Invariants:
    * A sent message is on the disk before it is acknowledged.
    * Claims and deletions are committed but not flushed before they are acknowledged: after a power
      loss a message may be delivered again, as the protocol allows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from fc_async_local.services.mns import model as rules
from fc_async_local.services.mns.errors import MnsError, queue_missing
from fc_async_local.services.mns.model import Counts, Creation, Received
from fc_async_local.services.mns.store import (
    attributes_column,
    extra_column,
    message_of,
    queue_of,
    receive_columns,
)
from fc_async_local.store import sql
from fc_async_local.store.rows import as_json
from fc_async_local.store.sqlite import batches

if TYPE_CHECKING:
    import asyncio
    import sqlite3
    from collections.abc import Sequence

    from fc_async_local.domain.invocation import Job
    from fc_async_local.services.common import Receipt
    from fc_async_local.services.mns.model import Draft, Message, Offer, Queue, QueueAttributes
    from fc_async_local.store.sqlite.database import Database

SCHEMA: Final = sql.schema("mns", "fc_async_local.services.mns")
_SQL: Final = sql.statements("fc_async_local.services.mns")


class SqliteMessageStore:
    """:class:`~fc_async_local.services.mns.store.MessageStore` in a shared database file.

    Args:
        database: With the tables of :data:`SCHEMA`; :meth:`open` creates them.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    @classmethod
    async def open(cls, database: Database) -> SqliteMessageStore:
        """Create or migrate the tables and return a store on them.

        Raises:
            StoreUnusable: The file is newer than this program.
            StoreUnavailable: The database cannot answer now.
        """
        await database.migrate(SCHEMA)
        return cls(database)

    async def create_queue(self, queue: Queue) -> Creation:
        """Create a queue; an existing one is not changed."""
        return await self._database.write(lambda c: _create_queue(c, queue))

    async def change_queue(self, name: str, attributes: QueueAttributes, *, now: int) -> None:
        """Replace all attributes of a queue."""
        await self._database.write(lambda c: _change_queue(c, name, attributes, now))

    async def queue(self, name: str) -> Queue:
        """Return a queue."""
        return await self._database.read(lambda c: _queue(c, name))

    async def queues(self, *, prefix: str = "", after: str = "", limit: int) -> Sequence[Queue]:
        """Return queues sorted by name, after the name ``after``."""
        return await self._database.read(lambda c: _queues(c, prefix, after, limit))

    async def delete_queue(self, name: str) -> None:
        """Delete a queue and its messages."""
        await self._database.write(lambda c: _delete_queue(c, name))

    async def send(self, name: str, drafts: Sequence[Draft], *, now: int) -> Sequence[Message]:
        """Put messages into a queue, all or none."""
        return await self._database.write(lambda c: _send(c, name, drafts, now))

    async def broadcast(
        self, offers: Sequence[Offer], jobs: Sequence[Job], *, now: int
    ) -> Sequence[bool]:
        """Put messages into several queues and write jobs, in one transaction."""
        return await self._database.write(lambda c: _broadcast(c, offers, jobs, now))

    async def receive(self, name: str, limit: int, *, now: int) -> Received:
        """Receive up to ``limit`` visible messages."""
        claim: asyncio.Future[Received] | None = None

        def job(connection: sqlite3.Connection) -> Received:
            # A client that hung up while the job was queued must not hide a message.
            if claim is not None and claim.cancelled():
                return Received((), None, 0)
            return _receive(connection, name, limit, now)

        claim = self._database.write_light(job)
        return await claim

    async def peek(self, name: str, limit: int, *, now: int) -> Sequence[Message]:
        """Return the messages that :meth:`receive` would return, without changing them."""
        return await self._database.read(lambda c: _peek(c, name, limit, now))

    async def delete(self, name: str, receipts: Sequence[Receipt], *, now: int) -> Sequence[bool]:
        """Delete received messages; return False for each receipt that is not valid."""
        return await self._database.write_light(lambda c: _delete(c, name, receipts, now))

    async def purge(self, name: str, *, now: int) -> int:
        """Delete all messages, also received and delayed ones; return how many there were."""
        return await self._database.write(lambda c: _purge(c, name, now))

    async def hide(
        self, name: str, receipt: Receipt, *, seconds: float, now: int
    ) -> Message | None:
        """Change the visibility of a received message; return None if the receipt is not valid."""
        return await self._database.write_light(lambda c: _hide(c, name, receipt, seconds, now))

    async def counts(self, name: str, *, now: int) -> Counts:
        """Count messages."""
        return await self._database.read(lambda c: _counts(c, name, now))


def _create_queue(connection: sqlite3.Connection, queue: Queue) -> Creation:
    """Create a queue; an existing one is not changed."""
    existing = _find_queue(connection, queue.name)
    if existing is not None:
        return rules.compare(existing, queue.attributes)
    row = msgspec.structs.asdict(queue) | {"attributes": attributes_column(queue.attributes)}
    connection.execute(_SQL["put_queue"], row)
    return "created"


def _change_queue(
    connection: sqlite3.Connection, name: str, attributes: QueueAttributes, now: int
) -> None:
    """Replace all attributes of a queue."""
    row = {"name": name, "attributes": attributes_column(attributes), "now": now}
    if connection.execute(_SQL["change_queue"], row).rowcount == 0:
        raise queue_missing(name)


def _delete_queue(connection: sqlite3.Connection, name: str) -> None:
    """Delete a queue and its messages."""
    if connection.execute(_SQL["delete_queue"], {"name": name}).rowcount == 0:
        raise queue_missing(name)


def _queue(connection: sqlite3.Connection, name: str) -> Queue:
    """Return a queue."""
    queue = _find_queue(connection, name)
    if queue is None:
        raise queue_missing(name)
    return queue


def _queues(connection: sqlite3.Connection, prefix: str, after: str, limit: int) -> Sequence[Queue]:
    """Return queues sorted by name, after the name ``after``."""
    row = {"prefix": prefix, "after": after, "limit": limit}
    return [queue_of(found) for found in connection.execute(_SQL["list_queues"], row)]


def _send(
    connection: sqlite3.Connection, name: str, drafts: Sequence[Draft], now: int
) -> Sequence[Message]:
    """Put messages into a queue, all or none."""
    queue = _queue(connection, name)
    # All are checked before the first is written, because a refusal must change nothing.
    messages = [rules.enqueue(queue, draft, sequence=0, now=now) for draft in drafts]
    # Here too, because a queue without consumers must not grow without limit.
    connection.execute(_SQL["expire"], _scope(queue, now))
    return [_put(connection, name, message, now) for message in messages]


def _broadcast(
    connection: sqlite3.Connection, offers: Sequence[Offer], jobs: Sequence[Job], now: int
) -> Sequence[bool]:
    """Put messages into queues and write jobs; return whether each queue took its message."""
    taken = [_offer(connection, offer, now) for offer in offers]
    batches.insert_jobs(connection, [*jobs, *rules.refused(offers, taken)])
    return taken


def _offer(connection: sqlite3.Connection, offer: Offer, now: int) -> bool:
    try:
        _send(connection, offer.queue, [offer.draft], now)
    except MnsError:
        return False
    return True


def _receive(connection: sqlite3.Connection, name: str, limit: int, now: int) -> Received:
    """Claim up to ``limit`` visible messages."""
    queue = _queue(connection, name)
    # Delete expired messages; mark those ready that have become visible.
    scope = _scope(queue, now)
    connection.execute(_SQL["expire"], scope)
    connection.execute(_SQL["surface"], scope)
    found = connection.execute(_SQL["ready"], {"queue": name, "limit": limit}).fetchall()
    taken = tuple([rules.take(queue, message_of(row), now) for row in found])
    next_visible = None
    if taken:
        _change(connection, taken)
    else:
        (next_visible,) = connection.execute(_SQL["next_visible"], {"queue": name}).fetchone()
    return Received(taken, next_visible, queue.attributes.polling_wait_seconds)


def _peek(connection: sqlite3.Connection, name: str, limit: int, now: int) -> Sequence[Message]:
    """Return the messages that could be received."""
    row = _scope(_queue(connection, name), now) | {"limit": limit}
    return [message_of(found) for found in connection.execute(_SQL["visible"], row)]


def _delete(
    connection: sqlite3.Connection, name: str, receipts: Sequence[Receipt], now: int
) -> Sequence[bool]:
    """Delete received messages; return False for each receipt that is not valid."""
    found = _find(connection, _queue(connection, name), receipts, now)
    results, gone = rules.delete(found, receipts, now)
    connection.execute(_SQL["delete_messages"], {"sequences": as_json(gone)})
    return results


def _purge(connection: sqlite3.Connection, name: str, now: int) -> int:
    """Delete all messages; return how many had not expired."""
    scope = _scope(_queue(connection, name), now)
    connection.execute(_SQL["expire"], scope)
    return connection.execute(_SQL["purge"], scope).rowcount


def _hide(
    connection: sqlite3.Connection, name: str, receipt: Receipt, seconds: float, now: int
) -> Message | None:
    """Change the visibility of a received message; return None if the receipt is not valid."""
    found = _find(connection, _queue(connection, name), [receipt], now)
    hidden = rules.hide(found, receipt, seconds=seconds, now=now)
    if hidden is not None:
        _change(connection, [hidden])
    return hidden


def _counts(connection: sqlite3.Connection, name: str, now: int) -> Counts:
    """Count messages."""
    row = _scope(_queue(connection, name), now)
    return Counts(*connection.execute(_SQL["counts"], row).fetchone())


def _find_queue(connection: sqlite3.Connection, name: str) -> Queue | None:
    row = connection.execute(_SQL["get_queue"], {"name": name}).fetchone()
    return None if row is None else queue_of(row)


def _scope(queue: Queue, now: int) -> dict[str, object]:
    return {"queue": queue.name, "now": now, "kept_since": rules.kept_since(queue, now)}


def _put(connection: sqlite3.Connection, name: str, message: Message, now: int) -> Message:
    row = {
        "queue": name,
        "message_id": message.message_id,
        "body": message.body,
        "priority": message.priority,
        "enqueued_at": message.enqueued_at,
        "visible_at": message.visible_at,
        "extra": extra_column(message),
        "ready": int(message.visible_at <= now),
    }
    cursor = connection.execute(_SQL["put_message"], row)
    return msgspec.structs.replace(message, sequence=cursor.lastrowid)


def _change(connection: sqlite3.Connection, messages: Sequence[Message]) -> None:
    connection.executemany(_SQL["change_message"], [receive_columns(one) for one in messages])


def _find(
    connection: sqlite3.Connection, queue: Queue, receipts: Sequence[Receipt], now: int
) -> dict[int, Message]:
    """Return the messages of receipts, valid or not, by sequence."""
    sequences = as_json([receipt.sequence for receipt in receipts])
    scope = _scope(queue, now) | {"sequences": sequences}
    answer = connection.execute(_SQL["some"], scope).fetchall()
    return {row[0]: message_of(row) for row in answer}
