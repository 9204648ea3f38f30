# SPDX-License-Identifier: MIT
"""Tells the SQLite file what was received and deleted: many messages at once, a moment later.

What it was not told yet is in the journal, so that it survives the process. Every transaction that
looks at messages is told first. Must never let two transactions disagree about a message: what is
told late or twice changes nothing.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Final, TypeVar

from fc_async_local.background import start_task
from fc_async_local.services.mns.journal import Journal
from fc_async_local.services.mns.sqlite_jobs import tell, tell_again
from fc_async_local.store.protocol import StoreUnavailable
from fc_async_local.store.sqlite.database import claims_of

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Sequence

    from fc_async_local.services.mns.journal import Entry
    from fc_async_local.store.sqlite.database import Database

T = TypeVar("T")

_LATER_SECONDS: Final = 0.1
"""How long other programs see at most what was; some dozens of messages of a fast client."""

_AGAIN_SECONDS: Final = 1.0

_LOG: Final = logging.getLogger(__name__)


class WriteBehind:
    """The way to the database of whoever receives and deletes without asking it."""

    def __init__(self, database: Database, journal: Journal) -> None:
        """Use :meth:`open`."""
        self._database = database
        self._journal = journal
        self._untold: dict[int, Entry] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._telling: asyncio.Task[None] | None = None

    @classmethod
    async def open(cls, database: Database) -> WriteBehind:
        """Tell the database what a process that was killed had left to tell.

        Raises:
            StoreUnusable: The journal can't be written to.
            StoreUnavailable: The database can't do it now.
        """
        journal = Journal(claims_of(database.path))
        entries = journal.read()
        if entries:
            await database.write(lambda connection: tell_again(connection, entries))
        self = cls(database, journal)
        database.before_close(self._close)
        return self

    def note(self, entries: Sequence[Entry]) -> bool:
        """Remember something that is to survive the process from now on.

        False: the journal can't be written to, so it takes :meth:`settle` to survive.
        """
        for entry in entries:
            self._untold[entry.sequence] = entry
        if self._timer is None:
            self._call_later(_LATER_SECONDS)
        return self._journal.write(entries)

    async def write(self, job: Callable[[sqlite3.Connection], T]) -> T:
        """Run a quick job like :meth:`Database.write_light`, on a database that was told all.

        Raises:
            StoreUnavailable: The database can't do it now; nothing was written.
        """
        told = list(self._untold.values())

        def tell_and_do(connection: sqlite3.Connection) -> T:
            tell(connection, told)
            return job(connection)

        done = self._database.write_light(tell_and_do if told else job)
        at_once = done.done()  # so nothing was noted meanwhile
        result = await done
        if at_once:
            self._untold.clear()
        else:
            self._forget(told)
        if told:
            self._journal.keep(list(self._untold.values()))
        return result

    async def settle(self) -> None:
        """Tell the database all, for whoever reads it by another way.

        Raises:
            StoreUnavailable: The database can't do it now.
        """
        if self._untold:
            await self.write(lambda _connection: None)

    def _forget(self, told: Sequence[Entry]) -> None:
        untold = self._untold
        for entry in told:
            if untold.get(entry.sequence) is entry:
                del untold[entry.sequence]

    def _call_later(self, seconds: float) -> None:
        self._timer = asyncio.get_running_loop().call_later(seconds, self._begin)

    def _begin(self) -> None:
        self._timer = None
        if self._untold:
            self._telling = start_task("claims of messages", self._settle_or_again())

    async def _settle_or_again(self) -> None:
        try:
            await self.settle()
        except StoreUnavailable as error:
            _LOG.warning("claims and deletions of messages have to wait: %s", error)
            if self._timer is None:
                self._call_later(_AGAIN_SECONDS)

    async def _close(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        try:
            await self.settle()
        except StoreUnavailable as error:
            _LOG.warning("claims and deletions of messages wait for the next start: %s", error)
        self._journal.close(needed=bool(self._untold))
