# SPDX-License-Identifier: MIT
"""A real Redis server on a Unix socket."""

from __future__ import annotations

import contextlib
import subprocess
from typing import TYPE_CHECKING

import redis

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@contextlib.contextmanager
def serve(program: str, folder: Path) -> Iterator[str]:
    """Run a server without persistence; give the URL of its socket when it answers."""
    socket = folder / "redis.sock"
    command = [program, "--port", "0", "--unixsocket", str(socket), "--save", "", "--dir", folder]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            lines = []
            for line in process.stdout:
                lines.append(line)
                if "ready to accept connections" in line.lower():
                    break
            else:
                raise RuntimeError("".join(lines))
            yield f"unix://{socket}"
        finally:
            process.terminate()
            process.stdout.read()


def client(url: str) -> redis.Redis:
    """Return a client of the server."""
    return redis.Redis.from_url(url)
