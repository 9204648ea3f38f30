# SPDX-License-Identifier: MIT
"""What the engine claims about speed, as ratios to limits measured in the same run.

``accept``   durable accept through the whole HTTP API: POST, checks, commit, 202 (1 KB)
``paced``    what an accept takes when 4,000 a second are offered, instead of all that can be
``cycle``    accept until settled, with a Python handler that does nothing in a warm worker
``due``      how late a handler starts, with 100,000 delays pending and 1,000 due each second
``burst``    20,000 at once: all of them finish
``restart``  a start on 500,000 waiting tasks, and what runs and is accepted beside them
``moto``     durable accept to the Event invocation of moto's server, which keeps it in memory
``procrastinate``  the cycle to its defer and run, on PostgreSQL
``postgres`` the whole engine, accept and cycle, on PostgreSQL instead of SQLite

The server has one core, the load generator the other. Each part measures both sides once;
``run.py`` repeats the parts in turns. Absolute numbers are context, ratios are the claim.

``run.py engine`` runs all of them, ``run.py engine.cycle engine.due`` some. Usage of this file, by
itself: ``engine.py serve FOLDER [STORE]``.
"""

from __future__ import annotations

import contextlib
import importlib.util
import io
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

import engine_waiting
import uvloop
from engine_load import BODY, drive, drive_moto, for_seconds, percentile, request
from rows import missing, pairs, row
from store import postgres as postgres_server

import fc_async_sdk
from fc_async_sdk import _endpoint, _runtimes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from rows import Row

LIMITS = Path(__file__).with_name("engine_limits.py")
PEERS = Path(__file__).with_name("engine_peers.py")
SERVER_CORE = 0
ALL_CORES = os.sched_getaffinity(0)
CYCLES = BURST = 20_000
JOBS = 1_000
PACE = 4_000
WAITING = 500_000
FAR = 3_599
SECONDS = 2.0
WARM_UP = 3.0  # seconds: by then checkpoints are made at the rate at which accepts come


# --- servers ----------------------------------------------------------------------------------


