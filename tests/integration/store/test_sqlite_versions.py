# SPDX-License-Identifier: MIT
"""Files that an older program wrote, under this one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from fc_async_local.store.protocol import StoreUnusable
from fc_async_local.store.sql import Migration
from fc_async_local.store.sqlite.database import Database
from fc_async_local.store.sqlite.store import SCHEMA

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
