# SPDX-License-Identifier: MIT
"""Configuration and code archives in the runtime's SQLite file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from fc_async_local.store import rows, sql
from fc_async_local.store.protocol import ChangeRefused, Document

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Collection, Sequence

    from fc_async_local.store.protocol import Change
    from fc_async_local.store.sqlite.database import Database

_SQL: Final = sql.statements("fc_async_local.store.sqlite")


class SqliteDocuments:
    """Implements :class:`~fc_async_local.store.protocol.DocumentStore`."""

    def __init__(self, database: Database) -> None:
        """Use a database that is migrated; closing it stays the caller's."""
        self._database = database

    async def revision(self) -> int:
        (revision,) = await self._database.read(lambda c: c.execute(_SQL["revision"]).fetchone())
        return int(revision)

    async def load(self) -> tuple[int, Sequence[Document]]:
        def job(connection: sqlite3.Connection) -> tuple[int, Sequence[Document]]:
            (revision,) = connection.execute(_SQL["revision"]).fetchone()
            return revision, [Document(*row) for row in connection.execute(_SQL["documents"])]

        return await self._database.read(job)

    async def write(self, changes: Sequence[Change]) -> int:
        def job(connection: sqlite3.Connection) -> int:
            for change in changes:
                _apply(connection, change)
            (revision,) = connection.execute(_SQL["next_revision"]).fetchone()
            return int(revision)

        return await self._database.write(job)


def _apply(connection: sqlite3.Connection, change: Change) -> None:
    name = (change.kind, change.key)
    if change.expect != "any":
        (exists,) = connection.execute(_SQL["document_exists"], name).fetchone()
        if bool(exists) != (change.expect == "present"):
            raise ChangeRefused(f"{change.kind} {change.key} is not {change.expect}")
    if change.body is None:
        connection.execute(_SQL["delete_document"], name)
    else:
        connection.execute(_SQL["put_document"], (*name, change.body))


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
