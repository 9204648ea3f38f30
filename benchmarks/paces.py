# SPDX-License-Identifier: MIT
"""Bookings a second of a pace that one process uses, and that 64 use at the same time.

Each process books single slots of one key, one after another, over its own connection, as an
instance of a function does. Redis and PostgreSQL are real servers on this machine; PostgreSQL
flushes each commit.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import shutil
import statistics
import subprocess
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rows import missing, row
from store import postgres as postgres_server

from fc_async_sdk.errors import PaceStoreFailed
from fc_async_sdk.pacing import Pace
from fc_async_sdk.stores import RedisStore, SqlStore

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from rows import Options, Row

    from fc_async_sdk.stores import Store

PROCESSES = 64
SECONDS = 3.0


def connect_redis(address: str) -> Store:
    import redis

    return RedisStore(redis.Redis(unix_socket_path=address))


def connect_postgres(address: str) -> Store:
    import psycopg

    return SqlStore(lambda: psycopg.connect(address))


def book(connect: Callable[[str], Store], address: str, together: Any, results: Any) -> None:
    """Book until the time is over; report how many bookings there were, and how many refused."""
    pace = Pace("crm", 10_000, store=connect(address), max_hops=168)
    pace.book()  # connects
    booked = refused = 0
    together.wait()
    end = time.monotonic() + SECONDS
    while time.monotonic() < end:
        try:
            pace.book()
            booked += 1
        except PaceStoreFailed:
            refused += 1
    results.put((booked, refused))


def bookings(connect: Callable[[str], Store], address: str, processes: int) -> tuple[float, int]:
    """Return the bookings a second of some processes together, and how many were refused."""
    context = multiprocessing.get_context("fork")  # a process that starts anew imports for seconds
    together = context.Barrier(processes)
    results: Any = context.Queue()
    arguments = (connect, address, together, results)
    workers = [context.Process(target=book, args=arguments) for _ in range(processes)]
    for worker in workers:
        worker.start()
    counts = [results.get(timeout=120) for _ in workers]
    for worker in workers:
        worker.join()
    return sum(booked for booked, _ in counts) / SECONDS, sum(refused for _, refused in counts)


def compare(what: str, connect: Callable[[str], Store], address: str, rounds: int) -> Row:
    """Measure both sides alternately."""
    alone, together, refused = [], [], 0
    for _ in range(rounds):
        rate, _ = bookings(connect, address, 1)
        alone.append(rate)
        rate, lost = bookings(connect, address, PROCESSES)
        together.append(rate)
        refused += lost
    ratios = [shared / single for shared, single in zip(together, alone, strict=True)]
    return row(
        what,
        statistics.median(ratios),
        ours=statistics.median(together),
        theirs=statistics.median(alone),
        unit="/s",
        note=f"{refused} bookings refused",
    )


@contextlib.contextmanager
def redis_server(program: str) -> Iterator[str]:
    """Run a server that keeps nothing on disk; yield its socket."""
    with tempfile.TemporaryDirectory(prefix="fc-async-redis-") as folder:
        address = str(Path(folder) / "redis.sock")
        command = [program, "--port", "0", "--unixsocket", address, "--save", ""]
        server = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        try:
            while not Path(address).exists():
                time.sleep(0.01)
            yield address
        finally:
            server.terminate()
            server.wait()


def measure(options: Options) -> Iterator[Row]:
    what = "bookings of a pace by 64 processes / by one, Redis"
    program = shutil.which("redis-server")
    if program is None:
        yield missing(what, "there is no redis-server")
    else:
        with redis_server(program) as address:
            yield compare(what, connect_redis, address, options.rounds)
    with postgres_server() as url:
        store = connect_postgres(url)
        assert isinstance(store, SqlStore)
        store.create_table()
        store.close()
        what = "bookings of a pace by 64 processes / by one, PostgreSQL"
        yield compare(what, connect_postgres, url, options.rounds)
