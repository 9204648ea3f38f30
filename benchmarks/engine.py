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

The server has one core, the load generator the other. Rounds are interleaved, so that whatever
else the machine does hits all alike. Absolute numbers are context, ratios are the claim.

Usage: engine.py [accept|paced|cycle|due|burst|restart|moto|procrastinate|postgres …] [--rounds N]
[--seconds S] [--peers PYTHON]: an interpreter that has moto and procrastinate, if this has not.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import os
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import engine_waiting
import uvloop
from engine_load import BODY, drive, drive_moto, for_seconds, percentile, request
from rows import missing, pairs, row
from store import postgres as postgres_server

import fc_async_sdk

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rows import Options, Row

LIMITS = Path(__file__).with_name("engine_limits.py")
PEERS = Path(__file__).with_name("engine_peers.py")
SERVER_CORE = 0
ALL_CORES = os.sched_getaffinity(0)
CYCLES = BURST = 20_000
JOBS = 1_000
PACE = 4_000
WAITING = 500_000
FAR = 3_599
WARM_UP = 3.0  # seconds: by then checkpoints are made at the rate at which accepts come


# --- servers ----------------------------------------------------------------------------------


class Server:
    """A server process on its own core."""

    def __init__(self, command: list[str], folder: Path, python: str = sys.executable) -> None:
        self.folder = folder
        began = time.perf_counter()
        self.process = subprocess.Popen(
            [python, *command],
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
        with urllib.request.urlopen(url) as answer:
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
    """One of the limits, or ``ours``.

    Args:
        kind: group, single, cycle or ours; or the URL of a PostgreSQL database for ours on it.
        folder: Data to start on, kept. Default: a folder that is thrown away.
    """
    data = folder or Path(tempfile.mkdtemp(prefix="fc-async-bench-"))
    ours = kind == "ours" or "://" in kind
    store = [kind] if "://" in kind else []
    command = [__file__, "serve", str(data), *store] if ours else [str(LIMITS), kind, str(data)]
    one = Server(command, data)
    try:
        if ours:
            create_function(one.port)
        yield one
    finally:
        one.close()
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


def compare(kinds: list[str], rounds: int, measure: Any) -> dict[str, list[Any]]:
    """Measure each kind once a round; returns what was measured by kind."""
    found: dict[str, list[Any]] = {kind: [] for kind in kinds}
    for _ in range(rounds):
        for kind in kinds:
            with server(kind) as one:
                found[kind].append(measure(one))
    return found


def compared(what: str, found: dict[str, list[Any]], ours: str, other: str) -> Row:
    mine, theirs = ([one[0] for one in found[kind]] for kind in (ours, other))
    return pairs(what, mine, theirs, "1/s")


def accepts(one: Server, seconds: float) -> tuple[float, float, float, float]:
    """Per second, p50 and p99 in milliseconds, CPU of each in microseconds."""
    drive(one.port, for_seconds(WARM_UP, request(FAR)))
    before = one.cpu_seconds()
    rate, latencies = drive(one.port, for_seconds(seconds, request(FAR)))
    cpu = (one.cpu_seconds() - before) / len(latencies) * 1_000_000
    return rate, percentile(latencies, 0.5), percentile(latencies, 0.99), cpu


def cycles(one: Server) -> tuple[float, float]:
    """Per second, CPU of each in microseconds."""
    drive(one.port, iter([request()] * 200))
    one.wait_until_idle()
    began, before = time.perf_counter(), one.cpu_seconds()
    drive(one.port, iter([request()] * CYCLES))
    one.wait_until_idle()
    cpu = (one.cpu_seconds() - before) / CYCLES * 1_000_000
    return CYCLES / (time.perf_counter() - began), cpu


def accept(rounds: int, seconds: float) -> list[Row]:
    found = compare(["group", "ours", "single"], rounds, lambda one: accepts(one, seconds))
    for kind, rows in found.items():
        columns = zip(*rows, strict=True)
        rate, middle, high, cpu = (statistics.median(column) for column in columns)
        print(
            f"  {kind:8}{rate:9.0f}/s  p50 {middle:5.1f} ms  p99 {high:5.1f} ms  {cpu:4.0f} µs CPU"
        )
    return [
        compared("durable accept / bare group commit", found, "ours", "group"),
        compared("durable accept / one commit per message", found, "ours", "single"),
    ]


def paced(rounds: int, seconds: float) -> list[Row]:
    def measure(one: Server) -> tuple[float, ...]:
        drive(one.port, for_seconds(0.5, request(FAR)), at=PACE)
        rate, latencies = drive(one.port, for_seconds(seconds, request(FAR)), at=PACE)
        return rate, *(percentile(latencies, share) for share in (0.5, 0.99, 0.999))

    found = compare(["group", "ours"], rounds, measure)
    for kind, rows in found.items():
        rate, *late = (statistics.median(column) for column in zip(*rows, strict=True))
        told = "  ".join(
            f"{n} {ms:.1f} ms" for n, ms in zip(("p50", "p99", "p99.9"), late, strict=True)
        )
        print(f"  {kind:8}{rate:9.0f}/s  {told}")
    ours, theirs = (statistics.median(one[2] for one in found[kind]) for kind in ("ours", "group"))
    what = "accept at 4,000 a second, 99th percentile, ms"
    return [row(what, ours, ours=ours, theirs=theirs, unit="ms")]


def cycle(rounds: int, _: float) -> list[Row]:
    found = compare(["cycle", "ours"], rounds, cycles)
    for kind, rows in found.items():
        rate, cpu = (statistics.median(column) for column in zip(*rows, strict=True))
        print(f"  {kind:8}{rate:9.0f}/s  {cpu:4.0f} µs CPU")
    return [compared("accept to settled / the limit's cycle", found, "ours", "cycle")]


def burst(_: int, __: float) -> list[Row]:
    with server("ours") as one:
        began = time.perf_counter()
        rate, latencies = drive(one.port, iter([request()] * BURST))
        one.wait_until_idle()
        took = time.perf_counter() - began
        sums = {
            row["metric"]: row["value"] for row in json.loads(one.get("/_local/metrics"))["metrics"]
        }
        print(f"  {len(latencies)} accepted at {rate:.0f}/s, all settled after {took:.1f} s")
        print(
            f"  executions {sums['FunctionTotalInvocations']}, ends {sums['FunctionDequeueCount']}"
        )
    return [row("burst of 20,000, seconds until all are settled", took)]


def restart(_: int, seconds: float) -> list[Row]:
    folder = Path(tempfile.mkdtemp(prefix="fc-async-bench-"))
    try:
        with server("ours") as one:
            empty = one.started_in
            without, _latencies = drive(one.port, for_seconds(seconds, request(FAR)))
        uvloop.run(engine_waiting.fill(folder, WAITING, BODY))
        with server("ours", folder) as one:
            print(f"  start on nothing {empty:.2f} s, on {WAITING} waiting {one.started_in:.2f} s")
            rate, latencies = drive(one.port, for_seconds(seconds, request(FAR)))
            high = percentile(latencies, 0.99)
            print(f"  accepts beside them {rate:.0f}/s, p99 {high:.1f} ms, x{rate / without:.2f}")
            began = time.perf_counter()
            drive(one.port, iter([request()] * 64))
            while "FunctionTotalInvocations" not in one.get("/_local/metrics"):
                time.sleep(0.005)
            print(f"  a due one ran within {time.perf_counter() - began:.2f} s")
            memory = one.memory_mb()
            return [
                row("start on 500,000 waiting, s", one.started_in, theirs=empty, unit="s"),
                row("memory with 500,000 waiting, MB", memory),
                row("accept beside 500,000 waiting / on nothing", rate / without),
            ]
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def due(_: int, __: float) -> list[Row]:
    os.sched_setaffinity(0, ALL_CORES)
    folder = Path(tempfile.mkdtemp(prefix="fc-async-bench-"))
    try:
        late = uvloop.run(engine_waiting.lateness(folder, BODY))
        print(f"  {late}")
        return [
            row("start after the due time, 99th percentile, ms", late.p99, note=str(late)),
            row("started before the due time", late.early),
        ]
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def moto(rounds: int, seconds: float) -> list[Row]:
    what = "durable accept / moto's Event invoke"
    if not Peers.has("moto"):
        return [missing(what, "moto is not installed")]
    mine, others = [], []
    for _ in range(rounds):
        with server("ours") as one:
            ours = accepts(one, seconds)[0]
        other = Server([str(PEERS), "moto"], Path(), Peers.python)
        try:
            theirs = drive_moto(other.port, seconds)
        finally:
            other.close()
        print(f"  ours {ours:.0f}/s, moto {theirs:.0f}/s")
        mine.append(ours)
        others.append(theirs)
    return [pairs(what, mine, others, "accepts/s")]


def procrastinate(rounds: int, _: float) -> list[Row]:
    what = "accept to settled / procrastinate's defer and run"
    if not Peers.has("procrastinate"):
        return [missing(what, "procrastinate is not installed")]
    mine, others = [], []
    with postgres_server() as url:
        for _round in range(rounds):
            with server("ours") as one:
                ours = cycles(one)[0]
            os.sched_setaffinity(0, ALL_CORES)
            command = [Peers.python, str(PEERS), "procrastinate", url, str(JOBS)]
            theirs = float(subprocess.check_output(command, text=True))
            print(f"  ours {ours:.0f}/s, procrastinate {theirs:.0f}/s")
            mine.append(ours)
            others.append(theirs)
    return [pairs(what, mine, others, "cycles/s")]


def postgres(rounds: int, seconds: float) -> list[Row]:
    made = []
    for what, measure in (("accept", lambda one: accepts(one, seconds)), ("cycle", cycles)):
        os.sched_setaffinity(0, ALL_CORES)
        with postgres_server() as url:
            found = compare(["ours", url], rounds, measure)
            made.append(compared(f"{what} on PostgreSQL / on SQLite", found, url, "ours"))
    return made


class Peers:
    """Where the peers are installed."""

    python = sys.executable

    @classmethod
    def has(cls, module: str) -> bool:
        return not subprocess.run(
            [cls.python, "-c", f"import {module}"], capture_output=True, check=False
        ).returncode


MEASUREMENTS = {
    "accept": accept,
    "paced": paced,
    "cycle": cycle,
    "due": due,
    "burst": burst,
    "restart": restart,
    "moto": moto,
    "procrastinate": procrastinate,
    "postgres": postgres,
}


def measure(options: Options) -> Iterator[Row]:
    for name, one in MEASUREMENTS.items():
        print(name, flush=True)
        yield from one(options.rounds, 2.0)


def main() -> None:
    if sys.argv[1:2] == ["serve"]:
        serve(Path(sys.argv[2]), *sys.argv[3:])
        return
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", nargs="*", metavar="|".join(MEASUREMENTS))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=3.0)
    parser.add_argument("--peers", default=sys.executable)
    options = parser.parse_args()
    Peers.python = options.peers
    for name in options.what or MEASUREMENTS:
        print(name, flush=True)
        for found in MEASUREMENTS[name](options.rounds, options.seconds):
            print(f"  {found.what}: {found.ratio}  (goal {found.goal})  {found.note}")


if __name__ == "__main__":
    main()
