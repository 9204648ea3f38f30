# SPDX-License-Identifier: MIT
"""Every store of RocketMQ logs behaves the same; the one in memory says how."""

from __future__ import annotations

import asyncio
import contextlib
import tempfile
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    rule,
    run_state_machine_as_test,
)

from fc_async_local.services.common import Receipt
from fc_async_local.services.rocketmq.model import RocketMqMessage, Want
from fc_async_local.services.rocketmq.tables import TableLogStore
from fc_async_local.store.memory import MemoryStore
from fc_async_local.store.postgres.database import PostgresDatabase
from fc_async_local.store.sqlite.database import Database
from fc_async_tests.log_model import LogModel

NOW = 1_700_000_000_000
HOLD = 300_000
DAY = 86_400_000


@contextlib.asynccontextmanager
async def open_store(kind, where):
    if kind == "model":
        yield LogModel()
        return
    if kind == "memory":
        yield await TableLogStore.open(MemoryStore())
        return
    if kind == "sqlite":
        database = await Database.open(where / "test.db")
        opened = TableLogStore.open(database)
    else:
        database = await PostgresDatabase.open(where)
        opened = TableLogStore.open(database)
    try:
        yield await opened
    finally:
        await database.aclose()


@pytest.fixture(params=["model", "memory", "sqlite", "postgres"])
def run(request, tmp_path):
    where = tmp_path
    if request.param == "postgres":
        where = request.getfixturevalue("clear_postgres")()

    def runner(body):
        async def main():
            async with open_store(request.param, where) as store:
                return await body(store)

        return asyncio.run(main())

    return runner


def message(body="x", *, tag="", shard="", at=NOW):
    return RocketMqMessage(
        message_id="AB",
        body=body,
        tag=tag,
        properties="",
        sharding_key=shard,
        published_at=at,
    )


def want(limit=16, tags=None, *, ordered=False):
    return Want(limit=limit, tags=tags, ordered=ordered, hold_ms=HOLD)


def receipt(pending):
    return Receipt(pending.sequence, pending.claims, pending.message.message_id)


async def publish(store, *bodies, topic="t", **fields):
    for body in bodies:
        await store.append(topic, message(body, **fields))


async def take(store, group="g", *, topic="t", now=NOW, **fields):
    found = await store.take(topic, group, want(**fields), now=now)
    return [pending.message.body for pending in found.messages]


def test_every_group_gets_every_message_in_order(run):
    async def body(store):
        await publish(store, "a", "b", "c")
        assert await take(store, "g") == ["a", "b", "c"]
        assert await take(store, "h") == ["a", "b", "c"]
        assert await take(store, "g") == []

    run(body)


def test_two_consumers_of_a_group_share_its_messages(run):
    async def body(store):
        await publish(store, "a", "b", "c")
        return await take(store, limit=2), await take(store, limit=2)

    assert run(body) == (["a", "b"], ["c"])


def test_a_message_is_read_from_its_own_topic_only(run):
    async def body(store):
        await publish(store, "a")
        return await take(store, topic="u")

    assert run(body) == []


@pytest.mark.parametrize(("elapsed", "expected"), [(HOLD - 1, []), (HOLD, ["a"])])
def test_a_message_that_is_not_acknowledged_comes_back(run, elapsed, expected):
    async def body(store):
        await publish(store, "a")
        await take(store)
        return await take(store, now=NOW + elapsed)

    assert run(body) == expected


def test_a_redelivered_message_counts_its_deliveries(run):
    async def body(store):
        await publish(store, "a")
        await take(store)
        return await store.take("t", "g", want(), now=NOW + HOLD)

    (pending,) = run(body).messages
    assert (pending.consumed, pending.first_at, pending.next_at) == (2, NOW, NOW + 2 * HOLD)


def test_an_acknowledged_message_does_not_come_back(run):
    async def body(store):
        await publish(store, "a")
        (pending,) = (await store.take("t", "g", want(), now=NOW)).messages
        done = await store.acknowledge("t", "g", [receipt(pending)] * 2, now=NOW)
        return list(done), await take(store, now=NOW + HOLD)

    assert run(body) == ([True, False], [])


