# SPDX-License-Identifier: MIT
"""Invocations, jobs, metrics and the rows of components on a PostgreSQL server of several nodes.

Claims skip what another node is just claiming (``FOR UPDATE SKIP LOCKED``); leases do the rest. The
verbs that every invocation needs are gathered into one transaction for all who wait.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final, TypeVar

import msgspec

from fc_async_local.domain.invocation import Invocation
from fc_async_local.store import rows, sql, steps
from fc_async_local.store.postgres.database import SQL, load
from fc_async_local.store.protocol import ERRORS_SEARCHED, DuplicateTask, TaskCounts, TaskPage
from fc_async_local.store.sql import DoneIn, Row, Transaction, Transactions, Values
from fc_async_local.store.tables import TableDocuments, TableStore, settle, settle_jobs, start

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from fc_async_local.domain.invocation import Count, Job, JobSettlement, Lease, Settlement
    from fc_async_local.store.postgres.database import Connection, PostgresDatabase
    from fc_async_local.store.protocol import Settled, Started, TaskQuery
    from fc_async_local.store.rows import Holder

T = TypeVar("T")


def _documents(records: Iterable[Mapping[str, object]]) -> str:
    """Return rows for ``json_populate_recordset``: far cheaper than an array for each column."""
    return rows.as_json(list(records))


def _document(record: Invocation | Job) -> dict[str, object]:
    """Return the columns of a record; the payload of an invocation has a table of its own."""
    values: dict[str, object] = msgspec.structs.asdict(record)
    if isinstance(record, Invocation):
        del values["payload"]
    # Only the error, a message of user code, may hold NULs.
    values["error"] = _without_nul(record.error)
    for name, value in values.items():
        if isinstance(value, bytes):
            values[name] = f"\\x{value.hex()}"
    return values


def _columns(values: Sequence[tuple[object, ...]]) -> list[list[object]]:
    """Rows as one array for each column, for ``unnest``."""
    columns = zip(*values, strict=True)
    return [[_without_nul(value) for value in column] for column in columns]


class _Transaction(Transaction):
    def __init__(self, connection: Connection, statements: Mapping[str, bytes]) -> None:
        self._connection = connection
        self._sql = statements

    async def rows(self, statement: str, values: Values) -> list[Row]:
        # Binary: a payload in text form is twice as long.
        text = self._sql[statement]
        cursor = await self._connection.execute(text, _storable(values), binary=True)
        return await cursor.fetchall()

    async def do(self, statement: str, values: Values) -> None:
        text = self._sql[statement]
        await self._connection.execute(text, _storable(values))

    async def lock(self, statement: str, values: Values) -> None:
        await self.do(statement, values)

    async def changed(self, statement: str, values: Values) -> int:
        text = self._sql[statement]
        async with self._connection.pipeline():  # at its end the count is known
            cursor = await self._connection.execute(text, _storable(values))
        return cursor.rowcount

    async def each(self, statement: str, values: Sequence[Values]) -> None:
        text = self._sql[statement]
        storable = [_storable(parameters) for parameters in values]
        async with self._connection.cursor() as cursor:
            await cursor.executemany(text, storable)

    async def row_of_each(self, statement: str, values: Sequence[Values]) -> list[Row]:
        text = self._sql[statement]
        storable = [_storable(parameters) for parameters in values]
        async with self._connection.cursor() as cursor:
            await cursor.executemany(text, storable, returning=True)
            # executemany has one result for each of the values.
            result = await cursor.fetchall()
            while cursor.nextset():
                result += await cursor.fetchall()
            return result

    async def insert_jobs(self, jobs: Sequence[Job], *, replace: bool = True) -> None:
        if not jobs:
            return
        statement = SQL["insert_jobs" if replace else "ensure_jobs"]
        records = [_document(job) for job in jobs]
        await self._connection.execute(statement, [_documents(records)])

    async def replace(self, changed: Sequence[tuple[int, Invocation]]) -> None:
        records = []
        for number, after in changed:
            record = _document(after)
            record["id"] = number
            records.append(record)
        afters = _documents(records)
        await self._connection.execute(SQL["replace_invocations"], [afters])

    async def forget(self, ended: Sequence[Holder]) -> None:
        if ended:
            numbers = [holder.number for holder in ended]
            await self._connection.execute(SQL["forget"], [numbers])

    async def record(self, events: Sequence[Row]) -> None:
        if events:
            await self._connection.execute(SQL["insert_events"], _columns(events))

    async def add(self, sums: Sequence[Row], source: str) -> None:
        if sums:
            values = _columns([(*sample, source) for sample in sums])
            await self._connection.execute(SQL["count"], values)


class PostgresTransactions(Transactions):
    """Implements :class:`Transactions`.

    Args:
        database: The server; it has the tables of the component.
        statements: Of the component.
    """

    def __init__(self, database: PostgresDatabase, statements: Mapping[str, bytes]) -> None:
        self._database = database
        self._sql = statements

    @classmethod
    async def open(
        cls,
        database: PostgresDatabase,
        component: str,
        package: str,
    ) -> PostgresTransactions:
        """Create or migrate the tables of a component.

        Args:
            database: The server.
            component: The name of the component.
            package: Has the folder ``postgres_migrations`` and the file ``postgres.sql``.

        Raises:
            StoreUnusable: The tables are newer than this program.
            StoreUnavailable: The server cannot answer now.
        """
        await database.migrate(sql.schema(component, package, "postgres_migrations"))
        return cls(database, load(package, "postgres.sql"))

    async def write(self, job: DoneIn[T]) -> T:
        """See :meth:`Transactions.write`."""
        return await self._run(job)

    read = write

    async def write_light(self, job: DoneIn[T]) -> T:
        """See :meth:`Transactions.write_light`."""
        return await self._run(job, flush=False)

    claim = write_light  # if it is cancelled, it is rolled back

    async def rows(self, statement: str, values: Values) -> list[Row]:
        """See :meth:`Transactions.rows`."""
        text = self._sql[statement]
        return await self._database.ask(text, _storable(values))

    async def _run(self, job: DoneIn[T], *, flush: bool = True) -> T:
        return await self._database.run(
            lambda connection: job(_Transaction(connection, self._sql)),
            pipelined=True,
            flush=flush,
        )


def _storable(values: Values) -> Values:
    """Return values that PostgreSQL can store."""
    if isinstance(values, Mapping):
        return {name: _without_nul(value) for name, value in values.items()}
    return [_without_nul(value) for value in values]


def _without_nul(value: object) -> object:
    """Return a value that PostgreSQL can store: its texts have no NUL."""
    return value.replace("\0", "\ufffd") if isinstance(value, str) else value


SCHEMA: Final = sql.schema("store", "fc_async_local.store.postgres")


def _lists() -> Mapping[str, bytes]:
    """Return the statements of lists of tasks, in both orders: a plan needs the order as text."""
    lists: dict[str, bytes] = {}
    for name in ("tasks", "tasks_of_function", "tasks_in_status"):
        statement = SQL[name]
        descending = statement.replace(b"{before}", b"<")
        ascending = statement.replace(b"{before}", b">")
        lists[f"{name} DESC"] = descending.replace(b"{order}", b"DESC")
        lists[f"{name} ASC"] = ascending.replace(b"{order}", b"ASC")
    return lists


LISTS: Final = _lists()


_COUNTED: Final = ("metric", "function", "minute", "value", "number", "largest")


class PostgresStore(TableStore):
    """Implements :class:`~fc_async_local.store.protocol.Store`. One event loop."""

    def __init__(self, database: PostgresDatabase) -> None:
        """Use a database whose ``SCHEMA`` has been migrated; closing it stays the caller's."""
        super().__init__(
            PostgresTransactions(
                database,
                {
                    **SQL,
                    **LISTS,
                },
            ),
            database.writer_id,
        )
        self._database = database

    async def accept(self, invocation: Invocation, counts: Sequence[Count] = ()) -> None:
        await self._database.in_group(_accept, steps.Accept(invocation, counts))

    async def start(
        self,
        lease: Lease,
        *,
        now: int,
        instance_id: str = "",
    ) -> Started:
        item = steps.Start(lease, now, instance_id)
        return await self._database.in_group(_start, item)

    async def settle(self, lease: Lease, settlement: Settlement) -> Settled:
        return await self._database.in_group(_settle, steps.Settle(lease, settlement))

    async def query(self, query: TaskQuery) -> TaskPage:
        parts, _ = await self._halves(query)
        lists: list[Iterable[Invocation]] = []
        for half in parts:
            half_lists = await self._lists(half)
            lists.extend(map(rows.to_invocation, task_rows) for task_rows in half_lists)
        return steps.page_of(query, lists)

    async def _halves(self, query: TaskQuery) -> tuple[list[TaskQuery], bool]:
        """Return the halves of a query, and whether they are complete."""
        oldest = None
        if query.text:
            oldest = await self._number("oldest_error", (ERRORS_SEARCHED,))
        return steps.halves(query, oldest), oldest is None

    async def _lists(self, query: TaskQuery) -> list[list[Row]]:
        values = dict(rows.asked(query))
        order = "DESC" if query.descending else "ASC"
        if query.statuses is None:
            name = "tasks" if query.function is None else "tasks_of_function"
            tasks = await self._tables.rows(f"{name} {order}", values)
            return [tasks]
        # A list for each function and status: together they are read in the order of an index,
        # one list of several statuses would be sorted first.
        lists = []
        for function, status in await self._tables.rows("functions_in", values):
            of_function = {
                **values,
                "function": function,
                "status": status,
            }
            tasks = await self._tables.rows(f"tasks_in_status {order}", of_function)
            lists.append(tasks)
        return lists

    async def count_tasks(self, query: TaskQuery, *, most: int) -> TaskCounts:
        parts, complete = await self._halves(query)
        counts = [await self._counts(half, most) for half in parts]
        return steps.added(counts, complete=complete)

    async def _counts(self, query: TaskQuery, most: int) -> TaskCounts:
        values = {
            **rows.asked(query),
            "most": most + 1,
        }
        if query.is_by_status:
            tally = await self._tables.rows("tally_of_tasks", values)
            return rows.to_counts_by_status(dict(tally), None)
        text = query.text or None
        conditions = (query.error, query.started_from, query.started_to, text)
        # The index of a status knows none of these.
        needs_rows = any(condition is not None for condition in conditions)
        if query.statuses is None or needs_rows:
            tallies = await self._tables.rows("count_tasks", values)
            return rows.to_counts(tallies, most)
        by_index = await self._tables.rows("count_in_status", values)
        return rows.to_counts_by_status(dict(by_index), most)

    async def settle_job(self, lease: Lease, settlement: JobSettlement) -> Settled:
        return await self._database.in_group(_settle_jobs, (lease, settlement))


