# SPDX-License-Identifier: MIT
"""Every store of queues behaves the same; the one in memory says how."""

from __future__ import annotations

import asyncio
import contextlib
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    initialize,
    rule,
    run_state_machine_as_test,
)

from fc_async_local.domain.invocation import TOPIC_PUSH, Job
from fc_async_local.services.common import Receipt
from fc_async_local.services.mns.model import Counts, Draft, MnsError, Offer, Queue, QueueAttributes
from fc_async_local.services.mns.tables import TableMessageStore
from fc_async_local.store.factory import MEMORY, open_stores
from fc_async_local.store.memory import MemoryStore
from fc_async_local.store.postgres.database import PostgresDatabase
from fc_async_local.store.sqlite.database import Database
from fc_async_tests.message_model import MessageModel

NOW = 1_700_000_000_000
KINDS = ("model", "memory", "sqlite", "postgres")


@contextlib.asynccontextmanager
async def open_store(kind, where) -> Any:
    """Open queues, and the jobs that are written with their messages."""
    if kind in ("model", "memory"):
        where = MEMORY
    elif kind == "sqlite":
        where = where / "test.db"
    opened = await open_stores(where)
    try:
        if kind == "model":
            yield MessageModel(opened.store), opened.store
        else:
            yield await TableMessageStore.open(opened.database), opened.store
    finally:
        await opened.aclose()


@pytest.fixture(params=KINDS)
def run_with_jobs(request, tmp_path) -> Any:
    where = tmp_path
    if request.param == "postgres":
        where = request.getfixturevalue("clear_postgres")()

    def runner(body) -> Any:
        async def main() -> Any:
            async with open_store(request.param, where) as (store, jobs):
                return await body(store, jobs)

        return asyncio.run(main())

    return runner


@pytest.fixture
def run(run_with_jobs) -> Any:
    return lambda body: run_with_jobs(lambda store, _: body(store))


def queue(name="q", **attributes) -> Any:
    return Queue(
        name=name, attributes=QueueAttributes(**attributes), created_at=NOW, modified_at=NOW
    )


def draft(body="x", **fields) -> Any:
    return Draft(message_id=fields.pop("message_id", "ID" + body), body=body, **fields)


def receipt_of(message) -> Any:
    return Receipt(message.sequence, message.claims, message.message_id)


def test_a_message_comes_back_as_it_was_sent(run) -> None:
    async def body(store) -> Any:
        await store.create_queue(queue())
        await store.send("q", [draft("héllo <&> 中文", priority=3, group_id="g")], now=NOW)
        return await store.receive("q", 16, now=NOW)

    (message,) = run(body).messages
    assert (message.body, message.priority, message.group_id) == ("héllo <&> 中文", 3, "g")
    assert (message.enqueued_at, message.first_dequeued_at, message.dequeue_count) == (NOW, NOW, 1)


def test_the_highest_priority_is_received_first_and_the_oldest_of_it(run) -> None:
    async def body(store) -> Any:
        await store.create_queue(queue())
        for text, priority in (("a", 8), ("b", 1), ("c", 16), ("d", 1)):
            await store.send("q", [draft(text, priority=priority)], now=NOW)
        found = await store.receive("q", 16, now=NOW)
        return [message.body for message in found.messages]

    assert run(body) == ["b", "d", "a", "c"]


@pytest.mark.parametrize(("elapsed", "seen"), [(29_999, 0), (30_000, 1)])
def test_a_received_message_is_hidden_for_the_visibility_timeout(run, elapsed, seen) -> None:
    async def body(store) -> Any:
        await store.create_queue(queue())
        await store.send("q", [draft()], now=NOW)
        first = await store.receive("q", 1, now=NOW)
        again = await store.receive("q", 1, now=NOW + elapsed)
        return first, again

    first, again = run(body)
    assert first.messages[0].visible_at == NOW + 30_000
    assert len(again.messages) == seen
    assert again.next_visible_at == (None if seen else NOW + 30_000)


@pytest.mark.parametrize(("elapsed", "seen"), [(4_999, 0), (5_000, 1)])
def test_a_delayed_message_is_not_seen_early(run, elapsed, seen) -> None:
    async def body(store) -> Any:
        await store.create_queue(queue(delay_seconds=5))
        await store.send("q", [draft()], now=NOW)
        counts = await store.counts("q", now=NOW)
        return counts, await store.peek("q", 16, now=NOW + elapsed)

    counts, found = run(body)
    assert counts == Counts(active=0, inactive=0, delayed=1)
    assert len(found) == seen


