# SPDX-License-Identifier: MIT
"""A task can be stopped in every status."""

from __future__ import annotations

import json
from typing import Any

import pytest

from fc_async_local.domain.errors import Rejected
from fc_async_local.domain.states import Status
from fc_async_tests.handlers import HOUR, QUEUE, failing, fine


def test_a_delayed_task_that_is_stopped_never_runs(play) -> None:
    async def scenario(world) -> None:
        world.function("f", fine, failure=QUEUE)
        await world.invoke("f", b"", task_id="t", delay_seconds=10)
        await world.engine.stop_task("f", "t")
        await world.engine.run_until_idle()
        told = json.loads(world.queue.got[0].delivery.document)["requestContext"]["condition"]
        assert world.runs == []
        assert await world.steps("f", "t") == ["Enqueued", "Stopping", "Stopped"]
        assert told == "AsyncTaskStopped"

    play(scenario)


def test_a_running_task_is_interrupted(play) -> None:
    async def scenario(world) -> None:
        async def slow(_: bytes, __) -> None:
            await world.clock.wait(world.clock.now() + HOUR)

        world.function("f", slow)
        await world.invoke("f", b"", task_id="t")
        await world.engine.advance(60_000)
        running = await world.status("f", "t")
        await world.engine.stop_task("f", "t")
        passed = await world.engine.run_until_idle()
        assert running is Status.RUNNING
        assert passed == 0
        assert await world.steps("f", "t") == [
            "Enqueued",
            "Dequeued",
            "Running",
            "Stopping",
            "Stopped",
        ]

    play(scenario)


def test_a_task_between_retries_is_stopped(play) -> None:
    async def scenario(world) -> Any:
        world.function("f", failing)
        await world.invoke("f", b"", task_id="t")
        await world.engine.advance(500)
        await world.engine.stop_task("f", "t")
        await world.engine.run_until_idle()
        return len(world.runs), await world.status("f", "t")

    assert play(scenario) == (1, Status.STOPPED)


def test_a_function_that_comes_to_its_end_first_keeps_its_end(play) -> None:
    async def scenario(world) -> Any:
        async def stubborn(_: bytes, __) -> str:
            # What a function does that can't be interrupted: it finishes.
            task = await world.store.stop(
                "f", "t", now=world.clock.now(), until=world.clock.now() + 1, owner="other"
            )
            assert not task.claimed
            return "done"

        world.function("f", stubborn)
        await world.invoke("f", b"", task_id="t")
        await world.engine.run_until_idle()
        return await world.status("f", "t")

    assert play(scenario) is Status.SUCCEEDED


def test_a_stop_wins_over_another_attempt(play) -> None:
    async def scenario(world) -> Any:
        async def stubborn(_: bytes, __) -> str:
            await world.store.stop(
                "f", "t", now=world.clock.now(), until=world.clock.now() + 1, owner="other"
            )
            raise ValueError("boom")

        world.function("f", stubborn)
        await world.invoke("f", b"", task_id="t")
        await world.engine.run_until_idle()
        return len(world.runs), await world.status("f", "t")

    assert play(scenario) == (1, Status.STOPPED)


def test_stopping_what_has_ended_or_never_was_is_refused(play) -> None:
    async def scenario(world) -> Any:
        world.function("f", fine)
        await world.invoke("f", b"", task_id="t")
        await world.engine.run_until_idle()
        refused = []
        for task_id in ("t", "unknown"):
            with pytest.raises(Rejected) as caught:
                await world.engine.stop_task("f", task_id)
            refused.append((caught.value.status, caught.value.code))
        return refused

    assert play(scenario) == [(412, "AsyncInvocationStopped"), (404, "AsyncTaskNotFound")]
