# SPDX-License-Identifier: MIT
"""Code archives on a PostgreSQL server, where every node finds the code of every function."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fc_async_local.store.postgres.database import SQL

if TYPE_CHECKING:
    from collections.abc import Collection

    from fc_async_local.store.postgres.database import Connection, PostgresDatabase


class PostgresBlobs:
    """Implements :class:`~fc_async_local.store.protocol.BlobStore`."""

    def __init__(self, database: PostgresDatabase) -> None:
        """Use a database that is migrated; closing it stays the caller's."""
        self._database = database

    async def put_blob(self, key: str, data: bytes, *, now: int) -> None:
        """See :meth:`BlobStore.put_blob`."""

        async def job(connection: Connection) -> None:
            # First, for its lock: a transaction that prunes waits for it and then sees the use.
            await connection.execute(SQL["use_blob"], (key, now))
            await connection.execute(SQL["put_blob"], (key, data))

        await self._database.run(job)

    async def prune_blobs(self, in_use: Collection[str], *, now: int, used_before: int) -> int:
        """See :meth:`BlobStore.prune_blobs`."""

        async def job(connection: Connection) -> int:
            await connection.execute(SQL["blobs_in_use"], (now, sorted(in_use)))
            cursor = await connection.execute(SQL["unused_blobs"], (used_before,))
            row = await cursor.fetchone()
            assert row is not None
            return int(row[0])

        return await self._database.run(job)

    async def get_blob(self, key: str) -> bytes | None:
        """See :meth:`BlobStore.get_blob`."""
        found = await self._database.ask(SQL["get_blob"], (key,))
        return bytes(found[0][0]) if found else None
