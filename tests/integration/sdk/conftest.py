# SPDX-License-Identifier: MIT
"""A server that answers with exactly the given bytes, however wrong they are."""

from __future__ import annotations

import contextlib
import socket
import threading
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


Script = bytes | dict[str, Any] | None


class ScriptedServer:
    """Answers the n-th request with the n-th script; the last one repeats.

    A script is an answer (``{"status": 202, "body": b"", "x-some-header": "1"}``; ``length`` lies
    about the body's), raw bytes to send before the connection is closed, or None: never answer.
    """

    def __init__(self, *scripts: Script) -> None:
        self._scripts = scripts
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._held: list[socket.socket] = []
        self.requests: list[bytes] = []
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            request = self._read(connection)
            if not request:
                connection.close()
                continue
            script = self._scripts[min(len(self.requests), len(self._scripts) - 1)]
            self.requests.append(request)
            if script is None:
                self._held.append(connection)
                continue
            with contextlib.suppress(OSError):
                connection.sendall(script if isinstance(script, bytes) else _render(script))
                connection.shutdown(socket.SHUT_WR)
            connection.close()

    @staticmethod
    def _read(connection: socket.socket) -> bytes:
        data = b""
        while b"\r\n\r\n" not in data:
            piece = connection.recv(65536)
            if not piece:
                return b""
            data += piece
        head, _, body = data.partition(b"\r\n\r\n")
        length = 0
        for line in head.lower().split(b"\r\n"):
            if line.startswith(b"content-length:"):
                length = int(line.split(b":")[1])
        while len(body) < length:
            body += connection.recv(65536)
        return head + b"\r\n\r\n" + body

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(60)
        for connection in self._held:
            connection.close()


def _render(script: dict[str, Any]) -> bytes:
    headers = {"status": 200, "body": b"", **script}
    status, body = headers.pop("status"), headers.pop("body")
    lines = [f"HTTP/1.1 {status} X", f"content-length: {headers.pop('length', len(body))}"]
    lines += ["connection: close", *[f"{name}: {value}" for name, value in headers.items()]]
    return "\r\n".join([*lines, "", ""]).encode() + body


@pytest.fixture
def scripted() -> Iterator[Callable[..., ScriptedServer]]:
    servers: list[ScriptedServer] = []

    def start(*scripts: Script) -> ScriptedServer:
        servers.append(ScriptedServer(*scripts))
        return servers[-1]

    yield start
    for server in servers:
        server.close()
