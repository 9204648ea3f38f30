# SPDX-License-Identifier: MIT
"""What is taken in and what is refused, and that nothing is promised before it is kept."""

from __future__ import annotations

import asyncio
import random
import re
from typing import Any

import pytest

from fc_async_local.domain.errors import Rejected
from fc_async_local.domain.invocation import InvokeRequest, Outcome, OutcomeKind
from fc_async_local.domain.states import Status
from fc_async_local.engine.accepting import new_request_id
from fc_async_local.engine.ports import Accepted
from fc_async_local.store.memory import MemoryStore
from fc_async_local.store.protocol import StoreUnavailable
from fc_async_tests.handlers import fine


def refusal(play, function: str = "f", payload: bytes = b"", **arguments) -> Rejected:
    async def scenario(world) -> Rejected:
        world.function("f", fine)
        with pytest.raises(Rejected) as caught:
            await world.invoke(function, payload, **arguments)
        await world.engine.run_until_idle()
        assert world.runs == []
        return caught.value

    result: Rejected = play(scenario)
    return result


def test_request_ids_look_like_the_services() -> None:
    made = new_request_id(0x670648A1 * 1_000, random.Random(7))
    assert re.fullmatch(r"1-670648a1-[0-9a-f]{8}-[0-9a-f]{12}", made)


@pytest.mark.parametrize("delay", [-1, 3_600, 86_400, True, 1.5])
def test_a_delay_outside_the_open_interval_is_refused(play, delay) -> None:
    refused = refusal(play, delay_seconds=delay)
    assert (refused.status, refused.code) == (400, "InvalidArgument")
    assert repr(delay) in refused.message


@pytest.mark.parametrize("task_id", ["1abc", "a b", "-a", "a" * 129, "ü"])
def test_a_malformed_task_id_is_refused(play, task_id: str) -> None:
    refused = refusal(play, task_id=task_id)
    assert (refused.status, refused.code) == (400, "InvalidArgument")


def test_a_payload_over_the_limit_is_refused(play) -> None:
    refused = refusal(play, payload=b"x" * (128 * 1024 + 1))
    assert (refused.status, refused.code) == (400, "EntityTooLarge")


def test_an_unknown_function_is_refused(play) -> None:
    refused = refusal(play, function="g")
    assert (refused.status, refused.code) == (404, "FunctionNotFound")


def test_a_payload_of_exactly_the_limit_is_taken(play) -> None:
    async def scenario(world) -> int:
        world.function("f", fine)
        await world.invoke("f", b"x" * 128 * 1024)
        await world.engine.run_until_idle()
        return len(world.runs[0].attempt.payload)

    assert play(scenario) == 128 * 1024


def test_a_task_without_an_id_gets_the_request_id(play) -> None:
    async def scenario(world) -> Any:
        world.function("f", fine)
        own = await world.invoke("f", b"")
        given = await world.invoke("f", b"", request_id="mine")
        return own.task_id == own.request_id, given

    assert play(scenario) == (True, Accepted("mine", "mine"))


def test_a_duplicate_task_id_is_refused_and_leaves_the_first_alone(play) -> None:
    async def scenario(world) -> None:
        world.function("f", fine)
        world.function("g", fine)
        await world.invoke("f", b"1", task_id="t")
        with pytest.raises(Rejected) as caught:
            await world.invoke("f", b"2", task_id="t")
        await world.invoke("g", b"3", task_id="t")
        await world.engine.run_until_idle()
        assert caught.value.status == 409
        assert caught.value.code == "AsyncTaskAlreadyExists"
        assert [run.attempt.payload for run in world.runs] == [b"1", b"3"]

    play(scenario)


def test_a_finished_task_id_stays_taken_until_it_is_forgotten(play) -> None:
    async def scenario(world) -> Any:
        world.function("f", fine)
        await world.invoke("f", b"", task_id="t")
        await world.engine.advance(6 * 86_400_000)
        with pytest.raises(Rejected):
            await world.invoke("f", b"", task_id="t")
        await world.engine.advance(2 * 86_400_000)
        await world.invoke("f", b"", task_id="t")
        await world.engine.run_until_idle()
        return len(world.runs)

    assert play(scenario) == 2


def test_a_full_queue_answers_429_with_a_time_and_takes_again_when_it_is_shorter(
    play,
) -> None:
    async def scenario(world) -> Any:
        world.function("f", fine)
        for _ in range(3):
            await world.invoke("f", b"", delay_seconds=60)
        with pytest.raises(Rejected) as caught:
            await world.invoke("f", b"")
        await world.engine.run_until_idle()
        await world.invoke("f", b"")
        return caught.value.status, caught.value.retry_after

    assert play(scenario, queue_limit=3) == (429, 1)


def test_a_delay_beyond_the_age_is_taken_with_a_warning(play, caplog) -> None:
    async def scenario(world) -> None:
        world.function("f", fine, age=10)
        await world.invoke("f", b"", delay_seconds=10)

    play(scenario)
    assert "will expire before it runs" in caplog.text


class Flaky(MemoryStore):
    """A memory store that is unavailable while ``away`` is true."""

    away = False

    def _check(self) -> None:
        if self.away:
            raise StoreUnavailable("disk full")

    async def accept(self, *args, **kwargs) -> None:
        self._check()
        await super().accept(*args, **kwargs)

    async def claim(self, *args, **kwargs) -> Any:
        self._check()
        return await super().claim(*args, **kwargs)

    async def start(self, *args, **kwargs) -> Any:
        self._check()
        return await super().start(*args, **kwargs)

    async def settle(self, *args, **kwargs) -> Any:
        self._check()
        return await super().settle(*args, **kwargs)

    async def extend(self, *args, **kwargs) -> Any:
        self._check()
        return await super().extend(*args, **kwargs)

    async def next_due(self) -> int | None:
        self._check()
        return await super().next_due()

    async def stop(self, *args, **kwargs) -> Any:
        self._check()
        return await super().stop(*args, **kwargs)