@pytest.mark.parametrize(("elapsed", "kept"), [(59_999, 1), (60_000, 0)])
def test_a_message_is_kept_for_the_retention_period(run, elapsed, kept) -> None:
    async def body(store) -> None:
        await store.create_queue(queue(message_retention_period=60))
        await store.send("q", [draft()], now=NOW)
        now = NOW + elapsed
        assert len(await store.peek("q", 1, now=now)) == kept
        assert (await store.counts("q", now=now)).active == kept
        assert len((await store.receive("q", 1, now=now)).messages) == kept

    run(body)


def test_only_the_latest_handle_deletes(run) -> None:
    async def body(store) -> Any:
        await store.create_queue(queue())
        await store.send("q", [draft()], now=NOW)
        (first,) = (await store.receive("q", 1, now=NOW)).messages
        (second,) = (await store.receive("q", 1, now=NOW + 30_000)).messages
        return await store.delete("q", [receipt_of(first), receipt_of(second)], now=NOW + 30_001)

    assert list(run(body)) == [False, True]


@pytest.mark.parametrize(("elapsed", "good"), [(29_999, True), (30_000, False)])
def test_a_handle_ends_when_its_message_becomes_visible(run, elapsed, good) -> None:
    async def body(store) -> Any:
        await store.create_queue(queue())
        await store.send("q", [draft()], now=NOW)
        (message,) = (await store.receive("q", 1, now=NOW)).messages
        return await store.delete("q", [receipt_of(message)], now=NOW + elapsed)

    assert list(run(body)) == [good]


def test_changing_the_visibility_voids_the_old_handle(run) -> None:
    async def body(store) -> Any:
        await store.create_queue(queue())
        await store.send("q", [draft()], now=NOW)
        (message,) = (await store.receive("q", 1, now=NOW)).messages
        hidden = await store.hide("q", receipt_of(message), seconds=100, now=NOW + 1_000)
        old = await store.hide("q", receipt_of(message), seconds=1, now=NOW + 1_000)
        return hidden, old, await store.delete("q", [receipt_of(hidden)], now=NOW + 90_000)

    hidden, old, deleted = run(body)
    assert hidden.visible_at == NOW + 101_000
    assert old is None
    assert list(deleted) == [True]


def test_a_handle_of_another_queue_deletes_nothing(run) -> None:
    async def body(store) -> Any:
        await store.create_queue(queue())
        await store.create_queue(queue("other"))
        await store.send("q", [draft()], now=NOW)
        (message,) = (await store.receive("q", 1, now=NOW)).messages
        return await store.delete("other", [receipt_of(message)], now=NOW)

    assert list(run(body)) == [False]


def test_a_batch_with_one_bad_message_leaves_nothing_behind(run) -> None:
    async def body(store) -> Any:
        await store.create_queue(queue(maximum_message_size=1_024))
        with pytest.raises(MnsError, match="MessageBody has 1025 bytes"):
            await store.send("q", [draft("a"), draft("x" * 1_025)], now=NOW)
        return await store.counts("q", now=NOW)

    assert run(body) == Counts(0, 0, 0)


def a_push(key: str) -> Job:
    return Job(kind=TOPIC_PUSH, key=key, payload=b"", created_at=NOW, due_at=NOW)


def test_a_broadcast_reaches_the_queues_that_take_it_and_writes_jobs_for_the_others(
    run_with_jobs,
) -> None:
    async def body(store, jobs) -> None:
        await store.create_queue(queue("a"))
        await store.create_queue(queue("c", maximum_message_size=1_024))
        offers = [
            Offer("a", draft("x" * 2_000), a_push("a")),
            Offer("b", draft("y"), a_push("b")),
            Offer("c", draft("z" * 2_000), a_push("c")),
        ]
        taken = await store.broadcast(offers, [a_push("other")], now=NOW)
        claimed = await jobs.claim_jobs(TOPIC_PUSH, 9, now=NOW, until=NOW + 1, owner="node")
        active = (await store.counts("a", now=NOW)).active
        assert list(taken) == [True, False, False]
        assert active == 1
        assert {job.key for job in claimed} == {"b", "c", "other"}

    run_with_jobs(body)


