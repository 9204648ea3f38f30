# SPDX-License-Identifier: MIT
"""The configuration in memory: level with the store, whoever writes and whatever overlaps."""

from __future__ import annotations

import asyncio

from fc_async_local.functions.cache import SnapshotCache
from fc_async_local.functions.records import CodeRef, FunctionRecord


def function(name: str) -> FunctionRecord:
    return FunctionRecord(
        name=name, function_id="id", settings={}, code=CodeRef(), created_at=0, modified_at=0
    )


class SlowDocuments:
    """Reads what there is at once, and hands it over when it is let."""

    def __init__(self, documents) -> None:
        self.documents = documents
        self.go = asyncio.Event()

    async def revision(self):
        return await self.documents.revision()

    async def load(self):
        found = await self.documents.load()
        await self.go.wait()
        return found

    async def write(self, changes):
        return await self.documents.write(changes)


def test_a_write_during_a_load_is_not_lost(run, documents):
    async def scene():
        slow = SlowDocuments(documents)
        cache = SnapshotCache(slow, shared=False)
        reading = asyncio.ensure_future(cache.read())
        await asyncio.sleep(0)
        await cache.write([function("orders").stored("absent")])
        slow.go.set()
        await reading
        return await cache.read()

    assert run(scene()).find(FunctionRecord, "orders") is not None


def test_writes_of_others_in_the_same_store_do_not_hide_ours(run, documents):
    async def scene():
        one = SnapshotCache(documents, shared=False)
        other = SnapshotCache(documents, shared=False)
        await one.read()
        await other.write([function("theirs").stored()])
        await one.write([function("ours").stored()])
        return await one.read()

    snapshot = run(scene())
    assert snapshot.find(FunctionRecord, "ours") is not None
    assert snapshot.find(FunctionRecord, "theirs") is not None


def test_a_shared_store_is_loaded_again_only_when_it_has_changed(run, documents):
    async def scene():
        cache = SnapshotCache(documents, shared=True)
        for _ in range(3):
            await cache.read()
        before = documents.loads
        await SnapshotCache(documents, shared=True).write([function("orders").stored()])
        await cache.read()
        return before, documents.loads

    assert run(scene()) == (1, 2)


def test_readers_that_come_at_once_share_one_load(run, documents):
    async def scene():
        cache = SnapshotCache(documents, shared=True)
        await asyncio.gather(*(cache.read() for _ in range(20)))
        return documents.loads

    assert run(scene()) == 1
