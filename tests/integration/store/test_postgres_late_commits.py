# SPDX-License-Identifier: MIT
"""A node was killed, and the server still runs what it has sent: the next node meets its commit.

Both work under one name, as before and after a restart. A lock decides who comes first.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from msgspec.structs import replace

from fc_async_local.domain.invocation import DELIVERY, JobSettlement
from fc_async_local.domain.states import Status
from fc_async_local.store.factory import Stores, open_stores
from fc_async_local.store.protocol import Settled
from fc_async_tests.invocations import T0, a_job, an_invocation, claim_one, ended

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

NODE = "node-1"
NOW = T0 + 1_000
WAITING = """
SELECT count(*) FROM pg_stat_activity
WHERE datname = current_database() AND wait_event_type = 'Lock'
"""
LOCKS = {
    "invocation": "SELECT FROM fc_async.invocation FOR UPDATE",
    "job": "SELECT FROM fc_async.job FOR UPDATE",
}


@contextlib.asynccontextmanager
async def two_lives(url: str) -> AsyncIterator[tuple[Stores, Stores]]:
    killed, following = await open_stores(url), await open_stores(url)
    try:
        yield killed, following
    finally:
        await killed.aclose()
        await following.aclose()


async def in_this_order(
    url: str, table: str, first: Callable[[], Awaitable[Any]], second: Callable[[], Awaitable[Any]]
) -> tuple[Any, Any]:
    """Return the results of two transactions that wait for rows, one behind the other."""
    async with (
        await psycopg.AsyncConnection.connect(url) as lock,
        await psycopg.AsyncConnection.connect(url, autocommit=True) as watch,
    ):

        async def waiting(number: int) -> None:
            counted = None
            while counted != (number,):
                counted = await (await watch.execute(WAITING)).fetchone()

        await lock.execute(LOCKS[table])
        tasks = [asyncio.ensure_future(first())]
        await waiting(1)
        tasks.append(asyncio.ensure_future(second()))
        await waiting(2)
        await lock.rollback()
        one, other = await asyncio.gather(*tasks)
        return one, other


@pytest.fixture
def url(empty_postgres: Callable[[], str]) -> str:
    return empty_postgres()


@pytest.mark.parametrize("late", ["the settlement", "the restart"])
def test_an_outcome_and_its_event_are_both_there_or_neither(url: str, late: str) -> None:
    async def scenario() -> None:
        async with two_lives(url) as (killed, following):
            await killed.store.accept(an_invocation(1))
            held = await claim_one(killed.store, owner=NODE)
            event = a_job(1, key=held.request_id)
            settlement = replace(ended(held, Status.SUCCEEDED), delivery=event)

            def settle() -> Awaitable[Settled]:
                return killed.store.settle(held.lease, settlement)

            def restart() -> Awaitable[int]:
                return following.store.release(NODE, now=NOW)

            order = (restart, settle) if late == "the settlement" else (settle, restart)
            await in_this_order(url, "invocation", *order)
            task = await following.store.get(held.function, held.task_id)
            assert task is not None
            pending = await following.store.next_job_due(DELIVERY)
            if late == "the settlement":  # it is refused: the invocation runs again
                assert (task.invocation.status.waiting, pending) == (True, None)
            else:
                assert task.invocation.status is Status.SUCCEEDED
                assert pending is not None

    asyncio.run(scenario())


@pytest.mark.parametrize("late", ["the end", "the restart"])
def test_a_delivery_is_done_or_made_again(url: str, late: str) -> None:
    async def scenario() -> None:
        async with two_lives(url) as (killed, following):
            await killed.store.add_jobs([a_job(1)])
            [job] = await killed.store.claim_jobs(
                DELIVERY, 1, now=NOW, until=NOW + 30_000, owner=NODE
            )

            def end() -> Awaitable[Settled]:
                return killed.store.settle_job(job.lease, JobSettlement(job=None))

            def restart() -> Awaitable[int]:
                return following.store.release(NODE, now=NOW)

            order = (restart, end) if late == "the end" else (end, restart)
            results = await in_this_order(url, "job", *order)
            again = await following.store.claim_jobs(
                DELIVERY, 1, now=NOW, until=NOW + 30_000, owner=NODE
            )
            done = results[order.index(end)] is Settled.DONE
            assert len(again) == (not done)

    asyncio.run(scenario())


def test_a_late_claim_of_a_killed_node_ends_with_its_lease(url: str) -> None:
    """The restart has released everything before; what is claimed after it waits for the lease."""

    async def scenario() -> None:
        async with two_lives(url) as (killed, following):
            await killed.store.add_jobs([a_job(1)])
            await killed.store.accept(an_invocation(2))
            assert await following.store.release(NODE, now=NOW) == 0
            until = NOW + 30_000
            await killed.store.claim_jobs(DELIVERY, 1, now=NOW, until=until, owner=NODE)
            await killed.store.claim(1, now=NOW, until=until, owner=NODE)
            # An idle runtime would look like this, if a lease were not waited for.
            assert await following.store.next_job_due(DELIVERY) == until
            assert await following.store.next_due() == until
            hold = {"now": until, "until": until + 30_000, "owner": NODE}
            assert len(await following.store.claim_jobs(DELIVERY, 1, **hold)) == 1
            assert len(await following.store.claim(1, **hold)) == 1

    asyncio.run(scenario())
