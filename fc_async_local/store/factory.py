# SPDX-License-Identifier: MIT
"""Opens the stores that a name stands for: memory, a file, or a PostgreSQL server.

Only this module knows all implementations. That of PostgreSQL is imported when it is needed: its
driver is an extra.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from fc_async_local.store.memory import MemoryBlobs, MemoryDocuments, MemoryStore
from fc_async_local.store.protocol import StoreUnusable
from fc_async_local.store.sqlite.database import Database
from fc_async_local.store.sqlite.store import SCHEMA as SQLITE_SCHEMA
from fc_async_local.store.sqlite.store import SqliteStore
from fc_async_local.store.sqlite.transactions import SQL, MemoryTransactions, SqliteTransactions
from fc_async_local.store.tables import TableBlobs, TableDocuments
from fc_async_sdk._installation import how_to_install

if TYPE_CHECKING:
    from fc_async_local.store.postgres.database import PostgresDatabase
    from fc_async_local.store.protocol import BlobStore, DocumentStore, Store
    from fc_async_local.store.sql import Schema, Transactions

    AnyDatabase = Database | PostgresDatabase | MemoryStore

MEMORY: Final = "memory:"
POSTGRESQL: Final = ("postgresql://", "postgres://")


class Stores(NamedTuple):
    """All stores of a runtime, opened together and closed together.

    Attributes:
        store: Invocations, deliveries, metrics.
        documents: Configuration.
        blobs: Code archives.
        database: For components that keep tables of their own in it, or in memory beside it.
    """

    store: Store
    documents: DocumentStore
    blobs: BlobStore
    database: AnyDatabase

    async def aclose(self) -> None:
        """Write what waits, and close the database."""
        if not isinstance(self.database, MemoryStore):
            await self.database.aclose()


async def open_stores(where: str | Path) -> Stores:
    """Open the stores that a name stands for and bring their schema up to date.

    Args:
        where: ``memory:``, the path of an SQLite file, or ``postgresql://…``.

    Raises:
        StoreUnusable: They are in use by another runtime, newer than this program, or damaged; or
            the driver is not installed.
        StoreUnavailable: They cannot be reached or written now.
    """
    if where == MEMORY:
        store = MemoryStore()
        return Stores(store, MemoryDocuments(), MemoryBlobs(), store)
    if str(where).startswith(POSTGRESQL):
        return await _open_postgres(str(where))
    return await _open_sqlite(Path(where))


async def _open_sqlite(path: Path) -> Stores:
    database = await Database.open(path, SQLITE_SCHEMA)
    try:
        store = await SqliteStore.open(database)
    except BaseException:
        await database.aclose()
        raise
    tables = SqliteTransactions(database, SQL)
    return Stores(store, TableDocuments(tables), TableBlobs(tables), database)


async def _open_postgres(url: str) -> Stores:
    try:  # the driver is an extra
        from fc_async_local.store.postgres import store  # noqa: PLC0415
        from fc_async_local.store.postgres.database import SQL as STATEMENTS  # noqa: PLC0415
        from fc_async_local.store.postgres.database import PostgresDatabase  # noqa: PLC0415
    except ImportError as error:
        raise StoreUnusable(
            f"a postgresql:// store needs its driver ({error}): {how_to_install('postgres')}"
        ) from error
    opened = await PostgresDatabase.open(url, store.SCHEMA)
    return Stores(
        store.PostgresStore(opened),
        store.PostgresDocuments(opened),
        TableBlobs(store.PostgresTransactions(opened, STATEMENTS)),
        opened,
    )


async def open_transactions(database: AnyDatabase, schema: Schema, package: str) -> Transactions:
    """Create or migrate the tables of a component, and return what runs its statements.

    Args:
        database: Where the tables are; with jobs in memory they are in memory, too.
        schema: Of the component, in SQLite.
        package: Has the statements, and the migrations of PostgreSQL.

    Raises:
        StoreUnusable: The tables are newer than this program.
        StoreUnavailable: The database cannot answer now.
    """
    if isinstance(database, Database):
        return await SqliteTransactions.open(database, schema, package)
    if isinstance(database, MemoryStore):
        return MemoryTransactions(database, schema, package)
    # The driver is an extra; it is installed if there is a pool.
    from fc_async_local.store.postgres.store import PostgresTransactions  # noqa: PLC0415

    return await PostgresTransactions.open(database, schema.component, package)
