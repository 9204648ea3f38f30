# SPDX-License-Identifier: MIT
"""Configuration in the runtime's SQLite file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from fc_async_local.store import sql
from fc_async_local.store.protocol import ChangeRefused, Document

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Sequence

    from fc_async_local.store.protocol import Change
    from fc_async_local.store.sqlite.database import Database

_SQL: Final = sql.statements("fc_async_local.store.sqlite")


class SqliteDocuments:
    """Implements :class:`~fc_async_local.store.protocol.DocumentStore`."""

    def __init__(self, database: Database) -> None:
        """Use a database that is migrated; closing it stays the caller's."""
        self._database = database

    async def revision(self) -> int:
        """See :meth:`DocumentStore.revision`."""
        (revision,) = await self._database.read(lambda c: c.execute(_SQL["revision"]).fetchone())
        return int(revision)

    async def load(self) -> tuple[int, Sequence[Document]]:
        """See :meth:`DocumentStore.load`."""

        def job(connection: sqlite3.Connection) -> tuple[int, Sequence[Document]]:
            (revision,) = connection.execute(_SQL["revision"]).fetchone()
            return revision, [Document(*row) for row in connection.execute(_SQL["documents"])]

        return await self._database.read(job)

    async def write(self, changes: Sequence[Change]) -> int:
        """See :meth:`DocumentStore.write`."""

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
