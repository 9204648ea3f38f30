# SPDX-License-Identifier: MIT
"""Invocations that wait by the hundred thousand, and how late those are that become due."""

from __future__ import annotations

import asyncio
import time
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, NamedTuple

from fc_async_local.bootstrap.stores import SQLITE, open_stores
from fc_async_local.clock import RealClock
from fc_async_local.domain.invocation import Invocation, Outcome
from fc_async_local.engine.engine import Engine
from fc_async_local.engine.ports import Registry
from fc_async_local.execution.instances.runner import ProcessRunner
from fc_async_local.execution.protocol import Attempt, Deployment
from fc_async_local.settings import Settings

if TYPE_CHECKING:
    from pathlib import Path

    from fc_async_local.store.protocol import Store

PENDING, DUE, DUE_SECONDS = 100_000, 1_000, 8
FAR_MS = 3_599_000
AT_ONCE = 5_000
SOURCE = """
import time

def handler(event, context):
    return str(time.time() * 1000 - float(event))
"""


def waiting(name: str, now: int, due_at: int, payload: bytes) -> Invocation:
    return Invocation(
        request_id=f"1-{name}",
        task_id=name,
        function="noop",
        qualifier="LATEST",
        payload=payload,
        accepted_at=now,
        due_at=due_at,
        task_mode=False,
    )


async def fill(folder: Path, number: int, body: bytes) -> None:
    """Put delayed invocations into a database, as accept would."""
    async with AsyncExitStack() as closing:
        clock = RealClock()
        store = (await open_stores(SQLITE, folder, clock, closing)).store
        now = clock.now()
        for first in range(0, number, AT_ONCE):
            each = range(first, min(first + AT_ONCE, number))
            await asyncio.gather(
                *(store.accept(waiting(f"w{n}", now, now + FAR_MS + n, body)) for n in each)
            )


class Code:
    """One folder of code, whatever is asked for."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        (folder / "index.py").write_text(SOURCE, encoding="ascii")

    async def folder(self, _: str) -> Path:
        return self._folder


class Watched(ProcessRunner):
    """Notes what the function says about how late it was called."""

    def __init__(self, code: Code) -> None:
        super().__init__(code)
        self.late: list[float] = []

    async def run(self, attempt: Attempt) -> Outcome:
        outcome = await super().run(attempt)
        self.late.append(float(outcome.payload))
        return outcome


class Functions(Registry):
    """One function, not configured."""

    async def deployment(self, function: str, qualifier: str, *, roll: float) -> Deployment:
        del qualifier, roll
        return Deployment(
            function=function,
            version_id="",
            revision="1",
            runtime="python3.10",
            handler="index.handler",
            code_checksum="1",
            timeout_ms=3_000,
            memory_mb=512,
            instance_concurrency=20,
        )

    async def pause(self, *_: str, known: bool = False) -> None:
        """No function is paused."""

    async def async_config(self, *_: str) -> None:
        return None


async def put_due(store: Store, now: int, first: int) -> None:
    """Some that warm the workers up, then one for each moment that is measured."""
    step = 1_000 // DUE
    offsets = [*range(-1_500, 0, 10), *range(0, DUE_SECONDS * 1_000, step)]
    await asyncio.gather(
        *(store.accept(waiting(f"d{n}", now, first + n, str(first + n).encode())) for n in offsets)
    )


class Lateness(NamedTuple):
    """When the handlers began, in milliseconds after the due time."""

    started: int
    p50: float
    p99: float
    most: float
    early: int
    cpu: float

    def __str__(self) -> str:
        return (
            f"{self.started} of {DUE * DUE_SECONDS} started; late p50 {self.p50:.1f} ms, "
            f"p99 {self.p99:.1f} ms, most {self.most:.1f} ms, early {self.early}, "
            f"CPU {self.cpu:.0%}"
        )


async def lateness(folder: Path, body: bytes) -> Lateness:
    """Warm workers tell how late they were called; the rest of the delays just lie there."""
    await fill(folder, PENDING - DUE * DUE_SECONDS, body)
    async with AsyncExitStack() as closing:
        clock, runner = RealClock(), Watched(Code(folder))
        store = (await open_stores(SQLITE, folder, clock, closing)).store
        closing.push_async_callback(runner.aclose)
        engine = Engine(
            store=store,
            registry=Functions(),
            runner=runner,
            clock=clock,
            settings=Settings(),
        )
        first = clock.now() + 4_000
        await put_due(store, clock.now(), first)
        await engine.start({})
        closing.push_async_callback(engine.aclose)
        await clock.wait(first)
        before = time.process_time()
        runner.late.clear()
        await clock.wait(first + DUE_SECONDS * 1_000 + 500)
        share = (time.process_time() - before) / DUE_SECONDS
    late = sorted(runner.late)
    number = len(late)
    return Lateness(
        started=number,
        p50=late[number // 2],
        p99=late[int(number * 0.99)],
        most=late[-1],
        early=sum(lateness < 0 for lateness in late),
        cpu=share,
    )
