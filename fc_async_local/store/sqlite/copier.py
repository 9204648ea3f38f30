# SPDX-License-Identifier: MIT
"""A process that copies a busy log into its database, at the least priority there is.

No thread of the runtime may have that: one that is interrupted while it holds the interpreter's
lock makes everybody wait until it gets its turn again, a fifth of a second on a busy machine. Must
leave no process behind, however the runtime ends.
"""

from __future__ import annotations

import contextlib
import subprocess
import sys
from pathlib import Path
from typing import Final

from fc_async_local.store.sqlite import copy_log

_END_SECONDS: Final = 10.0
"""How long its last copy may take; nothing is lost with the rest of it."""


class Copier:
    """For one database. The process is started when it is needed first. For one thread."""

    def __init__(self, database: Path) -> None:
        self._database = database.absolute()
        self._process: subprocess.Popen[bytes] | None = None

    def copy(self) -> int:
        """Copy what can be copied; how many pages the log has.

        Raises:
            OSError: No process can be had, or it has ended.
        """
        process = self._process
        if process is None:
            process = self._process = self._start()
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(b"\n")
        process.stdin.flush()
        answer = process.stdout.readline()
        if not answer:
            raise ChildProcessError("the process that copies the log has ended")
        return int(answer)

    def close(self) -> None:
        """End the process. Again: no harm."""
        process, self._process = self._process, None
        if process is None:
            return
        assert process.stdin is not None
        assert process.stdout is not None
        with contextlib.suppress(OSError):
            process.stdin.close()
        try:
            process.wait(_END_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        process.stdout.close()

    def _start(self) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-I", "-S", str(Path(copy_log.__file__)), str(self._database)]
        # Not in a session of its own: Linux shares the CPU out among sessions first, and priority
        # counts within one only.
        return subprocess.Popen(  # noqa: S603 -- our own program, no shell
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
