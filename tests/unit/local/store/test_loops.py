# SPDX-License-Identifier: MIT
"""Loops over a store continue after errors."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from fc_async_local.clock import VirtualClock
from fc_async_local.store.loops import Loop
from fc_async_local.wakeups import Wakeups

if TYPE_CHECKING:
    import pytest


def test_a_loop_goes_on_after_a_step_that_failed(caplog: pytest.LogCaptureFixture) -> None:
    async def scenario() -> list[int]:
        clock = VirtualClock(0)
        steps: list[int] = []

        async def step() -> int | None:
            steps.append(clock.now())
            if len(steps) < 3:
                raise ValueError("a fault of ours")
            return None

        loop = Loop("test", Wakeups(clock), step)
        loop.start()
        await clock.advance(1_000)
        await loop.aclose()
        return steps

    assert asyncio.run(scenario()) == [0, 100, 300]
    assert "test: failed unexpectedly; retrying in 100 ms" in caplog.text
    assert "ValueError: a fault of ours" in caplog.text
