# SPDX-License-Identifier: MIT
"""What the function runtime claims about speed, as ratios to limits measured in the same run.

``warm``    a call in a warm Python instance, one after the other, against the limit (a blocking
            loop over a Unix socket with length-prefixed JSON) and a bare Python process per call
``wide``    warm calls, eight at a time
``cold``    a call that needs a new instance (fork, import, first call), against a bare process
``custom``  a warm call of a custom runtime (stdlib HTTP server), against the same server called
            over a kept-alive http.client connection

Rounds are interleaved, so that whatever else the machine does hits all alike. Absolute numbers
are context, ratios are the claim.
"""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import itertools
import json
import socket
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import uvloop
from rows import pairs

from fc_async_local.execution.instances.runner import ProcessRunner
from fc_async_local.execution.protocol import Attempt, Deployment

if TYPE_CHECKING:
    from rows import Options, Row

EVENT = json.dumps({"orderId": "x" * 900}).encode()
WARM_CALLS, COLD_CALLS, PROCESSES, CUSTOM_CALLS = 4_000, 150, 25, 800
ALONGSIDE = 8

FUNCTION = """
import json
def handler(event, context):
    return {"n": len(json.loads(event))}
"""
SCRIPT = "import json, sys; print(len(json.loads(sys.stdin.buffer.read())))"
ECHO = """
import json, socket, struct, sys
sock = socket.socket(fileno=int(sys.argv[1]))
stream = sock.makefile("rb")
while head := stream.read(4):
    event = stream.read(struct.unpack("<I", head)[0])
    result = json.dumps({"n": len(json.loads(event))}).encode()
    sock.sendall(struct.pack("<I", len(result)) + result)
"""
SERVER = """
import http.server, json, os, sys
class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1
    def do_POST(self):
        event = self.rfile.read(int(self.headers["Content-Length"]))
        body = json.dumps({"n": len(json.loads(event))}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *args):
        pass
port = int(sys.argv[1] if len(sys.argv) > 1 else os.environ["FC_CUSTOM_LISTEN_PORT"])
http.server.ThreadingHTTPServer(("0.0.0.0", port), Handler).serve_forever()
"""

Measure = Callable[[], Awaitable[float]]


class Code:
    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def folder(self, checksum: str) -> Path:  # noqa: ARG002 -- the port's signature
        return self._folder


# --- limits -----------------------------------------------------------------------------------


class SocketLimit:
    """A worker behind a socket with nothing around it."""

    def __init__(self) -> None:
        self._ours, theirs = socket.socketpair()
        with theirs:
            self._worker = subprocess.Popen(
                [sys.executable, "-c", ECHO, str(theirs.fileno())], pass_fds=[theirs.fileno()]
            )
        self._stream = self._ours.makefile("rb")

    async def __call__(self) -> float:
        return rate(WARM_CALLS, self._call)

    def _call(self) -> None:
        self._ours.sendall(struct.pack("<I", len(EVENT)) + EVENT)
        json.loads(self._stream.read(struct.unpack("<I", self._stream.read(4))[0]))

    def close(self) -> None:
        self._stream.close()
        self._ours.close()
        self._worker.wait()


async def bare_process() -> float:
    command = [sys.executable, "-c", SCRIPT]
    return rate(
        PROCESSES,
        lambda: subprocess.run(command, input=EVENT, check=True, stdout=subprocess.DEVNULL),
    )


class HttpLimit:
    """The custom runtime's server, called without a runtime."""

    def __init__(self, folder: Path) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        self._server = subprocess.Popen([sys.executable, str(folder / "server.py"), str(port)])
        self._connection = http.client.HTTPConnection("127.0.0.1", port)
        while True:
            with contextlib.suppress(ConnectionRefusedError):
                self._connection.connect()
                break
            time.sleep(0.01)
        self._connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    async def __call__(self) -> float:
        return rate(CUSTOM_CALLS, self._call)

    def _call(self) -> None:
        self._connection.request("POST", "/invoke", EVENT)
        json.loads(self._connection.getresponse().read())

    def close(self) -> None:
        self._connection.close()
        self._server.terminate()
        self._server.wait()


def rate(count: int, call: Callable[[], object]) -> float:
    began = time.perf_counter()
    for _ in range(count):
        call()
    return count / (time.perf_counter() - began)


# --- the runtime ------------------------------------------------------------------------------


class Runtime:
    """A runner and the calls that are measured."""

    def __init__(self, folder: Path) -> None:
        self._runner = ProcessRunner(Code(folder))
        self._ids = itertools.count()

    async def _run(self, **settings: Any) -> None:
        fixed: dict[str, Any] = {
            "function": "f",
            "version_id": "",
            "revision": "1",
            "runtime": "python3.12",
            "handler": "index.handler",
            "code_checksum": "1",
            "timeout_ms": 60_000,
            "memory_mb": 512,
        }
        deployment = Deployment(**(fixed | settings))
        attempt = Attempt(deployment=deployment, request_id=str(next(self._ids)), payload=EVENT)
        outcome = await self._runner.run(attempt)
        assert json.loads(outcome.payload) == {"n": 1}, outcome

    async def _rate(self, count: int, *, alongside: int = 1, **settings: Any) -> float:
        left = iter(range(count))

        async def work() -> None:
            for _ in left:
                await self._run(**settings)

        began = time.perf_counter()
        await asyncio.gather(*(work() for _ in range(alongside)))
        return count / (time.perf_counter() - began)

    async def warm(self) -> float:
        return await self._rate(WARM_CALLS)

    async def wide(self) -> float:
        return await self._rate(WARM_CALLS, alongside=ALONGSIDE)

    async def cold(self) -> float:
        began = time.perf_counter()
        for number in range(COLD_CALLS):
            await self._run(function="cold", revision=f"{began}-{number}")
        return COLD_CALLS / (time.perf_counter() - began)

    async def custom(self) -> float:
        command = (sys.executable, "server.py")
        return await self._rate(CUSTOM_CALLS, function="c", runtime="custom", command=command)

    async def close(self) -> None:
        await self._runner.aclose()


@contextlib.asynccontextmanager
async def measures() -> AsyncIterator[dict[str, Measure]]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "index.py").write_text(FUNCTION)
        (folder / "server.py").write_text(SERVER)
        limit, direct, runtime = SocketLimit(), HttpLimit(folder), Runtime(folder)
        try:
            yield {
                "limit: socket": limit,
                "limit: process": bare_process,
                "limit: http": direct,
                "warm": runtime.warm,
                "wide": runtime.wide,
                "cold": runtime.cold,
                "custom": runtime.custom,
            }
        finally:
            await runtime.close()
            direct.close()
            limit.close()


RATIOS = {
    "warm call in a worker / bare loop over a socket": ("warm", "limit: socket"),
    "8 warm calls at a time / bare loop over a socket": ("wide", "limit: socket"),
    "call that needs a new instance / bare process": ("cold", "limit: process"),
    "warm call of a custom runtime / the same server": ("custom", "limit: http"),
}


async def rates(rounds: int) -> dict[str, list[float]]:
    found: dict[str, list[float]] = {}
    async with measures() as table:
        for measure in table.values():  # once unmeasured: whatever is started is warm then
            await measure()
        for _ in range(rounds):
            for name, measure in table.items():
                found.setdefault(name, []).append(await measure())
    return found


def measure(options: Options) -> Iterator[Row]:
    found = uvloop.run(rates(options.rounds))  # as the local runtime does
    for what, (ours, theirs) in RATIOS.items():
        yield pairs(what, found[ours], found[theirs], "calls/s")
