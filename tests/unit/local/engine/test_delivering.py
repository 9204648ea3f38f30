# SPDX-License-Identifier: MIT
"""Which destination gets an outcome, and what happens to events that cannot be delivered."""

from __future__ import annotations

import json
from typing import Any

import pytest

from fc_async_sdk.spec import metrics
from fc_async_tests.handlers import QUEUE, failing, fine


def test_each_final_outcome_delivers_one_event(play) -> None:
    async def scenario(world) -> Any:
        world.function("good", fine, success=QUEUE, failure=QUEUE)
        world.function("bad", failing, success=QUEUE, failure=QUEUE)
        await world.invoke("good", b"1", task_id="g")
        await world.invoke("bad", b"2", task_id="b")
        await world.engine.run_until_idle()
        statuses = [
            (await world.task(name, task)).invocation.destination_status
            for name, task in (("good", "g"), ("bad", "b"))
        ]
        return [
            (event.at, event.delivery.function, event.delivery.outcome) for event in world.queue.got
        ], statuses

    assert play(scenario) == (
        [(0, "good", "success"), (7_000, "bad", "failure")],
        ["Succeeded", "Succeeded"],
    )


def test_the_event_has_the_request_id_that_the_function_saw(play) -> None:
    async def scenario(world) -> Any:
        world.function("f", fine, success=QUEUE)
        await world.invoke("f", b"")
        await world.engine.run_until_idle()
        told = json.loads(world.queue.got[0].delivery.document)["requestContext"]["requestId"]
        return told == world.runs[0].attempt.request_id

    assert play(scenario)


def test_a_destination_that_answers_5xx_is_called_again_and_then_done(play) -> None:
    async def scenario(world) -> Any:
        world.function("f", fine, success=QUEUE)
        world.queue.answers = [503, 500, OSError("gone")]
        await world.invoke("f", b"", task_id="t")
        await world.engine.run_until_idle()
        task = (await world.task("f", "t")).invocation
        return [event.at for event in world.queue.got], task.destination_status

    assert play(scenario) == ([0, 500, 3_500], "Succeeded")


def test_a_destination_that_answers_5xx_for_ever_leaves_a_dead_event(play) -> None:
    async def scenario(world) -> None:
        world.function("f", fine, success=QUEUE)
        world.queue.answers = [503] * 50
        await world.invoke("f", b"", task_id="t")
        passed = await world.engine.run_until_idle()
        (dead,) = await world.store.dead_jobs()
        errors = await world.metric(metrics.DESTINATION_ERRORS, "f")
        assert passed == 30 * 60_000
        assert dead.tries == 13
        assert dead.error == "503 Failed"
        assert errors == 1

    play(scenario)


def test_a_refused_event_is_dead_at_once_logged_counted_and_can_be_redriven(play, caplog) -> None:
    async def scenario(world) -> None:
        world.function("f", fine, success=QUEUE)
        world.queue.answers = [404]
        accepted = await world.invoke("f", b"", task_id="t")
        await world.engine.run_until_idle()
        failed = (await world.task("f", "t")).invocation.destination_status
        redriven = await world.engine.redrive(accepted.request_id)
        await world.engine.run_until_idle()
        succeeded = (await world.task("f", "t")).invocation.destination_status
        assert failed == "Failed"
        assert redriven
        assert succeeded == "Succeeded"
        assert not await world.engine.redrive(accepted.request_id)

    play(scenario)
    (line,) = [record for record in caplog.records if record.levelname == "ERROR"]
    assert "given up and kept as a dead event" in line.getMessage()


def test_an_event_to_a_function_whose_queue_is_full_is_tried_again(play) -> None:
    async def scenario(world) -> Any:
        async def fill_queue(payload: bytes, attempt) -> Any:
            await world.invoke("waiting", b"", delay_seconds=20)
            return fine(payload, attempt)

        world.function("f", fill_queue, success="acs:fc:::functions/g", task_mode=False)
        world.function("g", fine)
        world.function("waiting", fine)
        await world.invoke("f", b"")
        await world.engine.run_until_idle()
        ran = [(run.at, run.attempt.deployment.function) for run in world.runs]
        return ran, await world.store.dead_jobs()

    assert play(scenario, queue_limit=1) == (
        [(0, "f"), (20_000, "waiting"), (31_500, "g")],
        [],
    )


def test_a_destination_function_runs_under_its_own_configuration(play) -> None:
    async def scenario(world) -> Any:
        world.function("f", fine, success="acs:fc:::functions/g")
        world.function("g", failing, retries=1, failure=QUEUE)
        await world.invoke("f", b"")
        await world.engine.run_until_idle()
        names = [run.attempt.deployment.function for run in world.runs]
        return names, [event.delivery.function for event in world.queue.got]

    assert play(scenario) == (["f", "g", "g"], ["g"])


@pytest.mark.parametrize("edge", ["success", "failure"])
@pytest.mark.parametrize("repeats", [1, 3])
def test_a_loop_of_destinations_ends_by_itself(play, edge: str, repeats: int) -> None:
    async def scenario(world) -> None:
        handler = fine if edge == "success" else failing
        for own, other in (("a", "b"), ("b", "a")):
            target = f"acs:fc:::functions/{other}"
            world.function(own, handler, retries=0, success=target, failure=target)
        await world.invoke("a", b"")
        await world.engine.run_until_idle()
        (dead,) = await world.store.dead_jobs()
        assert len(world.runs) == runs
        assert dead.error.count("->") == runs + 1
        assert await world.metric(metrics.RECURSIVE_DROPPED, "a") == 1

    # The guard ends a; b, its failure destination, has run as often and is not invoked.
    runs = 2 * repeats
    play(scenario, max_repeats=repeats)
