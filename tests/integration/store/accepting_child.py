# SPDX-License-Identifier: MIT
"""Accepts as fast as it can and prints what was acknowledged, until it is killed.

Run by test_sqlite_crash.py: ``python accepting_child.py FILE ROUND``. A fourth of the invocations
is claimed, started and settled as well, so that every kind of write is cut somewhere.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from msgspec.structs import replace

from fc_async_local.domain.invocation import DELIVERY, Count, Invocation, Job, Settlement, TaskEvent
from fc_async_local.domain.states import Status
from fc_async_local.store.factory import open_stores
from fc_async_local.store.protocol import Settled, Store

CALLERS = 16


def tell(what: str, request_id: str) -> None:
    sys.stdout.write(f"{what} {request_id}\n")
    sys.stdout.flush()


async def accept(store: Store, round_: str, caller: int) -> None:
    number = 0
    while True:
        number += 1
        request_id = f"{round_}-{caller}-{number}"
        await store.accept(
            Invocation(
                request_id=request_id,
                task_id=request_id,
                function="resize",
                qualifier="LATEST",
                payload=request_id.encode() * 50,
                accepted_at=number,
                due_at=number,
                task_mode=caller % 2 == 0,
            ),
            [Count(metric="accepted", function="resize", at=0)],
        )
        tell("accepted", request_id)


async def finish(store: Store) -> None:
    while True:
        for held in await store.claim(8, now=1_000_000, until=2_000_000, owner="child"):
            await store.start(held.lease, now=1_000_000)
            settlement = Settlement(
                invocation=replace(held, status=Status.FAILED, ended_at=1_000_000),
                events=(TaskEvent(status=Status.FAILED, at=1_000_000),),
                delivery=Job(
                    kind=DELIVERY, key=held.request_id, payload=b"{}", created_at=0, due_at=0
                ),
                counts=(Count(metric="finished", function="resize", at=0),),
            )
            if await store.settle(held.lease, settlement) is Settled.DONE:
                tell("finished", held.request_id)


async def main(file: str, round_: str) -> None:
    stores = await open_stores(Path(file))
    await stores.store.release("child", now=0)
    await asyncio.gather(
        *[accept(stores.store, round_, caller) for caller in range(CALLERS)], finish(stores.store)
    )


asyncio.run(main(*sys.argv[1:]))