@pytest.mark.parametrize(("elapsed", "good"), [(HOLD - 1, True), (HOLD, False)])
def test_a_handle_is_good_until_the_message_comes_back(run, elapsed, good):
    async def body(store):
        await publish(store, "a")
        (pending,) = (await store.take("t", "g", want(), now=NOW)).messages
        return await store.acknowledge("t", "g", [receipt(pending)], now=NOW + elapsed)

    assert list(run(body)) == [good]


def test_a_handle_is_good_for_its_group_alone(run):
    async def body(store):
        await publish(store, "a")
        await take(store, "h")
        (pending,) = (await store.take("t", "g", want(), now=NOW)).messages
        return await store.acknowledge("t", "other", [receipt(pending)], now=NOW)

    assert list(run(body)) == [False]


def test_a_group_passes_over_tags_that_it_does_not_want(run):
    async def body(store):
        for tag in ("a", "b", "c", "a"):
            await publish(store, tag, tag=tag)
        only = await take(store, tags=frozenset({"a", "c"}))
        return only, await take(store, now=NOW + HOLD - 1)

    assert run(body) == (["a", "c", "a"], [])


@pytest.mark.parametrize(("elapsed", "expected"), [(4_999, ["now"]), (5_000, ["now", "later"])])
def test_a_delayed_message_joins_the_log_when_it_is_due(run, elapsed, expected):
    async def body(store):
        await store.append("t", message("later"), deliver_at=NOW + 5_000)
        await publish(store, "now")
        early = await store.take("t", "g", want(limit=1), now=NOW)
        assert early.next_at == NOW + 5_000
        return ["now", *await take(store, now=NOW + elapsed)]

    assert run(body) == expected


def test_an_ordered_group_gets_one_run_of_a_shard_at_a_time(run):
    async def body(store):
        for text, shard in (("a1", "a"), ("a2", "a"), ("b1", "b"), ("a3", "a")):
            await publish(store, text, shard=shard)
        first = await store.take("t", "g", want(2, ordered=True), now=NOW)
        second = await take(store, limit=2, ordered=True)
        blocked = await take(store, limit=2, ordered=True)
        await store.acknowledge("t", "g", [receipt(p) for p in first.messages], now=NOW)
        assert [pending.message.body for pending in first.messages] == ["a1", "a2"]
        assert second == ["b1"]
        assert blocked == []
        assert await take(store, limit=2, ordered=True) == ["a3"]

    run(body)


def test_an_ordered_group_waits_for_its_oldest(run):
    async def body(store):
        await publish(store, "1", "2", "3", shard="a")
        first = await store.take("t", "g", want(2, ordered=True), now=NOW)
        await store.acknowledge("t", "g", [receipt(first.messages[1])], now=NOW)
        again = await store.take("t", "g", want(16, ordered=True), now=NOW + 1)
        assert again.next_at == NOW + HOLD
        return await take(store, now=NOW + HOLD, ordered=True)

    assert run(body) == ["1", "3"]


@pytest.mark.parametrize(("elapsed", "kept"), [(3 * DAY - 1, ["a"]), (3 * DAY, [])])
def test_messages_are_kept_for_three_days(run, elapsed, kept):
    async def body(store):
        await publish(store, "a")
        await take(store, "early")
        return await take(store, "late", now=NOW + elapsed), await take(
            store, "early", now=NOW + elapsed
        )

    assert run(body) == (kept, kept)


def test_a_delayed_message_is_kept_for_three_days_from_when_it_was_due(run):
    async def body(store):
        await store.append("t", message("a"), deliver_at=NOW + 10 * DAY)
        await take(store, "early", now=NOW + 10 * DAY)
        late = [await take(store, f"late-{n}", now=NOW + (10 + n) * DAY) for n in (1, 2, 3)]
        return [len(found) for found in late]

    assert run(body) == [1, 1, 0]


def test_a_message_is_given_up_after_289_times(run):
    async def body(store):
        await publish(store, "a")
        short = Want(limit=1, tags=None, ordered=False, hold_ms=1)
        times = [await store.take("t", "g", short, now=NOW + n) for n in range(290)]
        return [len(found.messages) for found in times], times[-1].given_up

    counts, given_up = run(body)
    assert counts == [1] * 289 + [0]
    assert [pending.consumed for pending in given_up] == [289]


