# SPDX-License-Identifier: MIT
"""What is tried again, when, and under which configuration."""

from __future__ import annotations

import json
from typing import Any

import pytest

from fc_async_local.domain.invocation import Outcome, OutcomeKind
from fc_async_local.domain.states import Status
from fc_async_tests.handlers import QUEUE, failing, fine, throttled


@pytest.mark.parametrize("retries", [None, 0, 1, 8])
def test_a_failing_function_runs_once_more_than_its_retries(play, retries) -> None:
    async def scenario(world) -> Any:
        world.function("f", failing, retries=retries)
        await world.invoke("f", b"", task_id="t")
        await world.engine.run_until_idle()
        return len(world.runs), await world.status("f", "t")

    assert play(scenario) == ((3 if retries is None else retries) + 1, Status.FAILED)


def test_attempts_share_the_request_id_and_know_their_number(play) -> None:
    async def scenario(world) -> Any:
        world.function("f", failing, retries=2)
        accepted = await world.invoke("f", b"")
        await world.engine.run_until_idle()
        return [
            (run.attempt.request_id == accepted.request_id, run.attempt.number)
            for run in world.runs
        ]

    assert play(scenario) == [(True, 0), (True, 1), (True, 2)]


def test_retries_wait_longer_each_time(play) -> None:
    async def scenario(world) -> Any:
        world.function("f", failing)
        await world.invoke("f", b"")
        await world.engine.run_until_idle()
        return world.times

    assert play(scenario) == [0, 1_000, 3_000, 7_000]


def test_throttled_attempts_go_on_for_five_hours_and_are_not_counted(play) -> None:
    async def scenario(world) -> None:
        world.function("f", throttled, retries=0, failure=QUEUE)
        await world.invoke("f", b"", task_id="t")
        await world.engine.run_until_idle()
        task = (await world.task("f", "t")).invocation
        assert world.times == [*(500 * (2**n - 1) for n in range(16)), 5 * 3_600_000]
        assert task.attempts == 0
        assert task.status is Status.FAILED
        assert task.error == "FunctionResourceExhausted"
        context = json.loads(world.queue.got[0].delivery.document)["requestContext"]
        assert context["approximateInvokeCount"] == 17

    play(scenario)


def test_a_function_that_is_updated_meanwhile_runs_as_it_is_now(play) -> None:
    async def scenario(world) -> Any:
        world.function("f", failing)
        await world.invoke("f", b"", task_id="t")
        await world.engine.advance(500)
        world.function("f", fine)
        await world.engine.run_until_idle()
        return await world.status("f", "t")

    assert play(scenario) is Status.SUCCEEDED


def test_a_function_that_is_deleted_meanwhile_leaves_an_invalid_task(play) -> None:
    async def scenario(world) -> None:
        world.function("f", fine, failure=QUEUE)
        await world.invoke("f", b"", task_id="t", delay_seconds=5)
        del world.registry.functions["f"]
        await world.engine.run_until_idle()
        condition = json.loads(world.queue.got[0].delivery.document)["requestContext"]["condition"]
        assert world.runs == []
        assert await world.status("f", "t") is Status.INVALID
        assert condition == "FunctionNotFound"

    play(scenario)


@pytest.mark.parametrize(("applies", "runs"), [("outcome", 1), ("accept", 4)])
def test_config_applies_decides_which_configuration_holds(play, applies: str, runs: int) -> None:
    async def scenario(world) -> Any:
        world.function("f", failing)
        await world.invoke("f", b"", delay_seconds=1)
        world.function("f", failing, retries=0)
        await world.engine.run_until_idle()
        return len(world.runs)

    assert play(scenario, config_applies=applies) == runs


def test_a_runner_that_breaks_is_a_system_error(play) -> None:
    class Broken:
        calls = 0

        async def run(self, attempt) -> Outcome:
            self.calls += 1
            if self.calls < 3:
                raise OSError("no more processes")
            return Outcome(kind=OutcomeKind.SUCCESS)

    async def scenario(world) -> Any:
        world.function("f", fine)
        await world.engine.aclose()
        await world.new_engine(runner=Broken()).start(world.destinations)
        await world.invoke("f", b"", task_id="t")
        passed = await world.engine.run_until_idle()
        return passed, await world.status("f", "t")

    assert play(scenario) == (1_500, Status.SUCCEEDED)


def test_the_document_of_a_timeout_matches_the_best_practices(
    play,
) -> None:
    async def scenario(world) -> Any:
        async def hang(_event: bytes, _attempt) -> None:
            await world.clock.wait(world.clock.now() + 90_000)

        world.function("f", hang, retries=1, failure=QUEUE, timeout_ms=60_000)
        await world.invoke("f", b'{"failure":true}', task_id="t")
        await world.engine.run_until_idle()
        return (await world.task("f", "t")).invocation.error, world.queue.got[0].delivery.document

    error, document = play(scenario)
    told = json.loads(document)
    assert error == told["requestContext"]["condition"] == "InvocationError"
    assert told["requestContext"]["approximateInvokeCount"] == 2
    assert told["responseContext"] == {"statusCode": 200, "functionError": "InvocationError"}
    assert "Function timed out after 60 seconds" in told["responsePayload"]
