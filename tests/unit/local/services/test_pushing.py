# SPDX-License-Identifier: MIT
"""Durable duties on virtual time: done at least once, never more than so many at a time."""

from __future__ import annotations

import asyncio

import pytest

from fc_async_local.clock import VirtualClock
from fc_async_local.services.mns.store import MemoryMessageStore
from fc_async_local.services.pushing import Pusher
from fc_async_local.store.protocol import StoreUnavailable


class World:
    def __init__(self):
        self.clock = VirtualClock()
        self.store = MemoryMessageStore()
        self.tried = []
        self.answers = []

    async def attempt(self, message):
        self.tried.append((self.clock.now(), message.body, message.dequeue_count))
        answer = self.answers.pop(0) if self.answers else None
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def add(self, *bodies):
        duties = [self.pusher.duty(body, body) for body in bodies]
        await self.store.broadcast(duties, now=self.clock.now())
        self.pusher.wake()
        await self.clock.advance(0)

    def times(self):
        return [at - self.start for at, _, _ in self.tried]


@pytest.fixture
def play():
    def player(scene):
        async def main():
            world = World()
            world.start = world.clock.now()
            world.pusher = Pusher(world.store, world.clock, "test", world.attempt)
            await world.pusher.start()
            try:
                return await scene(world)
            finally:
                await world.pusher.aclose()

        return asyncio.run(main())

    return player


def test_a_duty_that_is_over_is_not_done_again(play):
    async def scene(world):
        await world.add("a")
        await world.clock.advance(86_400_000)
        return world.tried

    assert [(body, tries) for _, body, tries in play(scene)] == [("a", 1)]


def test_a_duty_is_tried_when_its_owner_says(play):
    async def scene(world):
        world.answers = [0.5, 1, 2]
        await world.add("a")
        await world.clock.advance(86_400_000)
        return world.times(), [tries for _, _, tries in world.tried]

    assert play(scene) == ([0, 500, 1_500, 3_500], [1, 2, 3, 4])


def test_a_mistake_in_an_owner_is_logged_and_tried_again(play, caplog):
    async def scene(world):
        world.answers = [ZeroDivisionError("oh")]
        await world.add("a")
        await world.clock.advance(60_000)
        return world.times()

    assert play(scene) == [0, 10_000]
    assert "ZeroDivisionError" in caplog.text


@pytest.mark.parametrize(("verb", "answer", "tries"), [("delete", None, 1), ("hide", 60, 2)])
def test_what_became_of_a_duty_is_kept_though_the_store_was_unavailable(play, verb, answer, tries):
    async def scene(world):
        usual, failures = getattr(world.store, verb), []

        async def sometimes(*arguments, **named):
            if len(failures) < 3:
                failures.append(1)
                raise StoreUnavailable("disk full")
            return await usual(*arguments, **named)

        setattr(world.store, verb, sometimes)
        world.answers = [answer]
        await world.add("a")
        await world.clock.advance(800_000)
        return world.times()

    # 0.7 s until the store is there again; without that, 900 s until the duty comes back.
    assert play(scene) == [0, 60_700][:tries]


def test_a_store_that_is_away_is_asked_again(play, caplog):
    async def scene(world):
        receive = world.store.receive
        refusals = [StoreUnavailable("disk full")] * 2

        async def sometimes(*args, **kwargs):
            if refusals:
                raise refusals.pop()
            return await receive(*args, **kwargs)

        world.store.receive = sometimes
        await world.add("a")
        await world.clock.advance(10_000)
        return world.times()

    assert play(scene) == [300]
    assert "disk full" in caplog.text


def test_no_more_than_32_are_done_at_a_time(play):
    async def scene(world):
        running, most = 0, 0
        gate = asyncio.Event()

        async def slow(_message):
            nonlocal running, most
            running += 1
            most = max(most, running)
            await gate.wait()
            running -= 1

        world.pusher._attempt = slow
        duties = [world.pusher.duty(str(n), str(n)) for n in range(100)]
        await world.store.broadcast(duties, now=world.clock.now())
        world.pusher.wake()
        for _ in range(50):
            await asyncio.sleep(0)
        before = most
        gate.set()
        await world.clock.advance(0)
        left = await world.store.counts(world.pusher.queue, now=world.clock.now())
        return before, most, sum(left)

    assert play(scene) == (32, 32, 0)


@pytest.mark.parametrize("seconds", [1, 59, 61, 800])
def test_a_node_holds_on_to_a_duty_for_as_long_as_it_takes(seconds):
    async def main():
        clock, store, done = VirtualClock(), MemoryMessageStore(), []

        async def attempt(message):
            await clock.wait(clock.now() + seconds * 1_000)
            done.append(message.body)

        pushers = [Pusher(store, clock, "test", attempt, 20_000) for _ in range(2)]
        for pusher in pushers:
            await pusher.start()
        try:
            await store.broadcast([pushers[0].duty("a", "a")], now=clock.now())
            pushers[0].wake()
            await clock.advance(3_600_000)
            return done, (await store.counts(".test", now=clock.now()))
        finally:
            for pusher in pushers:
                await pusher.aclose()

    assert asyncio.run(main()) == (["a"], (0, 0, 0))


def test_the_duty_of_a_node_that_died_is_done_by_another_soon():
    async def main():
        clock, store, done = VirtualClock(), MemoryMessageStore(), []

        async def never(message):
            await clock.wait(None)

        async def attempt(message):
            done.append(clock.now())

        dying = Pusher(store, clock, "test", never, 20_000)
        await dying.start()
        await store.broadcast([dying.duty("a", "a")], now=clock.now())
        dying.wake()
        await clock.advance(30_000)
        await dying.aclose()
        died = clock.now()
        other = Pusher(Elsewhere(store), clock, "test", attempt, 20_000)
        await other.start()
        try:
            await clock.advance(3_600_000)
        finally:
            await other.aclose()
        (at,) = done
        return at - died

    assert 40_000 <= asyncio.run(main()) <= 80_000


class Elsewhere:
    """The same store, as another node sees it: nothing there was this node's."""

    def __init__(self, store):
        self._store = store

    def __getattr__(self, name):
        return getattr(self._store, name)

    async def reveal(self, name, *, now):
        pass
