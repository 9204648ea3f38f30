# SPDX-License-Identifier: MIT
"""Invocations, jobs and metrics in the runtime's SQLite file.

The verbs that every invocation needs (accept, start, settle) are batches: all that wait in one
group go through as few steps of SQLite as possible. Each step releases the interpreter's lock, and
the thread that takes it delays the whole group. The file is this process' alone
(:mod:`fc_async_local.store.sqlite.files`), so ids are numbered here.

Invariants:
    Nothing is written for an item whose answer is a failure.
"""

from __future__ import annotations

import functools
import itertools
from collections import Counter
from typing import TYPE_CHECKING, Final

from fc_async_local.domain.states import Status
from fc_async_local.store import rows, sql, steps
from fc_async_local.store.protocol import DuplicateTask
from fc_async_local.store.sqlite import searching
from fc_async_local.store.sqlite.database import FailedItem
from fc_async_local.store.sqlite.transactions import SQL, SqliteTransactions, run, tally
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
_ROWS: Final = 64
"""In one statement at most: a power of two, and far from SQLite's limit of 32,766 values."""


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
        await self._database.write_item(_accept, item)

    async def start(
        self,
        lease: Lease,
        *,
        now: int,
        instance_id: str = "",
    ) -> Started:
        return await self._database.write_item(_start, steps.Start(lease, now, instance_id))

    async def settle(self, lease: Lease, settlement: Settlement) -> Settled:
        return await self._database.write_item(_settle, steps.Settle(lease, settlement))

    async def query(self, query: TaskQuery) -> TaskPage:
        return await self._database.read(lambda connection: searching.page(connection, query))

    async def count_tasks(self, query: TaskQuery, *, most: int) -> TaskCounts:
        return await self._database.read(
            lambda connection: searching.counts(connection, query, most)
        )


def _accept(
    connection: sqlite3.Connection, items: Sequence[steps.Accept]
) -> Sequence[FailedItem | None]:
    """Keep new invocations; those whose id is taken fail."""
    invocation_rows = [rows.from_invocation(item.number, item.invocation) for item in items]
    inserted = _insert(connection, "insert_invocation", invocation_rows)
    if inserted == len(items):
        _complete(connection, items)
        return [None] * len(items)
    # The INSERT ignores ids that are taken. Which ones these were is asked for only in this rare
    # case.
    numbers = [item.number for item in items]
    span = (min(numbers), max(numbers))
    present = {number for (number,) in connection.execute(SQL["numbers"], span)}
    _complete(connection, [item for item in items if item.number in present])
    results: list[FailedItem | None] = []
    for item in items:
        is_new = item.number in present
        results.append(None if is_new else FailedItem(DuplicateTask(item.invocation.task_id)))
    return results


def _complete(connection: sqlite3.Connection, accepted: Sequence[steps.Accept]) -> None:
    """Write what belongs to invocations whose rows are inserted."""
    payloads = []
    events = []
    kinds = []
    for item in accepted:
        invocation = item.invocation
        payloads.append((item.number, invocation.payload))
        kinds.append((invocation.function, invocation.task_mode, invocation.status.value))
        if invocation.task_mode:
            events.append((item.number, Status.ENQUEUED.value, invocation.accepted_at, "{}"))
    _insert(connection, "insert_payload", payloads)
    connection.executemany(SQL["insert_event"], events)
    tally(connection, Counter(kinds))
    counts = itertools.chain.from_iterable(rows.counted(item) for item in accepted)
    connection.executemany(SQL["count"], rows.sums(counts))


def _insert(
    connection: sqlite3.Connection,
    statement: str,
    values: Sequence[Sequence[object]],
) -> int:
    """Run an INSERT of one row for several, in as few steps as possible; how many it inserted."""
    inserted = 0
    begin = 0
    while begin < len(values):
        # The largest power of two that is left: a handful of statements, each prepared once.
        remaining = len(values) - begin
        size = min(_ROWS, 1 << (remaining.bit_length() - 1))
        parameters = tuple(itertools.chain.from_iterable(values[begin : begin + size]))
        inserted += connection.execute(_with_rows(statement, size), parameters).rowcount
        begin += size
    return inserted


@functools.cache
def _with_rows(statement: str, size: int) -> str:
    return sql.with_rows(SQL[statement], size)


def _start(connection: sqlite3.Connection, items: Sequence[steps.Start]) -> Sequence[Started]:
    return run(connection, SQL, lambda tables: start(tables, items))


def _settle(connection: sqlite3.Connection, items: Sequence[steps.Settle]) -> Sequence[Settled]:
    return run(connection, SQL, lambda tables: settle(tables, items))
