# SPDX-License-Identifier: MIT
"""Transactions of components on a PostgreSQL server."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, TypeVar

import msgspec

from fc_async_local.domain.invocation import Invocation
from fc_async_local.store import rows, sql
from fc_async_local.store.postgres.database import SQL, load, without_nul
from fc_async_local.store.sql import (
    DoneIn,
    Row,
    Transaction,
    Transactions,
    Values,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from fc_async_local.domain.invocation import Job
    from fc_async_local.store.postgres.database import Connection, PostgresDatabase
    from fc_async_local.store.rows import Holder

T = TypeVar("T")


def documents(records: Iterable[Mapping[str, object]]) -> str:
    """Return rows for ``json_populate_recordset``: far cheaper than an array for each column."""
    return rows.as_json(list(records))


def document(record: Invocation | Job) -> dict[str, object]:
    """Return the columns of a record; the payload of an invocation goes its own way."""
    values: dict[str, object] = msgspec.structs.asdict(record)
    if isinstance(record, Invocation):
        del values["payload"]
    # Only the error, a message of user code, may hold NULs.
    values["error"] = without_nul(record.error)
    for name, value in values.items():
        if isinstance(value, bytes):
            values[name] = f"\\x{value.hex()}"
    return values


def columns(values: Sequence[tuple[object, ...]]) -> list[list[object]]:
    """Rows as one array for each column, for ``unnest``."""
    return [
        [without_nul(value) if isinstance(value, str) else value for value in column]
        for column in zip(*values, strict=True)
    ]


class _Transaction(Transaction):
    def __init__(self, connection: Connection, statements: Mapping[str, bytes]) -> None:
        self._connection = connection
        self._sql = statements

    async def rows(self, statement: str, values: Values) -> list[Row]:
        # Binary: a payload in text form is twice as long.
        cursor = await self._connection.execute(self._sql[statement], _kept(values), binary=True)
        return await cursor.fetchall()

    async def do(self, statement: str, values: Values) -> None:
        await self._connection.execute(self._sql[statement], _kept(values))

    async def lock(self, statement: str, values: Values) -> None:
        await self.do(statement, values)

    async def changed(self, statement: str, values: Values) -> int:
        async with self._connection.pipeline():  # at its end the count is known
            cursor = await self._connection.execute(self._sql[statement], _kept(values))
        return cursor.rowcount

    async def each(self, statement: str, values: Sequence[Values]) -> None:
        async with self._connection.cursor() as cursor:
            await cursor.executemany(self._sql[statement], map(_kept, values))

    async def row_of_each(self, statement: str, values: Sequence[Values]) -> list[Row]:
        async with self._connection.cursor() as cursor:
            await cursor.executemany(self._sql[statement], map(_kept, values), returning=True)
            found = await cursor.fetchall()
            while cursor.nextset():
                found += await cursor.fetchall()
            return found

    async def insert_jobs(self, jobs: Sequence[Job], *, replace: bool = True) -> None:
        if jobs:
            statement = SQL["insert_jobs" if replace else "ensure_jobs"]
            await self._connection.execute(statement, [documents(map(document, jobs))])

    async def replace(self, changed: Sequence[tuple[int, Invocation]]) -> None:
        afters = documents(document(after) | {"id": number} for number, after in changed)
        await self._connection.execute(SQL["replace_invocations"], [afters])

    async def forget(self, ended: Sequence[Holder]) -> None:
        if ended:
            await self._connection.execute(SQL["forget"], [[each.number for each in ended]])

    async def record(self, events: Sequence[Row]) -> None:
        if events:
            await self._connection.execute(SQL["insert_events"], columns(events))

    async def add(self, sums: Sequence[Row], source: str) -> None:
        if sums:
            values = columns([(*each, source) for each in sums])
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
        cls, database: PostgresDatabase, component: str, package: str
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

    async def write_light(self, job: DoneIn[T]) -> T:
        """See :meth:`Transactions.write_light`."""
        return await self._run(job, flush=False)

    async def claim(self, job: DoneIn[T]) -> T:
        """See :meth:`Transactions.claim`."""
        return await self._run(job, flush=False)  # if it is cancelled, it is rolled back

    async def read(self, job: DoneIn[T]) -> T:
        """See :meth:`Transactions.read`."""
        return await self._run(job)

    async def rows(self, statement: str, values: Values) -> list[Row]:
        """See :meth:`Transactions.rows`."""
        return await self._database.ask(self._sql[statement], _kept(values))

    async def _run(self, job: DoneIn[T], *, flush: bool = True) -> T:
        return await self._database.run(
            lambda connection: job(_Transaction(connection, self._sql)), pipelined=True, flush=flush
        )


def _kept(values: Values) -> Values:
    """Return values that PostgreSQL can keep: its texts have no NUL."""
    if isinstance(values, Mapping):
        return {name: _without_nul(value) for name, value in values.items()}
    return [_without_nul(value) for value in values]


def _without_nul(value: object) -> object:
    return without_nul(value) if isinstance(value, str) else value
