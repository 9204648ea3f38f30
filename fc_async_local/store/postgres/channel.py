# SPDX-License-Identifier: MIT
"""Hints between the nodes on one PostgreSQL server (NOTIFY, LISTEN).

Invariants:
    A hint is never part of a transaction that carries data: NOTIFY makes all commits of a database
    wait for each other (PostgreSQL, "NOTIFY": the lock on the notification queue).
    A node does not hear its own hints.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from typing import TYPE_CHECKING, Final

import msgspec

from fc_async_local.background import start_task
from fc_async_local.store.postgres.database import SQL
from fc_async_local.store.protocol import StoreUnavailable
from fc_async_sdk._cancellation import end_tasks

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from fc_async_local.store.postgres.database import Connection, PostgresDatabase

_PAUSE_SECONDS: Final = 0.02
"""After each transaction of hints, so that a busy node sends at most 50 of them in a second. Hints
of the meantime are merged."""


class _Hint(msgspec.Struct, frozen=True, array_like=True):
    sender: str
    topic: str
    count: int | None


_encode: Final = msgspec.json.Encoder().encode
_hint: Final = msgspec.json.Decoder(_Hint).decode


class PostgresChannel:
    """Implements :class:`fc_async_local.wakeups.Channel`. One event loop."""

    def __init__(self, database: PostgresDatabase) -> None:
        """Start nothing; the caller closes the database."""
        self._database = database
        # Of this object, not of the node: two runtimes in one process must hear each other.
        self._sender = secrets.token_hex(8)
        self._waiting: dict[str, int | None] = {}
        self._sending: asyncio.Task[None] | None = None
        self._listening: asyncio.Task[None] | None = None

    def receive(self, hear: Callable[[str, int | None], None], missed: Callable[[], None]) -> None:
        """Listen until :meth:`aclose`; see :meth:`Channel.receive`."""

        def received(payload: str) -> None:
            try:
                hint = _hint(payload)
            except msgspec.DecodeError:
                return  # from another version of this program
            if hint.sender != self._sender:
                hear(hint.topic, hint.count)

        # What was sent before the connection was made, or made again, is lost.
        listening = self._database.listen(SQL["listen"], received, missed)
        self._listening = start_task("hints of other nodes", listening)

    async def aclose(self) -> None:
        """Send the hints that wait, then stop listening."""
        if self._sending is not None:
            await asyncio.wait({self._sending})
        if self._listening is not None:
            await end_tasks(self._listening)

    def send(self, topic: str, count: int | None) -> None:
        """See :meth:`Channel.send`."""
        before = self._waiting.get(topic, 0)
        # None wakes all, so a number adds nothing to it.
        if before is None or count is None:
            self._waiting[topic] = None
        else:
            self._waiting[topic] = before + count
        if self._sending is None or self._sending.done():
            self._sending = start_task("hints to other nodes", self._send_all())

    async def _send_all(self) -> None:
        while self._waiting:
            waiting = self._waiting
            self._waiting = {}
            with contextlib.suppress(StoreUnavailable):  # the other nodes survey
                await self._notify(waiting)
            await asyncio.sleep(_PAUSE_SECONDS)

    async def _notify(self, waiting: Mapping[str, int | None]) -> None:
        hints = [
            _encode(_Hint(self._sender, topic, count)).decode() for topic, count in waiting.items()
        ]

        async def job(connection: Connection) -> None:
            await connection.execute(SQL["notify"], [hints])

        await self._database.run(job, pipelined=True, flush=False)
