# SPDX-License-Identifier: MIT
"""A long queue on disk: what is due runs at once, accepting stays flat, memory too."""

from __future__ import annotations

import asyncio
import tracemalloc
from typing import TYPE_CHECKING

import pytest

from fc_async_local.clock import VirtualClock
from fc_async_local.domain.invocation import Invocation, InvokeRequest
from fc_async_local.engine.engine import Engine
from fc_async_local.engine.ports import Registry
from fc_async_local.execution.instances.inprocess import InProcessRunner
from fc_async_local.settings import Settings
from fc_async_local.store.sqlite.database import Database
from fc_async_local.store.sqlite.store import SCHEMA, SqliteStore
from fc_async_tests import deployments

if TYPE_CHECKING:
    from pathlib import Path

    from fc_async_local.execution.protocol import Deployment

WAITING = 20_000
AT_ONCE = 5_000
DAY = 86_400_000


class Functions(Registry):
    async def deployment(self, function: str, qualifier: str, *, roll: float) -> Deployment:
        return deployments.deployment(function)

    async def async_config(self, function: str, qualifier: str) -> None:
        return None

    async def pause(self, function: str, *, known: bool = False) -> None:
        return None


async def fill(store: SqliteStore, now: int) -> None:
    for first in range(0, WAITING, AT_ONCE):
        await asyncio.gather(
            *(
                store.accept(
                    Invocation(
                        request_id=f"1-{n}",
                        task_id=f"t{n}",
                        function="f",
                        qualifier="LATEST",
                        payload=b"x" * 1_024,
                        accepted_at=now,
                        due_at=now + DAY // 2 + n // 100,
                        task_mode=False,
                    )
                )
                for n in range(first, first + AT_ONCE)
            )
        )


@pytest.mark.slow
def test_twenty_thousand_waiting_neither_delay_nor_bloat_anything(tmp_path: Path) -> None:
    async def scenario() -> tuple[int, int, int, int]:
        clock, runs = VirtualClock(), 0

        def handler(_: bytes, __) -> bytes:
            nonlocal runs
            runs += 1
            return b""

        database = await Database.open(tmp_path / "queue.db", SCHEMA)
        store = await SqliteStore.open(database)
        await fill(store, clock.now())
        engine = Engine(
            store=store,
            registry=Functions(),
            runner=InProcessRunner({"f": handler}, clock),
            clock=clock,
            settings=Settings(),
        )
        tracemalloc.start()
        await engine.start({})
        for _ in range(20):
            await engine.invoke_async(InvokeRequest("f", b""))
        await clock.quiet()
        at_once, most = runs, tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        passed = await engine.run_until_idle()
        left = sum((await store.stats()).by_status.values())
        await engine.aclose()
        await database.aclose()
        assert DAY // 2 <= passed < DAY // 2 + 1_000
        return at_once, most // 1_000_000, runs, left

    at_once, most_mb, runs, left = asyncio.run(scenario())
    assert at_once == 20
    assert most_mb < 20
    assert (runs, left) == (WAITING + 20, 0)
