# SPDX-License-Identifier: MIT
"""What the SQLite store has acknowledged outlives kill -9, at whatever moment it comes.

This proves it against the end of the process. That it holds against the end of power as well rests
on ``synchronous=FULL``, which is asserted here, and on SQLite.
"""

from __future__ import annotations

import asyncio
import random
import signal
import subprocess
import sys
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from fc_async_local.domain.invocation import DELIVERY
from fc_async_local.domain.states import Status
from fc_async_local.store.factory import Stores, open_stores
from fc_async_local.store.protocol import TaskQuery
from fc_async_local.store.sqlite.database import Database
from fc_async_tests.metrics import sums

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

CHILD = Path(__file__).with_name("accepting_child.py")


def run_until_killed(file: Path, round_: int, lines: int) -> dict[str, set[str]]:
    """Return the lines of a child that is killed some moment after so many lines."""
    child = subprocess.Popen(
        [sys.executable, CHILD, file, str(round_)], stdout=subprocess.PIPE, text=True
    )
    assert child.stdout is not None
    told: dict[str, set[str]] = defaultdict(set)
    with child:
        for number, line in enumerate(child.stdout):
            if number == lines:
                child.kill()
            # A last line may be cut: then its end is missing too, and it acknowledged nothing.
            if line.endswith("\n"):
                what, request_id = line.split()
                told[what].add(request_id)
    assert child.returncode == -signal.SIGKILL
    return told


async def look(file: Path, at: Callable[[Stores], Awaitable[None]]) -> None:
    stores = await open_stores(file)
    try:
        await at(stores)
    finally:
        await stores.aclose()


@pytest.mark.parametrize("seed", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_everything_acknowledged_is_there_after_kills_at_random_moments(
    tmp_path: Path, seed: int
) -> None:
    source = random.Random(seed)
    file = tmp_path / "fc-async.db"
    accepted: set[str] = set()
    finished: set[str] = set()
    for round_ in range(4 if seed == 1 else 20):
        told = run_until_killed(file, round_, source.randrange(1, 2_000))
        accepted |= told["accepted"]
        finished |= told["finished"]

    async def check(stores: Stores) -> None:
        await stores.store.release("child", now=0)
        waiting = await drain(stores)
        tasks = {
            task.request_id: task.status
            for task in (await stores.store.query(TaskQuery(None, limit=10**6))).invocations
        }
        jobs = await stores.store.claim_jobs(DELIVERY, 10**6, now=10**9, until=10**10, owner="me")
        delivered = {job.key for job in jobs}
        assert len(delivered) == len(jobs)
        # Accepted and not finished waits; finished is failed or forgotten, and has its delivery.
        assert accepted - finished - waiting.keys() <= delivered
        assert finished <= delivered
        assert not waiting.keys() & delivered
        assert all(payload == id_.encode() * 50 for id_, payload in waiting.items())
        assert {i for i, status in tasks.items() if status is Status.FAILED} <= delivered
        # Counted in the same transactions, so neither more nor less.
        metrics = await sums(stores.store)
        assert metrics["accepted", "resize"] == len(waiting) + len(delivered)
        assert metrics["finished", "resize"] == len(delivered)

    asyncio.run(look(file, check))


async def drain(stores: Stores) -> dict[str, bytes]:
    claimed = await stores.store.claim(10**6, now=10**9, until=10**10, owner="me")
    return {invocation.request_id: invocation.payload for invocation in claimed}


def test_commits_are_flushed_to_the_disk(tmp_path: Path) -> None:
    async def check(stores: Stores) -> None:
        assert isinstance(stores.database, Database)
        job = stores.database.write(lambda c: c.execute("PRAGMA synchronous").fetchone())
        assert await job == (2,), "FULL"
        mode = stores.database.write(lambda c: c.execute("PRAGMA journal_mode").fetchone())
        assert await mode == ("wal",)

    asyncio.run(look(tmp_path / "a.db", check))
