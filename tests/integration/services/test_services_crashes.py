# SPDX-License-Identifier: MIT
"""What the services acknowledged survives SIGKILL, claims and deletions included."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

from fc_async_local.services.mns.tables import TableMessageStore
from fc_async_local.services.rocketmq.model import Want
from fc_async_local.services.rocketmq.tables import TableLogStore
from fc_async_local.store.sqlite.database import Database

if TYPE_CHECKING:
    from pathlib import Path

NOW = 1_700_000_000_000
CHILD = """
import asyncio, sys
from pathlib import Path
from fc_async_local.services.common import Receipt
from fc_async_local.services.mns.model import Draft, Queue, QueueAttributes
from fc_async_local.services.mns.tables import TableMessageStore
from fc_async_local.services.rocketmq.model import RocketMqMessage, Want
from fc_async_local.services.rocketmq.tables import TableLogStore
from fc_async_local.store.sqlite.database import Database

NOW = 1_700_000_000_000

async def main():
    database = await Database.open(Path(sys.argv[1]))
    queues = await TableMessageStore.open(database)
    await queues.create_queue(
        Queue(name="q", attributes=QueueAttributes(), created_at=NOW, modified_at=NOW)
    )
    drafts = [Draft(message_id=f"{n:032X}", body=str(n)) for n in range(1, 31)]
    await queues.send("q", drafts, now=NOW)
    found = (await queues.receive("q", 16, now=NOW)).messages
    receipts = [Receipt(m.sequence, m.claims, m.message_id) for m in found[:8]]
    await queues.delete("q", receipts, now=NOW)
    logs = await TableLogStore.open(database)
    for n in range(1, 31):
        await logs.append(
            "t",
            RocketMqMessage(
                message_id=f"{n:032X}", body=str(n), tag="", properties="", sharding_key="",
                published_at=NOW,
            ),
        )
    want = Want(limit=16, tags=None, ordered=False, hold_ms=1_000)
    taken = (await logs.take("t", "g", want, now=NOW)).messages
    await logs.acknowledge(
        "t", "g", [Receipt(p.sequence, p.claims, p.message.message_id) for p in taken[:8]],
        now=NOW,
    )
    print("done", flush=True)
    sys.stdin.read()

asyncio.run(main())
"""


def killed_after_its_work(path: Path) -> None:
    child = subprocess.Popen(
        [sys.executable, "-c", CHILD, path], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    with child:
        assert child.stdout is not None
        assert child.stdout.readline() == b"done\n"
        os.kill(child.pid, signal.SIGKILL)
        child.wait()


def test_nothing_is_lost_and_nothing_comes_back(tmp_path):
    path = tmp_path / "test.db"
    killed_after_its_work(path)

    async def main():
        database = await Database.open(path)
        queues = await TableMessageStore.open(database)
        logs = await TableLogStore.open(database)
        counts = await queues.counts("q", now=NOW)
        want = Want(limit=16, tags=None, ordered=False, hold_ms=1_000)
        fresh = await logs.take("t", "g", want, now=NOW)
        again = await logs.take("t", "g", want, now=NOW + 1_000)
        await database.aclose()
        return counts, fresh.messages, again.messages

    counts, fresh, again = asyncio.run(main())
    assert counts == (14, 8, 0)
    assert [pending.message.body for pending in fresh] == [str(n) for n in range(17, 31)]
    assert [pending.message.body for pending in again] == [
        str(n) for n in (*range(9, 17), *range(17, 25))
    ]
