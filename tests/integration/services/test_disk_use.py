# SPDX-License-Identifier: MIT
"""Queues and topics without readers do not grow for ever."""

from __future__ import annotations

import asyncio

from fc_async_local.services.mns.model import Draft, Queue, QueueAttributes
from fc_async_local.services.mns.tables import TableMessageStore
from fc_async_local.services.rocketmq.model import RETENTION_MS, RocketMqMessage
from fc_async_local.services.rocketmq.tables import TableLogStore
from fc_async_local.store.sqlite.database import Database

NOW = 1_700_000_000_000


def rows_after(tmp_path, scene, table):
    async def main():
        database = await Database.open(tmp_path / "test.db")
        await scene(database)
        (count,) = await database.read(
            lambda c: c.execute(f"SELECT count(*) FROM {table}").fetchone()  # noqa: S608 -- ours
        )
        await database.aclose()
        return count

    return asyncio.run(main())


def test_sending_drops_what_was_kept_long_enough(tmp_path):
    async def scene(database):
        store = await TableMessageStore.open(database)
        attributes = QueueAttributes(message_retention_period=60)
        await store.create_queue(
            Queue(name="q", attributes=attributes, created_at=NOW, modified_at=NOW)
        )
        for minute in range(5):
            now = NOW + minute * 60_000
            await store.send("q", [Draft(message_id=f"{minute}", body="x")], now=now)

    assert rows_after(tmp_path, scene, "mns_message") == 1


def test_publishing_drops_what_was_kept_long_enough(tmp_path):
    async def scene(database):
        store = await TableLogStore.open(database)
        for number in range(5):
            message = RocketMqMessage(
                message_id=f"{number}",
                body="x",
                tag="",
                properties="",
                sharding_key="",
                published_at=NOW + number * RETENTION_MS,
            )
            await store.append("t", message)

    assert rows_after(tmp_path, scene, "rocketmq_message") == 1
