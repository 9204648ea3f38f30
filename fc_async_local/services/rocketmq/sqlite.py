# SPDX-License-Identifier: MIT
"""RocketMQ logs in the runtime's SQLite file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from fc_async_local.services.rocketmq.tables import TableLogStore
from fc_async_local.store import sql
from fc_async_local.store.sqlite.transactions import SqliteTransactions

if TYPE_CHECKING:
    from fc_async_local.store.sqlite.database import Database

_PACKAGE: Final = "fc_async_local.services.rocketmq"
SCHEMA: Final = sql.schema("rocketmq", _PACKAGE)


class SqliteLogStore(TableLogStore):
    """Logs in a shared database file."""

    @classmethod
    async def open(cls, database: Database) -> SqliteLogStore:
        """Create or migrate the tables and return a store on them."""
        return cls(await SqliteTransactions.open(database, SCHEMA, _PACKAGE))
