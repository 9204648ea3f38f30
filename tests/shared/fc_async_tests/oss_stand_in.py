# SPDX-License-Identifier: MIT
"""A stand-in of OSS that keeps objects and fails when it is told to."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from collections.abc import Iterator

ERROR = "<Error><Code>{0}</Code><Message>said so</Message><RequestId>r-1</RequestId></Error>"


class Objects:
    """The objects, by path, and what the next requests are answered with."""

    def __init__(self) -> None:
        self.by_path: dict[str, bytes] = {}
        self.fail: tuple[int, str] | None = None
        self.stay_silent = threading.Event()
        self.requests: list[str] = []
        self.authorizations: list[str] = []
        self.tokens: list[str] = []


@contextmanager
def serve() -> Iterator[tuple[str, Objects]]:
    """Yield the URL of a server and its objects."""
    objects = Objects()
    handler = type("Handler", (_Handler,), {"objects": objects})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", objects
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class _Handler(BaseHTTPRequestHandler):
    objects: ClassVar[Objects]
    protocol_version = "HTTP/1.1"

    def _answer(self) -> None:
        objects, path = self.objects, self.path.partition("?")[0]
        objects.requests.append(f"{self.command} {path}")
        objects.authorizations.append(self.headers.get("authorization", ""))
        objects.tokens.append(self.headers.get("x-oss-security-token", ""))
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        if objects.fail is not None:
            status, code = objects.fail
            self._send(status, ERROR.format(code).encode())
        elif self.command == "PUT":
            objects.by_path[path] = body
            self._send(200)
        elif path not in objects.by_path:
            self._send(404, ERROR.format("NoSuchKey").encode())
        else:
            self._send(200, objects.by_path[path])

    do_GET = do_HEAD = do_PUT = _answer  # noqa: N815 -- names of http.server

    def _send(self, status: int, body: bytes = b"") -> None:
        self.send_response(status)
        self.send_header("content-length", str(len(body)))
        self.send_header("x-oss-request-id", "r-1")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""
