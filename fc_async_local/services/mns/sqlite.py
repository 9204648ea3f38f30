# SPDX-License-Identifier: MIT
"""Queues in the runtime's SQLite file: what was acknowledged survives a restart.

What is sent is flushed before it is acknowledged; claims and deletions are not: after a power loss
a message may come again, as the protocol allows, but none is lost.

Since the file is this process's alone, the next messages of a queue are at hand in memory (its
desk), and the file hears of claims and deletions a moment later. Must never answer from a desk what
the file would not: whatever else changes a queue disturbs its desk.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Final

from fc_async_local.background import start_task
from fc_async_local.services.mns import sqlite_jobs as jobs
from fc_async_local.services.mns.desk import Desk, Layout
from fc_async_local.services.mns.errors import MnsError
from fc_async_local.services.mns.journal import Entry, received
from fc_async_local.services.mns.model import Counts, Creation, Message, Queue, Received
from fc_async_local.services.mns.write_behind import WriteBehind
from fc_async_local.store import sql
from fc_async_local.store.protocol import StoreUnavailable

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from fc_async_local.services.mns.model import Draft, QueueAttributes, Receipt
    from fc_async_local.store.sqlite.database import Database

SCHEMA: Final = sql.schema("mns", "fc_async_local.services.mns")
_DESKS: Final = 64
"""How many queues have a desk at most: those that were read last."""


class SqliteMessageStore:
    """:class:`~fc_async_local.services.mns.store.MessageStore` in a shared database file.

    For one event loop.
    """

    def __init__(self, database: Database, behind: WriteBehind) -> None:
        """Use :meth:`open`."""
        self._database = database
        self._behind = behind
        self._desks: dict[str, Desk] = {}
        self._ahead: asyncio.Task[None] | None = None

    @classmethod
    async def open(cls, database: Database) -> SqliteMessageStore:
        """Bring the tables up to date and use them: the only store that does, until it is closed.

        Raises:
            StoreUnusable: The file is newer than this program, or nothing can be written beside it.
            StoreUnavailable: The database can't do it now.
        """
        await database.migrate(SCHEMA)
        return cls(database, await WriteBehind.open(database))

    async def create_queue(self, queue: Queue) -> Creation:
        """Make a queue; one that exists is left as it is."""
        return await self._database.write(lambda c: jobs.create_queue(c, queue))

    async def change_queue(self, name: str, attributes: QueueAttributes, *, now: int) -> None:
        """Replace all attributes of a queue."""
        with self._disturbing(name):
            await self._database.write(lambda c: jobs.change_queue(c, name, attributes, now))

    async def queue(self, name: str) -> Queue:
        """One queue."""
        return await self._database.read(lambda c: jobs.get_queue(c, name))

    async def queues(self, *, prefix: str = "", after: str = "", limit: int) -> Sequence[Queue]:
        """Queues by name, beginning behind ``after``."""
        return await self._database.read(lambda c: jobs.list_queues(c, prefix, after, limit))

    async def delete_queue(self, name: str) -> None:
        """Forget a queue and its messages."""
        with self._disturbing(name):
            await self._database.write(lambda c: jobs.delete_queue(c, name))

    async def send(self, name: str, drafts: Sequence[Draft], *, now: int) -> Sequence[Message]:
        """Put messages into a queue, all or none."""
        with self._disturbed_if_cancelled(name):
            sent = await self._database.write(lambda c: jobs.send(c, name, drafts, now))
        self._add(name, sent)
        return sent

    async def broadcast(
        self, drafts: Sequence[tuple[str, Draft]], *, now: int
    ) -> Sequence[MnsError | None]:
        """Put messages into several queues, in one transaction."""
        with self._disturbed_if_cancelled(*{name for name, _draft in drafts}):
            offered = await self._database.write(
                lambda c: [jobs.offer(c, name, draft, now) for name, draft in drafts]
            )
        for (name, _draft), sent in zip(drafts, offered, strict=True):
            if not isinstance(sent, MnsError):
                self._add(name, sent)
        return [sent if isinstance(sent, MnsError) else None for sent in offered]

    async def receive(self, name: str, limit: int, *, now: int) -> Received:
        """Take up to ``limit`` visible messages."""
        desk = self._desks.get(name)
        taken = None if desk is None else desk.take(limit, now)
        if desk is None or taken is None:
            found = await self._lay_and_receive(name, limit, now)
        else:
            found = Received(taken, None, desk.polling_wait_seconds)
            if desk.is_low(limit) and self._ahead is None:
                # The loop gets to it after the answer: while the client is busy with that.
                self._ahead = start_task("next messages", self._lay_ahead(name, limit, now))
        entries = [received(message) for message in found.messages]
        if entries and not self._behind.note(entries):
            await self._behind.settle()
        return found

    async def peek(self, name: str, limit: int, *, now: int) -> Sequence[Message]:
        """Look at what :meth:`receive` would take, and take nothing."""
        await self._behind.settle()
        return await self._database.read(lambda c: jobs.peek(c, name, limit, now))

    async def delete(self, name: str, receipts: Sequence[Receipt], *, now: int) -> Sequence[bool]:
        """Delete received messages; False for each handle that is no longer good."""
        desk = self._desks.get(name)
        dropped = None if desk is None else desk.drop(receipts, now)
        if dropped is None:
            self._let_go(name, receipts)
            return await self._behind.write(lambda c: jobs.delete(c, name, receipts, now))
        gone = zip(receipts, dropped, strict=True)
        entries = [Entry(at.sequence, at.message_id) for at, good in gone if good]
        if entries and not self._behind.note(entries):
            await self._behind.settle()
        return dropped

    async def reveal(self, name: str, *, now: int) -> None:
        """Make every received message visible."""
        with self._disturbing(name):
            await self._behind.write(lambda c: jobs.reveal(c, name, now))

    async def hide(
        self, name: str, receipt: Receipt, *, seconds: float, now: int
    ) -> Message | None:
        """Change the visibility of a received message. None: the handle is no longer good."""
        self._let_go(name, [receipt])
        with self._disturbed_if_cancelled(name):
            hidden = await self._behind.write(lambda c: jobs.hide(c, name, receipt, seconds, now))
        desk = self._desks.get(name)
        if desk is not None and hidden is not None:
            desk.expect(hidden.visible_at)
        return hidden

    async def counts(self, name: str, *, now: int, group_id: str | None = None) -> Counts:
        """How many messages there are."""
        await self._behind.settle()
        return await self._database.read(lambda c: jobs.count(c, name, now, group_id))

    async def _lay_and_receive(self, name: str, limit: int, now: int) -> Received:
        """Lay the desk out until it can tell what there is to receive."""
        while True:
            desk = self._desk(name)
            async with desk.lock:
                taken = desk.take(limit, now)  # somebody else may have laid it out meanwhile
                visible = None
                if taken is None:
                    layout = await self._lay(desk, name, limit, now)
                    if layout is None:
                        continue
                    taken = desk.take(limit, now)
                    if taken is None and not layout.ready:
                        taken, visible = (), layout.next_visible_at
                if taken is not None:
                    return Received(taken, visible, desk.polling_wait_seconds)

    async def _lay_ahead(self, name: str, limit: int, now: int) -> None:
        """Lay a desk out for the next receive. If that fails, the next receive will tell."""
        desk = self._desks.get(name)
        try:
            if desk is not None and not desk.lock.locked():
                async with desk.lock:
                    if desk.is_low(limit):
                        await self._lay(desk, name, limit, now)
        except (MnsError, StoreUnavailable):
            pass
        finally:
            self._ahead = None

    async def _lay(self, desk: Desk, name: str, limit: int, now: int) -> Layout | None:
        """Lay a desk out. None: it was disturbed or given up meanwhile."""
        wanted = desk.begin(limit)
        try:
            layout = await self._behind.write(lambda c: jobs.look(c, name, limit, wanted, now))
        except MnsError:
            self._desks.pop(name, None)  # there is no such queue
            raise
        return layout if self._desks.get(name) is desk and desk.lay(layout) else None

    def _desk(self, name: str) -> Desk:
        """A queue's desk, which is the last to be given up from now on."""
        desk = self._desks.pop(name, None) or Desk()
        self._desks[name] = desk
        while len(self._desks) > _DESKS:
            self._desks.pop(next(iter(self._desks))).disturb()
        return desk

    def _add(self, name: str, messages: Sequence[Message]) -> None:
        desk = self._desks.get(name)
        if desk is not None:
            desk.add(messages)

    def _let_go(self, name: str, receipts: Sequence[Receipt]) -> None:
        desk = self._desks.get(name)
        if desk is not None:
            desk.let_go(receipts)

    def _disturb(self, *names: str) -> None:
        for name in names:
            desk = self._desks.get(name)
            if desk is not None:
                desk.disturb()

    @contextlib.contextmanager
    def _disturbing(self, name: str) -> Iterator[None]:
        """Around what changes a queue: no desk counts that was laid out before its end."""
        self._disturb(name)
        try:
            with self._disturbed_if_cancelled(name):
                yield
        finally:
            self._disturb(name)

    @contextlib.contextmanager
    def _disturbed_if_cancelled(self, *names: str) -> Iterator[None]:
        """Around a write that desks have to hear of.

        Whoever waits for it may be cancelled; the write is made all the same, some time later.
        """
        try:
            yield
        except asyncio.CancelledError:

            def disturb(made: asyncio.Future[None]) -> None:
                made.exception()  # looked at, so that nobody complains
                self._disturb(*names)

            # In its turn, which is after that one's.
            self._database.write(lambda _connection: None).add_done_callback(disturb)
            raise
