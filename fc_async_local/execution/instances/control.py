# SPDX-License-Identifier: MIT
"""The runtime's end of the socket to a fork server: messages and descriptors out, reports in.

Invariants:

- Messages are sent in order, each with its file descriptors, whatever the kernel takes at a time.
- File descriptors of messages are closed here once they are sent, or cannot be sent any more.
"""

from __future__ import annotations

import asyncio
import json
import os
import socket
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_READ: Final = 65536


class ControlSocket:
    """A socket to a fork server. Belongs to one event loop.

    Args:
        sock: Connected to the fork server; closed by :meth:`close`.
        on_report: Called with each report of the fork server.
        on_lost: Called when the fork server has ended; it must :meth:`close` this.
    """

    def __init__(
        self,
        sock: socket.socket,
        on_report: Callable[[dict[str, int]], None],
        on_lost: Callable[[], None],
    ) -> None:
        sock.setblocking(False)
        self._sock = sock
        self._on_report = on_report
        self._on_lost = on_lost
        self._outbox: list[tuple[bytes, Sequence[int]]] = []
        self._unread = b""
        asyncio.get_running_loop().add_reader(sock.fileno(), self._read)

    def send(self, message: dict[str, object], descriptors: Sequence[int] = ()) -> None:
        """Send a message and file descriptors, which are closed here; drop both if closed."""
        if self._sock.fileno() < 0:
            # Its failure would report the loss of the server that has taken the place of this one.
            _close(descriptors)
            return
        self._outbox.append((json.dumps(message).encode() + b"\n", descriptors))
        if len(self._outbox) == 1:
            self._flush()

    def close(self) -> None:
        """Close the socket, so that the fork server kills everything and ends."""
        loop = asyncio.get_running_loop()
        loop.remove_reader(self._sock.fileno())
        loop.remove_writer(self._sock.fileno())
        self._sock.close()
        for _, descriptors in self._outbox:
            _close(descriptors)
        self._outbox.clear()

    def _flush(self) -> None:
        loop = asyncio.get_running_loop()
        while self._outbox:
            data, descriptors = self._outbox[0]
            try:
                # The kernel takes small messages on a stream socket whole or not at all.
                socket.send_fds(self._sock, [data], list(descriptors))
            except BlockingIOError:
                loop.add_writer(self._sock.fileno(), self._flush)
                return
            except OSError:
                self._on_lost()
                return
            self._outbox.pop(0)
            _close(descriptors)
        loop.remove_writer(self._sock.fileno())

    def _read(self) -> None:
        try:
            data = self._sock.recv(_READ)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self._on_lost()
            return
        *lines, self._unread = (self._unread + data).split(b"\n")
        for line in lines:
            self._on_report(json.loads(line))


def _close(descriptors: Sequence[int]) -> None:
    for descriptor in descriptors:
        os.close(descriptor)
