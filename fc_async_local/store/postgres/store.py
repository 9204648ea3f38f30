# SPDX-License-Identifier: MIT
"""Invocations, jobs and metrics on a PostgreSQL server that several nodes share.

Claims skip what another node is just claiming (``FOR UPDATE SKIP LOCKED``); leases do the rest. The
verbs that every invocation needs are gathered into one transaction for all who wait.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from fc_async_local.store import rows, sql, steps
from fc_async_local.store.postgres.database import SQL
from fc_async_local.store.postgres.transactions import PostgresTransactions, document, documents
from fc_async_local.store.protocol import ERRORS_SEARCHED, DuplicateTask, TaskCounts, TaskPage
from fc_async_local.store.tables import TableDocuments, TableStore, settle, settle_jobs, start

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fc_async_local.domain.invocation import (
        Count,
        Invocation,
        JobSettlement,
        Lease,
        Settlement,
    )
    from fc_async_local.store.postgres.database import PostgresDatabase
    from fc_async_local.store.protocol import Settled, Started, TaskQuery
    from fc_async_local.store.sql import Row

SCHEMA: Final = sql.schema("store", "fc_async_local.store.postgres")
LISTS: Final = {
    f"{name} {order}": SQL[name].replace(b"{before}", before).replace(b"{order}", order.encode())
    for name in ("tasks", "tasks_of_function", "tasks_in_status")
    for before, order in ((b"<", "DESC"), (b">", "ASC"))
}


_COUNTED: Final = ("metric", "function", "minute", "value", "number", "largest")


class PostgresStore(TableStore):
    """Implements :class:`~fc_async_local.store.protocol.Store`. One event loop."""

    def __init__(self, database: PostgresDatabase) -> None:
        """Use a database whose ``SCHEMA`` has been migrated; closing it stays the caller's."""
        super().__init__(PostgresTransactions(database, {**SQL, **LISTS}), database.writer_id)
        self._database = database

    async def accept(self, invocation: Invocation, counts: Sequence[Count] = ()) -> None:
        await self._database.in_group(_accept, steps.Accept(invocation, counts))

    async def start(self, lease: Lease, *, now: int, instance_id: str = "") -> Started:
        item = steps.Start(lease, now, instance_id)
        return await self._database.in_group(_start, item)

    async def settle(self, lease: Lease, settlement: Settlement) -> Settled:
        return await self._database.in_group(_settle, steps.Settle(lease, settlement))

    async def query(self, query: TaskQuery) -> TaskPage:
        parts, _ = await self._halves(query)
        lists = [found for half in parts for found in await self._lists(half)]
        return steps.page_of(query, [map(rows.to_invocation, found) for found in lists])

    async def _halves(self, query: TaskQuery) -> tuple[list[TaskQuery], bool]:
        """Return the halves of a query, and whether they are complete."""
        oldest = await self._number("oldest_error", (ERRORS_SEARCHED,)) if query.text else None
        return steps.halves(query, oldest), oldest is None

    async def _lists(self, query: TaskQuery) -> list[list[Row]]:
        values = dict(rows.asked(query))
        if query.statuses is not None:
            kept = await self._tables.rows("functions_in", values)
            asked = [
                ("tasks_in_status", values | {"function": function, "status": status})
                for function, status in kept
            ]
        else:
            asked = [("tasks" if query.function is None else "tasks_of_function", values)]
        order = "DESC" if query.descending else "ASC"
        return [
            await self._tables.rows(f"{name} {order}", its_values) for name, its_values in asked
        ]

    async def count_tasks(self, query: TaskQuery, *, most: int) -> TaskCounts:
        parts, complete = await self._halves(query)
        counts = [await self._counts(half, most) for half in parts]
        return steps.added(counts, complete=complete)

    async def _counts(self, query: TaskQuery, most: int) -> TaskCounts:
        values = {**rows.asked(query), "most": most + 1}
        if query.is_by_status:
            tally = await self._tables.rows("tally_of_tasks", values)
            return rows.to_counts_by_status(dict(tally), None)
        others = (query.error, query.started_from, query.started_to, query.text or None)
        if query.statuses is None or any(each is not None for each in others):
            return rows.to_counts(await self._tables.rows("count_tasks", values), most)
        by_index = await self._tables.rows("count_in_status", values)
        return rows.to_counts_by_status(dict(by_index), most)

    async def settle_job(self, lease: Lease, settlement: JobSettlement) -> Settled:
        return await self._database.in_group(_settle_jobs, (lease, settlement))


async def _accept(
    database: PostgresDatabase, items: Sequence[steps.Accept]
) -> Sequence[Exception | None]:
    """Keep new invocations in one statement; those whose id is taken fail."""
    # One statement cannot insert a key twice: of equal ids in a group, the first one is inserted.
    first: dict[str, int] = {}
    for place, item in enumerate(items):
        first.setdefault(item.invocation.request_id, place)
    unique = [items[place] for place in first.values()]
    payloads = [item.invocation.payload for item in unique]
    counts = [
        {"place": place, **dict(zip(_COUNTED, counted, strict=True))}
        for place, item in enumerate(unique, 1)
        for counted in rows.sums(rows.counted(item))
    ]
    small = documents(document(item.invocation) for item in unique)
    # Each kind of write has its own rows of counts: transactions that run at the same time would
    # wait for each other on a shared row.
    source = f"accept-{database.writer_id}"
    kept = await database.ask(SQL["accept"], [small, payloads, source, rows.as_json(counts)])
    places = {first[request_id] for (request_id,) in kept}
    return [
        None if place in places else DuplicateTask(item.invocation.task_id)
        for place, item in enumerate(items)
    ]


async def _start(database: PostgresDatabase, items: Sequence[steps.Start]) -> Sequence[Started]:
    return await PostgresTransactions(database, SQL).write(lambda tables: start(tables, items))


async def _settle(database: PostgresDatabase, items: Sequence[steps.Settle]) -> Sequence[Settled]:
    return await PostgresTransactions(database, SQL).write(
        lambda tables: settle(tables, items, database.writer_id)
    )


async def _settle_jobs(
    database: PostgresDatabase, items: Sequence[tuple[Lease, JobSettlement]]
) -> Sequence[Settled]:
    return await PostgresTransactions(database, SQL).write(
        lambda tables: settle_jobs(tables, items, database.writer_id)
    )


class PostgresDocuments(TableDocuments):
    """Implements :class:`~fc_async_local.store.protocol.DocumentStore`. One event loop."""

    def __init__(self, database: PostgresDatabase) -> None:
        """Use a database that is migrated; closing it stays the caller's."""
        super().__init__(PostgresTransactions(database, SQL))
        self._database = database

    async def revision(self) -> int:
        # It is read on every invocation: callers that wait at the same time share one query.
        return await self._database.in_group(_revisions, None)


async def _revisions(database: PostgresDatabase, callers: Sequence[None]) -> Sequence[int]:
    ((revision,),) = await database.ask(SQL["revision"])
    return [revision] * len(callers)
