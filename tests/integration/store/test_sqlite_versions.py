# SPDX-License-Identifier: MIT
"""Files that an older program wrote, under this one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fc_async_local.domain.invocation import Invocation
from fc_async_local.domain.states import Status
from fc_async_local.store.sqlite.database import Database
from fc_async_local.store.sqlite.store import SCHEMA, SqliteStore

if TYPE_CHECKING:
    from pathlib import Path

V1 = SCHEMA._replace(migrations=SCHEMA.migrations[:1])
INSERT = """
INSERT INTO invocation (
    id, request_id, task_id, function, qualifier, accepted_at, due_at, task_mode, status, attempts,
    system_retries, instance_id, error, destination_status, trail, delay_ms, epoch, lease_owner
) VALUES (?, ?, ?, 'f', 'LATEST', 1, 1, 0, 'Enqueued', 0, 0, '', '', '', '[]', 0, 0, '')
"""


def test_the_tally_of_version_1_is_carried_on(run: Any, tmp_path: Path) -> None:
    async def scenario() -> Any:
        old = await Database.open(tmp_path / "a.db", V1)
        for number in (1, 2):
            name = f"old-{number}"
            await old.write(lambda c, n=number, name=name: c.execute(INSERT, (n, name, name)))
        await old.aclose()

        database = await Database.open(tmp_path / "a.db", SCHEMA)
        store = await SqliteStore.open(database)
        await store.accept(
            Invocation(
                request_id="new",
                task_id="new",
                function="f",
                qualifier="LATEST",
                payload=b"",
                accepted_at=1,
                due_at=1,
                task_mode=False,
            )
        )
        stats = await store.stats()
        await database.aclose()
        return stats.by_status

    assert run(scenario()) == {Status.ENQUEUED: 3}
