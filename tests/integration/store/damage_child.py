# SPDX-License-Identifier: MIT
"""Accepts some invocations one after the other, prints them, and kills itself.

Run by test_sqlite_damage.py: ``python damage_child.py FILE [copied]``. With ``copied`` the log is
copied into the file after half of them, so that both hold something.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sqlite3
import sys
from pathlib import Path

from fc_async_local.domain.invocation import Invocation
from fc_async_local.store.factory import open_stores

COUNT = 60  # few enough that SQLite itself does not copy the log


async def main(file: str, copied: str) -> None:
    stores = await open_stores(Path(file))
    for number in range(COUNT):
        if copied and number == COUNT // 2:
            connection = sqlite3.connect(file)
            connection.execute("PRAGMA wal_checkpoint(PASSIVE)")
            connection.close()
        request_id = f"r{number}"
        await stores.store.accept(
            Invocation(
                request_id=request_id,
                task_id=request_id,
                function="resize",
                qualifier="LATEST",
                payload=request_id.encode() * 200,
                accepted_at=number,
                due_at=number,
                task_mode=True,
            )
        )
        print(request_id, flush=True)  # noqa: T201 -- what was acknowledged
    os.kill(os.getpid(), signal.SIGKILL)


asyncio.run(main(*sys.argv[1:]))
