# SPDX-License-Identifier: MIT
"""Leases, restarts and concurrency limits: which node holds an invocation, and until when."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

from fc_async_local.domain.metrics import Span, series
from fc_async_local.domain.states import Status
from fc_async_local.store.memory import MemoryStore
from fc_async_local.store.protocol import MetricQuery, StoreUnavailable
from fc_async_sdk.idempotency import MemoryStore as Records
from fc_async_sdk.idempotency import idempotent
from fc_async_sdk.spec import metrics
from fc_async_tests.handlers import HOUR, QUEUE, failing, fine


def test_a_long_run_keeps_its_lease(play) -> None:
    async def scenario(world) -> Any:
        async def slow(_: bytes, __) -> None:
            await world.clock.wait(world.clock.now() + 24 * HOUR)

        world.function("f", slow)
        await world.invoke("f", b"", task_id="t")
        await world.engine.run_until_idle()
        return len(world.runs), await world.status("f", "t")

    assert play(scenario) == (1, Status.SUCCEEDED)


def test_a_lease_that_was_lost_takes_the_outcome_with_it(play) -> None:
    async def scenario(world) -> None:
        async def slow(_: bytes, attempt) -> str:
            if len(world.runs) == 1:
                # Another node claims it, as after a pause of this one.
                later = world.clock.now() + 31_000
                await world.store.claim(1, now=later, until=later + 5_000, owner="other")
            return str(len(world.runs))

        world.function("f", slow)
        await world.invoke("f", b"", task_id="t")
        await world.engine.run_until_idle()
        task = (await world.task("f", "t")).invocation
        assert len(world.runs) == 2
        assert task.status is Status.SUCCEEDED
        assert task.return_payload == b"2"

    play(scenario)


def test_after_a_restart_no_task_stays_running(play) -> None:
    async def scenario(world) -> None:
        async def slow(_: bytes, __) -> None:
            await world.clock.wait(world.clock.now() + HOUR)

        world.function("f", slow)
        await world.invoke("f", b"", task_id="t")
        await world.engine.advance(1_000)
        await world.engine.aclose()
        await world.new_engine().start(world.destinations)
        passed = await world.engine.run_until_idle()
        assert len(world.runs) == 2
        assert passed == HOUR
        assert await world.status("f", "t") is Status.SUCCEEDED

    play(scenario)


@pytest.mark.parametrize("task_mode", [True, False])
def test_an_idempotent_function_without_retries_runs_again_after_restarts_in_its_attempts(
    play, task_mode: bool
) -> None:
    done = []

    @idempotent(Records())
    async def pay(_: bytes, context: SimpleNamespace) -> None:
        await context.work()
        done.append(context.retry_count)

    async def scenario(world) -> None:
        async def work() -> None:
            if len(world.runs) < 3:
                await world.clock.wait(world.clock.now() + HOUR)

        def handler(event: bytes, attempt) -> Any:
            context = SimpleNamespace(
                request_id=attempt.request_id,
                retry_count=attempt.number,
                function=SimpleNamespace(name="pay", timeout=600),
                work=work,
            )
            return pay(event, context)

        world.function("pay", handler, retries=0, failure=QUEUE, task_mode=task_mode)
        await world.invoke("pay", b"{}")
        for _ in range(2):
            await world.engine.advance(1_000)
            await world.engine.aclose()
            await world.new_engine().start(world.destinations)
        await world.engine.run_until_idle()
        assert done == [2]
        assert world.queue.got == []

    play(scenario)


def test_an_attempt_that_was_claimed_and_had_not_begun_is_the_first_one_after_a_restart(
    play,
) -> None:
    class Away(MemoryStore):
        away = True

        async def start(self, lease, *, now: int, instance_id: str = "") -> Any:
            if self.away:
                raise StoreUnavailable("away")
            return await super().start(lease, now=now, instance_id=instance_id)

    async def scenario(world) -> Any:
        world.function("f", fine)
        await world.invoke("f", b"", task_id="t")
        await world.engine.advance(1_000)
        await world.engine.aclose()
        world.store.away = False
        await world.new_engine().start(world.destinations)
        await world.engine.run_until_idle()
        return [run.attempt.number for run in world.runs]

    assert play(scenario, Away()) == [0]


def test_a_clock_set_back_between_two_runs_loses_nothing(play) -> None:
    async def scenario(world) -> Any:
        world.function("f", failing, retries=1)
        await world.invoke("f", b"", task_id="retrying")
        await world.engine.advance(500)
        await world.invoke("f", b"", task_id="delayed", delay_seconds=5)
        await world.engine.aclose()
        world.clock.set(world.clock.now() - HOUR)
        await world.new_engine().start(world.destinations)
        await world.engine.run_until_idle()
        return [await world.status("f", task) for task in ("retrying", "delayed")]

    assert play(scenario) == [Status.FAILED, Status.FAILED]


def test_a_graceful_end_lets_what_is_in_progress_finish(play) -> None:
    async def scenario(world) -> Any:
        begun = asyncio.Event()

        async def busy(_: bytes, __) -> None:
            begun.set()
            for _ in range(50):
                await asyncio.sleep(0)

        world.function("f", busy)
        await world.invoke("f", b"", task_id="t")
        await begun.wait()
        await world.engine.aclose(grace_ms=60_000)
        return await world.status("f", "t")

    assert play(scenario) is Status.SUCCEEDED


def test_a_graceful_end_does_not_wait_for_virtual_time(play) -> None:
    async def scenario(world) -> Any:
        async def slow(_: bytes, __) -> None:
            await world.clock.wait(world.clock.now() + 5_000)

        world.function("f", slow)
        await world.invoke("f", b"", task_id="t")
        await world.engine.advance(1_000)
        await world.engine.aclose(grace_ms=3_600_000)
        return await world.status("f", "t")

    assert play(scenario) is Status.ENQUEUED


def test_a_week_of_back_off_takes_no_time(play) -> None:
    async def scenario(world) -> Any:
        world.function("f", failing, retries=8, age=604_800)
        await world.invoke("f", b"", task_id="t")
        await world.engine.advance(7 * 24 * HOUR)
        return len(world.runs), await world.status("f", "t")

    assert play(scenario) == (9, Status.FAILED)


def test_finished_tasks_are_forgotten_after_a_week(play) -> None:
    async def scenario(world) -> Any:
        world.function("f", fine)
        await world.invoke("f", b"", task_id="t")
        await world.engine.advance(7 * 24 * HOUR - 1)
        kept = await world.store.get("f", "t") is not None
        await world.engine.advance(HOUR + 1)
        return kept, await world.store.get("f", "t")

    assert play(scenario) == (True, None)


@pytest.mark.parametrize("task_mode", [True, False])
def test_no_more_run_at_a_time_than_there_is_room_for(play, *, task_mode: bool) -> None:
    async def scenario(world) -> Any:
        running = most = 0

        async def slow(_: bytes, __) -> None:
            nonlocal running, most
            running += 1
            most = max(most, running)
            await world.clock.wait(world.clock.now() + 1_000)
            running -= 1

        world.function("f", slow, task_mode=task_mode)
        await asyncio.gather(*(world.invoke("f", b"") for _ in range(20)))
        await world.engine.run_until_idle()
        return most, len(world.runs)

    assert play(scenario, max_in_flight=3) == (3, 20)


def test_a_long_queue_is_not_taken_into_memory(play) -> None:
    async def scenario(world) -> Any:
        world.function("f", fine, task_mode=False)
        for _ in range(300):
            await world.invoke("f", b"", delay_seconds=1)
        most = 0
        claim = world.store.claim

        async def watched(limit: int, **when: int) -> Any:
            nonlocal most
            claimed = await claim(limit, **when)
            most = max(most, world.engine.in_flight + len(claimed))
            return claimed

        world.store.claim = watched
        await world.engine.run_until_idle()
        return most <= 4 * 5, len(world.runs)

    assert play(scenario, max_in_flight=5) == (True, 300)


def test_invocations_run_in_the_order_of_their_accepts(play) -> None:
    async def scenario(world) -> Any:
        order = []

        async def slow(event: bytes, _) -> None:
            order.append(int(event))
            await world.clock.wait(world.clock.now() + 1_000)

        world.function("f", slow, task_mode=False)
        for number in range(6):
            await world.invoke("f", str(number).encode())
            await world.engine.advance(10)
        await world.engine.run_until_idle()
        return order

    assert play(scenario, max_in_flight=1) == list(range(6))


def slowly(world) -> Any:
    async def slow(_: bytes, __) -> None:
        await world.clock.wait(world.clock.now() + 1_000)

    return slow


async def held_and_waiting(world) -> tuple[int, int]:
    by_status = (await world.store.stats()).by_status
    return by_status.get(Status.DEQUEUED, 0), by_status.get(Status.ENQUEUED, 0)


def test_invocations_without_a_free_slot_wait_in_the_store_and_run_in_order(play) -> None:
    async def scenario(world) -> Any:
        world.function("f", slowly(world), task_mode=False)
        for number in range(10):
            await world.invoke("f", str(number).encode())
        await world.engine.advance(0)
        shares = await held_and_waiting(world)
        await world.engine.run_until_idle()
        return shares, [int(run.attempt.payload) for run in world.runs]

    assert play(scenario, max_in_flight=2) == ((2, 8), list(range(10)))


def test_a_delayed_invocation_is_not_starved_by_new_ones(play) -> None:
    async def scenario(world) -> int:
        world.function("f", slowly(world), task_mode=False)
        await world.engine.run_until_idle()
        await world.invoke("f", b"delayed", delay_seconds=5)
        for _ in range(100):  # twice as many as can be run
            await world.invoke("f", b"at once")
            await world.engine.advance(500)
        ran = [run.at for run in world.runs if run.attempt.payload == b"delayed"]
        return ran[0] if ran else -1

    # Those accepted before it is due run first, a second each.
    assert 5_000 <= play(scenario, max_in_flight=1) <= 10_000


def test_a_node_at_its_limit_for_longer_than_a_lease_keeps_up(play) -> None:
    async def scenario(world) -> Any:
        world.function("f", slowly(world), task_mode=False)
        waiting = []
        for _ in range(100):  # as many as can be run
            await world.invoke("f", b"")
            await world.engine.advance(1_000)
            waiting.append((await held_and_waiting(world))[1])
        return max(waiting)

    assert play(scenario, max_in_flight=1) == 0


def test_an_end_gives_back_what_runs_and_what_waits(play) -> None:
    async def scenario(world) -> Any:
        world.function("f", slowly(world), task_mode=False)
        await world.engine.run_until_idle()
        for _ in range(3):
            await world.invoke("f", b"")
        await world.engine.advance(0)
        await world.engine.aclose()
        given_back = await held_and_waiting(world)
        await world.new_engine().start(world.destinations)
        await world.engine.run_until_idle()
        return given_back, await world.metric(metrics.DEQUEUED, "f")

    assert play(scenario, max_in_flight=1) == ((0, 3), 3)


def test_a_node_among_others_claims_only_what_it_can_run(play) -> None:
    class Shared(MemoryStore):
        async def changed(self) -> None:
            await asyncio.Event().wait()

    async def scenario(world) -> Any:
        world.function("f", slowly(world), task_mode=False)
        await world.engine.run_until_idle()
        for _ in range(5):
            await world.invoke("f", b"")
        await world.engine.advance(0)
        return await held_and_waiting(world)

    assert play(scenario, store=Shared(), max_in_flight=2) == (2, 3)


def test_a_claimed_invocation_survives_a_crash(play) -> None:
    async def scenario(world) -> None:
        async def slow(_: bytes, __) -> None:
            await world.clock.wait(world.clock.now() + 5_000)

        world.function("f", slow, task_mode=False)
        await world.engine.run_until_idle()
        await world.invoke("f", b"")
        await world.engine.advance(0)
        held = (await world.store.stats()).by_status.get(Status.DEQUEUED, 0)
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.wait(others)
        await world.new_engine().start(world.destinations)
        await world.engine.run_until_idle()
        assert held == 1
        assert len(world.runs) == 2
        assert await world.metric(metrics.DEQUEUED, "f") == 1

    play(scenario)


def test_metrics_agree_with_what_happened(play) -> None:
    async def scenario(world) -> Any:
        world.function("good", fine, task_mode=False)
        world.function("bad", failing, retries=2)
        await asyncio.gather(*(world.invoke(name, b"") for name in ["good"] * 30 + ["bad"] * 10))
        await world.engine.run_until_idle()
        names = (metrics.ENQUEUED, metrics.DEQUEUED, metrics.INVOCATIONS, metrics.FUNCTION_ERRORS)
        good = [await world.metric(name, "good") for name in names]
        return good, [await world.metric(name, "bad") for name in names]

    assert play(scenario) == ([30, 30, 30, 0], [10, 10, 30, 30])


def test_the_backlog_shows_what_waits_and_what_is_processed_minute_by_minute(play) -> None:
    async def scenario(world) -> Any:
        begin = world.clock.now()

        async def two_minutes(event: bytes, attempt) -> str:
            await world.clock.wait(world.clock.now() + 120_000)
            return "done"

        world.function("slow", two_minutes)
        await asyncio.gather(*(world.invoke("slow", b"") for _ in range(3)))
        await world.engine.advance(300_000 - begin % 60_000)
        start = begin - begin % 60_000
        span = Span(start, world.clock.now(), 60_000)
        samples = await world.store.metrics(
            MetricQuery(start=start, end=world.clock.now(), step_ms=60_000)
        )
        return {
            each.metric: [point.value for point in each.points]
            for each in series(samples, (), span)
        }

    found = play(scenario, max_in_flight=2)
    assert found[metrics.BACKLOG] == [1, 1]
    assert found[metrics.IN_PROCESS] == [2, 2, 1, 1]
    assert found[metrics.LATENCY_MAXIMUM] == [0, 120_000]
