# SPDX-License-Identifier: MIT
"""Limits on what clients may send and how slowly, around the server's own HTTP protocol.

The server parses HTTP but bounds neither the header bytes that it keeps nor the time that a request
takes to arrive. :func:`guarded` gives it a protocol class (uvicorn's option ``http``) that watches
the bytes of each connection and passes them on.

Invariants:
    A request whose header is over the limit is refused with 431 and the connection is closed.
    A connection that is neither idle between requests nor waiting for an answer is closed when its
    request does not arrive in time. Limited here are neither the time of an answer, nor the time
    that the application takes to read a body.
    What is not a request of HTTP is refused with 400; every refusal has the form of FC's errors.
    A connection that begins with TLS speaks TLS on the same port; its handshake has the time of a
    header, and the requests in it have the limits of any other connection.
    Nothing is written to a connection that is closed: the event loop uvloop raises in that case,
    and uvicorn does not tell an answer that has a further request behind it of the end.
"""

from __future__ import annotations

import asyncio
import json
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final, NamedTuple, cast

import httptools

# What uvicorn's option http="auto" stands for (uvicorn.config.HTTP_PROTOCOLS).
from uvicorn.protocols.http.auto import AutoHTTPProtocol

from fc_async_local.http.tls import TlsConnection

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fc_async_local.http.tls import Authority

_END: Final = b"\r\n\r\n"
_HANDSHAKE: Final = b"\x16\x03"
"""The first bytes of TLS: a handshake record, and the major version (RFC 8446, section 5.1)."""


class ConnectionLimits(NamedTuple):
    """Limits of one connection.

    Attributes:
        header_bytes: Request line and headers together. (FC itself: 8 KB of headers.)
        header_seconds: From the connection, or from the first byte of a further request, until the
            headers are complete.
        pause_seconds: Between two pieces of a body.
        body_seconds: From the headers to the end of the body.
    """

    header_bytes: int = 64 * 1024
    header_seconds: float = 20
    pause_seconds: float = 30
    body_seconds: float = 600


DEFAULT_LIMITS: Final = ConnectionLimits()


def guarded(limits: ConnectionLimits, authority: Authority | None = None) -> type[asyncio.Protocol]:
    """Return a protocol class for uvicorn that enforces limits.

    Args:
        limits: What one connection may take.
        authority: Signs the certificates of TLS; None: TLS is not spoken.
    """

    class Guarded(_Connection):
        def __init__(self, **options: Any) -> None:
            super().__init__(limits, options, authority)

    return Guarded


class _Arrival:
    """Progress of the request that is arriving.

    Attributes:
        in_header: The header has begun and is not complete.
        in_body: The header is complete and the body is not.
        ended: The last bytes completed a request.
    """

    def __init__(self) -> None:
        self.in_header = False
        self.in_body = False
        self.ended = False
        self._target = b""
        self._parser = httptools.HttpRequestParser(self)
        # As uvicorn: a client may send more on a connection that it wants to be closed.
        self._parser.set_dangerous_leniencies(lenient_data_after_close=True)

    def feed(self, data: bytes) -> None:
        """Follow the bytes.

        Raises:
            httptools.HttpParserError: They are not a request of HTTP.
        """
        self.ended = False
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            # A request to speak another protocol has no body; what follows is not HTTP.
            self.in_header = False
            self.in_body = False
            self.ended = True

    def on_message_begin(self) -> None:
        self.in_header = True
        self._target = b""

    def on_url(self, part: bytes) -> None:
        self._target += part

    def on_headers_complete(self) -> None:
        self.in_header = False
        self.in_body = True
        # Errors in here reach the caller of feed() as HttpParserError.
        path = httptools.parse_url(self._target).path
        if not path or not path.isascii():
            raise ValueError("the target has no path, or one that is not ASCII")

    def on_message_complete(self) -> None:
        self.in_body = False
        self.ended = True


