# SPDX-License-Identifier: MIT
"""A process runner on functions that are written by the test."""

from __future__ import annotations

import asyncio
import itertools
import textwrap
from typing import TYPE_CHECKING, Any, TypeVar

import psutil
import pytest

from fc_async_local.execution.instances.runner import ProcessRunner
from fc_async_local.execution.protocol import Attempt, Deployment, RunnerLimits

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    from fc_async_local.domain.invocation import Outcome


T = TypeVar("T")


async def until(condition: Callable[[], T]) -> T:
    """Wait for something that only other processes can bring about."""
    while not (value := condition()):  # noqa: ASYNC110 -- processes set no events
        await asyncio.sleep(0.01)
    return value


def lives(process: psutil.Process) -> bool:
    """Whether a process exists and is more than an entry in the process table."""
    try:
        alive: bool = process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
    return alive


class Workshop:
    """Functions in a folder, and a runner for them."""

    def __init__(self, folder: Path) -> None:
        self.path = folder
        self._ids = itertools.count(1)
        self.runner: ProcessRunner
        self.options: dict[str, Any] = {}
        self._of_others = set(psutil.Process().children(recursive=True))

    def processes(self, *, recursive: bool = True) -> list[psutil.Process]:
        """The children of this process, without those that earlier tests left."""
        found = psutil.Process().children(recursive=recursive)
        return [process for process in found if process not in self._of_others]

    async def folder(self, checksum: str) -> Path:
        if not (self.path / checksum).is_dir():
            raise LookupError(f"no code with checksum {checksum!r}")
        return self.path / checksum

    def write(self, source: str, *, code: str = "code", name: str = "index.py") -> None:
        (self.path / code).mkdir(exist_ok=True)
        (self.path / code / name).write_text(textwrap.dedent(source))

    def attempt(self, payload: bytes = b"", **deployment) -> Attempt:
        settings: dict[str, Any] = {
            "function": "f",
            "version_id": "",
            "revision": "1",
            "runtime": "python3.10",
            "handler": "index.handler",
            "code_checksum": "code",
            "timeout_ms": 20_000,
            "memory_mb": 512,
        }
        return Attempt(
            deployment=Deployment(**(settings | deployment)),
            request_id=f"request-{next(self._ids)}",
            payload=payload,
        )

    async def run(self, payload: bytes = b"", **deployment) -> Outcome:
        return await self.runner.run(self.attempt(payload, **deployment))

    until = staticmethod(until)

    async def family(self, instances: int) -> list[psutil.Process]:
        """The fork server, keepers and instances, once there are that many instances."""
        await until(lambda: len(self.processes()) >= 1 + 2 * instances)
        return self.processes()

    @staticmethod
    async def ended(processes: list[psutil.Process]) -> bool:
        """True once none of them runs; init may not reap zombies that it inherited."""
        return await until(lambda: not any(map(lives, processes)))

    def play(self, scenario: Callable[[], Awaitable[Any]], **bounds) -> Any:
        """Run a scenario on a loop of its own, with a runner that is closed afterwards."""

        async def main() -> Any:
            self.runner = ProcessRunner(self, bounds=RunnerLimits(**bounds), **self.options)
            try:
                return await asyncio.wait_for(scenario(), 60)
            finally:
                await self.runner.aclose()

        return asyncio.run(main())

    def once(self, source: str, payload: bytes = b"", **deployment) -> Outcome:
        """Write a function and run it once."""
        self.write(source)
        result: Outcome = self.play(lambda: self.run(payload, **deployment))
        return result


@pytest.fixture
def workshop(tmp_path: Path) -> Workshop:
    return Workshop(tmp_path)
