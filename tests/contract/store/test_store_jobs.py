# SPDX-License-Identifier: MIT
"""What every store promises of jobs: claimed, extended, settled, dead, redriven."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import TYPE_CHECKING

from msgspec.structs import replace

from fc_async_local.domain.invocation import (
    DELIVERY,
    EVENT_PUSH,
    TOPIC_PUSH,
    Count,
    Job,
    JobSettlement,
    Lease,
)
from fc_async_local.domain.states import Status
from fc_async_local.store.protocol import Settled
from fc_async_tests.invocations import HOLD, T0, a_job, finished
from fc_async_tests.metrics import sums

if TYPE_CHECKING:
    from fc_async_local.store.protocol import Store

COUNTS = (Count(metric="m", function="resize", at=T0),)


async def claim(store: Store, now: int = T0 + 10, limit: int = 9, **changes) -> list[Job]:
    return list(await store.claim_jobs(DELIVERY, limit, now=now, **(HOLD | changes)))


async def claimed_job(store: Store, **fields) -> Job:
    await store.add_jobs([a_job(**fields)])
    (claimed,) = await claim(store)
    return claimed


class TestAddJobs:
    async def test_a_job_of_the_same_key_is_replaced_and_not_counted_again(
        self, store: Store
    ) -> None:
        dead = a_job(7, state="dead", error="400 EntityTooLarge")
        await store.add_jobs([dead], COUNTS)
        await store.add_jobs([replace(dead, error="again")], COUNTS)
        assert [job.error for job in await store.dead_jobs()] == ["again"]
        assert (await store.stats()).deliveries_dead == 1
        assert await sums(store) == {("m", "resize"): 1}

    async def test_a_lease_does_not_hold_for_the_job_that_replaced_its_own(
        self, store: Store
    ) -> None:
        lost = await claimed_job(store)
        await store.add_jobs([a_job(scope="new")])
        (claimed,) = await claim(store)
        assert claimed.scope == "new"
        assert await store.settle_job(lost.lease, JobSettlement(job=None)) is Settled.STALE

    async def test_of_many_that_end_together_each_ends_once(self, store: Store) -> None:
        await store.add_jobs([a_job(number) for number in range(4)])
        leases = [job.lease for job in await claim(store, limit=4)]
        lost = replace(leases[3], epoch=leases[3].epoch + 1)
        done = JobSettlement(job=None, counts=COUNTS)
        ended = [store.settle_job(one, done) for one in (*leases[:3], leases[0], lost)]
        assert Counter(await asyncio.gather(*ended)) == {Settled.DONE: 3, Settled.STALE: 2}
        assert await sums(store) == {("m", "resize"): 3}
        assert [job.key for job in await claim(store, now=2 * HOLD["until"])] == [lost.key]

    async def test_many_are_written_and_claimed_in_their_order(self, store: Store) -> None:
        await store.add_jobs([a_job(number, due_at=T0) for number in range(50)])
        assert [job.key for job in await claim(store, limit=99)] == [f"r{n}" for n in range(50)]

    async def test_adding_an_empty_list_of_jobs_changes_nothing(self, store: Store) -> None:
        await store.add_jobs([])
        assert await claim(store) == []


class TestEnsureJobs:
    async def test_writes_only_what_has_a_new_key(self, store: Store) -> None:
        claimed = await claimed_job(store)
        await store.ensure_jobs([replace(a_job(), due_at=T0 + 1), a_job(2, due_at=T0 + 2)])
        assert [job.key for job in await claim(store)] == ["r2"]
        assert await store.settle_job(claimed.lease, JobSettlement(job=None)) is Settled.DONE

    async def test_an_empty_list_changes_nothing(self, store: Store) -> None:
        await store.ensure_jobs([])
        assert await claim(store) == []


class TestClaimJobs:
    async def test_a_claimed_job_has_a_lease(self, store: Store) -> None:
        job = a_job(scope="a topic")
        await store.add_jobs([job])
        assert await claim(store, now=T0 + 1) == [
            replace(job, epoch=1, lease_until=T0 + 30_000, lease_owner="node")
        ]
        assert await claim(store, now=T0 + 29_999) == []

    async def test_takes_what_is_due_longest_and_what_lost_its_lease(self, store: Store) -> None:
        await store.add_jobs(
            [a_job(1, due_at=T0 + 30_001), a_job(2, due_at=T0 + 20), a_job(3, due_at=T0 + 10)]
        )
        assert [job.key for job in await claim(store, now=T0 + 100)] == ["r3", "r2"]
        assert await store.next_job_due(DELIVERY) == T0 + 30_000
        taken = await claim(store, now=T0 + 30_001, limit=2, until=T0 + 60_000, owner="b")
        assert [(job.key, job.epoch) for job in taken] == [("r2", 2), ("r3", 2)]

    async def test_leaves_jobs_of_other_kinds_alone(self, store: Store) -> None:
        await store.add_jobs([a_job(1, kind=TOPIC_PUSH), a_job(2, kind=EVENT_PUSH)])
        assert await claim(store) == []
        assert await store.next_job_due(DELIVERY) is None
        assert await store.next_job_due(EVENT_PUSH) == T0 + 2
        (push,) = await store.claim_jobs(TOPIC_PUSH, 9, now=T0 + 10, **HOLD)
        assert push.key == "r1"
        assert (await store.stats()).deliveries_pending == 0


class TestExtendJobs:
    async def test_keeps_a_job_from_being_claimed(self, store: Store) -> None:
        claimed = await claimed_job(store)
        await store.extend_jobs([claimed.lease], until=T0 + 50_000)
        assert await store.next_job_due(DELIVERY) == T0 + 50_000
        assert await claim(store, now=T0 + 49_999) == []

    async def test_leaves_a_lost_or_unknown_lease_alone(self, store: Store) -> None:
        lost = await claimed_job(store)
        await claim(store, now=T0 + 30_000, until=T0 + 60_000, owner="other")
        unknown = Lease(key="unknown", epoch=1)
        await store.extend_jobs([lost.lease, unknown], until=T0 + 90_000)
        assert await store.next_job_due(DELIVERY) == T0 + 60_000


class TestSettleJob:
    async def test_a_job_that_is_done_is_deleted_and_its_task_shows_the_destination_status(
        self, store: Store
    ) -> None:
        await finished(store, 1, Status.FAILED, delivery=a_job(1))
        (claimed,) = await claim(store)
        done = JobSettlement(job=None, destination_status="Succeeded", counts=COUNTS)
        assert await store.settle_job(claimed.lease, done) is Settled.DONE
        task = await store.get("resize", "t1")
        assert task is not None
        assert task.invocation.destination_status == "Succeeded"
        assert (await store.stats()).deliveries_pending == 0
        assert await sums(store) == {("m", "resize"): 1}

    async def test_a_job_that_is_retried_waits_until_it_is_due(self, store: Store) -> None:
        claimed = await claimed_job(store)
        later = replace(claimed, tries=1, due_at=T0 + 500, error="503 \0")
        assert await store.settle_job(claimed.lease, JobSettlement(job=later)) is Settled.DONE
        assert await store.next_job_due(DELIVERY) == T0 + 500
        (again,) = await claim(store, now=T0 + 500)
        assert (again.tries, again.error[:4], again.epoch) == (1, "503 ", 2)
        assert again.payload == claimed.payload

    async def test_jobs_that_follow_are_written_with_it(self, store: Store) -> None:
        claimed = await claimed_job(store)
        follows = a_job(9, state="dead", error="given up")
        settlement = JobSettlement(job=None, added=(follows,))
        assert await store.settle_job(claimed.lease, settlement) is Settled.DONE
        assert list(await store.dead_jobs()) == [follows]
        assert await store.next_job_due(DELIVERY) is None

    async def test_a_job_that_follows_may_have_the_key_of_the_one_that_is_done(
        self, store: Store
    ) -> None:
        claimed = await claimed_job(store)
        follows = a_job(due_at=T0 + 500, scope="next", epoch=claimed.epoch)
        settlement = JobSettlement(job=None, added=(follows,))
        assert await store.settle_job(claimed.lease, settlement) is Settled.DONE
        (again,) = await claim(store, now=T0 + 500)
        assert (again.key, again.scope) == (claimed.key, "next")
        assert await store.settle_job(claimed.lease, settlement) is Settled.STALE

    async def test_with_a_lost_lease_writes_nothing(self, store: Store) -> None:
        lost = await claimed_job(store)
        await claim(store, now=T0 + 30_000, until=T0 + 60_000, owner="other")
        dead = replace(lost, state="dead")
        settlement = JobSettlement(job=dead, added=(a_job(9, state="dead"),), counts=COUNTS)
        assert await store.settle_job(lost.lease, settlement) is Settled.STALE
        assert await sums(store) == {}
        assert list(await store.dead_jobs()) == []


class TestPending:
    async def test_is_counted_by_kind_and_scope_until_a_job_is_done_or_dead(
        self, store: Store
    ) -> None:
        first, *others = [a_job(number, scope="a") for number in range(4)]
        await store.add_jobs([first, *others, a_job(8, scope="b"), a_job(9)])
        assert await store.jobs_pending(DELIVERY, "a") == 4
        assert await store.jobs_pending(TOPIC_PUSH, "a") == 0
        done, dead = await claim(store, limit=2)
        assert await store.jobs_pending(DELIVERY, "a") == 4
        await store.settle_job(done.lease, JobSettlement(job=None))
        await store.settle_job(dead.lease, JobSettlement(job=replace(dead, state="dead")))
        assert await store.jobs_pending(DELIVERY, "a") == 2


class TestDeadJobs:
    async def kill(self, store: Store, job: Job, **fields) -> None:
        settlement = JobSettlement(job=replace(job, state="dead", **fields))
        assert await store.settle_job(job.lease, settlement) is Settled.DONE

    async def test_are_kept_and_can_be_redriven(self, store: Store) -> None:
        await finished(store, 1, Status.FAILED, delivery=a_job(1))
        (claimed,) = await claim(store)
        await self.kill(store, claimed, tries=12, error="404 QueueNotExist")
        assert await store.next_job_due(DELIVERY) is None
        assert [job.error for job in await store.dead_jobs()] == ["404 QueueNotExist"]
        assert (await store.stats()).deliveries_dead == 1
        assert await store.redrive("r1", now=T0 + 900)
        task = await store.get("resize", "t1")
        assert task is not None
        assert task.invocation.destination_status == "Pending"
        (again,) = await claim(store, now=T0 + 900)
        assert (again.tries, again.payload) == (0, claimed.payload)
        assert not await store.redrive("r1", now=T0 + 900)

    async def test_a_dead_job_can_be_discarded(self, store: Store) -> None:
        claimed = await claimed_job(store)
        assert not await store.discard_dead("r1")
        await self.kill(store, claimed)
        assert await store.discard_dead("r1")
        assert (await store.stats()).deliveries_dead == 0

    async def test_come_latest_first(self, store: Store) -> None:
        await store.add_jobs([a_job(number, state="dead") for number in (1, 2, 3)])
        first = await store.dead_jobs(limit=2)
        assert [job.key for job in first] == ["r3", "r2"]
        last = first[-1].created_at, first[-1].key
        assert [job.key for job in await store.dead_jobs(after=last)] == ["r1"]
