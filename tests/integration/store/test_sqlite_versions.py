# SPDX-License-Identifier: MIT
"""Files that an older program wrote, under this one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fc_async_local.domain.invocation import Invocation
from fc_async_local.domain.states import Status
from fc_async_local.store.sqlite.blobs import SqliteBlobs
from fc_async_local.store.sqlite.database import Database
from fc_async_local.store.sqlite.store import SCHEMA, SqliteStore

if TYPE_CHECKING:
    from pathlib import Path

V1 = SCHEMA._replace(migrations=SCHEMA.migrations[:1])
V2 = SCHEMA._replace(migrations=SCHEMA.migrations[:2])
INSERT = """
INSERT INTO invocation (
    id, request_id, task_id, function, qualifier, accepted_at, due_at, task_mode, status, attempts,
    system_retries, instance_id, error, destination_status, call_path, delay_ms, epoch, lease_owner
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


def test_code_of_version_2_is_kept_if_it_is_in_use_and_forgotten_if_not(
    run: Any, tmp_path: Path
) -> None:
    async def scenario() -> Any:
        old = await Database.open(tmp_path / "a.db", V2)
        insert = "INSERT INTO blob (key, data) VALUES (?, ?)"
        for key in ("used", "unused"):
            await old.write(lambda c, key=key: c.execute(insert, (key, b"zip")))
        await old.aclose()

        database = await Database.open(tmp_path / "a.db", SCHEMA)
        blobs = SqliteBlobs(database)
        forgotten = await blobs.prune_blobs({"used"}, now=1_000, used_before=500)
        found = [await blobs.get_blob(key) for key in ("used", "unused")]
        await database.aclose()
        return forgotten, found

    assert run(scenario()) == (1, [b"zip", None])
