# SPDX-License-Identifier: MIT
"""Configuration and code archives on a PostgreSQL server; every node reads what was committed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fc_async_local.store.postgres.database import SQL
from fc_async_local.store.postgres.transactions import PostgresTransactions
from fc_async_local.store.tables import TableDocuments

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from fc_async_local.store.postgres.database import Connection, PostgresDatabase


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


class PostgresBlobs:
    """Implements :class:`~fc_async_local.store.protocol.BlobStore`."""

    def __init__(self, database: PostgresDatabase) -> None:
        """Use a database that is migrated; closing it stays the caller's."""
        self._database = database

    async def put_blob(self, key: str, data: bytes, *, now: int) -> None:
        async def job(connection: Connection) -> None:
            # First, for its lock: a transaction that prunes waits for it and then sees the use.
            await connection.execute(SQL["use_blob"], (key, now))
            await connection.execute(SQL["put_blob"], (key, data))

        await self._database.run(job)

    async def prune_blobs(self, in_use: Collection[str], *, now: int, used_before: int) -> int:
        async def job(connection: Connection) -> int:
            await connection.execute(SQL["blobs_in_use"], (now, sorted(in_use)))
            cursor = await connection.execute(SQL["unused_blobs"], (used_before,))
            row = await cursor.fetchone()
            assert row is not None
            return int(row[0])

        return await self._database.run(job)

    async def get_blob(self, key: str) -> bytes | None:
        found = await self._database.ask(SQL["get_blob"], (key,))
        return bytes(found[0][0]) if found else None
