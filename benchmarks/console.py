# SPDX-License-Identifier: MIT
"""How long the console waits for a page of tasks and for their counts, among 1,000,000 tasks.

The tasks are written by SQL. Each filter of the query is measured alone and beside others.
"""

from __future__ import annotations

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
STATUSES = ["Succeeded"] * 90 + ["Failed"] * 5 + ["Retrying"] * 2 + ["Enqueued"] * 2 + ["Expired"]
FUNCTIONS = ["orders"] * 7 + ["resize"] * 2 + ["mail"]
COLUMNS = (
    "request_id, task_id, function, qualifier, accepted_at, due_at, task_mode, status, attempts, "
    "system_retries, instance_id, started_at, ended_at, error, destination_status, call_path, "
    "delay_ms, epoch, lease_owner"
)
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
    "nothing matches": TaskQuery(None, prefix="no", error="no", qualifier="no"),
}
WHAT = "console, the slowest filter on 1,000,000 tasks, ms"


def fill(file: Path) -> None:
    dice = random.Random(1)

    def rows() -> Iterator[tuple[object, ...]]:
        for number in range(TASKS):
            status = dice.choice(STATUSES)
            at = number * 100
            yield (
                *(f"1-{number:08x}", f"task-{number}", dice.choice(FUNCTIONS)),
                *("LATEST" if number % 50 else "prod", at, 2**40, 1, status, 1, 0, "i"),
                *(
                    at,
                    at + 50,
                    dice.choice(["ValueError", "KeyError"]) if status == "Failed" else "",
                ),
                *("", "[]", 0, 1, ""),
            )

    places = ", ".join("?" * len(COLUMNS.split(",")))
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("PRAGMA synchronous=OFF")
        connection.execute("PRAGMA cache_size=-1000000")  # the indexes are filled in random order
        connection.executemany(f"INSERT INTO invocation ({COLUMNS}) VALUES ({places})", rows())  # noqa: S608 -- names of this file
        connection.commit()


async def milliseconds(store: Store, query: TaskQuery, rounds: int) -> float:
    """Median of the time for what one refresh of the list asks for."""
    wanted = query._replace(limit=50, with_payload=False)
    times = []
    for _ in range(rounds):
        began = time.perf_counter()
        await store.query(wanted)
        await store.count_tasks(wanted, most=COUNTED)
        times.append(time.perf_counter() - began)
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
