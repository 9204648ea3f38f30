# SPDX-License-Identifier: MIT
"""Limits on what clients may send and how slowly, in the server's own HTTP protocol.

uvicorn parses HTTP but bounds neither the header bytes that it keeps nor the time that a request
takes to arrive. :class:`Connection` is its protocol with these limits.

Invariants:
    A request whose header is over the limit is refused with 431 and the connection is closed.
    A connection that is neither idle between requests nor waiting for an answer is closed when its
    request does not arrive in time. Limited here are neither the time of an answer, nor the time
    that the application takes to read a body, nor the time of a body whose pieces keep coming.
    What is not a request of HTTP is refused with 400; every refusal has the form of FC's errors.
    Nothing is written to a connection that is closed: the event loop uvloop raises in that case,
    and uvicorn does not tell an answer that has a further request behind it of the end.
"""

from __future__ import annotations

import asyncio
import functools
import itertools
import json
import logging
import sys
import time
from email.utils import formatdate
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple, cast

import httptools
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

if TYPE_CHECKING:
    from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

    from fc_async_local.http.tls import Authority

_LOG: Final = logging.getLogger(__name__)
_LOG.setLevel(logging.ERROR)  # uvicorn warns of each request that is refused


class ConnectionLimits(NamedTuple):
    """Limits of connections.

    Attributes:
        header_bytes: Request line and headers together. (FC itself: 8 KB of headers.)
        header_seconds: Until the first byte of a connection; for a handshake of TLS; and from
            there, or from the first byte of a further request, until the headers are complete.
        pause_seconds: Between two pieces of a body.
        waiting: Connections of a port that wait at once for their first byte or handshake. (Ours:
            half of the files that a process may usually have open.)
    """

    header_bytes: int = 64 * 1024
    header_seconds: float = 20
    pause_seconds: float = 30
    waiting: int = 512


DEFAULT_LIMITS: Final = ConnectionLimits()


class _HeaderTooLong(Exception):
    """The header of a request is over the limit."""


