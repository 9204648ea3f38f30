# SPDX-License-Identifier: MIT
"""Several processes may use a new file of records at the same moment."""

from __future__ import annotations

import multiprocessing
from concurrent.futures import ProcessPoolExecutor
from typing import TYPE_CHECKING, Any

from fc_async_sdk.idempotency import SqliteStore
from fc_async_sdk.idempotency.states import Record

if TYPE_CHECKING:
    from pathlib import Path

PROCESSES = 4
FILES = 20
together: Any = None


def start(barrier: Any) -> None:
    global together  # noqa: PLW0603 -- how a process of a pool gets what cannot be pickled
    together = barrier


def create(folder: str, process: int) -> list[Record | None]:
    found = []
    for number in range(FILES):
        together.wait()
        record = Record(
            key=f"k{process}", token="t", state="running", written=1, until=2, expires=3
        )
        store = SqliteStore(f"{folder}/{number}.db")
        found.append(store.create(record))
        store.close()
    return found


def test_processes_that_open_a_new_file_at_once_all_store_their_records(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    barrier = context.Barrier(PROCESSES)
    with ProcessPoolExecutor(PROCESSES, context, start, (barrier,)) as pool:
        runs = [pool.submit(create, str(tmp_path), process) for process in range(PROCESSES)]
        assert [run.result(60) for run in runs] == [[None] * FILES] * PROCESSES