async def _accept(
    database: PostgresDatabase, items: Sequence[steps.Accept]
) -> Sequence[Exception | None]:
    """Keep new invocations in one statement; those whose id is taken fail."""
    # One statement cannot insert a key twice: of equal ids in a group, the first one is inserted.
    firsts: dict[str, steps.Accept] = {}
    for item in items:
        firsts.setdefault(item.invocation.request_id, item)
    unique = list(firsts.values())
    payloads = [item.invocation.payload for item in unique]
    counts: list[dict[str, object]] = []
    for ordinal, item in enumerate(unique, 1):
        for sample in rows.sums(rows.counted(item)):
            count: dict[str, object] = dict(zip(_COUNTED, sample, strict=True))
            count["place"] = ordinal
            counts.append(count)
    documents = _documents(_document(item.invocation) for item in unique)
    # Each kind of write has its own rows of counts: transactions that run at the same time would
    # wait for each other on a shared row.
    source = f"accept-{database.writer_id}"
    values = [documents, payloads, source, rows.as_json(counts)]
    inserted_rows = await database.ask(SQL["accept"], values)
    inserted = {request_id for (request_id,) in inserted_rows}
    results: list[Exception | None] = []
    for item in items:
        request_id = item.invocation.request_id
        is_first = firsts[request_id] is item
        if is_first and request_id in inserted:
            results.append(None)
        else:
            results.append(DuplicateTask(item.invocation.task_id))
    return results


async def _start(database: PostgresDatabase, items: Sequence[steps.Start]) -> Sequence[Started]:
    transactions = PostgresTransactions(database, SQL)
    return await transactions.write(lambda tables: start(tables, items))


async def _settle(database: PostgresDatabase, items: Sequence[steps.Settle]) -> Sequence[Settled]:
    transactions = PostgresTransactions(database, SQL)
    writer = database.writer_id
    return await transactions.write(lambda tables: settle(tables, items, writer))


async def _settle_jobs(
    database: PostgresDatabase, items: Sequence[tuple[Lease, JobSettlement]]
) -> Sequence[Settled]:
    transactions = PostgresTransactions(database, SQL)
    writer = database.writer_id
    return await transactions.write(lambda tables: settle_jobs(tables, items, writer))


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
