# SPDX-License-Identifier: MIT
"""Calls per second of the SDK and the official one, through a socket to a server that accepts all.

Started as ``server`` or ``worker NAME PORT`` it is one of the processes.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib.util
import io
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from typing import TYPE_CHECKING, Any

from rows import missing, pairs

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from rows import Options, Row

KEY, SECRET = "LTAI5tBenchmarkKey000001", "benchmark-secret-benchmark-sec"
BODY = json.dumps({"orderId": "x" * 900, "n": 1}).encode()
ACCEPTED = (
    b"HTTP/1.1 202 Accepted\r\nX-Fc-Request-Id: 1-6737f2b8-1527b7a8-9d9a1f5c3c2e\r\n"
    b"X-Fc-Async-Task-Id: 1-6737f2b8-1527b7a8\r\nContent-Type: application/octet-stream\r\n"
    b"Content-Length: 0\r\n\r\n"
)


# --- the server -------------------------------------------------------------------------------


class Accepting(asyncio.Protocol):
    """Accepts every request at once; knows as much HTTP as the clients here need."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport: Any = transport
        self.buffer = b""

    def data_received(self, data: bytes) -> None:
        buffer = self.buffer + data
        answers = 0
        while (end := buffer.find(b"\r\n\r\n")) >= 0:
            size = self._body_size(buffer[:end].lower(), buffer, end + 4)
            if size < 0 or len(buffer) < end + 4 + size:
                break
            buffer = buffer[end + 4 + size :]
            answers += 1
        self.buffer = buffer
        if answers:
            self.transport.write(ACCEPTED * answers)

    @staticmethod
    def _body_size(head: bytes, buffer: bytes, begin: int) -> int:
        place = head.find(b"content-length:")
        if place >= 0:
            line_end = head.find(b"\r\n", place)
            return int(head[place + 15 : line_end if line_end >= 0 else None])
        if b"transfer-encoding: chunked" in head:
            last = buffer.find(b"0\r\n\r\n", begin)
            return last + 5 - begin if last >= 0 else -1
        return 0


def serve() -> None:
    async def main() -> None:
        server = await asyncio.get_running_loop().create_server(
            Accepting, "127.0.0.1", 0, backlog=1024
        )
        print(server.sockets[0].getsockname()[1], flush=True)
        await server.serve_forever()

    with contextlib.suppress(ImportError):
        import uvloop

        uvloop.install()
    asyncio.run(main())


# --- the clients, each in a process of its own --------------------------------------------------


def ours_sync(port: int) -> Callable[[], None]:
    import fc_async_sdk

    client = fc_async_sdk.client(
        endpoint_url=f"http://127.0.0.1:{port}", access_key_id=KEY, access_key_secret=SECRET
    )
    return lambda: client.invoke_async("demo", BODY, delay=30)  # type: ignore[return-value]


def official(port: int) -> tuple[Any, Callable[[], tuple[Any, Any]], Any]:
    from alibabacloud_fc20230330 import models
    from alibabacloud_fc20230330.client import Client
    from alibabacloud_tea_openapi.models import Config
    from darabonba.runtime import RuntimeOptions

    client = Client(
        Config(
            access_key_id=KEY,
            access_key_secret=SECRET,
            region_id="cn-hangzhou",
            endpoint=f"127.0.0.1:{port}",
            protocol="http",
        )
    )

    def request() -> tuple[Any, Any]:
        headers = models.InvokeFunctionHeaders(
            common_headers={"x-fc-async-delay": "30"}, x_fc_invocation_type="Async"
        )
        return models.InvokeFunctionRequest(body=io.BytesIO(BODY)), headers

    return client, request, RuntimeOptions(max_idle_conns=64)


def official_sync(port: int) -> Callable[[], None]:
    client, request, options = official(port)

    def call() -> None:
        answer = client.invoke_function_with_options("demo", *request(), options)
        assert answer.status_code == 202
        if answer.body is not None:
            answer.body.read()

    return call


class _Readable:
    """What the official asyncio client takes for a body: BytesIO fails there."""

    def __init__(self, body: bytes) -> None:
        self._body = body

    async def read(self) -> bytes:
        return self._body


async def official_async(port: int, count: int, concurrency: int) -> None:
    client, request, options = official(port)
    left = iter(range(count))

    async def work() -> None:
        for _ in left:
            body, headers = request()
            body.body = _Readable(BODY)
            answer = await client.invoke_function_with_options_async("demo", body, headers, options)
            assert answer.status_code == 202

    await asyncio.gather(*[work() for _ in range(concurrency)])


async def ours_async(port: int, count: int, concurrency: int) -> None:
    import fc_async_sdk

    left = iter(range(count))
    async with fc_async_sdk.async_client(
        endpoint_url=f"http://127.0.0.1:{port}", access_key_id=KEY, access_key_secret=SECRET
    ) as client:

        async def work() -> None:
            for _ in left:
                await client.invoke_async("demo", BODY, delay=30)

        await asyncio.gather(*[work() for _ in range(concurrency)])


