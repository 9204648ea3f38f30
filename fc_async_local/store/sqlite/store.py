# SPDX-License-Identifier: MIT
"""Invocations, jobs and metrics in the runtime's SQLite file.

The verbs that every invocation needs (accept, start, settle) are batches: all that wait in one
group go through as few statements as possible. The file is this process' alone
(:mod:`fc_async_local.store.sqlite.files`), so ids are numbered here.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Final

from fc_async_local.store import sql, steps
from fc_async_local.store.sqlite import batches, searching
from fc_async_local.store.sqlite.batches import SQL
from fc_async_local.store.sqlite.transactions import SqliteTransactions, run
from fc_async_local.store.tables import TableStore, settle, start

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Sequence

    from fc_async_local.domain.invocation import (
        Count,
        Invocation,
        Lease,
        Settlement,
    )
    from fc_async_local.store.protocol import (
        Settled,
        Started,
        TaskCounts,
        TaskPage,
        TaskQuery,
    )
    from fc_async_local.store.sqlite.database import Database

SCHEMA: Final = sql.schema("store", "fc_async_local.store.sqlite")


class SqliteStore(TableStore):
    """Implements :class:`~fc_async_local.store.protocol.Store`. Make it with :meth:`open`."""

    def __init__(self, database: Database, last_id: int) -> None:
        super().__init__(SqliteTransactions(database, SQL))
        self._database = database
        # Rows are numbered here, so that steps and payloads of a batch can be written without
        # reading ids back. No other process writes to the file.
        self._numbers = itertools.count(last_id + 1)

    @classmethod
    async def open(cls, database: Database) -> SqliteStore:
        """Use a database whose ``SCHEMA`` has been migrated; closing it stays the caller's."""
        (last_id,) = await database.read(lambda c: c.execute(SQL["last_id"]).fetchone())
        return cls(database, last_id)

    async def accept(self, invocation: Invocation, counts: Sequence[Count] = ()) -> None:
        item = steps.Accept(invocation, counts, next(self._numbers))
        await self._database.write_item(batches.accept, item)

    async def start(self, lease: Lease, *, now: int, instance_id: str = "") -> Started:
        return await self._database.write_item(_start, steps.Start(lease, now, instance_id))

    async def settle(self, lease: Lease, settlement: Settlement) -> Settled:
        return await self._database.write_item(_settle, steps.Settle(lease, settlement))

    async def query(self, query: TaskQuery) -> TaskPage:
        return await self._database.read(lambda connection: searching.page(connection, query))

    async def count_tasks(self, query: TaskQuery, *, most: int) -> TaskCounts:
        return await self._database.read(
            lambda connection: searching.counts(connection, query, most)
        )


def _start(connection: sqlite3.Connection, items: Sequence[steps.Start]) -> Sequence[Started]:
    return run(connection, SQL, lambda tables: start(tables, items))


def _settle(connection: sqlite3.Connection, items: Sequence[steps.Settle]) -> Sequence[Settled]:
    return run(connection, SQL, lambda tables: settle(tables, items))
