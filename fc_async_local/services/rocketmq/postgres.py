# SPDX-License-Identifier: MIT
"""RocketMQ logs on a PostgreSQL server, for several nodes.

Invariants:
    * Consumers of one group wait for each other, consumers of different groups do not.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from fc_async_local.services.rocketmq.tables import TableLogStore
from fc_async_local.store.postgres.transactions import PostgresTransactions

if TYPE_CHECKING:
    from fc_async_local.store.postgres.database import PostgresDatabase

_PACKAGE: Final = "fc_async_local.services.rocketmq"


class PostgresLogStore(TableLogStore):
    """Logs of several nodes."""

    @classmethod
    async def open(cls, database: PostgresDatabase) -> PostgresLogStore:
        """Create or migrate the tables and return a store on them."""
        return cls(await PostgresTransactions.open(database, "rocketmq", _PACKAGE))
