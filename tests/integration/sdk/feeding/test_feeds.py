# SPDX-License-Identifier: MIT
"""A long batch that a function sends to itself: pace, cost, and what may go wrong meanwhile."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Any

import pytest

import fc_async_sdk
from fc_async_sdk._feeding.messages import Request
from fc_async_sdk.errors import (
    FcAsyncError,
    FeedError,
    InvalidParameter,
    PayloadTooLarge,
    WaiterError,
)
from fc_async_sdk.feeding import Feeding
from fc_async_sdk.pacing import Pace
from fc_async_sdk.stores import MemoryStore, SqliteStore, SqlStore

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator
    from pathlib import Path

    from fc_async_local.testing import FcLocal
    from fc_async_sdk.payloads import FolderStore
    from tests.integration.sdk.feeding.conftest import Shop


@pytest.fixture
def sqlite(tmp_path: Path) -> Iterator[SqliteStore]:
    store = SqliteStore(tmp_path / "paces.db")
    yield store
    store.close()


@pytest.fixture
def postgres(empty_postgres: Callable[[], str]) -> Iterator[SqlStore]:
    import psycopg

    url = empty_postgres()
    store = SqlStore(lambda: psycopg.connect(url))
    store.create_table()
    yield store
    store.close()


@pytest.fixture
def memory() -> MemoryStore:
    return MemoryStore()


@pytest.fixture(params=["memory", "sqlite", "postgres"])
def store(request: pytest.FixtureRequest) -> Any:
    return request.getfixturevalue(request.param)


def test_a_batch_is_sent_at_the_pace_for_two_percent_of_invocations(
    fc_local: FcLocal, shop: Shop, payloads: FolderStore, steps: Callable[[str], int], store: Any
) -> None:
    pace = Pace("crm", "10/s", store=store)
    shop.deploy(pace)
    group = shop.function().map(range(1_500), task_ids="nightly", feed=payloads)
    feed = shop.function().feed("nightly")
    before = feed.status()
    assert (before.chosen, before.sent, before.left, before.state) == (1_500, 0, 1_500, "running")
    fc_local.advance(30)
    during = feed.status()
    assert 300 <= during.sent <= 900
    assert during.seconds == pytest.approx(120, abs=1)
    group.wait(timeout=600)
    assert feed.status().state == "done"
    assert sorted(shop.payloads) == list(range(1_500))
    assert shop.seconds[-1] <= 1_500 / 10 + 2
    assert fc_local.rate_of("crm", per=1) <= 20
    assert fc_local.rate_of("crm", per=10) <= 110
    assert steps("nightly") <= 1_500 * 0.02


@pytest.mark.slow
def test_twenty_thousand_messages_at_100_a_second_cost_less_than_two_percent(
    fc_local: FcLocal, shop: Shop, payloads: FolderStore, steps: Callable[[str], int]
) -> None:
    shop.deploy(Pace("crm", "100/s", store=MemoryStore()))
    shop.function().map(range(20_000), task_ids="nightly", feed=payloads)
    fc_local.run_until_idle()
    assert sorted(shop.payloads) == list(range(20_000))
    assert shop.seconds[-1] <= 202
    assert fc_local.rate_of("crm", per=1) <= 200
    assert fc_local.rate_of("crm", per=10) <= 1_100
    assert steps("nightly") <= 20_000 * 0.02


def test_a_slow_pace_keeps_every_slot_for_hours(
    fc_local: FcLocal, shop: Shop, payloads: FolderStore, steps: Callable[[str], int]
) -> None:
    shop.deploy(Pace("crm", "1/60s", store=MemoryStore()))
    shop.function().map(range(300), task_ids="night", feed=payloads)
    fc_local.run_until_idle()
    gaps = {later - earlier for earlier, later in zip(shop.seconds, shop.seconds[1:], strict=False)}
    assert shop.payloads == list(range(300))
    assert all(gap == pytest.approx(60, abs=1) for gap in gaps)
    assert steps("night") <= 300 * 0.02 + 1


# --- senders ---


class Broken(Exception):
    pass


def test_a_sender_that_is_killed_has_sent_nothing_and_goes_on(
    fc_local: FcLocal, shop: Shop, payloads: FolderStore, pace: Pace
) -> None:
    shop.deploy(pace)

    def batch(ends: int) -> Iterator[int]:
        for number in range(2_500):
            if number == ends:
                raise Broken
            yield number

    for ends in (500, 1_500):
        with pytest.raises(Broken):
            shop.function().map(batch(ends), task_ids="nightly", feed=payloads)
        fc_local.run_until_idle()
        assert shop.calls == []
    shop.function().map(batch(-1), task_ids="nightly", feed=payloads)
    shop.function().map(batch(-1), task_ids="nightly", feed=payloads)
    fc_local.run_until_idle()
    assert sorted(shop.payloads) == list(range(2_500))


def test_another_batch_of_the_same_name_is_refused(
    fc_local: FcLocal, shop: Shop, payloads: FolderStore, pace: Pace
) -> None:
    shop.deploy(pace)
    shop.function().map(range(10), task_ids="nightly", feed=payloads)
    with pytest.raises(FeedError, match="another batch of this name"):
        shop.function().map(range(11), task_ids="nightly", feed=payloads)


def test_what_cannot_be_fed_is_refused_at_the_sender(
    fc_local: FcLocal, shop: Shop, payloads: FolderStore, pace: Pace
) -> None:
    fc_local.deploy("plain", lambda event, _: event)
    with pytest.raises(FeedError, match="does not know feeds"):
        shop.function("plain").map(range(3), task_ids="nightly", feed=payloads)
    fc_local.deploy("no-store", pace.wrap(lambda event, _: event))
    with pytest.raises(FeedError, match="the handler has no store"):
        shop.function("no-store").map(range(3), task_ids="nightly", feed=payloads)
    shop.deploy(pace)
    other = fc_local.client.function("crm", pace=Pace("other", 1))
    with pytest.raises(FeedError, match="the sender has the pace other"):
        other.map(range(3), task_ids="nightly", feed=payloads)
    with pytest.raises(InvalidParameter, match="must be given"):
        fc_local.client.fan_out("crm", range(3), feed=payloads)
    with pytest.raises(InvalidParameter, match="must be a store"):
        fc_local.client.fan_out("crm", range(3), task_ids="a", feed="oss://bucket")
    with pytest.raises(FeedError, match="there is no feed"):
        shop.function().feed("unknown").status()
    fc_local.run_until_idle()
    assert shop.calls == []


async def feed_from_a_loop(endpoint: str, payloads: FolderStore) -> tuple[Any, int]:
    async def batch() -> AsyncIterator[int]:
        for number in range(1_200):
            yield number

    async with fc_async_sdk.async_client(endpoint_url=endpoint) as client:
        function = client.function("crm", payload=int)
        await function.map(batch(), task_ids="nightly", feed=payloads)
        run = client.fan_out("crm", [-1, -2, -3], task_ids="other", feed=payloads)
        indexes = [outcome.index async for outcome in run]
        assert indexes == [0, 1, 2]
        return await function.feed("nightly").status(), len(run.failures)


def test_an_asyncio_client_begins_a_feed(
    fc_local: FcLocal, shop: Shop, payloads: FolderStore, pace: Pace
) -> None:
    shop.deploy(pace)
    status, failures = asyncio.run(feed_from_a_loop(fc_local.endpoint, payloads))
    assert (status.chosen, failures) == (1_200, 0)
    fc_local.run_until_idle()
    assert sorted(shop.payloads) == list(range(-3, 1_200))


def test_outcomes_come_when_the_batch_is_stored(
    fc_local: FcLocal, shop: Shop, payloads: FolderStore, pace: Pace
) -> None:
    shop.deploy(pace)
    batch = [1, 2, "x" * 200_000, 3]
    run = fc_local.client.fan_out("crm", batch, task_ids="nightly", feed=payloads)
    outcomes = {outcome.index: outcome for outcome in run}
    assert [index for index, outcome in outcomes.items() if outcome.succeeded] == [0, 1, 3]
    assert isinstance(outcomes[2].error, PayloadTooLarge)
    assert outcomes[2].payload == batch[2]
    fc_local.run_until_idle()
    assert shop.payloads == [1, 2, 3]


# --- the function ---


class Killed(BaseException):
    """Ends the instance: nothing of the SDK handles it."""


class FailingStore(MemoryStore):
    """A store that is away at one of its requests, or whose caller is killed after it."""

    def __init__(self, fails_at: int, *, kills: bool) -> None:
        super().__init__()
        self._left = fails_at
        self._kills = kills

    def create(self, record: Any) -> Any:
        self._fail_before()
        stored = super().create(record)
        self._kill_after()
        return stored

    def replace(self, record: Any, expected: str) -> bool:
        self._fail_before()
        is_stored = super().replace(record, expected)
        self._kill_after()
        return is_stored

    def _fail_before(self) -> None:
        self._left -= 1
        if self._left == 0 and not self._kills:
            raise ConnectionError("the store is away")

    def _kill_after(self) -> None:
        if self._left == 0 and self._kills:
            raise Killed


@pytest.mark.parametrize("kills", [False, True])
@pytest.mark.parametrize("fails_at", range(2, 44, 3))
def test_a_failure_at_any_request_of_the_store_costs_no_message_and_doubles_none(
    fc_local: FcLocal, shop: Shop, payloads: FolderStore, fails_at: int, kills: bool
) -> None:
    shop.deploy(Pace("crm", "1/s", store=FailingStore(fails_at, kills=kills)))
    for _ in range(3):  # a sender that got an error, or no answer, sends the batch again
        with contextlib.suppress(FcAsyncError):
            shop.function().map(range(150), task_ids="nightly", feed=payloads)
    fc_local.run_until_idle()
    assert sorted(shop.payloads) == list(range(150))
    assert shop.function().feed("nightly").status().state == "done"
    assert fc_local.rate_of("crm", per=10) <= 11
    assert shop.seconds[-1] <= 150 + 100 + 30, "at most the slots of one step are lost"
    failed = fc_local.client.list_async_tasks("crm", prefix="nightly_f", status="Failed")
    assert failed.tasks == (), "an attempt that is repeated succeeds"


@pytest.mark.parametrize("how", ["together", "crash", "redelivery"])
def test_steps_that_run_twice_send_nothing_twice(
    fc_local: FcLocal, shop: Shop, payloads: FolderStore, pace: Pace, how: Any
) -> None:
    shop.deploy(pace)
    shop.function().map(range(300), task_ids="nightly", feed=payloads)
    fc_local.duplicate("crm", how)
    fc_local.advance(1)
    fc_local.run_until_idle()
    tasks = fc_local.client.get_paginator("list_async_tasks").paginate("crm", prefix="nightly-")
    assert sum(len(page.tasks) for page in tasks) == 300
    assert {*shop.payloads} == {*range(300)}
    assert shop.function().feed("nightly").status().state == "done"


def test_a_step_that_comes_late_or_again_does_nothing(
    fc_local: FcLocal, shop: Shop, payloads: FolderStore, pace: Pace, steps: Callable[[str], int]
) -> None:
    shop.deploy(pace)
    shop.function().map(range(1_200), task_ids="nightly", feed=payloads)
    fc_local.advance(50)
    before = steps("nightly")
    for step in (1, 1, 2, 99):
        message = Request(verb="step", name="nightly", step=step)
        fc_local.client.invoke_async("crm", message.encode())
    fc_local.advance(1)
    assert steps("nightly") == before
    fc_local.run_until_idle()
    assert sorted(shop.payloads) == list(range(1_200))


def test_a_hold_holds_the_feed(
    fc_local: FcLocal, shop: Shop, payloads: FolderStore, pace: Pace
) -> None:
    shop.deploy(pace)
    shop.function().map(range(1_000), task_ids="nightly", feed=payloads)
    fc_local.advance(20)
    held = shop.now
    pace.hold(seconds=300)
    fc_local.run_until_idle()
    assert sorted(shop.payloads) == list(range(1_000))
    assert not [second for second in shop.seconds if held < second < held + 300]
    assert fc_local.rate_of("crm", per=10) <= 110


def test_a_feed_is_paused_resumed_and_stopped(
    fc_local: FcLocal, shop: Shop, payloads: FolderStore, pace: Pace
) -> None:
    shop.deploy(pace)
    feed = shop.function().feed("nightly")
    shop.function().map(range(3_000), task_ids="nightly", feed=payloads)
    fc_local.advance(20)
    assert feed.pause().state == "paused"
    fc_local.run_until_idle()
    sent = len(shop.calls)
    assert sent == feed.status().sent < 1_000
    assert feed.resume().state == "running"
    fc_local.advance(20)
    assert feed.stop().state == "stopped"
    fc_local.run_until_idle()
    assert sent < len(shop.calls) == feed.status().sent < 2_000
    with pytest.raises(FeedError, match="it was stopped"):
        feed.resume()
    assert sorted(shop.payloads) == list(range(len(shop.calls)))


def test_a_group_waits_for_what_is_not_sent_and_loses_what_is_stopped(
    fc_local: FcLocal, shop: Shop, payloads: FolderStore, pace: Pace
) -> None:
    shop.deploy(pace)
    group = shop.function().map(range(1_000), task_ids="nightly", feed=payloads)
    with pytest.raises(WaiterError, match="are not sent yet"):
        group.wait(timeout=10)
    shop.function().feed("nightly").stop()
    group.wait(timeout=200)
    assert len(group.failures) == 1_000 - len(shop.calls) > 0


class AwayStore:
    """A store of payloads that is away at times."""

    def __init__(self, store: FolderStore) -> None:
        self._store = store
        self.is_away = False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    def get(self, key: str) -> Any:
        if self.is_away:
            raise ConnectionError("no route to the bucket")
        return self._store.get(key)


def test_a_batch_that_cannot_be_read_for_long_ends_in_the_failure_destination(
    fc_local: FcLocal, shop: Shop, payloads: FolderStore, pace: Pace
) -> None:
    queue = fc_local.create_queue("failures")
    away = AwayStore(payloads)
    sick = type(shop)(fc_local, away)  # type: ignore[arg-type]
    sick.deploy(
        pace, maxAsyncRetryAttempts=1, destinationConfig={"onFailure": {"destination": queue}}
    )
    feed = sick.function().feed("nightly")
    sick.function().map(range(3_000), task_ids="nightly", feed=payloads)
    fc_local.advance(5)
    away.is_away = True
    fc_local.advance(600)
    status = feed.status()
    assert status.state == "running"
    assert "no route to the bucket" in status.problem
    fc_local.run_until_idle()
    event = fc_local.receive("failures")
    assert event is not None
    assert "no route to the bucket" in event.response.text()
    away.is_away = False
    feed.resume()
    fc_local.run_until_idle()
    assert sorted(sick.payloads) == list(range(3_000))
    assert feed.status().problem == ""


# --- feeds beside each other ---


@pytest.fixture
def slow_pace() -> Pace:
    return Pace("crm", "2/s", store=MemoryStore())


def test_the_feed_with_the_higher_priority_goes_first(
    fc_local: FcLocal, shop: Shop, payloads: FolderStore, slow_pace: Pace
) -> None:
    shop.deploy(slow_pace)
    function = shop.function()
    function.map(range(500), task_ids="nightly", feed=payloads)
    fc_local.advance(30)
    urgent = Feeding(payloads, priority=1)
    began = shop.now
    function.map(range(1_000, 1_200), task_ids="urgent", feed=urgent)
    fc_local.run_until_idle()
    last = max(shop.seconds_of(range(1_000, 1_200)))
    assert last <= began + 60 + 200 / 2 + 5, "after one window of the other"
    assert sorted(shop.payloads) == [*range(500), *range(1_000, 1_200)]
    assert max(shop.seconds) <= 700 / 2 + 60


def test_feeds_of_one_priority_take_turns(
    fc_local: FcLocal, shop: Shop, payloads: FolderStore, slow_pace: Pace
) -> None:
    shop.deploy(slow_pace)
    for number in range(3):
        first = number * 1_000
        name = f"feed{number}"
        shop.function().map(range(first, first + 300), task_ids=name, feed=payloads)
    fc_local.advance(300)
    counts = [sum(payload // 1_000 == number for payload in shop.payloads) for number in range(3)]
    assert sum(counts) >= 580, "the pace is used"
    assert max(counts) - min(counts) <= 120, "a window"
    fc_local.run_until_idle()
    assert len(shop.calls) == 900
    assert max(shop.seconds) <= 900 / 2 + 60


def test_keys_of_a_batch_go_in_turn(
    fc_local: FcLocal, shop: Shop, payloads: FolderStore, pace: Pace
) -> None:
    shop.deploy(pace, kind=str)
    batch = [f"large-{number}" for number in range(900)] + [f"small-{n}" for n in range(5)]
    feeding = Feeding(payloads, key=lambda text: text.partition("-")[0])
    shop.function().map(batch, task_ids="nightly", feed=feeding)
    fc_local.run_until_idle()
    assert sorted(shop.payloads) == sorted(batch)
    assert max(shop.seconds_of(batch[-5:])) <= 3


def test_keys_with_paces_of_their_own_are_fed_at_these(
    fc_local: FcLocal, shop: Shop, payloads: FolderStore
) -> None:
    pace = Pace("crm", "1/s", key=lambda text: text[0], store=MemoryStore())
    shop.deploy(pace, kind=str)
    batch = [f"{key}{number}" for number in range(150) for key in "xyz"]
    function = fc_local.client.function("crm", payload=str, pace=pace)
    function.map(batch, task_ids="nightly", feed=payloads)
    fc_local.run_until_idle()
    assert sorted(shop.payloads) == sorted(batch)
    assert 148 <= max(shop.seconds) <= 155
    for key in "xyz":
        seconds = [second for payload, second in shop.calls if payload[0] == key]
        assert max(seconds) >= 148
    assert fc_local.rate_of("crm", per=10) <= 3 * 11
