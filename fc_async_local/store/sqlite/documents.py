# SPDX-License-Identifier: MIT
"""Configuration and code archives in the runtime's SQLite file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from fc_async_local.store import rows, sql
from fc_async_local.store.sqlite.transactions import SqliteTransactions
from fc_async_local.store.tables import TableDocuments

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Collection

    from fc_async_local.store.sqlite.database import Database

_SQL: Final = sql.statements("fc_async_local.store.sqlite")


class SqliteDocuments(TableDocuments):
    """Implements :class:`~fc_async_local.store.protocol.DocumentStore`."""

    def __init__(self, database: Database) -> None:
        """Use a database that is migrated; closing it stays the caller's."""
        super().__init__(SqliteTransactions(database, _SQL))


class SqliteBlobs:
    """Implements :class:`~fc_async_local.store.protocol.BlobStore`."""

    def __init__(self, database: Database) -> None:
        """Use a database that is migrated; closing it stays the caller's."""
        self._database = database

    async def put_blob(self, key: str, data: bytes, *, now: int) -> None:
        def job(connection: sqlite3.Connection) -> None:
            connection.execute(_SQL["use_blob"], (key, now))
            connection.execute(_SQL["put_blob"], (key, data))

        await self._database.write(job)

    async def prune_blobs(self, in_use: Collection[str], *, now: int, used_before: int) -> int:
        keys = rows.as_json(list(in_use))

        def note(connection: sqlite3.Connection) -> None:
            connection.execute(_SQL["blobs_in_use"], (now, keys))

        def forget_one(connection: sqlite3.Connection) -> bool:
            row = connection.execute(_SQL["unused_blob"], (used_before,)).fetchone()
            if row is None:
                return False
            connection.execute(_SQL["delete_blob_use"], row)
            connection.execute(_SQL["delete_blob"], row)
            return True

        await self._database.write(note)
        forgotten = 0
        # An archive may be large. With one in each transaction, other writers need not wait long.
        while await self._database.write(forget_one):
            forgotten += 1
        return forgotten

    async def get_blob(self, key: str) -> bytes | None:
        row = await self._database.read(
            lambda connection: connection.execute(_SQL["get_blob"], (key,)).fetchone()
        )
        return None if row is None else row[0]
