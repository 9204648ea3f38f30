# SPDX-License-Identifier: MIT
"""Queues on a PostgreSQL server, for several nodes.

Invariants:
    * Consumers do not wait for each other: a receive skips messages that another transaction is
      receiving (``FOR UPDATE SKIP LOCKED``).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from fc_async_local.services.mns.tables import TableMessageStore
from fc_async_local.store.postgres.transactions import PostgresTransactions

if TYPE_CHECKING:
    from fc_async_local.store.postgres.database import PostgresDatabase


class PostgresMessageStore(TableMessageStore):
    """Queues of several nodes."""

    @classmethod
    async def open(cls, database: PostgresDatabase) -> PostgresMessageStore:
        """Create or migrate the tables and return a store on them."""
        return cls(await PostgresTransactions.open(database, "mns", "fc_async_local.services.mns"))
