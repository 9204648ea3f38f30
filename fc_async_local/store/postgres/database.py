# SPDX-License-Identifier: MIT
"""Connections to a PostgreSQL server: a pool, transactions, migrations, notifications.

All tables are in a schema of their own, ``fc_async``, so that the database may be shared.

Invariants:
    What was acknowledged with ``flush`` is on the server's disk (``synchronous_commit=on``,
    whatever the server's own default is).
    No message shows a password.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import secrets
from typing import TYPE_CHECKING, Any, Final, NoReturn, TypeVar

import psycopg
from psycopg import errors
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg_pool import AsyncConnectionPool

from fc_async_local.background import keep_running, pause_for_real, start_task
from fc_async_local.store import rows, sql
from fc_async_local.store.postgres.batcher import Batcher
from fc_async_local.store.protocol import StoreUnavailable, StoreUnusable

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence

    Connection = psycopg.AsyncConnection[tuple[Any, ...]]

T = TypeVar("T")
I = TypeVar("I")  # noqa: E741 -- an item of a batch

_CONNECTIONS: Final = 8
_PATIENCE_SECONDS: Final = 3.0
"""Seconds that a call waits for a connection before 503."""

_RECONNECT_SECONDS: Final = 1.0
"""Between two tries to listen again."""

_TRIES: Final = 4
"""Tries of a transaction that the server rolled back to end a deadlock."""

# A statement must end before a lease does; a dead connection is noticed within 11 s.
_PARAMETERS: Final[dict[str, str | int]] = {
    "application_name": "fc-async",
    "connect_timeout": 5,
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": 10_000,
}
# synchronous_commit: an accept is answered after the flush, whatever the default of the server is.
_OPTIONS: Final = (
    "-c search_path=fc_async -c synchronous_commit=on -c statement_timeout=15s"
    " -c idle_in_transaction_session_timeout=30s"
)

UNAVAILABLE: Final = (
    psycopg.OperationalError,
    psycopg.InterfaceError,
    errors.ReadOnlySqlTransaction,
    errors.UndefinedTable,
)
"""Errors of the driver when the server cannot answer; the last one: its tables were dropped."""


class PostgresDatabase:
    """An open pool. Make it with :meth:`open`, end it with :meth:`aclose`. One event loop."""

    def __init__(self, where: str, pool: AsyncConnectionPool[Connection]) -> None:
        self._where = where
        self._pool = pool
        self._checking: asyncio.Task[None] | None = None
        # By batch function; what it takes and returns differs from one to the other.
        self._batchers: dict[object, Batcher[Any, Any]] = {}
        self.writer_id = secrets.token_hex(4)
        """Names this object among all that write to the database."""

    @classmethod
    async def open(cls, url: str, *schemas: sql.Schema) -> PostgresDatabase:
        """Connect and bring schemas up to date, one node at a time.

        Args:
            url: ``postgresql://user:password@host:port/database``.
            schemas: The components' tables.

        Raises:
            StoreUnusable: The URL is invalid, or the database holds a newer version of a schema.
            StoreUnavailable: The server cannot be reached, or refuses.
        """
        try:
            where = _complete(url)
        except psycopg.ProgrammingError:
            # Its own message would show the URL, and that a password.
            raise StoreUnusable(
                "the store's URL can't be read: postgresql://user:password@host:port/database, "
                "special characters in it as %XX"
            ) from None
        try:
            async with await psycopg.AsyncConnection.connect(where, autocommit=True) as connection:
                await _migrate(connection, schemas, _name(url))
            pool: AsyncConnectionPool[Connection] = AsyncConnectionPool(
                where,
                kwargs={"autocommit": True},
                min_size=2,
                max_size=_CONNECTIONS,
                timeout=_PATIENCE_SECONDS,
                open=False,
                name="fc-async",
            )
            await pool.open()
        except psycopg.Error as error:
            raise StoreUnavailable(f"PostgreSQL at {_name(url)}: {error}") from error
        return cls(where, pool)

    async def migrate(self, *schemas: sql.Schema) -> None:
        """Bring more components' schemas up to date, as :meth:`open` does.

        Raises:
            StoreUnusable: The database holds a newer version of one of them.
            StoreUnavailable: The server cannot be reached, or refuses.
        """
        name = _name(self._where)
        try:
            async with await self._connect() as connection:
                await _migrate(connection, schemas, name)
        except psycopg.Error as error:
            raise StoreUnavailable(f"PostgreSQL at {name}: {error}") from error

    async def run(
        self,
        job: Callable[[Connection], Awaitable[T]],
        *,
        pipelined: bool = False,
        flush: bool = True,
    ) -> T:
        """Run a job in one transaction. It may be run again, so it must change nothing else.

        Args:
            job: What to do.
            pipelined: Do not wait for the answers that the job does not read; it must not ask for
                a row count.
            flush: Wait for the commit to be on disk. Without it a crash of the server may undo the
                transaction.

        Raises:
            StoreUnavailable: The server cannot do it now. If the connection broke during the
                commit, the transaction may have been committed all the same.
        """

        async def once(connection: Connection) -> T:
            pipeline = connection.pipeline() if pipelined else contextlib.nullcontext()
            async with pipeline, connection.transaction():
                if not flush:
                    await connection.execute(SQL["commit_without_flush"])
                return await job(connection)

        return await self._retry(once)

    def in_group(
        self,
        batch: Callable[[PostgresDatabase, Sequence[I]], Awaitable[Sequence[T | Exception]]],
        item: I,
    ) -> asyncio.Future[T]:
        """Hand in an item of a batch; awaiting the future returns its result after the commit.

        While a group of the same batch is under way, further items wait and then make the next
        group; so there is one group of a batch at a time.

        Args:
            batch: Always the same function object for the same kind of item. It gets this database
                and the items of a group, and returns one result, or what to raise, for each. If it
                raises, it is called again with each item by itself.
            item: What it needs to know.

        Raises:
            StoreUnavailable: As for :meth:`run`.
        """
        batcher = self._batchers.get(batch)
        if batcher is None:
            batcher = Batcher(functools.partial(batch, self))
            self._batchers[batch] = batcher
        return batcher.submit(item)

    async def ask(self, statement: bytes, values: Any = ()) -> list[tuple[Any, ...]]:
        """Run one statement as a transaction of its own and return its rows.

        Raises:
            StoreUnavailable: As for :meth:`run`.
        """

        async def once(connection: Connection) -> list[tuple[Any, ...]]:
            # Binary: a payload in text form is twice as long.
            cursor = await connection.execute(statement, values, binary=True)
            return await cursor.fetchall()

        return await self._retry(once)

    async def listen(
        self, statement: bytes, hear: Callable[[str], None], begun: Callable[[], None] | None = None
    ) -> NoReturn:
        """Receive notifications on a connection beside the pool, until cancelled.

        A connection that was cut is made again; notifications of the meantime are lost.

        Args:
            statement: LISTEN to a channel.
            hear: Called with each payload.
            begun: Called whenever a connection has begun to listen.
        """

        async def connected() -> None:
            heard = False
            try:
                async with await self._connect() as connection:
                    await connection.execute(statement)
                    heard = True
                    if begun is not None:
                        begun()
                    async for notification in connection.notifies():
                        hear(notification.payload)
            except psycopg.OperationalError:
                if not heard:
                    raise  # still away: the waits grow
            await asyncio.sleep(_RECONNECT_SECONDS)  # cut off: listen again

        await keep_running(
            f"listening at {_name(self._where)}",
            connected,
            pause_for_real,
            unavailable=(psycopg.OperationalError,),
        )

    async def _connect(self) -> Connection:
        return await psycopg.AsyncConnection.connect(self._where, autocommit=True)

    async def aclose(self) -> None:
        """Write what waits in groups, then close all connections."""
        for batcher in self._batchers.values():
            await batcher.aclose()
        if self._checking is not None:
            await self._checking
        await self._pool.close()

    async def _retry(self, job: Callable[[Connection], Awaitable[T]]) -> T:
        try:
            # The server ends one of the transactions that wait for each other; it says that this
            # one can be repeated
            # (https://www.postgresql.org/docs/current/mvcc-serialization-failure-handling.html).
            for _ in range(_TRIES - 1):
                with contextlib.suppress(errors.DeadlockDetected, errors.SerializationFailure):
                    async with self._pool.connection() as connection:
                        return await job(connection)
            async with self._pool.connection() as connection:
                return await job(connection)
        except UNAVAILABLE as error:
            raise self._unavailable(error) from error

    def _unavailable(self, error: Exception) -> StoreUnavailable:
        if self._checking is None or self._checking.done():
            # A server that was restarted has cut all connections: find them before callers do.
            self._checking = start_task("check of connections", self._check())
        return StoreUnavailable(f"PostgreSQL can't do it now: {error}")

    async def _check(self) -> None:
        try:
            await self._pool.check()
        except psycopg.Error:
            return  # still away: the next failure asks again


async def _migrate(connection: Connection, schemas: Sequence[sql.Schema], where: str) -> None:
    async with connection.transaction():
        await connection.execute(SQL["take_your_time"])
        await connection.execute(SQL["lock_migrations"])
        await connection.execute(SQL["create_schema"])
        await connection.execute(SQL["create_versions"])
        cursor = await connection.execute(SQL["versions"])
        installed: dict[str, int] = dict(await cursor.fetchall())
        for schema in schemas:
            steps = sql.pending(schema, installed.get(schema.component, 0), where)
            for step in steps:
                await connection.execute(step.script.encode())
            if steps:
                values = (schema.component, schema.version)
                await connection.execute(SQL["set_version"], values)


def _complete(url: str) -> str:
    """Return the URL with the parameters that it does not set itself."""
    parameters = conninfo_to_dict(url)
    missing = {name: value for name, value in _PARAMETERS.items() if name not in parameters}
    # Ours come last, and so win: without a flush an acknowledged invocation could be lost.
    options = f"{parameters.get('options', '')} {_OPTIONS}".strip()
    return make_conninfo(url, **missing, options=options)


def _name(url: str) -> str:
    """Return server and database, without user and password."""
    parts = conninfo_to_dict(url)
    return f"{parts.get('host', 'localhost')}/{parts.get('dbname', '')}"


def load(
    package: str, file: str = "statements.sql", parts: Mapping[str, str] | None = None
) -> Mapping[str, bytes]:
    """Return the named statements of a package's file; see :func:`sql.statements`."""
    return {name: text.encode() for name, text in sql.statements(package, file, parts).items()}


SQL: Final = load(
    "fc_async_local.store.postgres",
    parts={
        **rows.PARTS,
        "changes": ", ".join(f"{name} = given.{name}" for name in rows.CHANGING),
    },
)
