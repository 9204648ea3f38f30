# SPDX-License-Identifier: MIT
"""A real Redis server on a Unix socket."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import redis

from fc_async_tests import servers

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@contextlib.contextmanager
def serve(program: str, folder: Path) -> Iterator[str]:
    """Run a server without persistence; give the URL of its socket when it answers."""
    socket = folder / "redis.sock"
    command = [program, "--port", "0", "--unixsocket", str(socket), "--save", "", "--dir", folder]
    with servers.running(command, ready="ready to accept connections"):
        yield f"unix://{socket}"


def client(url: str) -> redis.Redis:
    """Return a client of the server."""
    return redis.Redis.from_url(url)
