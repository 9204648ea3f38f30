# SPDX-License-Identifier: MIT
"""Rare cases: several nodes, races with a stop, destinations without an adapter, faults."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import pytest

from fc_async_local.clock import RealClock
from fc_async_local.domain.errors import Rejected
from fc_async_local.domain.invocation import InvokeRequest
from fc_async_local.domain.states import Status
from fc_async_local.engine.engine import Engine
from fc_async_local.execution.instances.inprocess import InProcessRunner
from fc_async_local.store.memory import MemoryStore
from fc_async_local.store.protocol import StoreUnavailable
from fc_async_local.wakeups import Channel, Wakeups
from fc_async_tests.channels import LostHints, MemoryChannel
from fc_async_tests.handlers import HOUR, QUEUE, fine

TOPIC = "acs:mns:::/topics/t/messages"


def test_a_lease_that_another_node_took_is_noticed_and_the_attempt_is_broken_off(
    play, caplog
) -> None:
    async def scenario(world) -> Any:
        async def slow(_: bytes, __) -> None:
            await world.clock.wait(world.clock.now() + HOUR)

        world.function("f", slow)
        await world.invoke("f", b"", task_id="t")
        await world.engine.advance(1_000)
        # As after a pause of this node that was longer than its lease.
        far = world.clock.now() + HOUR
        await world.store.claim(1, now=far, until=far + HOUR, owner="other")
        await world.engine.advance(20_000)
        return world.engine.in_flight, await world.status("f", "t")

    assert play(scenario) == (0, Status.DEQUEUED)
    assert "its outcome is dropped" in caplog.text


def test_a_stop_that_another_node_was_asked_for_reaches_the_one_that_runs_it(play) -> None:
    async def scenario(world) -> Any:
        async def slow(_: bytes, __) -> None:
            await world.clock.wait(world.clock.now() + HOUR)

        world.function("f", slow)
        await world.invoke("f", b"", task_id="t")
        await world.engine.advance(1_000)
        now = world.clock.now()
        await world.store.stop("f", "t", now=now, until=now + HOUR, owner="other")
        passed = await world.engine.run_until_idle()
        return passed <= 10_000, await world.status("f", "t")

    assert play(scenario) == (True, Status.STOPPED)


def test_a_stop_between_claim_and_start_keeps_it_from_running(play) -> None:
    class Hasty(MemoryStore):
        async def start(self, lease, *, now: int, instance_id: str = "") -> Any:
            await self.stop("f", "t", now=now, until=now + 1, owner="other")
            return await super().start(lease, now=now, instance_id=instance_id)

    async def scenario(world) -> Any:
        world.function("f", fine)
        await world.invoke("f", b"", task_id="t")
        await world.engine.run_until_idle()
        return world.runs, await world.status("f", "t")

    assert play(scenario, Hasty()) == ([], Status.STOPPED)


def test_an_event_for_a_destination_kind_without_adapter_is_dead(play) -> None:
    async def scenario(world) -> Any:
        world.function("f", fine, success=TOPIC)
        await world.invoke("f", b"")
        await world.engine.run_until_idle()
        (dead,) = await world.store.dead_jobs()
        return dead.error

    assert "this runtime has no destination 'mns-topic'" in play(scenario)


def test_more_events_than_are_delivered_at_a_time_all_arrive(play) -> None:
    async def scenario(world) -> Any:
        world.function("f", fine, success=QUEUE, task_mode=False)
        await asyncio.gather(*(world.invoke("f", b"") for _ in range(200)))
        await world.engine.run_until_idle()
        return len({event.delivery.request_id for event in world.queue.got})

    assert play(scenario, max_in_flight=300) == 200


@pytest.mark.parametrize(
    ("verb", "call"),
    [
        ("make_due", lambda engine: engine.make_due("f", "t")),
        ("redrive", lambda engine: engine.redrive("1-aa")),
    ],
)
def test_verbs_of_the_console_say_that_the_store_is_away(play, verb: str, call) -> None:
    async def scenario(world) -> Any:
        async def away(*_, **__) -> bool:
            raise StoreUnavailable("disk full")

        setattr(world.store, verb, away)
        with pytest.raises(Rejected) as caught:
            await call(world.engine)
        return caught.value.status

    assert play(scenario) == 503


def test_only_virtual_time_can_be_moved(play) -> None:
    async def scenario(world) -> None:
        real = world.new_engine(clock=RealClock())
        with pytest.raises(TypeError, match="--clock virtual"):
            await real.advance(1)

    play(scenario)


def test_waiting_for_idleness_has_an_end(play) -> None:
    async def scenario(world) -> None:
        world.function("f", fine)
        await world.invoke("f", b"", delay_seconds=60)
        with pytest.raises(TimeoutError, match="not idle after 1000 ms"):
            await world.engine.run_until_idle(limit_ms=1_000)

    play(scenario)


async def accept_elsewhere(world, channel: Channel) -> None:
    elsewhere = Engine(
        store=world.store,
        registry=world.registry,
        runner=InProcessRunner({}, world.clock),
        clock=world.clock,
        settings=world.settings,
        node_id="elsewhere",
        wakeups=Wakeups(world.clock, channel),
    )
    await elsewhere.invoke_async(InvokeRequest("f", b""))


async def restart(world, channel: Channel) -> None:
    """Begin again, as a node among others."""
    await world.engine.aclose()
    engine = world.new_engine(wakeups=Wakeups(world.clock, channel))
    await engine.start(world.destinations)


def test_an_invocation_accepted_by_another_node_runs_on_its_notification(play) -> None:
    async def scenario(world) -> Any:
        here, there = MemoryChannel.pair()
        await restart(world, here)
        world.function("f", fine)
        await world.engine.advance(1_000)
        await accept_elsewhere(world, there)
        await world.clock.quiet()
        return world.times

    assert play(scenario) == [1_000]


def test_an_invocation_accepted_by_another_node_runs_though_the_notification_was_lost(
    play,
) -> None:
    async def scenario(world) -> Any:
        await restart(world, LostHints())
        world.function("f", fine)
        await world.engine.advance(1_000)
        await accept_elsewhere(world, LostHints())
        await world.engine.advance(30_000)
        return world.times

    assert play(scenario) == [30_000]


def test_a_store_that_is_away_does_not_keep_the_engine_from_ending(play, caplog) -> None:
    async def scenario(world) -> None:
        async def away(*_, **__) -> int:
            raise StoreUnavailable("disk full")

        world.store.release = away

    play(scenario)
    assert "its leases will end" in caplog.text


def test_each_attempt_and_each_delivery_is_logged_in_one_line(play, caplog) -> None:
    def fails_once(_: bytes, attempt) -> str:
        if attempt.number == 0:
            raise ValueError("boom")
        return "done"

    async def scenario(world) -> str:
        world.function("f", fails_once, success=QUEUE)
        accepted = await world.invoke("f", b"")
        await world.engine.run_until_idle()
        request_id: str = accepted.request_id
        return request_id

    caplog.set_level(logging.INFO)
    request_id = play(scenario)
    told = [r.getMessage() for r in caplog.records if getattr(r, "request_id", "") == request_id]
    assert [line.split(" -> ")[0].split(": ")[1] for line in told] == [
        "attempt 1 function error",
        "attempt 2 success",
        "success event to acs:mns:cn-hangzhou:1234567890123456:/queues/q/messages, try 1",
    ]


def test_each_attempt_is_logged_with_the_fields_of_the_services_request_metrics(
    play, caplog
) -> None:
    async def fails_once(_: bytes, attempt) -> str:
        await world_clock[0].wait(world_clock[0].now() + 250)
        if attempt.number == 0:
            raise ValueError("boom")
        return "done"

    world_clock: list[Any] = []

    async def scenario(world) -> None:
        world_clock.append(world.clock)
        world.function("f", fails_once)
        await world.invoke("f", b"")
        await world.engine.run_until_idle()

    caplog.set_level(logging.INFO)
    play(scenario)
    logged = [vars(record) for record in caplog.records if "retryCount" in vars(record)]
    shown = ("retryCount", "hasFunctionError", "asyncMode", "asyncAttemptLatencyMs")
    assert [[each[name] for name in shown] for each in logged] == [
        [0, True, "Stateful", 250],
        [1, False, "Stateful", 250],
    ]


def test_a_function_without_a_handler_fails_as_the_service_says(play) -> None:
    async def scenario(world) -> Any:
        world.function("f", fine)
        del world.handlers["f"]
        answered = await world.engine.invoke_sync(InvokeRequest("f", b""))
        return answered.outcome.error_type, b"HandlerNotFound" in answered.outcome.payload

    assert play(scenario) == ("UnhandledInvocationError", True)
