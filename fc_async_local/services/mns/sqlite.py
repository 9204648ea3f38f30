# SPDX-License-Identifier: MIT
"""Queues in the runtime's SQLite file: what was acknowledged survives a restart.

Every operation is one transaction of the file's writer.

Invariants:
    Sent messages are flushed to the disk before they are acknowledged.
    Claims and deletions are committed before they are acknowledged, but not flushed: they survive
    the process; after a power loss a message may be delivered again, as the protocol allows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from fc_async_local.services.mns import sqlite_jobs as jobs
from fc_async_local.services.mns.model import Received
from fc_async_local.store import sql

if TYPE_CHECKING:
    import asyncio
    import sqlite3
    from collections.abc import Sequence

    from fc_async_local.services.mns.errors import MnsError
    from fc_async_local.services.mns.model import (
        Counts,
        Creation,
        Draft,
        Message,
        Queue,
        QueueAttributes,
        Receipt,
    )
    from fc_async_local.store.sqlite.database import Database

SCHEMA: Final = sql.schema("mns", "fc_async_local.services.mns")


class SqliteMessageStore:
    """:class:`~fc_async_local.services.mns.store.MessageStore` in a shared database file."""

    def __init__(self, database: Database) -> None:
        """Use :meth:`open`."""
        self._database = database

    @classmethod
    async def open(cls, database: Database) -> SqliteMessageStore:
        """Bring the tables up to date and use them.

        Raises:
            StoreUnusable: The file is newer than this program.
            StoreUnavailable: The database can't do it now.
        """
        await database.migrate(SCHEMA)
        return cls(database)

    async def create_queue(self, queue: Queue) -> Creation:
        """Make a queue; one that exists is left as it is."""
        return await self._database.write(lambda c: jobs.create_queue(c, queue))

    async def change_queue(self, name: str, attributes: QueueAttributes, *, now: int) -> None:
        """Replace all attributes of a queue."""
        await self._database.write(lambda c: jobs.change_queue(c, name, attributes, now))

    async def queue(self, name: str) -> Queue:
        """One queue."""
        return await self._database.read(lambda c: jobs.get_queue(c, name))

    async def queues(self, *, prefix: str = "", after: str = "", limit: int) -> Sequence[Queue]:
        """Queues by name, beginning behind ``after``."""
        return await self._database.read(lambda c: jobs.list_queues(c, prefix, after, limit))

    async def delete_queue(self, name: str) -> None:
        """Forget a queue and its messages."""
        await self._database.write(lambda c: jobs.delete_queue(c, name))

    async def send(self, name: str, drafts: Sequence[Draft], *, now: int) -> Sequence[Message]:
        """Put messages into a queue, all or none."""
        return await self._database.write(lambda c: jobs.send(c, name, drafts, now))

    async def broadcast(
        self, drafts: Sequence[tuple[str, Draft]], *, now: int
    ) -> Sequence[MnsError | None]:
        """Put messages into several queues, in one transaction."""
        return await self._database.write(
            lambda c: [jobs.offer(c, name, draft, now) for name, draft in drafts]
        )

    async def receive(self, name: str, limit: int, *, now: int) -> Received:
        """Take up to ``limit`` visible messages."""
        claim: asyncio.Future[Received] | None = None

        def job(connection: sqlite3.Connection) -> Received:
            # A client that left while the job was queued must not hide a message.
            if claim is not None and claim.cancelled():
                return Received((), None, 0)
            return jobs.receive(connection, name, limit, now)

        claim = self._database.write_light(job)
        return await claim

    async def peek(self, name: str, limit: int, *, now: int) -> Sequence[Message]:
        """Look at what :meth:`receive` would take, and take nothing."""
        return await self._database.read(lambda c: jobs.peek(c, name, limit, now))

    async def delete(self, name: str, receipts: Sequence[Receipt], *, now: int) -> Sequence[bool]:
        """Delete received messages; False for each handle that is no longer good."""
        return await self._database.write_light(lambda c: jobs.delete(c, name, receipts, now))

    async def reveal(self, name: str, *, now: int) -> None:
        """Make every received message visible."""
        await self._database.write_light(lambda c: jobs.reveal(c, name, now))

    async def hide(
        self, name: str, receipt: Receipt, *, seconds: float, now: int
    ) -> Message | None:
        """Change the visibility of a received message. None: the handle is no longer good."""
        return await self._database.write_light(lambda c: jobs.hide(c, name, receipt, seconds, now))

    async def counts(self, name: str, *, now: int, group_id: str | None = None) -> Counts:
        """How many messages there are."""
        return await self._database.read(lambda c: jobs.count(c, name, now, group_id))
