# SPDX-License-Identifier: MIT
"""Queues in the runtime's SQLite file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from fc_async_local.services.mns.tables import TableMessageStore
from fc_async_local.store import sql
from fc_async_local.store.sqlite.transactions import SqliteTransactions

if TYPE_CHECKING:
    from fc_async_local.store.sqlite.database import Database

_PACKAGE: Final = "fc_async_local.services.mns"
SCHEMA: Final = sql.schema("mns", _PACKAGE)


class SqliteMessageStore(TableMessageStore):
    """Queues in a shared database file."""

    @classmethod
    async def open(cls, database: Database) -> SqliteMessageStore:
        """Create or migrate the tables and return a store on them.

        Raises:
            StoreUnusable: The file is newer than this program.
            StoreUnavailable: The database cannot answer now.
        """
        return cls(await SqliteTransactions.open(database, SCHEMA, _PACKAGE))
