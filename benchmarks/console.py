# SPDX-License-Identifier: MIT
"""Waits of the console for a page of tasks, among 1,000,000 tasks, while they are counted.

The tasks are written by SQL. Each filter of the query is measured alone and beside others. The
worst prefix is that of the oldest tasks: too many to read one by one, and behind all others.
"""

from __future__ import annotations

import asyncio
import random
import sqlite3
import statistics
import tempfile
import time
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import uvloop
from rows import row

from fc_async_local.domain.states import Status
from fc_async_local.store.factory import open_stores
from fc_async_local.store.protocol import TaskQuery

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rows import Options, Row

    from fc_async_local.store.protocol import Store

TASKS = 1_000_000
COUNTED = 20_000
NIGHTLY = 110_000
STATUSES = ["Succeeded"] * 90 + ["Failed"] * 5 + ["Retrying"] * 2 + ["Enqueued"] * 2 + ["Expired"]
FUNCTIONS = ["orders"] * 7 + ["resize"] * 2 + ["mail"]
COLUMNS = (
    "request_id, task_id, function, qualifier, accepted_at, due_at, task_mode, status, attempts, "
    "system_retries, instance_id, started_at, ended_at, error, destination_status, call_path, "
    "delay_ms, epoch, lease_owner, failure"
)
TALLY = """
INSERT INTO tally (function, task_mode, status, number)
SELECT function, task_mode, status, count(*) FROM invocation GROUP BY 1, 2, 3
"""
FILTERS = {
    "all": TaskQuery(None),
    "function": TaskQuery("orders"),
    "status": TaskQuery(None, statuses=[Status.FAILED]),
    "a status that no task has": TaskQuery(None, statuses=[Status.RUNNING]),
    "function and status": TaskQuery("orders", statuses=[Status.FAILED]),
    "task id": TaskQuery(None, prefix="task-99999"),
    "qualifier": TaskQuery(None, qualifier="prod"),
    "qualifier and status": TaskQuery(None, qualifier="prod", statuses=[Status.RETRYING]),
    "LATEST and status": TaskQuery(None, qualifier="LATEST", statuses=[Status.EXPIRED]),
    "error": TaskQuery(None, error="ValueError"),
    "error and function": TaskQuery("mail", error="ValueError"),
    "time": TaskQuery(None, accepted_from=10_000, accepted_to=50_000_000),
    "prefix of the oldest": TaskQuery(None, prefix="nightly-"),
    "prefix of the oldest, oldest first": TaskQuery(None, prefix="nightly-", descending=False),
    "prefix of all others": TaskQuery(None, prefix="task-"),
    "prefix of all others, oldest first": TaskQuery(None, prefix="task-", descending=False),
    "prefix and function": TaskQuery("orders", prefix="nightly-"),
    "prefix and status": TaskQuery(None, prefix="nightly-", statuses=[Status.SUCCEEDED]),
    "prefix and LATEST": TaskQuery(None, prefix="nightly-", qualifier="LATEST"),
    "prefix and alias": TaskQuery(None, prefix="nightly-", qualifier="prod"),
    "prefix and error": TaskQuery(None, prefix="nightly-", error="ValueError"),
    "text": TaskQuery(None, text="nightly-"),
    "text of all errors": TaskQuery(None, text="card declined"),
    "text of no error": TaskQuery(None, text="out of stock"),
    "nothing matches": TaskQuery(None, prefix="no", error="no", qualifier="no"),
}
WHAT = "console, the slowest page of a filter on 1,000,000 tasks, ms"


def fill(file: Path) -> None:
    dice = random.Random(1)

    def rows() -> Iterator[tuple[object, ...]]:
        for number in range(TASKS):
            status = dice.choice(STATUSES)
            at = number * 100
            error = dice.choice(["ValueError", "KeyError"]) if status == "Failed" else ""
            yield (
                *(_request_id(at, dice), _task_id(number), dice.choice(FUNCTIONS)),
                *("LATEST" if number % 50 else "prod", at, 2**40, 1, status, 1, 0, "i"),
                *(at, at + 50, error),
                *("", "[]", 0, 1, "", error and f"{error}: card declined"),
            )

    places = ", ".join("?" * len(COLUMNS.split(",")))
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("PRAGMA synchronous=OFF")
        connection.execute("PRAGMA cache_size=-1000000")  # the indexes are filled in random order
        connection.execute("DELETE FROM tally")
        connection.executemany(f"INSERT INTO invocation ({COLUMNS}) VALUES ({places})", rows())  # noqa: S608 -- names of this file
        connection.execute(TALLY)
        connection.commit()


def _request_id(at: int, dice: random.Random) -> str:
    return f"1-{at:08x}-{dice.getrandbits(64):016x}-{dice.getrandbits(32):08x}"


def _task_id(number: int) -> str:
    return f"nightly-{number}" if number < NIGHTLY else f"task-{number}"


async def milliseconds(store: Store, query: TaskQuery, rounds: int) -> float:
    """Return the median time until the page; its counts, asked for at the same time, follow."""
    wanted = query._replace(limit=50, with_payload=False)
    times = []
    for _ in range(rounds):
        began = time.perf_counter()
        counts = asyncio.ensure_future(store.count_tasks(wanted, most=COUNTED))
        await store.query(wanted)
        times.append(time.perf_counter() - began)
        await counts
    return statistics.median(times) * 1_000


async def slowest(file: Path, rounds: int) -> tuple[float, str]:
    stores = await open_stores(file)
    try:
        return max(
            [
                (await milliseconds(stores.store, query, rounds), name)
                for name, query in FILTERS.items()
            ]
        )
    finally:
        await stores.aclose()


async def make(file: Path) -> None:
    await (await open_stores(file)).aclose()


def measure(options: Options) -> Iterator[Row]:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "tasks.db")
        uvloop.run(make(file))
        fill(file)
        found, name = uvloop.run(slowest(file, options.rounds))
    yield row(WHAT, found, note=name)
