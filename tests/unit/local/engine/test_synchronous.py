# SPDX-License-Identifier: MIT
"""Synchronous calls: once, now, answered or refused."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from fc_async_local.domain.errors import Rejected
from fc_async_local.domain.invocation import InvokeRequest, Outcome, OutcomeKind


def test_a_synchronous_call_is_answered_with_what_the_function_returned(play: Any) -> None:
    async def scenario(world: Any) -> Any:
        world.function("f", lambda event, _: event[::-1])
        answered = await world.engine.invoke_sync(InvokeRequest("f", b"abc"))
        return answered.outcome.payload, answered.request_id == world.runs[0].attempt.request_id

    assert play(scenario) == (b"cba", True)


def test_a_failing_function_is_an_answer_and_is_not_retried(play: Any) -> None:
    async def scenario(world: Any) -> Any:
        def failing(_: bytes, __: Any) -> None:
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
    play: Any, kind: OutcomeKind, status: int, code: str
) -> None:
    async def scenario(world: Any) -> Any:
        world.function("f", lambda _, __: Outcome(kind=kind))
        with pytest.raises(Rejected) as caught:
            await world.engine.invoke_sync(InvokeRequest("f", b""))
        return caught.value.status, caught.value.code

    assert play(scenario) == (status, code)


def test_an_unknown_function_is_refused(play: Any) -> None:
    async def scenario(world: Any) -> Any:
        with pytest.raises(Rejected) as caught:
            await world.engine.invoke_sync(InvokeRequest("f", b""))
        return caught.value.code

    assert play(scenario) == "FunctionNotFound"


def test_a_function_that_takes_too_long_fails_at_its_limit(play: Any) -> None:
    async def scenario(world: Any) -> Any:
        async def slow(_: bytes, __: Any) -> None:
            await world.clock.wait(world.clock.now() + 10_000)

        world.function("f", slow, timeout_ms=3_000)
        call = asyncio.ensure_future(world.engine.invoke_sync(InvokeRequest("f", b"")))
        await world.engine.advance(5_000)
        answered = await call
        return answered.outcome.error_type, answered.outcome.duration_ms

    assert play(scenario) == ("UnhandledInvocationError", 3_000)
