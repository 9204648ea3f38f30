# SPDX-License-Identifier: MIT
"""A program in a pseudo-terminal: what it prints, and keys that are pressed."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import termios
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

PATIENCE_SECONDS = 40
_ESCAPES = re.compile(r"\x1b\[[0-9;?]*[a-zA-Z]")


class Terminal:
    """A program in the foreground of a pseudo-terminal.

    Args:
        command: The program with its arguments.
        folder: Where it runs.
        environment: Its environment.
        columns: The width of the terminal.

    Attributes:
        modes: The modes of the terminal before the program started.
        raw: What it has printed so far.
        seen: The same without escape sequences.
    """

    def __init__(
        self, command: Sequence[str], folder: Path, environment: Mapping[str, str], *, columns: int
    ) -> None:
        self._ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 30, columns, 0, 0))
        self.modes = termios.tcgetattr(theirs)
        self._process = subprocess.Popen(
            command,
            cwd=folder,
            env={**environment, "TERM": "xterm"},
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),  # noqa: PLW1509 -- no threads
        )
        self._theirs = theirs
        self._unread = ""
        self.raw = self.seen = ""

    def expect(self, pattern: str) -> str:
        """Wait until the output has a pattern; return what it matched."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while (found := re.search(pattern, self._unread)) is None:
            left = deadline - time.monotonic()
            assert left > 0, f"no {pattern!r} in:\n{self.seen}"
            ready, _, _ = select.select([self._ours], [], [], left)
            if ready:
                raw = os.read(self._ours, 65536).decode("utf-8", "replace").replace("\r\n", "\n")
                text = _ESCAPES.sub("", raw)
                self.raw += raw
                self._unread += text
                self.seen += text
        self._unread = self._unread[found.end() :]
        return found[0]

    def press(self, key: str) -> None:
        """Type a key."""
        os.write(self._ours, key.encode())

    def wait(self) -> int:
        """Wait until the program has ended; return its exit code."""
        return self._process.wait(PATIENCE_SECONDS)

    def current_modes(self) -> list[object]:
        """Return the modes of the terminal."""
        return termios.tcgetattr(self._theirs)

    def close(self) -> None:
        """Kill the program and close the terminal."""
        self._process.kill()
        self._process.wait()
        os.close(self._ours)
        os.close(self._theirs)
