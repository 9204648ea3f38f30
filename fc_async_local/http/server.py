# SPDX-License-Identifier: MIT
"""Listens on loopback: finds free ports and serves ASGI applications on them.

Invariants:
    Only a loopback address is ever bound.
    A port is bound before anything else starts, so that a runtime knows its own addresses.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import socket
from typing import TYPE_CHECKING, Final

import uvicorn
from uvicorn.server import ServerState

from fc_async_local.http.acceptor import Acceptor
from fc_async_local.http.connections import (
    DEFAULT_LIMITS,
    Connection,
    ConnectionLimits,
    NoWebSocket,
)
from fc_async_sdk._cancellation import ends_within

if TYPE_CHECKING:
    from fc_async_local.http.messages import App, Receive, Scope, Send
    from fc_async_local.http.tls import Authority

HOST: Final = "127.0.0.1"
_TRIES: Final = 100
_BACKLOG: Final = 2048
_IDLE_SECONDS: Final = 75
"""Longer than clients keep pooled connections: the client of a connection that the server closes
cannot know whether a request on its way was accepted."""
HIGHEST_PORT: Final = 65_535
_POLL_SECONDS: Final = 0.1
_CANCELLED_SECONDS: Final = 1
_TURNS: Final = 10
"""Turns of the event loop until connections that were closed are gone."""


class NoFreePort(OSError):
    """No port that was tried can be used."""


def bind(port: int, *, exact: bool = False) -> socket.socket:
    """Return a socket that listens on a loopback port.

    Args:
        port: The port wanted; the next free one if it is in use. 0: any free one.
        exact: No other port will do.

    Raises:
        NoFreePort: The port is in use, and so are the hundred after it unless it is exact; or it
            may not be used.
    """
    last = min(port + (1 if exact else _TRIES), HIGHEST_PORT + 1)
    for candidate in range(port, last if port else 1):
        listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        try:
            # Otherwise a restart would wait until connections of the last run have timed out.
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind((HOST, candidate))
            # Of two runtimes that start at once, the second one to listen gets the error.
            listener.listen(_BACKLOG)
        except OSError as error:
            listener.close()
            if error.errno != errno.EADDRINUSE:
                text = f"port {candidate} cannot be used: {error.strerror}"
                raise NoFreePort(error.errno, text) from error
        else:
            listener.setblocking(False)
            return listener
    busy = f"port {port} is" if exact else f"ports {port} to {last - 1} are all"
    raise NoFreePort(errno.EADDRINUSE, f"{busy} in use: choose another with --port, or 0 for any")


def url_of(listener: socket.socket) -> str:
    """Return ``http://127.0.0.1:{port}``."""
    return f"http://{HOST}:{listener.getsockname()[1]}"


class HttpServer:
    """One ASGI application on one socket, in the running event loop.

    Args:
        app: The ASGI application.
        listener: A listening socket; closed with the server.
        grace_seconds: How long requests may take after :meth:`aclose` began.
        limits: What one connection may take.
        authority: Signs the certificates of clients that speak TLS; None: TLS is refused.
    """

    def __init__(
        self,
        app: App,
        listener: socket.socket,
        *,
        grace_seconds: int,
        limits: ConnectionLimits = DEFAULT_LIMITS,
        authority: Authority | None = None,
    ) -> None:
        config = uvicorn.Config(
            _without_cancellation(app),
            http="httptools",
            lifespan="off",
            ws=NoWebSocket,
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            timeout_keep_alive=_IDLE_SECONDS,
        )
        self._state = ServerState()

        def protocol(client_trusts: Authority | None) -> Connection:
            options = {"config": config, "server_state": self._state, "app_state": {}}
            return Connection(limits, client_trusts, **options)

        self._grace_seconds = grace_seconds
        self._acceptor = Acceptor(listener, protocol, limits, authority)

    def start(self) -> None:
        """Begin to accept connections; those that came before wait in the socket's queue."""
        self._acceptor.start()

    async def aclose(self) -> None:
        """Accept no more connections, let requests finish, close the socket."""
        await self._acceptor.aclose()
        for connection in tuple(self._state.connections):
            connection.shutdown()
        for _ in range(_TURNS):  # a stop without requests takes no time
            if not self._is_busy():
                return
            await asyncio.sleep(0)
        if await ends_within(self._grace_seconds, self._finish()):
            return
        requests = tuple(self._state.tasks)
        for request in requests:
            request.cancel()
        if requests:  # cancelled: they answer 503
            await asyncio.wait(requests, timeout=_CANCELLED_SECONDS)

    def _is_busy(self) -> bool:
        return bool(self._state.connections or self._state.tasks)

    async def _finish(self) -> None:
        while self._is_busy():  # noqa: ASYNC110 -- uvicorn's sets do not tell when they are empty
            await asyncio.sleep(_POLL_SECONDS)


def _without_cancellation(app: App) -> App:
    """Return an application whose cancellation, which is how a stop ends it, is not an error."""

    async def called(scope: Scope, receive: Receive, send: Send) -> None:
        with contextlib.suppress(asyncio.CancelledError):
            await app(scope, receive, send)

    return called
