# SPDX-License-Identifier: MIT
"""Runners on a bench, all on the same functions."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from fc_async_local.execution.instances.runner import ProcessRunner
from fc_async_local.execution.protocol import Attempt, Deployment, FunctionRunner, RunnerLimits

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from fc_async_local.domain.invocation import Outcome

FUNCTIONS = Path(__file__).with_name("functions")


class Folder:
    async def folder(self, checksum: str) -> Path:
        if checksum != "code":
            raise LookupError(f"no code with checksum {checksum!r}")
        return FUNCTIONS


class Bench:
    """A runner and short ways to call it."""

    def __init__(self, runner: FunctionRunner) -> None:
        self.runner = runner
        self._ids = itertools.count(1)

    def attempt(
        self, handler: str, payload: bytes = b"", *, number: int = 0, **deployment
    ) -> Attempt:
        settings: dict[str, Any] = {
            "function": handler.replace(".", "-"),
            "version_id": "",
            "revision": "1",
            "runtime": "python3.10",
            "handler": handler,
            "code_checksum": "code",
            "timeout_ms": 10_000,
            "memory_mb": 512,
        }
        return Attempt(
            deployment=Deployment(**(settings | deployment)),
            request_id=f"request-{next(self._ids)}",
            payload=payload,
            number=number,
        )

    async def run(self, handler: str, payload: bytes = b"", **settings) -> Outcome:
        return await self.runner.run(self.attempt(handler, payload, **settings))


@contextlib.asynccontextmanager
async def _process_bench(**bounds) -> AsyncIterator[Bench]:
    runner = ProcessRunner(Folder(), bounds=RunnerLimits(**bounds))
    try:
        yield Bench(runner)
    finally:
        await runner.aclose()


@pytest.fixture
def bench_class() -> type[Bench]:
    """For runners that a test makes itself."""
    return Bench


@pytest.fixture
def process_bench() -> Callable[..., Any]:
    """A context manager that gives a bench with a process runner."""
    return _process_bench


@pytest.fixture
def on_bench() -> Callable[..., Any]:
    """Runs a coroutine function with a bench on a loop of its own."""

    def run(scenario: Callable[[Bench], Awaitable[Any]], **bounds) -> Any:
        async def main() -> Any:
            async with _process_bench(**bounds) as bench:
                return await asyncio.wait_for(scenario(bench), 60)

        return asyncio.run(main())

    return run
