# SPDX-License-Identifier: MIT
"""The limit of a whole call, kept by every read and write on a connection of urllib3.

A socket's own timeout starts anew with every byte that arrives, so a server that sends one byte
now and then holds a call for ever.
"""

from __future__ import annotations

import io
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable

    from typing_extensions import Buffer


class Deadline(NamedTuple):
    """The time at which a call must have ended.

    Attributes:
        at: The time, on the clock of ``monotonic``.
        monotonic: The clock, in seconds.
    """

    at: float
    monotonic: Callable[[], float]

    def left(self) -> float:
        """Return the seconds that are left; 0 or less when the time is over."""
        return self.at - self.monotonic()


CURRENT: ContextVar[Deadline | None] = ContextVar("fc_async_sdk_deadline", default=None)
"""The deadline of the call that this thread is sending, or None."""


def limited(connection_class: type[Any]) -> type[Any]:
    """Return a subclass of a connection class of urllib3 whose sockets keep the deadline.

    A class that does so already is returned as it is: threads that share a pool may ask twice.
    """
    if issubclass(connection_class, _Limited):
        return connection_class
    # With the same name: it appears in messages of urllib3.
    return type(connection_class.__name__, (_Limited, connection_class), {})


class _Limited:
    """The part of a connection that opens it."""

    sock: Any

    def connect(self) -> None:
        super().connect()  # type: ignore[misc]  # of the connection class beside it
        self.sock = _LimitedSocket(self.sock)


class _LimitedSocket:
    """A connected socket, plain or TLS."""

    def __init__(self, sock: Any) -> None:
        self._sock = sock

    def __getattr__(self, name: str) -> Any:
        return getattr(self._sock, name)

    def sendall(self, data: Buffer, *flags: int) -> None:
        if CURRENT.get() is None:
            self._sock.sendall(data, *flags)
            return
        with memoryview(data) as view, view.cast("B") as octets:
            sent = 0
            while sent < len(octets):
                sent += _in_time(self._sock, self._sock.send, octets[sent:])

    def makefile(self, mode: str = "rb", *_: Any) -> io.BufferedReader:
        assert mode == "rb", "http.client only reads through a file"
        return io.BufferedReader(_LimitedReader(self._sock))


class _LimitedReader(io.RawIOBase):
    """The reading end of a socket."""

    def __init__(self, sock: Any) -> None:
        self._sock = sock
        self._file = sock.makefile("rb", buffering=0)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Buffer, /) -> int | None:
        if CURRENT.get() is None:
            return self._file.readinto(buffer)  # type: ignore[no-any-return]  # of any socket
        return _in_time(self._sock, self._file.readinto, buffer)

    def fileno(self) -> int:
        return self._file.fileno()  # type: ignore[no-any-return]  # of any socket

    def close(self) -> None:
        self._file.close()
        super().close()


def _in_time(sock: Any, act: Callable[[Any], int], data: Any) -> int:
    """Read or write once, before the deadline and within the socket's own timeout."""
    deadline = CURRENT.get()
    assert deadline is not None
    left, own = deadline.left(), sock.gettimeout()
    if left <= 0:
        raise TimeoutError("the time for the whole call is over")
    sock.settimeout(left if own is None else min(left, own))
    try:
        return act(data)
    finally:
        # A socket that was closed meanwhile takes no timeout.
        if sock.fileno() != -1:
            sock.settimeout(own)
