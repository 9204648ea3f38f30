# SPDX-License-Identifier: MIT
"""Claims and deletions of messages in the SQLite file: none is lost, none is seen too late."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import shutil
import sqlite3
import threading

import pytest

from fc_async_local.services.common import Receipt
from fc_async_local.services.mns.model import Counts, Draft, Queue, QueueAttributes
from fc_async_local.services.mns.tables import TableMessageStore
from fc_async_local.services.rocketmq import model as rocketmq
from fc_async_local.services.rocketmq.tables import TableLogStore
from fc_async_local.store.sqlite.database import Database

NOW = 1_700_000_000_000


@pytest.fixture
def play(tmp_path):
    """Runs a scene with a store on a file and one queue, ``q``."""

    def player(scene):
        async def main():
            database = await Database.open(tmp_path / "test.db")
            store = await TableMessageStore.open(database)
            await store.create_queue(
                Queue(name="q", attributes=QueueAttributes(), created_at=NOW, modified_at=NOW)
            )
            try:
                return await scene(store, database)
            finally:
                await database.aclose()

        return asyncio.run(main())

    return player


async def send(store, count, **fields):
    drafts = [Draft(message_id=f"{n:X}", body=str(n), **fields) for n in range(1, count + 1)]
    await store.send("q", drafts, now=NOW)


def receipts(messages):
    return [Receipt(m.sequence, m.claims, m.message_id) for m in messages]


async def receive(store, limit):
    return (await store.receive("q", limit, now=NOW)).messages


def bodies(messages):
    return [message.body for message in messages]


async def after_a_kill(tmp_path, look):
    """What a process finds that starts on what a killed one has left just now."""
    copy = tmp_path / "copy"
    copy.mkdir()
    for file in ("test.db", "test.db-wal"):
        shutil.copy(tmp_path / file, copy / file)
    database = await Database.open(copy / "test.db")
    try:
        return await look(await TableMessageStore.open(database))
    finally:
        await database.aclose()


async def counted(store):
    return await store.counts("q", now=NOW)


def rows(tmp_path):
    with contextlib.closing(sqlite3.connect(tmp_path / "test.db")) as other:
        return other.execute("SELECT count(*), sum(claims) FROM mns_message").fetchone()


def test_counting_and_peeking_see_it_at_once(play):
    async def scene(store, _database):
        await send(store, 3)
        found = await receive(store, 2)
        await store.delete("q", receipts(found[:1]), now=NOW)
        return await counted(store), bodies(await store.peek("q", 16, now=NOW))

    assert play(scene) == (Counts(active=1, inactive=1, delayed=0), ["3"])


def test_claims_and_deletions_survive_a_kill(play, tmp_path):
    async def scene(store, _database):
        await send(store, 3)
        found = await receive(store, 2)
        await store.delete("q", receipts(found[:1]), now=NOW)

        async def look(again):
            return await counted(again), await again.delete("q", receipts(found), now=NOW)

        return await after_a_kill(tmp_path, look)

    # The latest handle is good after the start as well.
    assert play(scene) == (Counts(1, 1, 0), [False, True])


def test_nothing_is_left_beside_the_file_by_a_closed_store(play, tmp_path):
    async def scene(store, _database):
        await send(store, 2)
        await store.delete("q", receipts(await receive(store, 1)), now=NOW)

    play(scene)
    assert {file.name for file in tmp_path.iterdir()} == {"test.db", "test.db.lock"}
    assert rows(tmp_path) == (1, 0)


def busy(database):
    """Keeps the writer of a database busy until the event is set."""
    gate = threading.Event()
    return gate, database.write(lambda _connection: gate.wait(60))


async def turns(count=5):
    for _ in range(count):
        await asyncio.sleep(0.01)


def test_receives_that_wait_for_the_writer_get_different_messages(play):
    async def scene(store, database):
        await send(store, 20)
        gate, writing = busy(database)
        await turns()
        waiting = [asyncio.ensure_future(receive(store, 2)) for _ in range(10)]
        await turns()
        gate.set()
        found = await asyncio.gather(*waiting)
        await writing
        return sorted(bodies(itertools.chain(*found)), key=int)

    assert play(scene) == [str(n) for n in range(1, 21)]


def test_a_receive_that_was_cancelled_took_nothing(play):
    async def scene(store, database):
        await send(store, 1)
        gate, writing = busy(database)
        await turns()
        waiting = asyncio.ensure_future(receive(store, 1))
        await turns()
        waiting.cancel()
        gate.set()
        await writing
        return bodies(await receive(store, 1))

    assert play(scene) == ["1"]


def test_a_rocketmq_consumer_that_was_cancelled_took_nothing(play):
    async def scene(_, database):
        logs = await TableLogStore.open(database)
        new = rocketmq.NewMessage(body="1")
        await logs.append("t", rocketmq.message_of(new, message_id="A", now=NOW))
        want = rocketmq.Want(limit=1, tags=None, ordered=False, hold_ms=60_000)
        gate, writing = busy(database)
        await turns()
        waiting = asyncio.ensure_future(logs.take("t", "g", want, now=NOW))
        await turns()
        waiting.cancel()
        gate.set()
        await writing
        taken = await logs.take("t", "g", want, now=NOW)
        return [pending.message.body for pending in taken.messages]

    assert play(scene) == ["1"]


def test_messages_of_a_cancelled_send_are_received_in_order(play):
    async def scene(store, database):
        await send(store, 5)
        await receive(store, 1)
        gate, writing = busy(database)
        await turns()
        sending = asyncio.ensure_future(
            store.send("q", [Draft(message_id="A", body="urgent", priority=1)], now=NOW)
        )
        await turns()
        sending.cancel()
        gate.set()
        await writing
        await turns()
        return bodies(await receive(store, 2))

    assert play(scene) == ["urgent", "2"]


def test_a_queue_that_is_deleted_meanwhile_gives_nothing_more(play):
    async def scene(store, database):
        await send(store, 5)
        await receive(store, 1)
        gate, writing = busy(database)
        await turns()
        deleting = asyncio.ensure_future(store.delete_queue("q"))
        await turns()
        receiving = asyncio.ensure_future(receive(store, 1))
        await turns()
        deleting.cancel()
        gate.set()
        await writing
        return [str(error) for error in await asyncio.gather(receiving, return_exceptions=True)]

    assert play(scene) == ["QueueNotExist: the queue 'q' does not exist: create it first"]


def test_many_queues_lose_nothing(play):
    async def scene(store, _database):
        names = [f"q{n}" for n in range(5)]
        for name in names:
            await store.create_queue(
                Queue(name=name, attributes=QueueAttributes(), created_at=NOW, modified_at=NOW)
            )
            drafts = [Draft(message_id=f"{n:X}", body=name) for n in range(3)]
            await store.send(name, drafts, now=NOW)
        seen = []
        for _ in range(3):
            for name in names:
                found = (await store.receive(name, 1, now=NOW)).messages
                seen += bodies(found)
                assert await store.delete(name, receipts(found), now=NOW) == [True]
        return sorted(seen)

    assert play(scene) == sorted([f"q{n}" for n in range(5)] * 3)


def test_many_at_once_see_each_message_once(play):
    async def scene(store, database):
        seen = []

        async def produce(start):
            for n in range(start, start + 50):
                draft = Draft(message_id=f"{n:X}", body=str(n), priority=1 + n % 3)
                await store.send("q", [draft], now=NOW)

        async def consume():
            while len(seen) < 200:
                found = await receive(store, 3)
                seen.extend(bodies(found))
                assert all(await store.delete("q", receipts(found), now=NOW))
                await asyncio.sleep(0)

        async def disturb():
            for _ in range(40):
                await database.write(lambda c: c.execute("SELECT 1").fetchone())
                await store.change_queue("q", QueueAttributes(), now=NOW)

        await asyncio.gather(
            *(produce(start) for start in range(0, 200, 50)), consume(), consume(), disturb()
        )
        return sorted(map(int, seen)), await counted(store)

    assert play(scene) == (list(range(200)), Counts(0, 0, 0))
