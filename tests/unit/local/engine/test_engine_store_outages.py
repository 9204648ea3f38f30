# SPDX-License-Identifier: MIT
"""An outage of the store that is longer than a lease loses, blocks and repeats no invocation."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from fc_async_local.domain.states import Status
from fc_async_local.store.memory import MemoryStore
from fc_async_local.store.protocol import StoreUnavailable
from fc_async_sdk.spec import metrics
from fc_async_tests.handlers import HOUR, QUEUE, fine
from fc_async_tests.outages import AWAY, Flaky

LEASE = 1_000


def after_an_outage(play, scenario, **settings) -> Any:
    """Run a scenario in a world whose store can be away, with leases of a second."""

    async def go(world) -> Any:
        world.store.clock = world.clock
        return await scenario(world)

    return play(go, Flaky(), lease_ms=LEASE, **settings)


@pytest.mark.parametrize("away", [("start",), ("start", "extend"), ()])
def test_a_task_whose_start_had_to_wait_for_longer_than_its_lease_runs_once(
    play, away: tuple[str, ...]
) -> None:
    async def scenario(world) -> None:
        world.function("f", fine)
        await world.invoke("f", b"", task_id="t", delay_seconds=1)
        await world.engine.advance(950)  # claimed by now at the earliest
        world.store.go_away(*away)
        await world.engine.run_until_idle()
        task = (await world.task("f", "t")).invocation
        assert len(world.runs) == 1
        assert task.status is Status.SUCCEEDED
        assert task.attempts == 1
        assert world.engine.in_flight == 0

    after_an_outage(play, scenario)


@pytest.mark.parametrize("places", [1, 3, 100])
def test_many_tasks_survive_an_outage_between_claim_and_start(play, places: int) -> None:
    async def scenario(world) -> None:
        world.function("f", fine)
        for number in range(50):
            await world.invoke("f", b"", task_id=f"t{number}", delay_seconds=1)
        world.store.go_away("start", "extend", ms=1_000 + AWAY)
        await world.engine.run_until_idle()
        by_status = {s: n for s, n in (await world.store.stats()).by_status.items() if n}
        assert by_status == {Status.SUCCEEDED: 50}
        assert len(world.runs) == 50
        assert {run.attempt.number for run in world.runs} == {0}

    after_an_outage(play, scenario, max_in_flight=places)


def test_a_start_that_is_refused_since_another_node_holds_it_is_dropped_without_a_trace(
    play,
) -> None:
    class Taken(MemoryStore):
        """Another node claims it at the moment of its first start."""

        taken = False

        async def start(self, lease, *, now: int, instance_id: str = "") -> Any:
            if not self.taken:
                self.taken = True
                later = now + 2 * LEASE
                await self.claim(1, now=later, until=later + HOUR, owner="other")
            return await super().start(lease, now=now, instance_id=instance_id)

    async def scenario(world) -> None:
        world.function("f", fine, failure=QUEUE)
        await world.invoke("f", b"", task_id="t")
        await world.clock.quiet()
        held = (await world.task("f", "t")).invocation
        assert world.runs == []
        assert held.status is Status.DEQUEUED
        assert held.lease_owner == "other"
        assert world.engine.in_flight == 0
        assert world.queue.got == []

    play(scenario, Taken(), lease_ms=LEASE)


def test_a_place_is_free_again_after_a_start_was_refused(play) -> None:
    class Taken(MemoryStore):
        taken = False

        async def start(self, lease, *, now: int, instance_id: str = "") -> Any:
            if not self.taken:
                self.taken = True
                later = now + 2 * LEASE
                await self.claim(1, now=later, until=later + HOUR, owner="other")
            return await super().start(lease, now=now, instance_id=instance_id)

    async def scenario(world) -> Any:
        world.function("f", fine)
        await world.invoke("f", b"", task_id="taken")
        await world.clock.quiet()
        await world.invoke("f", b"", task_id="next")
        await world.clock.quiet()
        return await world.status("f", "next")

    assert play(scenario, Taken(), lease_ms=LEASE, max_in_flight=1) is Status.SUCCEEDED


def test_a_stop_that_was_asked_for_during_the_outage_is_obeyed(play) -> None:
    async def scenario(world) -> Any:
        world.function("f", fine)
        world.store.go_away("start")
        await world.invoke("f", b"", task_id="t")
        await world.engine.advance(500)
        await world.engine.stop_task("f", "t")
        await world.engine.run_until_idle()
        return world.runs, await world.status("f", "t")

    assert after_an_outage(play, scenario) == ([], Status.STOPPED)


@pytest.mark.parametrize("task_mode", [True, False])
@pytest.mark.parametrize("away", [("settle",), ("settle", "extend"), ()])
def test_an_outcome_that_had_to_wait_for_longer_than_the_lease_is_kept(
    play, away: tuple[str, ...], *, task_mode: bool
) -> None:
    async def scenario(world) -> None:
        async def slow(_: bytes, __) -> None:
            await world.clock.wait(world.clock.now() + 500)
            world.store.go_away(*away)

        world.function("f", slow, task_mode=task_mode, success=QUEUE)
        await world.invoke("f", b"", task_id="t")
        await world.engine.run_until_idle()
        told = [event.delivery.outcome for event in world.queue.got]
        assert len(world.runs) == 1
        assert told == ["success"]
        assert await world.metric(metrics.INVOCATIONS, "f") == 1

    after_an_outage(play, scenario)


def test_an_event_that_was_delivered_in_an_outage_is_delivered_once(play) -> None:
    async def scenario(world) -> Any:
        world.function("f", fine, success=QUEUE)
        world.store.go_away("settle_job")
        await world.invoke("f", b"", task_id="t")
        await world.engine.run_until_idle()
        return len(world.queue.got), (await world.task("f", "t")).invocation.destination_status

    assert after_an_outage(play, scenario) == (1, "Succeeded")


def test_an_answer_about_the_old_lease_does_not_break_off_the_attempt_under_the_new_one(
    play,
) -> None:
    class Crossed(MemoryStore):
        """The answer to the claim that follows an outage is slow; extensions overtake it."""

        clock: Any = None
        claimed_again = False

        async def claim(self, limit: int, **when) -> Any:
            found = await super().claim(limit, **when)
            if found and found[0].epoch > 1:
                self.claimed_again = True
                await self.clock.wait(self.clock.now() + LEASE // 2)
            return found

        async def extend(self, leases, *, until: int) -> Any:
            if not self.claimed_again:
                raise StoreUnavailable("database is locked")
            return await super().extend(leases, until=until)

    async def scenario(world) -> Any:
        async def slow(_: bytes, __) -> None:
            await world.clock.wait(world.clock.now() + 5_000)

        world.store.clock = world.clock
        world.function("f", slow)
        await world.invoke("f", b"", task_id="t")
        await world.engine.run_until_idle()
        return len(world.runs), await world.status("f", "t")

    assert play(scenario, Crossed(), lease_ms=LEASE) == (1, Status.SUCCEEDED)


def test_without_task_mode_nothing_runs_under_a_lease_that_another_node_took(play) -> None:
    """The registry is away for longer than the lease, and another node claims meanwhile."""

    async def scenario(world) -> Any:
        world.function("f", fine, task_mode=False)
        deployment = world.registry.deployment

        async def slow(*arguments, **named) -> Any:
            if asyncio.current_task().get_name() != "accepting":  # type: ignore[union-attr]
                await world.clock.wait(world.clock.now() + AWAY)
            return await deployment(*arguments, **named)

        asyncio.current_task().set_name("accepting")  # type: ignore[union-attr]
        world.registry.deployment = slow
        world.store.clock = world.clock
        world.store.go_away("extend", ms=10 * AWAY)
        await world.invoke("f", b"")
        far = world.clock.now() + LEASE
        await world.store.claim(1, now=far, until=far + HOUR, owner="other")
        await world.engine.advance(2 * AWAY)
        return world.runs

    assert play(scenario, Flaky(), lease_ms=LEASE) == []
