# SPDX-License-Identifier: MIT
"""A prefix that more tasks have than are read one by one is found through another index."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from fc_async_local.domain.states import Status
from fc_async_local.store.factory import open_stores
from fc_async_local.store.protocol import TaskQuery
from fc_async_local.store.sqlite import searching
from fc_async_local.store.sqlite.database import Database
from fc_async_local.store.sqlite.store import SCHEMA, SqliteStore
from fc_async_tests.invocations import an_invocation

if TYPE_CHECKING:
    from pathlib import Path

    from fc_async_local.store.protocol import TaskCounts, TaskPage

OLD = 101_000
NEW = 500
FILL = """
WITH RECURSIVE number (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM number WHERE n < ?)
INSERT INTO invocation (
    request_id, task_id, function, qualifier, accepted_at, due_at, task_mode, status, attempts,
    system_retries, instance_id, error, destination_status, call_path, delay_ms, epoch, lease_owner
)
SELECT
    'r' || n, iif(n <= ?, 'nightly-', 'hourly-') || n, iif(n % 2, 'orders', 'mail'),
    iif(n % 10, 'LATEST', 'prod'), n, 10000000, 1, iif(n % 100, 'Succeeded', 'Failed'), 1, 0, '',
    iif(n % 100, '', 'ValueError'), '', '[]', 0, 0, ''
FROM number
"""


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("searches") / "a.db"

    async def make() -> None:
        await (await open_stores(file)).aclose()

    asyncio.run(make())
    with closing(sqlite3.connect(file)) as connection:
        connection.execute(FILL, (OLD + NEW, OLD))
        connection.commit()
    return file


async def search(file: Path, query: TaskQuery) -> tuple[TaskPage, TaskCounts]:
    stores = await open_stores(file)
    try:
        return await stores.store.query(query), await stores.store.count_tasks(query, most=OLD)
    finally:
        await stores.aclose()


@pytest.mark.parametrize(
    ("query", "found", "counts"),
    [
        (TaskQuery(None), [101_000, 100_999], {Status.SUCCEEDED: 99_990, Status.FAILED: 1_010}),
        (TaskQuery("mail"), [101_000, 100_998], {Status.SUCCEEDED: 49_490, Status.FAILED: 1_010}),
        (TaskQuery(None, statuses=[Status.FAILED]), [101_000, 100_900], {Status.FAILED: 1_010}),
        (TaskQuery(None, qualifier="prod"), [101_000, 100_990], None),
        (TaskQuery("orders", qualifier="LATEST"), [100_999, 100_997], None),
        (TaskQuery(None, error="ValueError"), [101_000, 100_900], {Status.FAILED: 1_010}),
        (TaskQuery(None, descending=False), [1, 2], None),
        (TaskQuery(None, accepted_to=5_000), [5_000, 4_999], None),
        (TaskQuery(None, started_to=5_000), [5_000, 4_999], None),
    ],
    ids=[
        "prefix alone",
        "function",
        "status",
        "alias",
        "LATEST",
        "error",
        "oldest first",
        "accepted before",
        "started before",
    ],
)
def test_old_tasks_are_found_by_a_prefix_that_many_have(
    file: Path, query: TaskQuery, found: list[int], counts: dict[Status, int] | None
) -> None:
    page, counted = asyncio.run(search(file, query._replace(prefix="nightly-", limit=2)))
    assert [task.request_id for task in page.invocations] == [f"r{number}" for number in found]
    if counts is not None:
        assert {status: n for status, n in counted.by_status.items() if n} == counts


def test_a_search_for_text_ends_at_the_latest_errors_and_says_so(tmp_path, monkeypatch):
    monkeypatch.setattr(searching, "ERRORS_SEARCHED", 2)

    async def scenario():
        database = await Database.open(tmp_path / "fc.db", SCHEMA)
        store = await SqliteStore.open(database)
        for number in range(1, 5):
            await store.accept(an_invocation(number, failure="ValueError: no items"))
        found = await store.query(TaskQuery(None, text="items"))
        counts = await store.count_tasks(TaskQuery(None, text="items"), most=100)
        await database.aclose()
        return [each.request_id for each in found.invocations], counts

    found, counts = asyncio.run(scenario())
    assert found == ["r4", "r3", "r2"]
    assert counts.at_least == frozenset(Status)