def test_a_forgotten_topic_begins_anew(run):
    async def body(store):
        await publish(store, "a", "b")
        await store.append("t", message("later"), deliver_at=NOW + 1)
        await take(store, limit=1)
        forgotten = await store.forget("t")
        await publish(store, "c")
        return forgotten, await take(store, now=NOW + HOLD)

    assert run(body) == (3, ["c"])


class Logs(RuleBasedStateMachine):
    """Whatever is done to both stores, they answer alike."""

    taken = Bundle("taken")
    groups = st.sampled_from(["g", "h"])

    def __init__(self):
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.folder = tempfile.TemporaryDirectory()
        self.database = self.do(self.open())
        self.stores = (LogModel(), self.do(self.store()))
        self.now = NOW

    def open(self):
        return Database.open(Path(self.folder.name) / "test.db")

    def store(self):
        return TableLogStore.open(self.database)

    def teardown(self):
        self.do(self.database.aclose())
        self.loop.close()
        self.folder.cleanup()

    def do(self, call):
        return self.loop.run_until_complete(call)

    def both(self, verb, *args, **kwargs):
        memory, other = (self.do(getattr(s, verb)(*args, **kwargs)) for s in self.stores)
        assert memory == other
        return memory

    @rule(tag=st.sampled_from(["", "a", "b"]), shard=st.sampled_from(["", "x", "y"]))
    def publish(self, tag, shard):
        self.both("append", "t", message(tag=tag, shard=shard, at=self.now))

    @rule(seconds=st.integers(1, 400))
    def delay(self, seconds):
        self.both("append", "t", message(at=self.now), deliver_at=self.now + seconds * 1_000)

    @rule(
        target=taken,
        group=groups,
        limit=st.integers(1, 16),
        tags=st.sampled_from([None, frozenset("a"), frozenset("ab")]),
        ordered=st.booleans(),
    )
    def take(self, group, limit, tags, ordered):
        found = self.both("take", "t", group, want(limit, tags, ordered=ordered), now=self.now)
        return group, found.messages

    @rule(taken=taken)
    def acknowledge(self, taken):
        group, found = taken
        self.both("acknowledge", "t", group, [receipt(p) for p in found[:3]], now=self.now)

    @rule(seconds=st.integers(1, 400))
    def wait(self, seconds):
        self.now += seconds * 1_000

    @rule()
    def forget_after_days(self):
        self.now += DAY


TestLogs = Logs.TestCase
TestLogs.settings = settings(max_examples=25, stateful_step_count=30, deadline=None)


def test_postgresql_answers_like_memory_whatever_is_done(clear_postgres):
    class OnPostgres(Logs):
        def open(self):
            return PostgresDatabase.open(clear_postgres())

        def store(self):
            return fresh_store(self.database)

    bounds = settings(max_examples=20, stateful_step_count=30, deadline=None)
    run_state_machine_as_test(OnPostgres, settings=bounds)


async def fresh_store(database):
    store = await TableLogStore.open(database)

    async def number_anew(connection):
        tables = "rocketmq_message, rocketmq_delayed, rocketmq_pending"
        await connection.execute(f"TRUNCATE {tables} RESTART IDENTITY")

    await database.run(number_anew)
    return store


def test_a_group_finds_what_it_wants_far_behind_what_it_does_not(run):
    async def body(store):
        for _ in range(600):
            await publish(store, "no", tag="no")
        await publish(store, "yes", tag="yes")
        return await take(store, limit=1, tags=frozenset({"yes"}))

    assert run(body) == ["yes"]


def test_a_group_misses_nothing_that_several_nodes_publish_at_once(clear_postgres):
    async def main():
        url = clear_postgres()
        a, b = await PostgresDatabase.open(url), await PostgresDatabase.open(url)
        try:
            stores = [await TableLogStore.open(database) for database in (a, b)]
            found = []

            async def produce(store, name):
                for n in range(25):
                    await publish(store, f"{name}{n}")

            async def consume(store):
                while len(found) < 100:
                    found.extend(await take(store))

            producers = [produce(stores[n % 2], "abcd"[n]) for n in range(4)]
            await asyncio.gather(*producers, *(consume(store) for store in stores))
            return found
        finally:
            await a.aclose()
            await b.aclose()

    found = asyncio.run(main())
    assert sorted(found) == sorted(f"{name}{n}" for name in "abcd" for n in range(25))
