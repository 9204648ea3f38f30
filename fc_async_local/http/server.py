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

from fc_async_local.background import start_task
from fc_async_local.http.connections import DEFAULT_LIMITS, ConnectionLimits, NoWebSocket, guarded
from fc_async_sdk._cancellation import end_tasks

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fc_async_local.http.messages import App, Receive, Scope, Send
    from fc_async_local.http.tls import Authority

HOST: Final = "127.0.0.1"
_TRIES: Final = 100
_BACKLOG: Final = 2048
_IDLE_SECONDS: Final = 75
"""Longer than clients keep pooled connections: the client of a connection that the server closes
cannot know whether a request on its way was accepted."""
HIGHEST_PORT: Final = 65_535
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
            http=guarded(limits, authority),
            lifespan="off",
            ws=NoWebSocket,
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            backlog=_BACKLOG,
            timeout_keep_alive=_IDLE_SECONDS,
            timeout_graceful_shutdown=grace_seconds,
        )
        self._sockets = [listener]
        self._server = _Server(config)
        self._starting: asyncio.Task[None] | None = None
        self._serving: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Begin to serve; return when connections are accepted."""
        self._serving = start_task("http server", self._server.serve(self._sockets))
        listening = start_task("http server listens", self._server.listening.wait())
        await asyncio.wait({self._serving, listening}, return_when=asyncio.FIRST_COMPLETED)
        if not listening.done():
            listening.cancel()
            await self._serving  # raises what went wrong

    def start_when_asked(self) -> None:
        """Begin to serve when the first client connects, which waits in the socket's queue."""
        loop, (listener,) = asyncio.get_running_loop(), self._sockets

        def begin() -> None:
            loop.remove_reader(listener)
            self._starting = start_task("http server starts", self.start())

        loop.add_reader(listener, begin)

    async def aclose(self) -> None:
        """Accept no more connections, let requests finish, close the socket."""
        if self._starting is not None:
            await asyncio.wait({self._starting})
        elif self._serving is None:
            asyncio.get_running_loop().remove_reader(self._sockets[0])
        if self._serving is not None:
            # Not by ``should_exit``, which the server looks at ten times a second only.
            await end_tasks(self._serving)
            await self._server.shutdown(self._sockets)


def _without_cancellation(app: App) -> App:
    """Return an application whose cancellation, which is how a stop ends it, is not an error."""

    async def called(scope: Scope, receive: Receive, send: Send) -> None:
        with contextlib.suppress(asyncio.CancelledError):
            await app(scope, receive, send)

    return called


class _Server(uvicorn.Server):
    """A server that leaves signals to the process and says when it listens."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.listening = asyncio.Event()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Capture none: a runtime handles its signals itself."""
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen."""
        await super().startup(sockets)
        self.listening.set()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop; wait for requests only if there are any, which uvicorn does 0.1 s at a time."""
        for closing in (*self.servers, *(sockets or ())):
            closing.close()
        state = self.server_state
        for connection in tuple(state.connections):
            connection.shutdown()
        for _ in range(_TURNS):
            if not (state.connections or state.tasks):
                break
            await asyncio.sleep(0)
        else:
            await super().shutdown(sockets)
            if state.tasks:  # cancelled: they answer 503
                await asyncio.wait(state.tasks, timeout=_CANCELLED_SECONDS)
