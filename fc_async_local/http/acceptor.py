# SPDX-License-Identifier: MIT
"""Accepts connections, and lets the event loop serve each with TLS or without it.

HTTP and TLS share a port. Their first bytes differ, so the first byte of a connection is read ahead
(``MSG_PEEK``) while the connection still belongs to no transport. What the loop then serves begins
with that byte, and TLS is that of the loop.

Invariants:
    A connection that sends nothing, or does not complete its handshake, is closed in time.
    The number of connections that wait for either is limited: the oldest is closed for a new one.
    A connection is either served or closed, also if waiting for its first byte is cancelled.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
from typing import TYPE_CHECKING, Final

from fc_async_local.background import start_task
from fc_async_sdk._cancellation import end_tasks

if TYPE_CHECKING:
    from collections.abc import Callable

    from fc_async_local.http.connections import ConnectionLimits
    from fc_async_local.http.tls import Authority

_LOG: Final = logging.getLogger(__name__)

_HANDSHAKE: Final = b"\x16"
"""The first byte of TLS, which no request of HTTP has: the type of a record (RFC 8446, 5.1)."""
_PAUSE_SECONDS: Final = 1


class Acceptor:
    """Accepts the connections of one socket.

    Args:
        listener: A listening socket that does not block.
        protocol: Makes the protocol of a connection; gets the authority if it speaks TLS.
        limits: How many connections may wait, and how long for the first byte or the handshake.
        authority: Signs the certificates of TLS; None: TLS is not spoken.
    """

    def __init__(
        self,
        listener: socket.socket,
        protocol: Callable[[Authority | None], asyncio.Protocol],
        limits: ConnectionLimits,
        authority: Authority | None,
    ) -> None:
        self._listener = listener
        self._protocol = protocol
        self._limits = limits
        self._authority = authority
        self._waiting: dict[asyncio.Task[None], socket.socket] = {}
        self._pause: asyncio.TimerHandle | None = None

    def start(self) -> None:
        """Begin to accept connections; those that came before wait in the socket's queue."""
        asyncio.get_running_loop().add_reader(self._listener, self._accept)

    async def aclose(self) -> None:
        """Accept no more connections, close those that wait, and the socket."""
        if self._pause is not None:
            self._pause.cancel()
        if self._listener.fileno() >= 0:  # not closed before
            asyncio.get_running_loop().remove_reader(self._listener)
            self._listener.close()
        await end_tasks(*self._waiting)

    def _accept(self) -> None:
        # One in a turn of the loop: those that wait longer have read what has come meanwhile
        # before they are the oldest of too many.
        try:
            connection, _ = self._listener.accept()
        except (BlockingIOError, ConnectionError):  # the client has left
            return
        except OSError as error:
            # No more files can be opened. The loop may not look at a socket that stays readable.
            _LOG.warning("connections are accepted again in %d s: %s", _PAUSE_SECONDS, error)
            loop = asyncio.get_running_loop()
            loop.remove_reader(self._listener)
            self._pause = loop.call_later(_PAUSE_SECONDS, self.start)
            return
        connection.setblocking(False)
        if len(self._waiting) >= self._limits.waiting:
            oldest = next(iter(self._waiting))
            oldest.cancel()
        task = start_task("http connection", self._serve(connection))
        self._waiting[task] = connection
        task.add_done_callback(self._end_wait)

    def _end_wait(self, task: asyncio.Task[None]) -> None:
        connection = self._waiting.pop(task)
        # Here, because a task that is cancelled before its first turn does nothing at all.
        if task.cancelled() or task.exception() is not None:
            connection.close()

    async def _serve(self, connection: socket.socket) -> None:
        first = await _first_byte(connection, self._limits.header_seconds)
        if not first:
            connection.close()
            return
        if first == _HANDSHAKE and self._authority is not None:
            await self._serve_tls(connection, self._authority)
        else:
            loop = asyncio.get_running_loop()
            await loop.connect_accepted_socket(lambda: self._protocol(None), connection)

    async def _serve_tls(self, connection: socket.socket, authority: Authority) -> None:
        loop = asyncio.get_running_loop()
        try:
            await loop.connect_accepted_socket(
                lambda: self._protocol(authority),
                connection,
                ssl=authority.context(),
                ssl_handshake_timeout=self._limits.header_seconds,
            )
        except ConnectionError:  # the client left, or its handshake took too long
            connection.close()
        except (OSError, ImportError) as error:  # errors of TLS are of the first kind
            connection.close()
            authority.note_failure(str(getattr(error, "reason", None) or error))


async def _first_byte(connection: socket.socket, seconds: float) -> bytes:
    """Return the first byte that a client sends, which stays to be read.

    Returns:
        Nothing if the client sends none in time, or closes the connection.
    """
    try:
        return connection.recv(1, socket.MSG_PEEK)  # most clients have sent it by now
    except BlockingIOError:
        await _readable(connection, seconds)
    except OSError:
        return b""
    with contextlib.suppress(OSError):  # nothing has arrived, or the client reset the connection
        return connection.recv(1, socket.MSG_PEEK)
    return b""


async def _readable(connection: socket.socket, seconds: float) -> None:
    """Return when there is something to read, or that time has passed."""
    loop = asyncio.get_running_loop()
    arrived = loop.create_future()

    def note() -> None:
        # At once: nothing is taken, so the socket would be reported in every turn of the loop.
        loop.remove_reader(connection)
        arrived.set_result(None)

    loop.add_reader(connection, note)
    try:
        await asyncio.wait({arrived}, timeout=seconds)
    finally:
        loop.remove_reader(connection)
