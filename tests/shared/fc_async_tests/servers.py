# SPDX-License-Identifier: MIT
"""Starts a server that is not a child of the test process.

Tests of functions compare the child processes of their own before and after.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path


@contextlib.contextmanager
def running(command: Sequence[str | Path], *, ready: str) -> Iterator[None]:
    """Start a server, wait until it prints that it is ready, and end it afterwards.

    Args:
        command: What to run.
        ready: A part of the line by which it is ready, in any case.

    Raises:
        RuntimeError: It ended before; the message is what it has printed.
    """
    # The shell ends at once, so that the server gets another parent.
    detached = ["sh", "-c", '"$@" & echo $!', "sh", *map(str, command)]
    # A server has the clock of the machine also if the tests run under another one.
    environment = {name: value for name, value in os.environ.items() if name != "LD_PRELOAD"}
    with subprocess.Popen(
        detached, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment
    ) as shell:
        assert shell.stdout is not None
        number = int(shell.stdout.readline())
        shell.wait()
        try:
            lines = []
            for line in shell.stdout:
                lines.append(line)
                if ready in line.lower():
                    break
            else:
                raise RuntimeError("".join(lines))
            yield
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.kill(number, signal.SIGTERM)
            shell.stdout.read()  # until the server has ended
