# SPDX-License-Identifier: MIT
"""Hints through a PostgreSQL server (NOTIFY, LISTEN).

Must not be part of a transaction that carries data: NOTIFY makes all commits of a database wait
for each other. What is told at about the same time goes in one.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from typing import TYPE_CHECKING, Final

import msgspec

from fc_async_local.background import start_task
from fc_async_local.store.postgres.database import load
from fc_async_local.store.protocol import StoreUnavailable

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fc_async_local.services.hints import Heard
    from fc_async_local.store.postgres.database import Connection, PostgresDatabase

_SQL: Final = load("fc_async_local.services", "hints.sql")
_LOOK_MS: Final = 2_000
"""A long poll lasts 30 s at most; a lost hint may cost it a small part of that."""
_SURVEY_MS: Final = 20_000
_PAUSE_SECONDS: Final = 0.01
"""After telling: the most that others hear late while this node is busy."""


class _Told(msgspec.Struct, frozen=True, array_like=True):
    teller: str
    scope: str
    name: str
    count: int


_encode: Final = msgspec.json.Encoder().encode
_told: Final = msgspec.json.Decoder(_Told).decode


class PostgresHints:
    """:class:`~fc_async_local.services.hints.Hints` of nodes on one server. One event loop."""

    look_ms: int | None = _LOOK_MS
    survey_ms: int | None = _SURVEY_MS

    def __init__(self, database: PostgresDatabase) -> None:
        """Nothing is started; closing the database stays the caller's."""
        self._database = database
        # Of this object, not of the node: who told must not hear itself, and nobody else less.
        self._teller = secrets.token_hex(8)
        self._heard: dict[str, Heard] = {}
        self._waiting: dict[tuple[str, str], int] = {}
        self._telling: asyncio.Task[None] | None = None
        self._listening: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Listen, until :meth:`aclose`."""
        self._listening = start_task("hints", self._database.listen(_SQL["listen"], self._hear))

    async def aclose(self) -> None:
        """Tell what is left, and listen no more."""
        if self._telling is not None:
            await asyncio.wait({self._telling})
        if self._listening is not None:
            self._listening.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._listening

    def tell(self, scope: str, name: str, count: int) -> None:
        """See :meth:`Hints.tell`."""
        before = self._waiting.get((scope, name))
        if before is not None:
            count = 0 if count == 0 or before == 0 else before + count
        self._waiting[scope, name] = count
        if self._telling is None or self._telling.done():
            self._telling = start_task("hints to others", self._tell())

    def listen(self, scope: str, heard: Heard) -> None:
        """See :meth:`Hints.listen`."""
        self._heard[scope] = heard

    async def _tell(self) -> None:
        while self._waiting:
            waiting, self._waiting = self._waiting, {}
            with contextlib.suppress(StoreUnavailable):  # they will look by themselves
                await self._notify(waiting)
            await asyncio.sleep(_PAUSE_SECONDS)

    async def _notify(self, waiting: Mapping[tuple[str, str], int]) -> None:
        told = [
            _encode(_Told(self._teller, scope, name, count)).decode()
            for (scope, name), count in waiting.items()
        ]

        async def job(connection: Connection) -> None:
            await connection.execute(_SQL["lasts_not"])  # else it would flush the disk
            await connection.execute(_SQL["tell"], [told])

        await self._database.run(job)

    def _hear(self, payload: str) -> None:
        try:
            told = _told(payload)
        except msgspec.DecodeError:
            return  # from another version of this program
        heard = self._heard.get(told.scope)
        if told.teller != self._teller and heard is not None:
            heard(told.name, told.count)
