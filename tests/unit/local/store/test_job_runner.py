# SPDX-License-Identifier: MIT
"""Jobs on virtual time: tried at least once, leased while they are tried, a few at a time."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any

import pytest
from msgspec.structs import replace

from fc_async_local.clock import VirtualClock
from fc_async_local.domain import settlement
from fc_async_local.domain.invocation import Job, JobSettlement
from fc_async_local.store.job_runner import JobKind, JobRunner
from fc_async_local.store.memory import MemoryStore
from fc_async_local.store.protocol import StoreUnavailable
from fc_async_tests.jobs import LEASE_MS, job_node
from fc_async_tests.outages import Flaky

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

KIND = "test"
HOUR = 3_600_000
DAY = 24 * HOUR


class World:
    """A runner whose tries are answered from a list.

    Attributes:
        answers: What comes of each try: done (None, also when the list is empty), tried again
            after so many milliseconds, dead for a reason, or an error that the try raises.
        tried: When each try was made, with the job's key and the number of tries before.
    """

    def __init__(self, store: MemoryStore) -> None:
        self.clock = VirtualClock()
        self.start = self.clock.now()
        self.store = store
        self.answers: list[Any] = []
        self.tried: list[tuple[int, str, int]] = []
        self.runner = self.new_runner()

    def new_runner(
        self, attempt: Callable[[Job], Awaitable[Any]] | None = None, **changes
    ) -> JobRunner[Any]:
        kind = JobKind(KIND, 32, attempt or self.attempt, follow, lambda job: f"job {job.key}")
        return JobRunner(job_node(self.store, self.clock, **changes), kind)

    async def attempt(self, job: Job) -> Any:
        self.tried.append((self.clock.now() - self.start, job.key, job.tries))
        answer = self.answers.pop(0) if self.answers else None
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def add(self, *keys: str) -> None:
        now = self.clock.now()
        jobs = [Job(kind=KIND, key=key, payload=b"", created_at=now, due_at=now) for key in keys]
        await self.store.add_jobs(jobs)
        self.runner.wake()
        await self.clock.advance(0)

    def times(self) -> list[int]:
        return [at for at, _, _ in self.tried]


def follow(job: Job, answer, now: int) -> JobSettlement:
    if answer is None:
        return JobSettlement(job=None)
    if isinstance(answer, int):
        return JobSettlement(job=settlement.tried(job, again_at=now + answer, error="failed"))
    return JobSettlement(job=replace(job, state="dead", error=answer))


@pytest.fixture
def play() -> Any:
    def player(scene: Callable[[World], Awaitable[Any]], store: MemoryStore | None = None) -> Any:
        async def main() -> Any:
            world = World(store or MemoryStore())
            if isinstance(world.store, Flaky):
                world.store.clock = world.clock
            world.runner.start()
            try:
                return await scene(world)
            finally:
                await world.runner.aclose()

        return asyncio.run(main())

    return player


def test_a_job_that_is_done_is_not_tried_again(play) -> None:
    async def scene(world: World) -> Any:
        await world.add("a")
        await world.clock.advance(DAY)
        return world.tried, world.runner.in_flight

    assert play(scene) == ([(0, "a", 0)], 0)


def test_a_job_is_tried_again_when_its_policy_says(play) -> None:
    async def scene(world: World) -> Any:
        world.answers = [500, 1_000, 2_000]
        await world.add("a")
        await world.clock.advance(DAY)
        return world.tried

    assert play(scene) == [(0, "a", 0), (500, "a", 1), (1_500, "a", 2), (3_500, "a", 3)]


def test_a_dead_job_is_kept_logged_as_an_error_and_tried_again_once_redriven(play, caplog) -> None:
    async def scene(world: World) -> Any:
        world.answers = ["404 QueueNotExist"]
        await world.add("a")
        await world.clock.advance(DAY)
        (dead,) = await world.store.dead_jobs()
        await world.store.redrive("a", now=world.clock.now())
        world.runner.wake()
        await world.clock.advance(0)
        return dead.error, world.times()

    assert play(scene) == ("404 QueueNotExist", [0, DAY])
    (line,) = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert line.getMessage() == (
        "job a, try 1 -> 404 QueueNotExist; given up and kept as a dead event"
    )


@pytest.mark.parametrize("error", [ZeroDivisionError("oh"), StoreUnavailable("oh")])
def test_a_try_that_broke_off_is_logged_and_made_again_without_being_counted(
    play, caplog, error: Exception
) -> None:
    async def scene(world: World) -> Any:
        world.answers = [error]
        await world.add("a")
        await world.clock.advance(60_000)
        return world.tried

    assert play(scene) == [(0, "a", 0), (10_000, "a", 0)]
    assert "oh" in caplog.text


@pytest.mark.parametrize(("answer", "times"), [(None, [0]), (60_000, [0, 60_000])])
def test_what_followed_is_written_though_the_store_was_unavailable(
    play, answer: int | None, times: list[int]
) -> None:
    async def scene(world: World) -> Any:
        world.store.go_away("settle_job", ms=2 * LEASE_MS)
        world.answers = [answer]
        await world.add("a")
        await world.clock.advance(HOUR)
        return world.times()

    store = Flaky()
    tried = play(scene, store)
    assert len(tried) == len(times)


def test_a_store_that_is_unavailable_is_asked_again(play, caplog) -> None:
    async def scene(world: World) -> Any:
        world.store.go_away("claim_jobs", ms=250)
        await world.add("a")
        await world.clock.advance(10_000)
        return world.times()

    assert play(scene, Flaky()) == [300]
    assert "database is locked" in caplog.text


def test_no_more_than_32_jobs_of_a_kind_are_tried_at_a_time() -> None:
    async def main() -> None:
        world, gate, most = World(MemoryStore()), asyncio.Event(), 0

        async def slow(_: Job) -> None:
            nonlocal most
            most = max(most, world.runner.in_flight)
            await gate.wait()

        world.runner = world.new_runner(slow)
        world.runner.start()
        now = world.clock.now()
        await world.store.add_jobs(
            [Job(kind=KIND, key=f"{n}", payload=b"", created_at=now, due_at=now) for n in range(99)]
        )
        world.runner.wake()
        for _ in range(50):
            await asyncio.sleep(0)
        in_flight = world.runner.in_flight
        gate.set()
        await world.clock.advance(0)
        await world.runner.aclose()
        assert in_flight == 32
        assert most == 32
        assert await world.store.next_job_due(KIND) is None

    asyncio.run(main())


@pytest.mark.parametrize("seconds", [1, 29, 31, 800])
def test_a_node_holds_the_lease_for_as_long_as_a_try_takes(seconds: int) -> None:
    async def main() -> Any:
        world, done = World(MemoryStore()), []

        async def slow(job: Job) -> None:
            await world.clock.wait(world.clock.now() + seconds * 1_000)
            done.append(job.key)

        runners = [world.new_runner(slow, node_id=node, shared=True) for node in ("a", "b")]
        for runner in runners:
            runner.start()
        world.runner = runners[0]
        await world.add("a")
        await world.clock.advance(HOUR)
        for runner in runners:
            await runner.aclose()
        return done, await world.store.next_job_due(KIND)

    assert asyncio.run(main()) == (["a"], None)


def test_the_job_of_a_node_that_died_is_done_by_another_within_two_leases() -> None:
    async def main() -> Any:
        world, done = World(MemoryStore()), []

        async def never(_: Job) -> None:
            await world.clock.wait(None)

        async def attempt(_: Job) -> None:
            done.append(world.clock.now())

        world.runner = dying = world.new_runner(never, node_id="a", shared=True)
        dying.start()
        await world.add("a")
        await world.clock.advance(HOUR)
        await dying.aclose()
        died = world.clock.now()
        other = world.new_runner(attempt, node_id="b", shared=True)
        other.start()
        await world.clock.advance(HOUR)
        await other.aclose()
        (at,) = done
        return at - died

    assert 0 < asyncio.run(main()) <= 2 * LEASE_MS
