# SPDX-License-Identifier: MIT
"""Prefetch: invocations are claimed shortly before they are due; a stopping node returns them."""

from __future__ import annotations

from typing import Any

from fc_async_local.domain.states import Status
from fc_async_tests.handlers import fine


async def held(world) -> int:
    by_status: dict[Status, int] = (await world.store.stats()).by_status
    return by_status.get(Status.DEQUEUED, 0)


def test_an_invocation_is_claimed_before_it_is_due_and_runs_when_due(play) -> None:
    async def scenario(world) -> None:
        world.function("f", fine, task_mode=False)
        await world.invoke("f", b"", delay_seconds=1)
        await world.engine.advance(900)
        waiting = await held(world)
        await world.engine.advance(99)
        in_hand, runs = await held(world), list(world.times)
        await world.engine.advance(1)
        assert waiting == 0
        assert in_hand == 1
        assert runs == []
        assert world.times == [1_000]

    play(scenario)


def test_a_task_is_taken_from_its_list_when_it_is_due(play) -> None:
    async def scenario(world) -> Any:
        world.function("f", fine)
        await world.invoke("f", b"", task_id="t", delay_seconds=1)
        await world.engine.advance(999)
        before = await world.status("f", "t")
        await world.engine.advance(1)
        return before, world.times

    assert play(scenario) == (Status.ENQUEUED, [1_000])


def test_a_stopping_node_gives_prefetched_invocations_back_with_their_due_time(play) -> None:
    async def scenario(world) -> None:
        world.function("f", fine, task_mode=False)
        await world.invoke("f", b"", delay_seconds=1)
        await world.engine.advance(960)
        in_hand = await held(world)
        await world.engine.aclose()
        left = await held(world)
        await world.new_engine().start(world.destinations)
        await world.engine.run_until_idle()
        assert in_hand == 1
        assert left == 0
        assert world.times == [1_000]

    play(scenario)


def test_invocations_that_are_due_close_together_each_run_in_time(play) -> None:
    async def scenario(world) -> Any:
        world.function("f", fine, task_mode=False)
        for _ in range(3):
            await world.invoke("f", b"", delay_seconds=1)
            await world.engine.advance(20)
        await world.engine.run_until_idle()
        return world.times

    assert play(scenario) == [1_000, 1_020, 1_040]
