# SPDX-License-Identifier: MIT
"""Tells the other nodes that something changed, and hears it from them (NOTIFY, LISTEN).

A hint, no more: a lost one costs time, never an invocation. Must not be part of a transaction that
carries data: NOTIFY makes all commits of a database wait for each other.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Final

from fc_async_local.background import start_task
from fc_async_local.store.postgres.database import SQL
from fc_async_local.store.protocol import StoreUnavailable

if TYPE_CHECKING:
    from fc_async_local.store.postgres.database import Connection, PostgresDatabase

_PAUSE_SECONDS: Final = 0.02
"""After an announcement: the most that others hear late while this node is busy."""


class Announcer:
    """One per node. Nothing is started before it is needed."""

    def __init__(self, database: PostgresDatabase) -> None:
        self._database = database
        self._heard = asyncio.Event()
        self._listening: asyncio.Task[None] | None = None
        self._telling: asyncio.Task[None] | None = None
        self._more = False

    def announce(self) -> None:
        """Tell everybody, soon; what is announced while one is told goes with the next."""
        self._more = True
        if self._telling is None or self._telling.done():
            self._telling = start_task("announcement", self._tell())

    async def changed(self) -> None:
        """Return when somebody has announced something since the last return."""
        if self._listening is None:
            # What was told while nobody listened is heard as one.
            self._listening = start_task(
                "announcements",
                self._database.listen(SQL["listen"], lambda _: self._heard.set(), self._heard.set),
            )
        await self._heard.wait()
        self._heard.clear()

    async def aclose(self) -> None:
        """End what was started."""
        if self._telling is not None:
            await asyncio.wait({self._telling})
        if self._listening is not None:
            self._listening.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._listening

    async def _tell(self) -> None:
        while self._more:
            self._more = False
            with contextlib.suppress(StoreUnavailable):  # they will find it when it is due
                await self._database.run(_notify, pipelined=True)
            await asyncio.sleep(_PAUSE_SECONDS)


async def _notify(connection: Connection) -> None:
    await connection.execute(SQL["lasts_not"])  # else it would flush the disk
    await connection.execute(SQL["announce"])