def test_a_missing_queue_is_named(run) -> None:
    calls = (
        lambda store: store.queue("q"),
        lambda store: store.change_queue("q", QueueAttributes(), now=NOW),
        lambda store: store.delete_queue("q"),
        lambda store: store.send("q", [draft()], now=NOW),
        lambda store: store.receive("q", 1, now=NOW),
        lambda store: store.peek("q", 1, now=NOW),
        lambda store: store.delete("q", [], now=NOW),
        lambda store: store.hide("q", Receipt(1, 1, "A"), seconds=1, now=NOW),
        lambda store: store.purge("q", now=NOW),
        lambda store: store.counts("q", now=NOW),
    )

    async def body(store) -> None:
        for call in calls:
            with pytest.raises(MnsError, match="QueueNotExist: the queue 'q' does not exist"):
                await call(store)

    run(body)


def test_creating_a_queue_again_leaves_it_as_it_is(run) -> None:
    async def body(store) -> Any:
        first = await store.create_queue(queue(delay_seconds=1))
        same = await store.create_queue(queue(delay_seconds=1))
        different = await store.create_queue(queue(delay_seconds=2))
        return (first, same, different), (await store.queue("q")).attributes.delay_seconds

    assert run(body) == (("created", "same", "different"), 1)


def test_a_queue_that_is_made_again_is_empty(run) -> None:
    async def body(store) -> Any:
        await store.create_queue(queue())
        await store.send("q", [draft()], now=NOW)
        await store.delete_queue("q")
        await store.create_queue(queue())
        return await store.counts("q", now=NOW)

    assert run(body) == Counts(0, 0, 0)


def test_a_purge_deletes_received_and_delayed_messages_too_and_counts_them(run) -> None:
    async def body(store) -> Any:
        late = NOW + 60_000
        await store.create_queue(queue(message_retention_period=60))
        await store.create_queue(queue("other"))
        await store.send("other", [draft()], now=NOW)
        await store.send("q", [draft("expired")], now=NOW)
        await store.send("q", [draft("a"), draft("b"), draft("c", delay_seconds=60)], now=late - 1)
        (received,) = (await store.receive("q", 1, now=late)).messages
        purged = await store.purge("q", now=late)
        deleted = await store.delete("q", [receipt_of(received)], now=late)
        return (
            purged,
            deleted,
            await store.counts("q", now=late),
            await store.peek("other", 9, now=NOW),
        )

    purged, deleted, counts, others = run(body)
    assert (purged, deleted, counts, len(others)) == (3, [False], Counts(0, 0, 0), 1)


def test_queues_are_listed_by_name_from_a_marker_on(run) -> None:
    async def body(store) -> Any:
        for name in ("b1", "a", "b3", "b2", "B0", "b_"):
            await store.create_queue(queue(name))
        page = await store.queues(prefix="b", after="b1", limit=2)
        return [found.name for found in page]

    assert run(body) == ["b2", "b3"]