def ours_fan_out(port: int, *, paced: bool = False) -> Callable[[int, int], None]:
    import fc_async_sdk
    from fc_async_sdk.pacing import Pace
    from fc_async_sdk.stores import SqliteStore

    # The folder of the run goes with the run.
    store = SqliteStore(f"{tempfile.mkdtemp()}/paces.db")
    client = fc_async_sdk.client(
        endpoint_url=f"http://127.0.0.1:{port}", access_key_id=KEY, access_key_secret=SECRET
    )

    def run(count: int, concurrency: int) -> None:
        # A new name each time: slots of the runs before would be hours ahead.
        pace = Pace(f"demo-{time.time_ns()}", "500/s", store=store) if paced else None
        payloads, delay = [BODY] * count, None if paced else 30
        finished = client.fan_out(
            "demo", payloads, concurrency=concurrency, delay=delay, pace=pace
        ).run()
        assert finished.progress.done == count
        assert not finished.failures

    return run


def threaded(call: Callable[[], None], count: int, threads: int) -> None:
    left = iter(range(count))
    lock = threading.Lock()

    def work() -> None:
        while True:
            with lock:
                if next(left, None) is None:
                    return
            call()

    workers = [threading.Thread(target=work) for _ in range(threads)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()


def runner(name: str, port: int) -> Callable[[int, int], None]:
    """What a worker process does when it is told (count, concurrency)."""
    if name in {"ours_fan_out", "ours_paced"}:
        return ours_fan_out(port, paced=name == "ours_paced")
    if name.endswith("_async"):
        run = ours_async if name == "ours_async" else official_async
        return lambda count, concurrency: asyncio.run(run(port, count, concurrency))
    call = ours_sync(port) if name == "ours_sync" else official_sync(port)
    return lambda count, threads: threaded(call, count, threads)


def work(name: str, port: int) -> None:
    run = runner(name, port)
    print("ready", flush=True)
    for line in sys.stdin:
        count, concurrency = json.loads(line)
        began = time.perf_counter()
        run(count, concurrency)
        print(count / (time.perf_counter() - began), flush=True)


class Process:
    """A server or a client of this file, on a core of its own if there are two."""

    def __init__(self, *arguments: str, core: int) -> None:
        self._process = subprocess.Popen(
            [sys.executable, __file__, *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        cores = sorted(os.sched_getaffinity(0))
        if len(cores) > 1:
            os.sched_setaffinity(self._process.pid, {cores[core % len(cores)]})
        self.first = self._line()

    def _line(self) -> str:
        assert self._process.stdout is not None
        line = self._process.stdout.readline().strip()
        if not line:
            raise SystemExit("a client of the benchmark failed, see above")
        return line

    def rate(self, count: int, concurrency: int) -> float:
        assert self._process.stdin is not None
        print(json.dumps([count, concurrency]), file=self._process.stdin, flush=True)
        return float(self._line())

    def stop(self) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.kill()
        self._process.wait()
        self._process.stdout.close()


@contextlib.contextmanager
def processes(port: int, *names: str) -> Iterator[list[Process]]:
    started = [Process("worker", name, str(port), core=1) for name in names]
    try:
        yield started
    finally:
        for process in started:
            process.stop()


def rates(
    port: int, pair: tuple[str, str], counts: tuple[int, int], concurrency: int, rounds: int
) -> tuple[list[float], list[float]]:
    with processes(port, *pair) as (ours, theirs):
        ours.rate(min(counts), concurrency)
        theirs.rate(min(counts) // 4, concurrency)
        found = [
            (ours.rate(counts[0], concurrency), theirs.rate(counts[1], concurrency))
            for _ in range(rounds)
        ]
    return [mine for mine, _ in found], [other for _, other in found]


PAIRS = {
    "invoke_async / official SDK, 1 thread": (("ours_sync", "official_sync"), (2000, 1200), 1),
    "invoke_async / official SDK, 32 threads": (("ours_sync", "official_sync"), (3000, 2000), 32),
    "asyncio client / official asyncio client, 32 at a time": (
        ("ours_async", "official_async"),
        (6000, 1000),
        32,
    ),
    "fan_out of 10,000 / official SDK with 32 threads": (
        ("ours_fan_out", "official_sync"),
        (10_000, 3000),
        32,
    ),
    "fan_out of 10,000 at a pace / without": (("ours_paced", "ours_fan_out"), (10_000, 10_000), 32),
}


def measure(options: Options) -> Iterator[Row]:
    if importlib.util.find_spec("alibabacloud_fc20230330") is None:
        for what in PAIRS:
            yield missing(what, "the official SDK is not installed")
        return
    server = Process("server", core=0)
    try:
        for what, (pair, counts, concurrency) in PAIRS.items():
            found = rates(int(server.first), pair, counts, concurrency, options.rounds)
            yield pairs(what, *found, "calls/s")
    finally:
        server.stop()


def main() -> None:
    if sys.argv[1] == "server":
        serve()
    else:
        work(sys.argv[2], int(sys.argv[3]))


if __name__ == "__main__":
    main()
