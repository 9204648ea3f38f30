# SPDX-License-Identifier: MIT
"""The record of a run that may have containers, and the process that removes them after a kill.

Invariants:

- A record is locked as long as the runtime or its reaper lives, so that only containers of a
  runtime that is gone are removed by another one.
- A container is removed by the label of its run: containers of others are never touched.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import subprocess
import sys
import uuid
from typing import TYPE_CHECKING, Final

from fc_async_local.execution.containers import reaper

if TYPE_CHECKING:
    from pathlib import Path

_SUFFIX: Final = ".run"
_END_SECONDS: Final = 30.0


class Run:
    """A run of a runtime, recorded in its data folder.

    Args:
        folder: For the records; made if it does not exist.

    Attributes:
        id: The value of the label of its containers.
    """

    def __init__(self, folder: Path) -> None:
        self.id = uuid.uuid4().hex
        folder.mkdir(parents=True, exist_ok=True)
        self._file = folder / f"{self.id}{_SUFFIX}"
        self._reaper: subprocess.Popen[bytes] | None = None

    def begin(self, address: str, podman: str = "") -> None:
        """Record the engine and start the reaper; it blocks for the time of a start.

        Args:
            address: Of the engine.
            podman: The program whose service is to answer there; "": the engine answers already.

        Raises:
            OSError: The record cannot be written, or no process can be started.
        """
        # The lock belongs to the open file, which the reaper inherits.
        with self._file.open("w", encoding="utf-8") as record:
            record.write(address)
            record.flush()
            fcntl.flock(record, fcntl.LOCK_EX)
            command = [sys.executable, "-m", reaper.__name__, address, self.id]
            command += [str(self._file.resolve()), *([podman] if podman else [])]
            self._reaper = subprocess.Popen(  # noqa: S603 -- this Python
                command,
                stdin=subprocess.PIPE,
                pass_fds=(record.fileno(),),
                # Not the user's folder, from which Python would import modules.
                cwd="/",
                # Ctrl-C in a terminal reaches the runtime alone.
                start_new_session=True,
            )

    async def end(self) -> None:
        """Let the reaper end: the containers are removed."""
        process = self._reaper
        if process is None:
            return
        with contextlib.suppress(OSError, subprocess.TimeoutExpired):
            await asyncio.to_thread(process.communicate, reaper.DONE, _END_SECONDS)


async def sweep(folder: Path) -> None:
    """Remove the containers of runs that ended without it, where their engines answer.

    Args:
        folder: For the records.
    """
    for file in list(folder.glob(f"*{_SUFFIX}")):  # noqa: ASYNC240 -- a few names, before calls
        with contextlib.suppress(OSError), file.open("r+", encoding="utf-8") as record:
            fcntl.flock(record, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if await reaper.remove(record.read(), file.name.removesuffix(_SUFFIX)):
                file.unlink()  # while the lock is held
