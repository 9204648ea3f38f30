# SPDX-License-Identifier: MIT
"""Files that an older program wrote, under this one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from fc_async_local.store.protocol import StoreUnusable, TaskQuery
from fc_async_local.store.sql import Migration
from fc_async_local.store.sqlite.database import Database
from fc_async_local.store.sqlite.store import SCHEMA, SqliteStore
from fc_async_tests.invocations import an_invocation

if TYPE_CHECKING:
    from pathlib import Path

V3 = SCHEMA._replace(
    migrations=(Migration(3, "0003_retention.sql", "CREATE TABLE delivery (id INTEGER);"),)
)


def test_a_file_of_a_layout_before_the_job_queue_is_refused_and_left_alone(
    run, tmp_path: Path
) -> None:
    file = tmp_path / "a.db"

    async def scenario() -> Any:
        await (await Database.open(file, V3)).aclose()
        before = file.read_bytes()
        with pytest.raises(StoreUnusable) as refused:
            await Database.open(file, SCHEMA)
        return str(refused.value), file.read_bytes() == before

    message, unchanged = run(scenario())
    assert "'store' is at schema version 3" in message
    assert "new data folder" in message
    assert unchanged


def test_a_file_without_errors_of_functions_gets_them_and_keeps_its_tasks(
    run, tmp_path: Path
) -> None:
    file = tmp_path / "a.db"
    older = SCHEMA._replace(migrations=tuple(m for m in SCHEMA.migrations if m.number < 10))
    row = (
        "INSERT INTO invocation (id, request_id, task_id, function, qualifier, accepted_at, due_at,"
        " task_mode, status, attempts, system_retries, instance_id, error, destination_status,"
        " call_path, delay_ms, epoch, lease_owner) VALUES (1, 'r1', 't1', 'resize', 'LATEST', 1, 1,"
        " 1, 'Failed', 1, 0, '', 'UnhandledInvocationError', '', '[]', 0, 1, '')"
    )

    async def scenario() -> Any:
        before = await Database.open(file, older)
        await before.write(lambda connection: connection.execute(row).rowcount)
        await before.aclose()
        database = await Database.open(file, SCHEMA)
        store = await SqliteStore.open(database)
        await store.accept(an_invocation(2, failure="ValueError: no items"))
        texts = ("UnhandledInvocationError", "ValueError")
        found = [await store.query(TaskQuery(None, error=text)) for text in texts]
        await database.aclose()
        return [[(i.request_id, i.failure) for i in page.invocations] for page in found]

    assert run(scenario()) == [[("r1", "")], [("r2", "ValueError: no items")]]