class Stores(RuleBasedStateMachine):
    """Whatever is done to both stores, they answer alike."""

    names = st.sampled_from(["q", "r"])
    messages = Bundle("messages")

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.folder = tempfile.TemporaryDirectory()
        self.database = self.do(self.open())
        self.stores = (MessageModel(MemoryStore()), self.do(self.store()))
        self.now = NOW
        self.sent = 0

    def open(self) -> Any:
        return Database.open(Path(self.folder.name) / "test.db")

    def store(self) -> Any:
        return TableMessageStore.open(self.database)

    def teardown(self) -> None:
        self.do(self.database.aclose())
        self.loop.close()
        self.folder.cleanup()

    def do(self, call) -> Any:
        return self.loop.run_until_complete(call)

    def both(self, verb, *args, **kwargs) -> Any:
        answers = [self.answer(store, verb, *args, **kwargs) for store in self.stores]
        memory, other = ([*a] if isinstance(a, list | tuple) else a for a in answers)
        assert memory == other
        return answers[0]

    def answer(self, store, verb, *args, **kwargs) -> Any:
        try:
            return self.do(getattr(store, verb)(*args, **kwargs))
        except MnsError as error:
            return error.code

    @initialize()
    def start(self) -> None:
        self.both("create_queue", queue("q", message_retention_period=120))

    @rule(name=names, delay=st.integers(0, 20), visibility=st.integers(1, 60))
    def create(self, name, delay, visibility) -> None:
        self.both("create_queue", queue(name, delay_seconds=delay, visibility_timeout=visibility))

    @rule(name=names, visibility=st.integers(1, 60), retention=st.integers(60, 200))
    def change(self, name, visibility, retention) -> None:
        attributes = QueueAttributes(
            visibility_timeout=visibility, message_retention_period=retention
        )
        self.both("change_queue", name, attributes, now=self.now)

    @rule(name=names)
    def drop(self, name) -> None:
        self.both("delete_queue", name)

    @rule(
        name=names,
        count=st.integers(1, 4),
        delay=st.none() | st.integers(0, 40),
        priority=st.integers(0, 16),
    )
    def send(self, name, count, delay, priority) -> None:
        drafts = []
        for _ in range(count):
            self.sent += 1
            drafts.append(
                draft(f"{self.sent}", message_id="A", delay_seconds=delay, priority=priority)
            )
        self.both("send", name, drafts, now=self.now)

    @rule(target=messages, name=names, limit=st.integers(1, 16))
    def receive(self, name, limit) -> Any:
        found = self.both("receive", name, limit, now=self.now)
        return (name, found.messages if not isinstance(found, str) else ())

    @rule(name=names, limit=st.integers(1, 16))
    def look(self, name, limit) -> None:
        self.both("peek", name, limit, now=self.now)
        self.both("counts", name, now=self.now)
        self.both("queue", name)
        self.both("queues", limit=limit)

    @rule(received=messages)
    def delete(self, received) -> None:
        name, found = received
        self.both("delete", name, [receipt_of(message) for message in found], now=self.now)

    @rule(received=messages, seconds=st.integers(1, 50))
    def hide(self, received, seconds) -> None:
        name, found = received
        for message in found[:2]:
            self.both("hide", name, receipt_of(message), seconds=seconds, now=self.now)

    @rule(seconds=st.integers(1, 70))
    def wait(self, seconds) -> None:
        self.now += seconds * 1_000


TestStores = Stores.TestCase
TestStores.settings = settings(max_examples=25, stateful_step_count=30, deadline=None)


class KilledStores(Stores):
    """So they do when the process of one is killed now and then."""

    def __init__(self) -> None:
        self.lives = 0
        super().__init__()

    def open(self) -> Any:
        self.life = Path(self.folder.name) / str(self.lives)
        self.life.mkdir(exist_ok=True)
        return Database.open(self.life / "test.db")

    @rule()
    def kill(self) -> None:
        # What a killed process has written is what lies there now; the next life begins with that.
        survived = {
            file.name: file.read_bytes()
            for name in ("test.db", "test.db-wal")
            if (file := self.life / name).exists()
        }
        self.do(self.database.aclose())
        self.lives += 1
        life = Path(self.folder.name) / str(self.lives)
        life.mkdir()
        for name, content in survived.items():
            (life / name).write_bytes(content)
        self.database = self.do(self.open())
        self.stores = (self.stores[0], self.do(self.store()))


TestKilledStores = KilledStores.TestCase
TestKilledStores.settings = settings(max_examples=20, stateful_step_count=30, deadline=None)


def test_postgresql_answers_like_memory_whatever_is_done(clear_postgres) -> None:
    class OnPostgres(Stores):
        def open(self) -> Any:
            return PostgresDatabase.open(clear_postgres())

        def store(self) -> Any:
            return fresh_store(self.database)

    bounds = settings(max_examples=20, stateful_step_count=30, deadline=None)
    run_state_machine_as_test(OnPostgres, settings=bounds)


async def fresh_store(database) -> Any:
    store = await TableMessageStore.open(database)

    async def number_anew(connection) -> None:
        await connection.execute("TRUNCATE mns_message RESTART IDENTITY")

    await database.run(number_anew)
    return store


def nodes(clear_postgres, body) -> Any:
    """Runs ``body(a, b)`` with the stores of two nodes on one server."""

    async def main() -> Any:
        database = await PostgresDatabase.open(clear_postgres())
        try:
            a = await TableMessageStore.open(database)
            return await body(a, await TableMessageStore.open(database))
        finally:
            await database.aclose()

    return asyncio.run(main())


def test_two_nodes_that_receive_at_once_get_different_messages(clear_postgres) -> None:
    async def body(a, b) -> Any:
        await a.create_queue(queue())
        await a.send("q", [draft(str(n)) for n in range(40)], now=NOW)
        found = await asyncio.gather(*(s.receive("q", 2, now=NOW) for s in [a, b] * 10))
        return [message.body for received in found for message in received.messages]

    assert sorted(nodes(clear_postgres, body), key=int) == [str(n) for n in range(40)]
