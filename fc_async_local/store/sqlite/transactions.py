# SPDX-License-Identifier: MIT
"""The statements of SQLite, and transactions that run them: in the runtime's file, or in memory."""

from __future__ import annotations

import functools
import sqlite3
import weakref
from collections import Counter
from typing import TYPE_CHECKING, Final, TypeAlias, TypeVar, cast

from fc_async_local.domain.invocation import Job
from fc_async_local.store import rows, sql
from fc_async_local.store.sql import DoneIn, Row, Transaction, Transactions, Values

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Mapping, Sequence

    from fc_async_local.domain.invocation import Invocation
    from fc_async_local.store.protocol import JobStore
    from fc_async_local.store.rows import Holder
    from fc_async_local.store.sqlite.database import Database

T = TypeVar("T")
_statements = functools.cache(sql.statements)

SQL: Final = sql.statements(
    "fc_async_local.store.sqlite",
    parts={
        **rows.PARTS,
        "row": ", ".join("?" * (len(rows.PARTS["columns"].split()) + 2)),
        "changes": ", ".join(f"{name} = ?" for name in rows.CHANGING),
        "job_row": ", ".join("?" * len(Job.__struct_fields__)),
    },
)

_Kind: TypeAlias = tuple[str, bool, str]
"""Key of the counted invocations: function, whether in task mode, status."""


def tally(connection: sqlite3.Connection, changes: Mapping[_Kind, int]) -> None:
    """Keep the numbers of invocations by state, for what came or went; triggers see to moves."""
    # Counting 500,000 rows takes longer than the second in which the metrics page asks again.
    values = [(*kind, number) for kind, number in changes.items()]
    connection.executemany(SQL["add_to_tally"], values)


class _Transaction(Transaction):
    """A transaction whose methods never wait."""

    def __init__(self, connection: sqlite3.Connection, statements: Mapping[str, str]) -> None:
        self._connection = connection
        self._sql = statements

    async def rows(self, statement: str, values: Values) -> list[Row]:
        return self._connection.execute(self._sql[statement], values).fetchall()

    async def do(self, statement: str, values: Values) -> None:
        self._connection.execute(self._sql[statement], values)

    async def lock(self, statement: str, values: Values) -> None:
        pass

    async def changed(self, statement: str, values: Values) -> int:
        return self._connection.execute(self._sql[statement], values).rowcount

    async def each(self, statement: str, values: Sequence[Values]) -> None:
        self._connection.executemany(self._sql[statement], values)

    async def row_of_each(self, statement: str, values: Sequence[Values]) -> list[Row]:
        text = self._sql[statement]
        result: list[Row] = []
        for parameters in values:
            result += self._connection.execute(text, parameters).fetchall()
        return result

    async def insert_jobs(self, jobs: Sequence[Job], *, replace: bool = True) -> None:
        statement = SQL["insert_job" if replace else "ensure_job"]
        self._connection.executemany(statement, [rows.from_job(job) for job in jobs])

    async def replace(self, changed: Sequence[tuple[int, Invocation]]) -> None:
        values = [rows.changing(number, after) for number, after in changed]
        self._connection.executemany(SQL["replace_invocation"], values)

    async def forget(self, ended: Sequence[Holder]) -> None:
        if not ended:
            return
        # Two statements for all: each step of SQLite gives the interpreter's lock away and back.
        numbers = rows.as_json([holder.number for holder in ended])
        self._connection.execute(SQL["delete_payloads"], (numbers,))
        self._connection.execute(SQL["delete_invocations"], (numbers,))
        kinds = [(holder.function, holder.task_mode, holder.status) for holder in ended]
        gone = Counter(kinds)
        changes = {kind: -number for kind, number in gone.items()}
        tally(self._connection, changes)

    async def record(self, events: Sequence[Row]) -> None:
        self._connection.executemany(SQL["insert_event"], events)

    async def add(self, sums: Sequence[Row], source: str) -> None:  # noqa: ARG002 -- one writer
        self._connection.executemany(SQL["count"], sums)


