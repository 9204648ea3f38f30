# SPDX-License-Identifier: MIT
"""The load that servers of the engine's benchmarks are put under: 64 connections on one core."""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import time
from typing import TYPE_CHECKING, Any

import uvloop

if TYPE_CHECKING:
    from collections.abc import Iterator

BODY = b"x" * 1024
CONNECTIONS = 64
LOAD_CORE = 1
MOTO_KEY = "AWS4-HMAC-SHA256 Credential=a/20260101/us-east-1/lambda/aws4_request, Signature=x"


def request(delay: int = 0) -> bytes:
    head = [
        "POST /2023-03-30/functions/noop/invocations HTTP/1.1",
        "host: 127.0.0.1",
        "x-fc-invocation-type: Async",
        *([f"x-fc-async-delay: {delay}"] if delay else []),
        f"content-length: {len(BODY)}",
    ]
    return "\r\n".join(head).encode() + b"\r\n\r\n" + BODY


class Connection(asyncio.Protocol):
    """Sends the next request when the answer to the last one has come."""

    def __init__(
        self, requests: Iterator[bytes], latencies: list[float], interval: float = 0
    ) -> None:
        self.interval = interval
        self.requests = requests
        self.latencies = latencies
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.buffer = b""

    def connection_made(self, transport: Any) -> None:
        self.transport = transport
        if self.interval:  # not all at the same moment
            asyncio.get_running_loop().call_later(random.random() * self.interval, self._next)
        else:
            self._next()

    def _next(self) -> None:
        following = next(self.requests, None)
        if following is None:
            self.transport.close()
            return
        self.began = time.perf_counter()
        self.transport.write(following)

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        if not self.buffer.endswith(b"\r\n\r\n"):
            return
        self.latencies.append(time.perf_counter() - self.began)
        if not self.buffer.startswith(b"HTTP/1.1 202"):
            self.done.set_exception(RuntimeError(f"refused: {self.buffer[:300]!r}"))
            self.transport.close()
            return
        self.buffer = b""
        wait = self.began + self.interval - time.perf_counter()
        if wait > 0:
            asyncio.get_running_loop().call_later(wait, self._next)
        else:
            self._next()

    def connection_lost(self, _: Exception | None) -> None:
        if not self.done.done():
            self.done.set_result(None)


def drive(port: int, requests: Iterator[bytes], *, at: float = 0) -> tuple[float, list[float]]:
    """Requests per second and sorted latencies in milliseconds.

    Args:
        port: Of the server.
        requests: To be sent.
        at: How many a second are offered at most; 0: as many as are answered.
    """
    interval = CONNECTIONS / at if at else 0

    os.sched_setaffinity(0, {LOAD_CORE})

    async def go() -> tuple[float, list[float]]:
        loop = asyncio.get_running_loop()
        latencies: list[float] = []
        began = time.perf_counter()
        connections = [
            await loop.create_connection(
                lambda: Connection(requests, latencies, interval), "127.0.0.1", port
            )
            for _ in range(CONNECTIONS)
        ]
        await asyncio.gather(*(connection.done for _, connection in connections))
        rate = len(latencies) / (time.perf_counter() - began)
        return rate, sorted(seconds * 1_000 for seconds in latencies)

    return uvloop.run(go())


def for_seconds(seconds: float, request: bytes) -> Iterator[bytes]:
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        yield request


def percentile(values: list[float], share: float) -> float:
    return values[min(int(len(values) * share), len(values) - 1)]


def drive_moto(port: int, seconds: float) -> float:
    """Event invocations per second. Moto's server closes each connection after its answer."""
    head = (
        "POST /2015-03-31/functions/noop/invocations HTTP/1.1\r\nhost: 127.0.0.1\r\n"
        f"authorization: {MOTO_KEY}\r\nx-amz-invocation-type: Event\r\n"
        f"content-length: {len(BODY)}\r\n\r\n"
    )
    request = head.encode() + BODY
    os.sched_setaffinity(0, {LOAD_CORE})

    async def go() -> float:
        done = 0
        began = time.perf_counter()

        async def caller() -> None:
            nonlocal done
            while time.perf_counter() - began < seconds:
                with contextlib.suppress(ConnectionResetError):
                    reader, writer = await asyncio.open_connection("127.0.0.1", port)
                    writer.write(request)
                    answer = await reader.read()
                    writer.close()
                    if not answer.startswith(b"HTTP/1.1 202"):
                        raise RuntimeError(f"refused: {answer[:300]!r}")
                    done += 1

        await asyncio.gather(*(caller() for _ in range(CONNECTIONS)))
        return done / (time.perf_counter() - began)

    return uvloop.run(go())
