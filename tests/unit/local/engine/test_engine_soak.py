# SPDX-License-Identifier: MIT
"""Memory does not grow over hours of virtual time."""

from __future__ import annotations

import gc
import tracemalloc

import pytest

from fc_async_tests.handlers import QUEUE

HOUR_SECONDS = 3_600


@pytest.mark.slow
def test_memory_stays_flat_over_two_hours(play) -> None:
    async def scenario(world) -> list[int]:
        def fails_now_and_then(event: bytes, attempt) -> bytes:
            if int(event) % 7 == 0 and attempt.number == 0:
                raise ValueError("boom")
            return event

        world.function("f", fails_now_and_then, success=QUEUE, task_mode=False)
        sizes = []
        for _ in range(2):
            for second in range(HOUR_SECONDS // 2):
                await world.invoke("f", str(second).encode())
                await world.engine.advance(2_000)
            assert world.engine.in_flight == 0
            world.runs.clear()
            world.queue.got.clear()
            gc.collect()
            sizes.append(tracemalloc.get_traced_memory()[0])
        return sizes

    tracemalloc.start()
    try:
        after_one_hour, after_two_hours = play(scenario, remembered_bytes=500_000)
    finally:
        tracemalloc.stop()
    # A minute's metrics are all that an hour adds.
    assert after_two_hours - after_one_hour < 200_000