class SqliteTransactions(Transactions):
    """Implements :class:`Transactions`.

    Args:
        database: The file; it has the tables of the component.
        statements: Of the component.
    """

    def __init__(self, database: Database, statements: Mapping[str, str]) -> None:
        self._database = database
        self._sql = statements

    @classmethod
    async def open(
        cls,
        database: Database,
        schema: sql.Schema,
        package: str,
    ) -> SqliteTransactions:
        """Create or migrate the tables of a component.

        Args:
            database: The file.
            schema: Its tables.
            package: Has the file ``statements.sql``.

        Raises:
            StoreUnusable: The file is newer than this program.
            StoreUnavailable: The database cannot answer now.
        """
        await database.migrate(schema)
        return cls(database, sql.statements(package))

    async def write(self, job: DoneIn[T]) -> T:
        """See :meth:`Transactions.write`."""
        return await self._database.write(self._runs(job))

    async def write_light(self, job: DoneIn[T]) -> T:
        """See :meth:`Transactions.write_light`."""
        return await self._database.write_light(self._runs(job))

    async def claim(self, job: DoneIn[T]) -> T:
        """See :meth:`Transactions.claim`."""
        claim: asyncio.Future[T] | None = None
        run = self._runs(job)

        # A client that hung up while its request was queued must take no message: no other consumer
        # would get it before its invisibility has ended.
        def unless_cancelled(connection: sqlite3.Connection) -> T:
            if claim is not None and claim.cancelled():
                return cast("T", None)  # the result is read by no caller
            return run(connection)

        claim = self._database.write_light(unless_cancelled)
        return await claim

    async def read(self, job: DoneIn[T]) -> T:
        """See :meth:`Transactions.read`."""
        return await self._database.read(self._runs(job))

    async def rows(self, statement: str, values: Values) -> list[Row]:
        """See :meth:`Transactions.rows`."""
        text = self._sql[statement]
        return await self._database.read(
            lambda connection: connection.execute(text, values).fetchall()
        )

    def _runs(self, job: DoneIn[T]) -> Callable[[sqlite3.Connection], T]:
        return lambda connection: run(connection, self._sql, job)


def run(
    connection: sqlite3.Connection,
    statements: Mapping[str, str],
    job: DoneIn[T],
) -> T:
    """Run a job, which ends in its first step, in a transaction that the caller began."""
    # The thread has no event loop, and needs none: no method of the transaction waits, so the
    # coroutine runs from its begin to its end with the first value that is sent into it.
    try:
        job(_Transaction(connection, statements)).send(None)
    except StopIteration as end:
        return cast("T", end.value)
    raise AssertionError("a job in SQLite waited")


class _MemoryTransaction(_Transaction):
    """A transaction whose jobs are in a store of their own."""

    def __init__(
        self,
        connection: sqlite3.Connection,
        statements: Mapping[str, str],
        jobs: JobStore,
    ) -> None:
        super().__init__(connection, statements)
        self._jobs = jobs

    async def insert_jobs(self, jobs: Sequence[Job], *, replace: bool = True) -> None:
        if replace:
            await self._jobs.add_jobs(jobs)
        else:
            await self._jobs.ensure_jobs(jobs)


class MemoryTransactions(Transactions):
    """Implements :class:`Transactions` in memory, for one event loop: no job waits.

    Args:
        jobs: Where transactions write jobs. It must not wait either.
        schema: Tables of the component.
        package: Has the file ``statements.sql``.
    """

    def __init__(
        self,
        jobs: JobStore,
        schema: sql.Schema,
        package: str,
    ) -> None:
        self._jobs = jobs
        self._sql = _statements(package)
        self._connection = sqlite3.connect(
            ":memory:",
            isolation_level=None,
            check_same_thread=False,
        )
        # Python 3.13 warns of a connection that the garbage collector finds open.
        weakref.finalize(self, self._connection.close)
        self._connection.execute("PRAGMA foreign_keys=ON")
        for migration in schema.migrations:
            self._connection.executescript(migration.script)

    async def write(self, job: DoneIn[T]) -> T:
        """See :meth:`Transactions.write`."""
        with self._connection:
            self._connection.execute("BEGIN")
            return await job(_MemoryTransaction(self._connection, self._sql, self._jobs))

    write_light = claim = read = write

    async def rows(self, statement: str, values: Values) -> list[Row]:
        """See :meth:`Transactions.rows`."""
        return self._connection.execute(self._sql[statement], values).fetchall()
