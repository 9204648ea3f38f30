# SPDX-License-Identifier: MIT
"""The container engine of a runtime: found when the first image starts, asked again after a loss.

The client of the engine is imported then, too: most runtimes run no image.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from fc_async_local.execution.containers import finding
from fc_async_local.execution.containers.runs import Run, sweep
from fc_async_local.execution.protocol import CannotRun

if TYPE_CHECKING:
    from fc_async_local.execution.containers.engine import Engine

NO_ENGINE: Final = "no container engine answers: start Docker or podman"
_NO_CLIENT: Final = "images need the package aiodocker, which the extra 'local' installs"
_LOCAL: Final = frozenset({"localhost", "127.0.0.1", "::1"})
_MOST_STARTS: Final = 8
_TRIES: Final = 100
_TRY_SECONDS: Final = 0.1


class Engines:
    """Finds the engine. Belongs to one event loop; close it with ``aclose``.

    Args:
        records: The folder for records of runs; None: a temporary one.

    Attributes:
        starts: Held while a container starts: a burst of calls must not stop the machine.
    """

    def __init__(self, records: Path | None) -> None:
        self.starts = asyncio.Semaphore(_MOST_STARTS)
        self._records = records
        self._engine: Engine | None = None
        self._run: Run | None = None
        self._temporary: tempfile.TemporaryDirectory[str] | None = None
        self._finding = asyncio.Lock()
        self._sweeping: asyncio.Task[None] | None = None

    @property
    def run_id(self) -> str:
        """Return the value of the label of all containers; an engine must have been found."""
        assert self._run is not None, "no engine yet"
        return self._run.id

    def guest_folder(self) -> Path:
        """Return a folder for files that containers read; it exists until the end."""
        folder = self._folder() / "guest"
        folder.mkdir(exist_ok=True)
        return folder

    async def find(self) -> Engine:
        """Return the engine.

        Raises:
            CannotRun: None answers, or it is not on this machine.
        """
        async with self._finding:
            if self._engine is not None and not await self._engine.answers():
                # Docker was started anew; what it ran has ended.
                await self._leave()
            if self._engine is None:
                self._engine = await self._find()
            return self._engine

    def sweep(self) -> None:
        """Begin to remove what an earlier run left behind, if there was one."""
        if self._records is not None and self._records.is_dir():
            self._sweeping = asyncio.ensure_future(sweep(self._records))

    async def aclose(self) -> None:
        """Finish removals, and let the reaper end."""
        if self._sweeping is not None:
            await asyncio.wait({self._sweeping})
        await self._leave()
        if self._temporary is not None:
            await asyncio.to_thread(self._temporary.cleanup)

    async def _leave(self) -> None:
        engine, self._engine = self._engine, None
        run, self._run = self._run, None
        if engine is not None:
            await engine.aclose()
        if run is not None:
            await run.end()

    async def _find(self) -> Engine:
        try:
            from fc_async_local.execution.containers.engine import Engine  # noqa: PLC0415 -- see above
        except ImportError:
            raise CannotRun(_NO_CLIENT) from None
        for address in finding.addresses(os.environ, Path.home()):
            if not _is_here(address):
                raise CannotRun(f"{address} is not an engine of this machine, where images run")
            engine = await Engine.connect(address)
            if engine is not None:
                await self._begin(address)
                return engine
        podman = "" if os.environ.get("DOCKER_HOST") else shutil.which("podman")
        if podman:
            address = f"unix://{self._folder() / 'podman.sock'}"
            await self._begin(address, podman)
            for _ in range(_TRIES):
                engine = await Engine.connect(address)
                if engine is not None:
                    return engine
                await asyncio.sleep(_TRY_SECONDS)
        raise CannotRun(NO_ENGINE)

    async def _begin(self, address: str, podman: str = "") -> None:
        self._run = Run(self._records or self._folder())
        await asyncio.to_thread(self._run.begin, address, podman)

    def _folder(self) -> Path:
        """Return a folder with a short path: that of a socket may have 107 bytes."""
        if self._temporary is None:
            self._temporary = tempfile.TemporaryDirectory(prefix="fc-async-")
        return Path(self._temporary.name)


def _is_here(address: str) -> bool:
    """Return whether an engine runs on this machine: its ports are published here."""
    parts = urlsplit(address)
    return parts.scheme in {"unix", "npipe"} or (parts.hostname or "") in _LOCAL