def test_nothing_is_accepted_while_the_store_is_away(play) -> None:
    store = Flaky()

    async def scenario(world) -> Any:
        world.function("f", fine)
        store.away = True
        refused = []
        for call in (
            world.invoke("f", b""),
            world.engine.stop_task("f", "t"),
        ):
            with pytest.raises(Rejected) as caught:
                await call
            refused.append((caught.value.status, caught.value.retry_after))
        store.away = False
        await world.engine.run_until_idle()
        return refused, world.runs

    assert play(scenario, store) == ([(503, 1), (503, 1)], [])


def test_an_outcome_waits_for_the_store_to_come_back(play) -> None:
    store = Flaky()

    async def scenario(world) -> Any:
        def breaks_the_store(event: bytes, _) -> bytes:
            store.away = True
            return b"kept"

        world.function("f", breaks_the_store)
        await world.invoke("f", b"", task_id="t")
        await world.engine.advance(20_000)
        store.away = False
        await world.engine.run_until_idle()
        return len(world.runs), (await world.task("f", "t")).invocation.return_payload

    assert play(scenario, store) == (1, b"kept")


def test_an_invocation_that_runs_through_an_outage_is_not_accepted_twice(play) -> None:
    store = Flaky()

    async def scenario(world) -> Any:
        async def slow(_: bytes, __) -> None:
            await world.clock.wait(world.clock.now() + 100_000)

        world.function("f", slow)
        await world.invoke("f", b"", task_id="t")
        await world.engine.advance(1_000)
        store.away = True
        await world.engine.advance(60_000)  # the lease is 30 s long
        store.away = False
        await world.engine.run_until_idle()
        return world.times, await world.status("f", "t")

    assert play(scenario, store) == ([0], Status.SUCCEEDED)


def test_the_dispatcher_outlives_an_outage(play, caplog) -> None:
    store = Flaky()

    async def scenario(world) -> Any:
        world.function("f", fine)
        await world.invoke("f", b"", delay_seconds=10)
        await world.engine.advance(1_000)
        store.away = True
        await world.engine.advance(60_000)
        before = len(world.runs)
        store.away = False
        await world.engine.advance(10_000)
        return before, len(world.runs)

    assert play(scenario, store) == (0, 1)
    assert "invocations: unavailable (disk full)" in caplog.text


def test_request_ids_sort_by_time() -> None:
    source = random.Random(7)
    moments = [1_700_000_000_000 + ms for ms in (0, 1, 499, 999, 1_000, 1_001)]
    made = [new_request_id(now, source) for now in moments]
    assert made == sorted(made)


def test_a_synchronous_call_is_answered_with_what_the_function_returned(play) -> None:
    async def scenario(world) -> Any:
        world.function("f", lambda event, _: event[::-1])
        answered = await world.engine.invoke_sync(InvokeRequest("f", b"abc"))
        return answered.outcome.payload, answered.request_id == world.runs[0].attempt.request_id

    assert play(scenario) == (b"cba", True)


def test_a_failing_function_is_an_answer_and_is_not_retried(play) -> None:
    async def scenario(world) -> Any:
        def failing(_: bytes, __) -> None:
            raise ValueError("boom")

        world.function("f", failing)
        answered = await world.engine.invoke_sync(InvokeRequest("f", b""))
        await world.engine.run_until_idle()
        return answered.outcome.error_type, len(world.runs)

    assert play(scenario) == ("UnhandledInvocationError", 1)


@pytest.mark.parametrize(
    ("kind", "status", "code"),
    [
        (OutcomeKind.THROTTLED, 429, "ResourceExhausted"),
        (OutcomeKind.RESOURCE_EXHAUSTED, 503, "ResourceExhausted"),
        (OutcomeKind.SYSTEM_ERROR, 500, "InternalServerError"),
    ],
)
def test_a_synchronous_call_that_could_not_run_is_refused(
    play, kind: OutcomeKind, status: int, code: str
) -> None:
    async def scenario(world) -> Any:
        world.function("f", lambda _, __: Outcome(kind=kind))
        with pytest.raises(Rejected) as caught:
            await world.engine.invoke_sync(InvokeRequest("f", b""))
        return caught.value.status, caught.value.code

    assert play(scenario) == (status, code)


def test_a_synchronous_call_of_an_unknown_function_is_refused(play) -> None:
    async def scenario(world) -> Any:
        with pytest.raises(Rejected) as caught:
            await world.engine.invoke_sync(InvokeRequest("f", b""))
        return caught.value.code

    assert play(scenario) == "FunctionNotFound"


def test_a_function_that_takes_too_long_fails_at_its_limit(play) -> None:
    async def scenario(world) -> Any:
        async def slow(_: bytes, __) -> None:
            await world.clock.wait(world.clock.now() + 10_000)

        world.function("f", slow, timeout_ms=3_000)
        call = asyncio.ensure_future(world.engine.invoke_sync(InvokeRequest("f", b"")))
        await world.engine.advance(5_000)
        answered = await call
        return answered.outcome.error_type, answered.outcome.duration_ms

    assert play(scenario) == ("InvocationError", 3_000)
