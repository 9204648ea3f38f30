# SPDX-License-Identifier: MIT
"""An invocation from accept to its final status, on virtual time."""

from __future__ import annotations

import json
from itertools import pairwise
from typing import Any

import pytest

from fc_async_local.domain.states import Status
from fc_async_sdk.spec import metrics
from fc_async_tests.handlers import HOUR, QUEUE, failing, fine, throttled
from fc_async_tests.legal_steps import legal


def test_an_accepted_invocation_runs_at_once_and_succeeds(play) -> None:
    async def scenario(world) -> None:
        world.function("f", fine)
        accepted = await world.invoke("f", b"x", task_id="t")
        assert world.runs == []
        await world.engine.run_until_idle()
        assert accepted.task_id == "t"
        assert world.times == [0]
        assert await world.steps("f", "t") == ["Enqueued", "Dequeued", "Running", "Succeeded"]

    play(scenario)


def test_every_recorded_step_is_legal(play) -> None:
    async def scenario(world) -> Any:
        world.function("f", failing, retries=2)
        await world.invoke("f", b"", task_id="t")
        await world.engine.run_until_idle()
        return [Status(step) for step in await world.steps("f", "t")]

    steps = play(scenario)
    assert all(legal(before, after) for before, after in pairwise(steps))
    assert steps[-1] is Status.FAILED


def test_a_delayed_one_runs_when_its_delay_is_over_and_not_before(play) -> None:
    async def scenario(world) -> Any:
        world.function("f", fine)
        await world.invoke("f", b"", delay_seconds=10)
        await world.engine.advance(9_999)
        before = list(world.times)
        await world.engine.advance(1)
        return before, world.times

    assert play(scenario) == ([], [10_000])


def test_a_delay_survives_a_restart(play) -> None:
    async def scenario(world) -> Any:
        world.function("f", fine)
        await world.invoke("f", b"", delay_seconds=10)
        await world.engine.aclose()
        await world.clock.advance(4_000)
        await world.new_engine().start(world.destinations)
        await world.engine.run_until_idle()
        return world.times

    assert play(scenario) == [10_000]


def test_a_short_delay_does_not_wait_for_a_longer_one(play) -> None:
    async def scenario(world) -> Any:
        world.function("f", fine)
        await world.invoke("f", b"", delay_seconds=3_000)
        await world.engine.advance(1_000)
        await world.invoke("f", b"", delay_seconds=2)
        await world.engine.advance(2_000)
        return world.times

    assert play(scenario) == [3_000]


def test_a_delayed_task_can_be_run_now(play) -> None:
    async def scenario(world) -> None:
        world.function("f", fine)
        await world.invoke("f", b"", task_id="t", delay_seconds=10)
        await world.engine.advance(1_000)
        done = await world.engine.make_due("f", "t")
        await world.engine.run_until_idle()
        again = await world.engine.make_due("f", "t")
        assert done
        assert world.times == [1_000]
        assert not again

    play(scenario)


def test_a_clock_set_back_delays_no_invocation_for_ever(play) -> None:
    async def scenario(world) -> Any:
        world.function("f", fine)
        await world.invoke("f", b"", delay_seconds=10)
        await world.engine.advance(5_000)
        world.clock.set(world.clock.now() - HOUR)
        await world.invoke("f", b"now")
        await world.engine.run_until_idle()
        return len(world.runs), [run.attempt.payload for run in world.runs]

    assert play(scenario) == (2, [b"now", b""])


def test_an_invocation_over_its_age_expires_unrun_and_reaches_the_failure_destination(
    play,
) -> None:
    async def scenario(world) -> None:
        world.function("f", fine, age=5, failure=QUEUE)
        await world.invoke("f", b"", task_id="t", delay_seconds=5)
        await world.engine.run_until_idle()
        event = world.queue.got[0]
        told = json.loads(event.delivery.document)["requestContext"]
        expired = await world.metric(metrics.EXPIRED, "f")
        assert world.runs == []
        assert await world.steps("f", "t") == ["Enqueued", "Dequeued", "Expired"]
        assert event.at == 5_000
        assert told["condition"] == "AsyncEventAgeExceeded"
        assert expired == 1

    play(scenario)


@pytest.mark.parametrize(("age", "runs"), [(1, 1), (2, 2), (3, 2), (4, 3)])
def test_age_ends_retries_before_their_number_does(play, age: int, runs: int) -> None:
    async def scenario(world) -> Any:
        world.function("f", failing, retries=8, age=age)
        await world.invoke("f", b"", task_id="t")
        await world.engine.run_until_idle()
        return len(world.runs), await world.status("f", "t")

    assert play(scenario) == (runs, Status.FAILED)


def test_throttling_does_not_escape_the_age(play) -> None:
    async def scenario(world) -> Any:
        world.function("f", throttled, age=4)
        await world.invoke("f", b"", task_id="t")
        await world.engine.run_until_idle()
        return world.times, await world.status("f", "t")

    assert play(scenario) == ([0, 500, 1_500, 3_500], Status.EXPIRED)