class Connection(HttpToolsProtocol):
    """One connection of HTTP.

    It follows the callbacks of uvicorn's parser (an interface of httptools), because a parser of
    its own would read every byte a second time.

    Args:
        limits: What the connection may take.
        authority: Told if the client leaves without a request; None: it does not speak TLS.
        options: Of uvicorn's protocol.
    """

    def __init__(
        self, limits: ConnectionLimits, authority: Authority | None, **options: Any
    ) -> None:
        super().__init__(**options)
        self.logger = _LOG
        self._limits = limits
        self._authority = authority
        self._expected: Literal["header", "body", "nothing"] = "header"
        self._bytes = 0
        self._timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait for the first request."""
        super().connection_made(cast("asyncio.Transport", _Open(transport)))
        self._wait(self._limits.header_seconds)

    def data_received(self, data: bytes) -> None:
        """Parse bytes, and limit what may follow them."""
        self._authority = None
        if self._expected == "nothing":
            self._expected = "header"
        self._bytes += len(data)
        super().data_received(data)
        if self._expected == "body":
            self._wait(self._limits.pause_seconds)
        elif self._expected == "header":
            # A header that never ends would fill the memory: the parser keeps it.
            if self._bytes > self._limits.header_bytes:
                self._refuse(431, self._too_long())
            elif self._timer is None:
                self._wait(self._limits.header_seconds)

    def on_message_begin(self) -> None:
        """Note that a request begins, maybe behind another one; a callback of the parser."""
        self._expected = "header"
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """Begin to answer a request; a callback of the parser.

        Raises:
            _HeaderTooLong: Its header, which may have arrived in one piece, is over the limit.
        """
        self._expected = "body"
        fields = itertools.chain.from_iterable(self.headers)
        if len(self.url) + sum(map(len, fields)) > self._limits.header_bytes:
            raise _HeaderTooLong(self._too_long())
        self.server_state.default_headers = _date(int(time.time()))
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """Note that a request has arrived; a callback of the parser."""
        self._expected = "nothing"
        self._bytes = 0
        self._stop_waiting()
        super().on_message_complete()

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 -- uvicorn's signature
        """Refuse what the parser refused; called while its error is handled."""
        error = sys.exc_info()[1]
        if isinstance(error, httptools.HttpParserCallbackError):
            if isinstance(error.__context__, _HeaderTooLong):
                self._refuse(431, str(error.__context__))
                return
            # The only other callback that raises is that of uvicorn for the target.
            error = ValueError("the target has no path, or one that is not ASCII")
        self._refuse(400, f"this is not a request of HTTP: {error}")

    def connection_lost(self, exc: Exception | None) -> None:
        """Note that the connection is closed."""
        self._stop_waiting()
        if self._authority is not None:  # Node.js looks at a certificate after the handshake
            self._authority.note_failure("the connection was closed after the handshake")
        super().connection_lost(exc)

    def shutdown(self) -> None:
        """Close the connection because the server stops, or after the answer that is being sent."""
        is_flushed = not self.transport.get_write_buffer_size()
        super().shutdown()
        if self.transport.is_closing() and is_flushed and self.scheme == "https":
            # TLS would wait until the client, which may be idle, confirms its end.
            self.transport.abort()

    def _stop_waiting(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _wait(self, seconds: float) -> None:
        self._stop_waiting()
        self._timer = self.loop.call_later(seconds, self._expire)

    def _expire(self) -> None:
        self._timer = None
        if self._expected == "header":
            # In the middle of an earlier answer a refusal would be taken for a part of it.
            if not self._bytes or self._is_answering():
                self.shutdown()
            else:
                self._refuse(408, f"the headers took more than {self._limits.header_seconds:g} s")
        elif self.transport.is_reading():
            self.transport.close()
        else:
            # The application reads slower than the client sends: it is not the client that pauses.
            self._wait(self._limits.pause_seconds)

    def _is_answering(self) -> bool:
        cycle = cast("RequestResponseCycle | None", self.cycle)  # None until the first request
        return cycle is not None and not cycle.response_complete

    def _too_long(self) -> str:
        return f"the headers have more than {self._limits.header_bytes} bytes"

    def _refuse(self, status: int, reason: str) -> None:
        self._expected = "nothing"
        self._stop_waiting()
        self.transport.write(_answer(status, reason))
        self.transport.close()


class _Open:
    """A transport that takes no data after it was closed, and is closed once.

    Args:
        transport: Of the connection.
    """

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        self.is_closing = transport.is_closing  # asked several times a request

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def write(self, data: bytes) -> None:
        """Send data, unless the connection is closed."""
        if not self.is_closing():
            self._transport.write(data)

    def close(self) -> None:
        """Close the connection. A second time would take asyncio's TLS what it aborts by."""
        if not self.is_closing():
            self._transport.close()


class NoWebSocket(asyncio.Protocol):
    """Refuses a request to speak WebSocket; a protocol class for uvicorn (option ``ws``)."""

    def __init__(self, **_: Any) -> None:
        """Take no notice of the arguments that uvicorn gives."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Answer and close the connection."""
        client = cast("asyncio.Transport", transport)
        client.write(_answer(501, "the local runtime passes no WebSocket on to functions"))
        client.close()


@functools.lru_cache(maxsize=1)
def _date(second: int) -> list[tuple[bytes, bytes]]:
    return [(b"date", formatdate(second, usegmt=True).encode())]


def _answer(status: int, reason: str) -> bytes:
    phrase = HTTPStatus(status).phrase
    code = phrase.replace(" ", "")
    body = json.dumps({"Code": code, "Message": reason, "RequestId": ""}).encode()
    head = (
        f"HTTP/1.1 {status} {phrase}\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    )
    return head.encode() + body
