# SPDX-License-Identifier: MIT
"""Queues in the tables of SQLite, of PostgreSQL, or of SQLite in memory.

The columns of a queue and of a message are the same in all. The tests compare them with a model in
plain Python.

Invariants:
    * A method that writes does so completely or not at all, and returns when the change survives
      the end of the process.
    * :mod:`fc_async_local.services.mns.model` decides what happens to a message, not the store.
    * A sent message is on the disk before it is acknowledged.
    * Claims and deletions are committed but not flushed before they are acknowledged: after a power
      loss a message may be delivered again, as the protocol allows.
    * Consumers of several nodes do not wait for each other: a receive skips messages that another
      transaction is receiving (``FOR UPDATE SKIP LOCKED``).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec

from fc_async_local.services.mns import model as rules
from fc_async_local.services.mns.model import (
    Counts,
    Creation,
    Extras,
    MnsError,
    MnsMessage,
    Queue,
    QueueAttributes,
    Received,
    queue_missing,
)
from fc_async_local.store import sql
from fc_async_local.store.factory import open_transactions
from fc_async_local.store.rows import as_json

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fc_async_local.domain.invocation import Job
    from fc_async_local.services.common import Receipt
    from fc_async_local.services.mns.model import Draft, Offer
    from fc_async_local.store.factory import AnyDatabase
    from fc_async_local.store.sql import Row, Transaction, Transactions

PACKAGE: Final = "fc_async_local.services.mns"
SCHEMA: Final = sql.schema("mns", PACKAGE)


class TableMessageStore:
    """Queues and messages.

    Methods with the name of a queue raise :class:`~fc_async_local.services.mns.model.MnsError`
    QueueNotExist if it does not exist. All raise ``StoreUnavailable`` when the store cannot answer.

    Args:
        transactions: Of the database.
    """

    def __init__(self, transactions: Transactions) -> None:
        self._transactions = transactions

    @classmethod
    async def open(cls, database: AnyDatabase) -> TableMessageStore:
        """Create or migrate the tables and return a store on them.

        Raises:
            StoreUnusable: The tables are newer than this program.
            StoreUnavailable: The database cannot answer now.
        """
        return cls(await open_transactions(database, SCHEMA, PACKAGE))

    async def create_queue(self, queue: Queue) -> Creation:
        """Create a queue; an existing one is not changed."""
        row = msgspec.structs.asdict(queue)
        row["attributes"] = _encode(queue.attributes)

        async def job(tables: Transaction) -> Creation:
            # The INSERT does nothing if the queue exists, also if another node makes it at this
            # moment.
            if await tables.changed("put_queue", row):
                return "created"
            return rules.compare(await _queue(tables, queue.name), queue.attributes)

        return await self._transactions.write(job)

    async def change_queue(self, name: str, attributes: QueueAttributes, *, now: int) -> None:
        """Replace all attributes of a queue."""
        row = {
            "name": name,
            "attributes": _encode(attributes),
            "now": now,
        }
        changed = await self._transactions.write(lambda tables: tables.changed("change_queue", row))
        if not changed:
            raise queue_missing(name)

    async def queue(self, name: str) -> Queue:
        """Return a queue."""
        return await self._transactions.read(lambda tables: _queue(tables, name))

    async def queues(self, *, prefix: str = "", after: str = "", limit: int) -> Sequence[Queue]:
        """Return queues sorted by name, after the name ``after``."""
        row = {
            "prefix": prefix,
            "after": after,
            "limit": limit,
        }
        queue_rows = await self._transactions.read(lambda tables: tables.rows("list_queues", row))
        return [queue_of(queue_row) for queue_row in queue_rows]

    async def delete_queue(self, name: str) -> None:
        """Delete a queue and its messages."""
        row = {"name": name}
        deleted = await self._transactions.write(lambda tables: tables.changed("delete_queue", row))
        if not deleted:
            raise queue_missing(name)

    async def send(self, name: str, drafts: Sequence[Draft], *, now: int) -> Sequence[MnsMessage]:
        """Put messages into a queue, all or none.

        Raises:
            MnsError: InvalidArgument, see :func:`fc_async_local.services.mns.model.enqueue`.
        """
        return await self._transactions.write(lambda tables: _send(tables, name, drafts, now))

    async def broadcast(
        self, offers: Sequence[Offer], jobs: Sequence[Job], *, now: int
    ) -> Sequence[bool]:
        """Put messages into several queues and write jobs, in one transaction.

        The job of an offer is written if its queue refuses the message or does not exist.

        Returns:
            For each offer, whether its queue took the message.
        """

        async def job(tables: Transaction) -> Sequence[bool]:
            # A queue that refuses gets its message by a job, in the same transaction: in a second
            # one it could be lost between the two.
            taken = [await _offer(tables, offer, now) for offer in offers]
            await tables.insert_jobs([*jobs, *rules.refused(offers, taken)])
            return taken

        return await self._transactions.write(job)

    async def receive(self, name: str, limit: int, *, now: int) -> Received:
        """Receive up to ``limit`` visible messages: highest priority first, then the oldest."""

        async def job(tables: Transaction) -> Received:
            queue = await _queue(tables, name)
            scope = _scope(queue, now) | {"limit": limit}
            # Delete expired messages; mark those ready that have become visible.
            await tables.do("expire", scope)
            await tables.do("surface", scope)
            ready = await tables.rows("ready", scope)
            taken = tuple([rules.take(queue, _message_of(row), now) for row in ready])
            # Only a consumer that waits needs to know when the next message comes back.
            visible = None
            if taken:
                await tables.each(
                    "change_message", [_received_columns(message) for message in taken]
                )
            else:
                visible = await tables.value("next_visible", scope)
            return Received(taken, visible, queue.attributes.polling_wait_seconds)

        return await self._transactions.claim(job)

    async def peek(self, name: str, limit: int, *, now: int) -> Sequence[MnsMessage]:
        """Return the messages that :meth:`receive` would return, without changing them."""

        async def job(tables: Transaction) -> Sequence[MnsMessage]:
            scope = _scope(await _queue(tables, name), now) | {"limit": limit}
            return [_message_of(row) for row in await tables.rows("visible", scope)]

        return await self._transactions.read(job)

    async def delete(self, name: str, receipts: Sequence[Receipt], *, now: int) -> Sequence[bool]:
        """Delete received messages; return False for each receipt that is not valid."""

        async def job(tables: Transaction) -> Sequence[bool]:
            held = await _held(tables, name, receipts, now)
            results, sequences = rules.delete(held, receipts, now)
            await tables.do("delete_messages", {"sequences": as_json(sequences)})
            return results

        return await self._transactions.write_light(job)

    async def purge(self, name: str, *, now: int) -> int:
        """Delete all messages, also received and delayed ones; return how many there were."""

        async def job(tables: Transaction) -> int:
            scope = _scope(await _queue(tables, name), now)
            await tables.do("expire", scope)
            return await tables.changed("purge", scope)

        return await self._transactions.write(job)

    async def hide(
        self,
        name: str,
        receipt: Receipt,
        *,
        seconds: float,
        now: int,
    ) -> MnsMessage | None:
        """Change the visibility of a received message; return None if the receipt is not valid."""

        async def job(tables: Transaction) -> MnsMessage | None:
            held = await _held(tables, name, [receipt], now)
            hidden = rules.hide(
                held,
                receipt,
                seconds=seconds,
                now=now,
            )
            if hidden is not None:
                await tables.do("change_message", _received_columns(hidden))
            return hidden

        return await self._transactions.write_light(job)

    async def counts(self, name: str, *, now: int) -> Counts:
        """Count messages."""

        async def job(tables: Transaction) -> Counts:
            scope = _scope(await _queue(tables, name), now)
            (numbers,) = await tables.rows("counts", scope)
            return Counts(*numbers)

        return await self._transactions.read(job)


async def _queue(tables: Transaction, name: str, *, statement: str = "get_queue") -> Queue:
    result = await tables.rows(statement, {"name": name})
    if not result:
        raise queue_missing(name)
    return queue_of(result[0])


def _scope(queue: Queue, now: int) -> dict[str, Any]:
    return {
        "queue": queue.name,
        "now": now,
        "kept_since": rules.kept_since(queue, now),
    }


async def _send(
    tables: Transaction,
    name: str,
    drafts: Sequence[Draft],
    now: int,
) -> Sequence[MnsMessage]:
    queue = await _queue(tables, name, statement="hold_queue")
    # All are checked before the first is written, because a refusal must change nothing.
    messages = [rules.enqueue(queue, draft, now=now) for draft in drafts]
    # Here too, because a queue without consumers must not grow without limit.
    await tables.do("expire", _scope(queue, now))
    rows = []
    for message in messages:
        row = msgspec.structs.asdict(message)
        row |= {
            "queue": name,
            "extra": _extra_column(message),
            "now": now,
        }
        rows.append(row)
    numbers = await tables.row_of_each("put_message", rows)
    stored = []
    for message, (sequence,) in zip(messages, numbers, strict=True):
        stored.append(msgspec.structs.replace(message, sequence=sequence))
    return stored


async def _offer(tables: Transaction, offer: Offer, now: int) -> bool:
    try:
        await _send(tables, offer.queue, [offer.draft], now)
    except MnsError:
        return False
    return True


async def _held(
    tables: Transaction,
    name: str,
    receipts: Sequence[Receipt],
    now: int,
) -> dict[int, MnsMessage]:
    """Return the messages of receipts, valid or not, by sequence; no other transaction has them."""
    scope = _scope(await _queue(tables, name), now)
    scope["sequences"] = as_json([receipt.sequence for receipt in receipts])
    rows = await tables.rows("some", scope)
    messages = [_message_of(row) for row in rows]
    return {message.sequence: message for message in messages}


_FIELDS: Final = MnsMessage.__struct_fields__[len(Extras.__struct_fields__) :]
"""Columns of a message in their order, before the one with the fields that few messages have."""
_RECEIVED: Final = ("sequence", "visible_at", "first_dequeued_at", "dequeue_count", "claims")
"""The key of a message and the columns that a receive changes."""
_NOTHING: Final = Extras()
_encode: Final = msgspec.json.Encoder().encode
read_extras: Final = msgspec.json.Decoder(Extras).decode
_attributes: Final = msgspec.json.Decoder(QueueAttributes).decode


def queue_of(row: Row) -> Queue:
    """Return a queue from its columns, which come in the order of its fields."""
    fields: dict[str, Any] = dict(zip(Queue.__struct_fields__, row, strict=True))
    fields["attributes"] = _attributes(fields["attributes"])
    return Queue(**fields)


def _extra_column(message: MnsMessage) -> bytes | None:
    """Return the fields that few messages have; None if they are all empty."""
    extra = Extras(**rules.extras_of(message))
    return None if extra == _NOTHING else _encode(extra)


def _received_columns(message: MnsMessage) -> dict[str, object]:
    return {name: getattr(message, name) for name in _RECEIVED}


def _message_of(row: Row) -> MnsMessage:
    *values, extra = row
    fields: dict[str, Any] = dict(zip(_FIELDS, values, strict=True))
    if extra is not None:
        fields |= msgspec.structs.asdict(read_extras(extra))
    return MnsMessage(**fields)
