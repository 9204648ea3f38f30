# SPDX-License-Identifier: MIT
"""Documents in memory: level with the store, whichever node writes and whatever overlaps."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from fc_async_local.clock import VirtualClock
from fc_async_local.store.document_cache import DocumentCache
from fc_async_local.store.memory import MemoryDocuments
from fc_async_local.store.protocol import Change, ChangeRefused, Document
from fc_async_local.wakeups import SURVEY_MS, Wakeups
from fc_async_tests.channels import LostHints, MemoryChannel

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fc_async_local.wakeups import Channel


class Documents(MemoryDocuments):
    """Counts its loads, and holds them back after reading."""

    def __init__(self) -> None:
        super().__init__()
        self.loads = 0
        self.begun = asyncio.Event()
        self.go = asyncio.Event()
        self.go.set()

    async def load(self) -> tuple[int, Sequence[Document]]:
        self.loads += 1
        found = await super().load()
        self.begun.set()
        await self.go.wait()
        return found


def play(scene, *, shared: bool = True) -> Any:
    """Run ``scene(documents, cache, cache of another node)``."""

    async def main() -> Any:
        documents = Documents()
        channel = LostHints() if shared else None
        nodes = [DocumentCache(documents, Wakeups(VirtualClock(), channel)) for _ in range(2)]
        for node in nodes:
            await node.refresh()
        documents.loads = 0
        return await scene(documents, *nodes)

    return asyncio.run(main())


def test_a_change_of_another_node_is_seen_after_a_refresh() -> None:
    async def scene(_, a: DocumentCache, b: DocumentCache) -> Any:
        await a.write(Change("topic", "t", b"1"))
        before = b.get("topic", "t")
        await b.refresh()
        return before, b.get("topic", "t")

    assert play(scene) == (None, b"1")


def test_what_another_node_removed_is_gone_after_a_refresh() -> None:
    async def scene(_, a: DocumentCache, b: DocumentCache) -> Any:
        await a.write(Change("topic", "t", b"1"))
        await b.refresh()
        await a.write(Change("topic", "t", None))
        await b.refresh()
        return b.items("topic")

    assert play(scene) == []


def test_a_refused_change_shows_what_refused_it() -> None:
    async def scene(_, a: DocumentCache, b: DocumentCache) -> Any:
        await a.write(Change("topic", "t", b"1"))
        with pytest.raises(ChangeRefused):
            await b.write(Change("topic", "t", b"2", "absent"))
        return b.get("topic", "t")

    assert play(scene) == b"1"


def test_a_write_is_seen_at_once_and_costs_no_load() -> None:
    async def scene(documents: Documents, a: DocumentCache, _) -> Any:
        await a.write(Change("topic", "t", b"1"), Change("topic", "u", b"2"))
        seen = a.items("topic"), a.items("topic", "u")
        await a.refresh()
        return seen, documents.loads

    assert play(scene) == (([("t", b"1"), ("u", b"2")], [("u", b"2")]), 0)


def test_a_store_that_only_this_node_writes_is_not_asked() -> None:
    async def scene(_, a: DocumentCache, b: DocumentCache) -> Any:
        await a.write(Change("topic", "t", b"1"))
        await b.refresh()
        return b.get("topic", "t")

    assert play(scene, shared=False) is None


@pytest.mark.parametrize("shared", [True, False])
def test_a_write_that_follows_one_of_another_node_hides_neither(shared: bool) -> None:
    async def scene(_, a: DocumentCache, b: DocumentCache) -> Any:
        await b.write(Change("topic", "theirs", b"1"))
        await a.write(Change("topic", "ours", b"2"))
        before = a.get("topic", "ours")
        await a.refresh()
        return before, a.items("topic")

    assert play(scene, shared=shared) == (b"2", [("ours", b"2"), ("theirs", b"1")])


def test_a_write_during_a_load_is_not_lost() -> None:
    async def scene(documents: Documents, a: DocumentCache, b: DocumentCache) -> Any:
        await b.write(Change("topic", "theirs", b"1"))
        documents.begun.clear()
        documents.go.clear()
        refreshing = asyncio.ensure_future(a.refresh())
        await documents.begun.wait()
        await a.write(Change("topic", "ours", b"2"))
        documents.go.set()
        await refreshing
        return a.items("topic")

    assert play(scene) == [("ours", b"2"), ("theirs", b"1")]


def test_callers_that_refresh_at_once_share_one_load() -> None:
    async def scene(documents: Documents, a: DocumentCache, b: DocumentCache) -> Any:
        await b.write(Change("topic", "t", b"1"))
        await asyncio.gather(*(a.refresh() for _ in range(20)))
        return documents.loads

    assert play(scene) == 1


def test_listeners_are_called_before_the_caller_continues() -> None:
    async def scene(_, a: DocumentCache, b: DocumentCache) -> Any:
        told: list[Any] = []

        async def refreshed() -> list[Any]:
            await b.refresh()
            return list(told)

        b.listen(lambda changes: told.append((changes, b.get("topic", "t"))))
        await a.write(Change("topic", "t", b"1"))
        both = await asyncio.gather(refreshed(), refreshed())
        own = Change("topic", "t", b"2")
        await b.write(own)
        return both, told[1:] == [((own,), b"2")]

    assert play(scene) == ([[(None, b"1")], [(None, b"1")]], True)


def test_a_listener_that_failed_is_called_again(caplog: pytest.LogCaptureFixture) -> None:
    async def scene(_, a: DocumentCache, __) -> Any:
        told: list[Any] = []

        def listener(changes) -> None:
            told.append(changes)
            if len(told) == 1:
                raise KeyError("a fault of ours")

        a.listen(listener)
        await a.write(Change("topic", "t", b"1"))
        await a.refresh()
        return told[1:], a.get("topic", "t")

    assert play(scene, shared=False) == ([None], b"1")
    assert "KeyError: 'a fault of ours'" in caplog.text


async def follow(clock: VirtualClock, here: Channel, there: Channel, ms: int) -> Any:
    """What a node that follows knows some time after another one has written."""
    documents = MemoryDocuments()
    writer = DocumentCache(documents, Wakeups(clock, there))
    follower = DocumentCache(documents, Wakeups(clock, here))
    following = asyncio.ensure_future(follower.follow())
    await clock.advance(0)
    await writer.write(Change("topic", "t", b"1"))
    await clock.advance(ms)
    following.cancel()
    await asyncio.wait({following})
    return follower.get("topic", "t")


def test_a_node_follows_what_others_write() -> None:
    assert asyncio.run(follow(VirtualClock(), *MemoryChannel.pair(), 0)) == b"1"


def test_a_node_finds_what_a_lost_hint_was_about() -> None:
    found = [
        asyncio.run(follow(VirtualClock(), LostHints(), LostHints(), ms))
        for ms in (SURVEY_MS - 1, SURVEY_MS)
    ]
    assert found == [None, b"1"]