class _Connection(asyncio.Protocol):
    """One connection: counts and times what arrives, and passes it to uvicorn's protocol.

    It has eleven attributes: the progress of a header (bytes, tail), the timer with the end of the
    body, and the transport change with each piece that arrives, and every limit reads several.
    """

    def __init__(
        self, limits: ConnectionLimits, options: Mapping[str, Any], authority: Authority | None
    ) -> None:
        self._limits = limits
        self._given = options
        self._authority = authority
        self._inner: asyncio.Protocol = AutoHTTPProtocol(**options)
        self._loop = asyncio.get_running_loop()
        self._arrival = _Arrival()
        self._header_bytes = 0
        self._tail = b""
        self._body_until = 0.0
        self._transport: asyncio.Transport | None = None
        self._timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin to wait for the first request."""
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is not a subclass
        self._inner.connection_made(cast("asyncio.Transport", _Open(self._transport)))
        self._wait(self._limits.header_seconds)

    def data_received(self, data: bytes) -> None:
        """Pass bytes on if they are within the limits."""
        arrival = self._arrival
        header_began = arrival.in_header
        body_began = arrival.in_body
        size = 0 if body_began else self._header_bytes + self._header_part(data)
        # Before the parser sees it: a header that never ends would fill the memory.
        if size > self._limits.header_bytes:
            self._refuse(431, f"the headers have more than {self._limits.header_bytes} bytes")
            return
        try:
            arrival.feed(data)
        except httptools.HttpParserError as error:
            # The same port speaks both: official clients may need https:// for their endpoint.
            if data.startswith(_HANDSHAKE) and self._begin_tls(data):
                return
            self._refuse(400, f"this is not a request of HTTP: {error.__context__ or error}")
            return
        if arrival.in_header:
            self._header_bytes = size
            self._tail = data[-3:]
            if not header_began:
                self._wait(self._limits.header_seconds)
        else:
            self._header_bytes = 0
            self._tail = b""
            if arrival.in_body:
                self._wait_for_body(new=not body_began)
            elif arrival.ended:
                self._stop_waiting()
            elif self._timer is None:
                self._wait(self._limits.header_seconds)  # empty lines only
        self._inner.data_received(data)

    def _begin_tls(self, data: bytes) -> bool:
        """Let this connection speak TLS from its first bytes; return False if it cannot."""
        if self._authority is None or self._transport is None:
            return False
        inner = _Connection(self._limits, self._given, None)
        tls = TlsConnection(
            self._authority,
            inner,
            self._transport,
            seconds=self._limits.header_seconds,
            # A server that stops shuts them down.
            pending=self._given["server_state"].connections,
        )
        self._stop_waiting()
        # With an error, because otherwise uvicorn closes the transport.
        self._inner.connection_lost(ConnectionAbortedError("TLS begins"))
        self._transport.set_protocol(tls)
        tls.data_received(data)
        return True

    def _header_part(self, data: bytes) -> int:
        """Return how many of these bytes can belong to the header that is arriving."""
        # The end of the header may be divided between two pieces.
        if self._tail and _END in self._tail + data[:3]:
            return 0
        end = data.find(_END)
        return len(data) if end < 0 else end

    def _wait_for_body(self, *, new: bool) -> None:
        now = self._loop.time()
        if new:
            self._body_until = now + self._limits.body_seconds
        self._wait(min(self._limits.pause_seconds, self._body_until - now))

    def _stop_waiting(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _wait(self, seconds: float) -> None:
        self._stop_waiting()
        self._timer = self._loop.call_later(seconds, self._expire)

    def _expire(self) -> None:
        self._timer = None
        if self._arrival.in_header:
            self._refuse(408, f"the headers took more than {self._limits.header_seconds:g} s")
        elif self._transport is None:
            return
        elif self._arrival.in_body and not self._transport.is_reading():
            # The application reads slower than the client sends: it is not the client that pauses.
            self._body_until += self._limits.pause_seconds
            self._wait(self._limits.pause_seconds)
        else:
            self._transport.close()

    def _refuse(self, status: int, reason: str) -> None:
        assert self._transport is not None
        if not self._transport.is_closing():
            self._transport.write(_answer(status, reason))
            self._transport.close()

    def eof_received(self) -> bool | None:
        """Note that the client sends no more."""
        return self._inner.eof_received()

    def connection_lost(self, exc: Exception | None) -> None:
        """Note that the connection is closed."""
        self._stop_waiting()
        self._inner.connection_lost(exc)

    def pause_writing(self) -> None:
        """Pause: the client reads slower than it is answered."""
        self._inner.pause_writing()

    def resume_writing(self) -> None:
        """Resume: the client has caught up."""
        self._inner.resume_writing()


class _Open:
    """A transport that takes no data after it was closed.

    Args:
        transport: Of the connection.
    """

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def write(self, data: bytes) -> None:
        """Send data, unless the connection is closed."""
        if not self._transport.is_closing():
            self._transport.write(data)


class NoWebSocket(asyncio.Protocol):
    """Refuses a request to speak WebSocket; a protocol class for uvicorn (option ``ws``)."""

    def __init__(self, **_: Any) -> None:
        """Take no notice of the arguments that uvicorn gives."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Answer and close the connection."""
        client = cast("asyncio.Transport", transport)
        client.write(_answer(501, "the local runtime passes no WebSocket on to functions"))
        client.close()


def _answer(status: int, reason: str) -> bytes:
    phrase = HTTPStatus(status).phrase
    code = phrase.replace(" ", "")
    body = json.dumps({"Code": code, "Message": reason, "RequestId": ""}).encode()
    head = (
        f"HTTP/1.1 {status} {phrase}\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    )
    return head.encode() + body
