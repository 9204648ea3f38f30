# SPDX-License-Identifier: MIT
"""RocketMQ logs in the tables of SQLite, of PostgreSQL, or of SQLite in memory.

The tests compare them with a model in plain Python.

Invariants:
    * Consumers of one group wait for each other, consumers of different groups do not.
    * A published message is on the disk before it is acknowledged.
    * What groups take and acknowledge is committed but not flushed: after a power loss a message
      may be delivered again, and none is lost.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from fc_async_local.services.rocketmq import group as groups
from fc_async_local.services.rocketmq.group import ConsumerGroup
from fc_async_local.services.rocketmq.model import RETENTION_MS
from fc_async_local.store import sql
from fc_async_local.store.factory import open_transactions

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fc_async_local.services.common import Receipt
    from fc_async_local.services.rocketmq.model import Message, Taken, Want
    from fc_async_local.store.factory import AnyDatabase
    from fc_async_local.store.transactions import Transaction, Transactions

PACKAGE: Final = "fc_async_local.services.rocketmq"
SCHEMA: Final = sql.schema("rocketmq", PACKAGE)

_encode: Final = msgspec.json.Encoder().encode


class TableLogStore:
    """Logs and groups. ``topic`` is a key that includes the instance.

    All methods raise ``StoreUnavailable`` when the store cannot answer now.

    Args:
        transactions: Of the database.
    """

    def __init__(self, transactions: Transactions) -> None:
        self._transactions = transactions

    @classmethod
    async def open(cls, database: AnyDatabase) -> TableLogStore:
        """Create or migrate the tables and return a store on them."""
        return cls(await open_transactions(database, SCHEMA, PACKAGE))

    async def append(self, topic: str, message: Message, *, deliver_at: int | None = None) -> None:
        """Store a message; return when it is durable.

        Args:
            topic: Key of the topic.
            message: The message.
            deliver_at: When it joins the log; None for at once.
        """
        row = {
            "topic": topic,
            "message": _encode(message),
            "published_at": message.published_at,
            "deliver_at": deliver_at,
            # Here too, because a topic without consumers must not grow without limit.
            "before": message.published_at - RETENTION_MS,
        }

        async def job(tables: Transaction) -> None:
            await tables.do("expire", row)
            if deliver_at is None:
                await tables.lock("lock_topic", row)
                await tables.do("append", row)
            else:
                await tables.do("delay", row)

        await self._transactions.write(job)

    async def take(self, topic: str, group: str, want: Want, *, now: int) -> Taken:
        """Hand out messages to a consumer of a group."""
        return await self._transactions.claim(
            lambda tables: groups.take(ConsumerGroup(tables, topic, group), want, now=now)
        )

    async def acknowledge(
        self, topic: str, group: str, receipts: Sequence[Receipt], *, now: int
    ) -> Sequence[bool]:
        """Delete processed messages; return False for each receipt that is not valid any more."""
        return await self._transactions.write_light(
            lambda tables: groups.acknowledge(
                ConsumerGroup(tables, topic, group), receipts, now=now
            )
        )

    async def forget(self, topic: str) -> int:
        """Delete the messages and groups of a topic; return how many messages there were."""
        row = {"topic": topic}

        async def job(tables: Transaction) -> int:
            await tables.do("forget_pending", row)
            await tables.do("forget_groups", row)
            delayed = await tables.changed("forget_delayed", row)
            return delayed + await tables.changed("forget_messages", row)

        return await self._transactions.write(job)