class Server:
    """A server process on its own core."""

    def __init__(self, command: list[str]) -> None:
        began = time.perf_counter()
        self.process = subprocess.Popen(
            [sys.executable, *command],
            preexec_fn=lambda: os.sched_setaffinity(0, {SERVER_CORE}),  # noqa: PLW1509 -- one thread
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        self.started_in = time.perf_counter() - began
        if not line:
            raise RuntimeError(f"{command} did not start")
        self.port = int(line)

    def get(self, path: str) -> str:
        url = f"http://127.0.0.1:{self.port}{path}"
        token = _runtimes.token_at(_endpoint.parse(f"http://127.0.0.1:{self.port}"))
        headers = {"authorization": f"Bearer {token}"}
        request = urllib.request.Request(url, headers=headers)
        with urllib.request.urlopen(request) as answer:  # noqa: S310 -- loopback
            text: str = answer.read().decode()
            return text

    def wait_until_idle(self) -> None:
        while True:
            answer = self.get("/_local/stats")
            if answer == "1":
                return
            if answer != "0" and not sum(json.loads(answer)["by_status"].values()):
                return
            time.sleep(0.01)

    def cpu_seconds(self) -> float:
        """Of the server itself, not of its workers."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text(encoding="ascii").split()
        return (int(fields[13]) + int(fields[14])) / os.sysconf("SC_CLK_TCK")

    def memory_mb(self) -> float:
        status = Path(f"/proc/{self.process.pid}/status").read_text(encoding="ascii")
        return int(status.split("VmRSS:")[1].split()[0]) / 1024

    def close(self) -> None:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.close()  # ends a limit
        self.process.send_signal(signal.SIGTERM)  # ends ours
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait()
        self.process.stdout.close()


@contextlib.contextmanager
def server(kind: str, folder: Path | None = None) -> Iterator[Server]:
    """One of the limits, a peer, or ``ours``.

    Args:
        kind: group, single, cycle, moto or ours; or the URL of a PostgreSQL database for ours.
        folder: Data to start on, kept. Default: a folder that is thrown away.
    """
    data = folder or Path(tempfile.mkdtemp(prefix="fc-async-bench-"))
    ours = kind == "ours" or "://" in kind
    if ours:
        command = [__file__, "serve", str(data), *([kind] if "://" in kind else [])]
    else:
        command = [str(PEERS), kind] if kind == "moto" else [str(LIMITS), kind, str(data)]
    started = Server(command)
    try:
        if ours:
            create_function(started.port)
        yield started
    finally:
        started.close()
        if folder is None:
            shutil.rmtree(data, ignore_errors=True)


def create_function(port: int) -> None:
    """One function that does nothing, if it isn't there yet."""
    client = fc_async_sdk.client(endpoint_url=f"http://127.0.0.1:{port}")
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("index.py", "def handler(event, context):\n    return b''\n")
    with contextlib.suppress(client.exceptions.FunctionAlreadyExists):
        client.create_function(
            "noop",
            runtime="python3.10",
            handler="index.handler",
            instance_concurrency=20,
            code=archive.getvalue(),
        )


def serve(folder: Path, *store: str) -> None:
    """The runtime as ``fc-async local start`` runs it, until it is told to end."""
    from fc_async_local.bootstrap.options import Options
    from fc_async_local.embedded import run

    chosen = {"store": store[0]} if store else {}
    run(
        Options(data=folder, port=0, **chosen),
        ready=lambda addresses: print(addresses.fc.rsplit(":", 1)[1], flush=True),
    )


# --- measurements -----------------------------------------------------------------------------


Figures = tuple[float, ...]
"""Of one server: its rate, and more for people."""


def compare(
    kinds: list[str], measure: Callable[[Server], Figures], **others: Figures
) -> dict[str, Figures]:
    """Measure each kind once, and print all; return what was measured by kind."""
    measured = others
    for kind in kinds:
        with server(kind) as target:
            measured[kind] = measure(target)
    for kind, figures in measured.items():
        print(f"  {kind.partition(':')[0]:10}", *(f"{figure:10.1f}" for figure in figures))
    return measured


def ratio(what: str, found: dict[str, Figures], ours: str, other: str) -> Row:
    return pairs(what, found[ours][:1], found[other][:1], "1/s")


def accepts(target: Server) -> Figures:
    """Per second, p50 and p99 in milliseconds, CPU of each in microseconds."""
    drive(target.port, for_seconds(WARM_UP, request(FAR)))
    before = target.cpu_seconds()
    rate, latencies = drive(target.port, for_seconds(SECONDS, request(FAR)))
    cpu = (target.cpu_seconds() - before) / len(latencies) * 1_000_000
    return rate, percentile(latencies, 0.5), percentile(latencies, 0.99), cpu


def paced_accepts(target: Server) -> Figures:
    """Per second; p50, p99 and p99.9 in milliseconds."""
    drive(target.port, for_seconds(0.5, request(FAR)), at=PACE)
    rate, latencies = drive(target.port, for_seconds(SECONDS, request(FAR)), at=PACE)
    return rate, *(percentile(latencies, share) for share in (0.5, 0.99, 0.999))


def cycles(target: Server) -> Figures:
    """Per second, CPU of each in microseconds."""
    drive(target.port, iter([request()] * 200))
    target.wait_until_idle()
    began, before = time.perf_counter(), target.cpu_seconds()
    drive(target.port, iter([request()] * CYCLES))
    target.wait_until_idle()
    cpu = (target.cpu_seconds() - before) / CYCLES * 1_000_000
    return CYCLES / (time.perf_counter() - began), cpu


def accept() -> Iterator[Row]:
    found = compare(["group", "ours", "single"], accepts)
    yield ratio("durable accept / bare group commit", found, "ours", "group")
    yield ratio("durable accept / one commit per message", found, "ours", "single")


def paced() -> Iterator[Row]:
    found = compare(["group", "ours"], paced_accepts)
    ours, theirs = found["ours"][2], found["group"][2]
    what = "accept at 4,000 a second, 99th percentile, ms"
    yield row(what, ours, ours=ours, theirs=theirs, unit="ms")


def cycle() -> Iterator[Row]:
    found = compare(["cycle", "ours"], cycles)
    yield ratio("accept to settled / the limit's cycle", found, "ours", "cycle")


def burst() -> Iterator[Row]:
    with server("ours") as runtime:
        began = time.perf_counter()
        drive(runtime.port, iter([request()] * BURST))
        runtime.wait_until_idle()
        yield row("burst of 20,000, seconds until all are settled", time.perf_counter() - began)


def restart() -> Iterator[Row]:
    with tempfile.TemporaryDirectory(prefix="fc-async-bench-") as name:
        folder = Path(name)
        with server("ours") as runtime:
            empty = runtime.started_in
            without, _latencies = drive(runtime.port, for_seconds(SECONDS, request(FAR)))
        uvloop.run(engine_waiting.fill(folder, WAITING, BODY))
        with server("ours", folder) as runtime:
            yield row("start on 500,000 waiting, s", runtime.started_in, theirs=empty, unit="s")
            rate, _latencies = drive(runtime.port, for_seconds(SECONDS, request(FAR)))
            drive(runtime.port, iter([request()] * 64))  # those that are due run beside the waiting
            while "FunctionTotalInvocations" not in runtime.get("/_local/metrics"):
                time.sleep(0.005)
            yield row("memory with 500,000 waiting, MB", runtime.memory_mb())
            yield row("accept beside 500,000 waiting / on nothing", rate / without)


def due() -> Iterator[Row]:
    with tempfile.TemporaryDirectory(prefix="fc-async-bench-") as folder:
        late = uvloop.run(engine_waiting.lateness(Path(folder), BODY))
    yield row("start after the due time, 99th percentile, ms", late.p99, note=str(late))
    yield row("started before the due time", late.early)


def moto() -> Iterator[Row]:
    what = "durable accept / moto's Event invoke"
    if importlib.util.find_spec("moto") is None:
        yield missing(what, "moto is not installed")
        return
    found = compare(["moto"], lambda target: (drive_moto(target.port, SECONDS),))
    yield ratio(what, compare(["ours"], accepts, **found), "ours", "moto")


def procrastinate() -> Iterator[Row]:
    what = "accept to settled / procrastinate's defer and run"
    if importlib.util.find_spec("procrastinate") is None:
        yield missing(what, "procrastinate is not installed")
        return
    with postgres_server() as url:
        os.sched_setaffinity(0, ALL_CORES)
        command = [sys.executable, str(PEERS), "procrastinate", url, str(JOBS)]
        theirs = float(subprocess.check_output(command, text=True))
        found = compare(["ours"], cycles, theirs=(theirs,))
    yield ratio(what, found, "ours", "theirs")


def postgres() -> Iterator[Row]:
    for what, measure in (("accept", accepts), ("cycle", cycles)):
        os.sched_setaffinity(0, ALL_CORES)
        with postgres_server() as url:
            found = compare(["ours", url], measure)
        yield ratio(f"{what} on PostgreSQL / on SQLite", found, url, "ours")


PARTS: dict[str, Callable[[], Iterator[Row]]] = {
    one.__name__: one
    for one in (accept, paced, cycle, due, burst, restart, moto, procrastinate, postgres)
}

if __name__ == "__main__":
    serve(Path(sys.argv[2]), *sys.argv[3:])
