# SPDX-License-Identifier: MIT
"""Listens on loopback: finds free ports and serves ASGI applications on them.

Ports are taken before anything else starts, so that a runtime knows its own addresses. Never
binds to anything but loopback.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import socket
from typing import TYPE_CHECKING, Any, Final

import uvicorn

from fc_async_local.background import start_task
from fc_async_local.http.connections import DEFAULT_LIMITS, ConnectionLimits, guarded

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

HOST: Final = "127.0.0.1"
_TRIES: Final = 100
_BACKLOG: Final = 2048
_IDLE_SECONDS: Final = 75
"""Longer than clients keep pooled connections: one that we close first may meet a request on its
way, and nobody knows then whether that was accepted."""
HIGHEST_PORT: Final = 65_535


class NoFreePort(OSError):
    """Every port that was tried is in use."""


def bind(port: int) -> socket.socket:
    """A socket on a loopback port.

    Args:
        port: The port wanted; the next free one if it is in use. 0: any free one.

    Raises:
        NoFreePort: It and the hundred after it are in use.
        OSError: This port may not be used.
    """
    last = min(port + _TRIES, HIGHEST_PORT + 1)
    for candidate in range(port, last if port else 1):
        listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        try:
            # A restart must not wait for connections of the run before to fade away.
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind((HOST, candidate))
            # Two runtimes that start at once: the second to listen is refused, not the first.
            listener.listen(_BACKLOG)
        except OSError as error:
            listener.close()
            if error.errno != errno.EADDRINUSE:
                raise
        else:
            listener.setblocking(False)
            return listener
    raise NoFreePort(
        errno.EADDRINUSE,
        f"ports {port} to {last - 1} are all in use: choose another with --port, or 0 for any",
    )


def url_of(listener: socket.socket) -> str:
    """``http://127.0.0.1:{port}``."""
    return f"http://{HOST}:{listener.getsockname()[1]}"


class HttpServer:
    """One ASGI application on one socket, in the running event loop.

    Args:
        app: The ASGI application.
        listener: A bound socket; closed with the server.
        grace_seconds: How long requests may go on after :meth:`aclose` began.
        limits: Of each connection.
    """

    def __init__(
        self,
        app: Callable[[Any, Any, Any], Awaitable[None]],
        listener: socket.socket,
        *,
        grace_seconds: int,
        limits: ConnectionLimits = DEFAULT_LIMITS,
    ) -> None:
        config = uvicorn.Config(
            app,
            http=guarded(limits),
            lifespan="off",
            ws="none",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            backlog=_BACKLOG,
            timeout_keep_alive=_IDLE_SECONDS,
            timeout_graceful_shutdown=grace_seconds,
        )
        config.load()
        self._listener = listener
        self._server = uvicorn.Server(config)
        self._server.lifespan = config.lifespan_class(config)
        self._ticking: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Begin to serve; returns when connections are taken."""
        await self._server.startup(sockets=[self._listener])
        self._ticking = start_task("http server", self._server.main_loop())

    async def aclose(self) -> None:
        """Take no more connections, let requests finish, close."""
        self._server.should_exit = True
        if self._ticking is not None:
            self._ticking.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._ticking
            await self._server.shutdown(sockets=[self._listener])
