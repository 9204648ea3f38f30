# SPDX-License-Identifier: MIT
"""How accept, claim, settle and list grow with what a database holds.

Two SQLite files are prepared: a few rows and many. A few finished, waiting and failed tasks are put
into each through the store, then copied by SQL with new ids and times. Operations alternate between
both files; a ratio is the median time on many rows / on few.
"""

from __future__ import annotations

import itertools
import json
import sqlite3
import statistics
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import uvloop
from msgspec.structs import replace
from rows import pairs

from fc_async_local.domain.invocation import Invocation, Settlement
from fc_async_local.domain.states import Status
from fc_async_local.store.factory import open_stores
from fc_async_local.store.protocol import TaskQuery

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

    from rows import Options, Row

    from fc_async_local.store.protocol import Store

FEW = 1_000
CALLS = 60
"""Of each operation in each round."""
FAR = 2**41
FUNCTIONS = 10
PAYLOAD = b"x" * 256
NUMBERS = itertools.count(1)


def invocation(**fields: object) -> Invocation:
    number = next(NUMBERS)
    return replace(
        Invocation(
            request_id=f"2-{number:012x}",
            task_id=f"2-{number:012x}",
            function=f"f{number % FUNCTIONS}",
            qualifier="LATEST",
            payload=PAYLOAD,
            accepted_at=number,
            due_at=number,
            task_mode=True,
        ),
        **fields,
    )


async def settle(store: Store, held: Invocation) -> None:
    ended = replace(held, status=Status.SUCCEEDED, ended_at=FAR)
    await store.settle(held.lease, Settlement(invocation=ended))


async def claim(store: Store) -> Invocation:
    (held,) = await store.claim(1, now=2**40, until=FAR, owner="benchmark")
    return held


async def seed(file: Path) -> None:
    """Per function: half of the tasks are finished, the others wait."""
    stores = await open_stores(file)
    try:
        for _ in range(FUNCTIONS):
            await stores.store.accept(invocation())
        for _ in range(FUNCTIONS):
            held = await claim(stores.store)
            await stores.store.start(held.lease, now=2**40)
            await settle(stores.store, held)
        for _ in range(FUNCTIONS):
            await stores.store.accept(invocation(due_at=FAR))
    finally:
        await stores.aclose()


def multiply(file: Path, rows: int) -> None:
    """Copy the tasks of a seeded file until it has so many."""
    with sqlite3.connect(file) as database:
        database.execute("PRAGMA synchronous=OFF")
        columns = [
            name
            for _, name, *_, hidden in database.execute("PRAGMA table_xinfo(invocation)")
            if not hidden and name != "id"
        ]
        # Ids and times go on from copy to copy, as those of accepted tasks do.
        changed = {
            "request_id": "printf('1-%012x', n.n * 1000 + id)",
            "task_id": "printf('1-%012x', n.n * 1000 + id)",
            "accepted_at": "accepted_at + n.n * 1000",
        }
        values = ", ".join(changed.get(name, name) for name in columns)
        copies = rows // (2 * FUNCTIONS) - 1
        last = database.execute("SELECT max(id) FROM invocation").fetchone()[0]
        numbers = (
            "WITH RECURSIVE n(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < :copies)"
        )
        parameters = {"copies": copies, "last": last}
        database.execute(
            f"{numbers} INSERT INTO invocation (id, {', '.join(columns)}) "  # noqa: S608
            f"SELECT id + n.n * :last, {values} FROM n, invocation WHERE id <= :last",
            parameters,
        )
        for table, key, others in (
            ("payload", "id", "body"),
            ("task_event", "invocation", "number, status, at, detail"),
        ):
            database.execute(
                f"{numbers} INSERT INTO {table} ({key}, {others}) "  # noqa: S608
                f"SELECT {key} + n.n * :last, {others} FROM n, {table} WHERE {key} <= :last",
                parameters,
            )
        database.execute(
            "UPDATE tally SET number = "
            "(SELECT count(*) FROM invocation WHERE invocation.status = tally.status)"
        )
        database.commit()
    database.close()


class Works:
    """The operations that are measured, on one store."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._held: list[Invocation] = []

    async def accept(self) -> None:
        await self._store.accept(invocation())

    async def claim(self) -> None:
        self._held.append(await claim(self._store))

    async def settle(self) -> None:
        await settle(self._store, self._held.pop())

    async def list(self) -> None:
        number = next(NUMBERS)
        query = TaskQuery(function=f"f{number % FUNCTIONS}", statuses=[Status.SUCCEEDED])
        page = await self._store.query(query)
        assert page.invocations


async def times(
    small: Path, large: Path, rounds: int
) -> dict[str, tuple[list[float], list[float]]]:
    """Median seconds of a call in each round, by operation: on few rows, on many."""
    opened = [await open_stores(file) for file in (small, large)]
    medians: dict[str, tuple[list[float], list[float]]] = {}
    try:
        sides = [Works(stores.store) for stores in opened]
        for number in range(rounds + 1):
            for operation in ("accept", "claim", "settle", "list"):
                taken = await alternate([getattr(side, operation) for side in sides])
                if number:  # the first round warms up
                    for series, seconds in zip(
                        medians.setdefault(operation, ([], [])), taken, strict=True
                    ):
                        series.append(statistics.median(seconds))
    finally:
        for stores in opened:
            await stores.aclose()
    return medians


async def alternate(works: list[Callable[[], Awaitable[None]]]) -> list[list[float]]:
    taken: list[list[float]] = [[] for _ in works]
    for _ in range(CALLS):
        for work, series in zip(works, taken, strict=True):
            began = time.perf_counter()
            await work()
            series.append(time.perf_counter() - began)
    return taken


def measure(options: Options) -> Iterator[Row]:
    with tempfile.TemporaryDirectory(prefix="fc-async-bench-") as name:
        files = {rows: Path(name) / f"{rows}.db" for rows in (FEW, options.rows)}
        for rows, file in files.items():
            uvloop.run(seed(file))
            multiply(file, rows)
        medians = uvloop.run(times(*files.values(), options.rounds))
    for operation, (small, large) in medians.items():
        measured = pairs(f"{operation}, time on many rows / on few", large, small, "s")
        yield measured._replace(note=json.dumps({"few": FEW, "many": options.rows}))
