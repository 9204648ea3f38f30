# SPDX-License-Identifier: MIT
"""Every store: accept, claim, start and extend, and which owner holds a lease."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from msgspec.structs import replace

from fc_async_local.domain.invocation import Count, Lease, TaskEvent
from fc_async_local.domain.states import Status
from fc_async_local.store.protocol import DuplicateTask, Settled, Started
from fc_async_tests.invocations import (
    HOLD,
    T0,
    an_invocation,
    claim_one,
    ended,
    steps_of,
    task_status,
)
from fc_async_tests.metrics import sums

if TYPE_CHECKING:
    from fc_async_local.store.protocol import Store


class TestAccept:
    async def test_all_fields_of_an_accepted_invocation_are_kept(self, store: Store) -> None:
        given = an_invocation(
            call_path=("acs:fc:a", "acs:fc:b"),
            delay_ms=5_000,
            config=b'{"maxAsyncRetryAttempts":0}',
            http=b'{"method":"POST","target":"/orders"}',
        )
        await store.accept(given)
        task = await store.get("resize", "t1")
        assert task == (given, (TaskEvent(status=Status.ENQUEUED, at=T0 + 1),))

    @pytest.mark.parametrize("size", [0, 1, 128 * 1024], ids="{} bytes".format)
    async def test_payload_of_every_size_is_kept(self, store: Store, size: int) -> None:
        await store.accept(an_invocation(payload=b"\xfe" * size))
        assert (await claim_one(store)).payload == b"\xfe" * size

    async def test_second_task_of_an_id_is_refused_and_the_first_untouched(
        self, store: Store
    ) -> None:
        first = an_invocation()
        await store.accept(first)
        with pytest.raises(DuplicateTask):
            await store.accept(replace(first, request_id="r2", payload=b"other"))
        task = await store.get("resize", "t1")
        assert task is not None
        assert task.invocation == first

    async def test_second_invocation_of_a_request_id_is_refused(self, store: Store) -> None:
        await store.accept(an_invocation())
        with pytest.raises(DuplicateTask):
            await store.accept(an_invocation(task_id="other"))

    async def test_a_refused_one_counts_nothing(self, store: Store) -> None:
        await store.accept(an_invocation())
        with pytest.raises(DuplicateTask):
            await store.accept(an_invocation(), [Count(metric="m", function="f", at=T0)])
        assert await sums(store) == {}

    async def test_of_many_at_once_with_one_id_exactly_one_is_kept(self, store: Store) -> None:
        many = [an_invocation(n, task_id="same") for n in range(20)]
        results = await asyncio.gather(*map(store.accept, many), return_exceptions=True)
        assert [type(r) for r in results if r is not None] == [DuplicateTask] * 19
        assert len(await store.claim(30, now=T0 + 99, **HOLD)) == 1

    async def test_functions_have_their_own_task_ids(self, store: Store) -> None:
        await store.accept(an_invocation())
        await store.accept(an_invocation(2, task_id="t1", function="other"))

    async def test_an_invocation_accepted_with_a_lease_is_held_by_it(self, store: Store) -> None:
        held = an_invocation(
            task_mode=False,
            status=Status.DEQUEUED,
            epoch=1,
            lease_until=T0 + 30_000,
            lease_owner="node",
        )
        await store.accept(held)
        assert not await store.claim(1, now=T0 + 29_999, **HOLD)
        assert await store.start(held.lease, now=T0 + 20) is Started.RUNNING
        assert await store.settle(held.lease, ended(held, Status.SUCCEEDED)) is Settled.DONE

    @pytest.mark.parametrize(("task_mode", "free"), [(False, True), (True, False)])
    async def test_id_is_free_again_once_the_invocation_is_forgotten(
        self, store: Store, task_mode: bool, free: bool
    ) -> None:
        first = an_invocation(task_mode=task_mode)
        await store.accept(first)
        claimed = await claim_one(store)
        await store.settle(claimed.lease, ended(claimed, Status.SUCCEEDED))
        try:
            await store.accept(first)
        except DuplicateTask:
            assert not free
        else:
            assert free


class TestClaim:
    async def test_takes_what_is_due_oldest_first(self, store: Store) -> None:
        for number, due in ((1, 30), (2, 10), (3, 20), (4, 41)):
            await store.accept(an_invocation(number, due_at=T0 + due))
        claimed = await store.claim(10, now=T0 + 40, **HOLD)
        assert [invocation.request_id for invocation in claimed] == ["r2", "r3", "r1"]

    async def test_of_equally_due_ones_takes_the_first_accepted(self, store: Store) -> None:
        for number in (5, 3, 9):
            await store.accept(an_invocation(number, due_at=T0))
        claimed = await store.claim(2, now=T0, **HOLD)
        assert [invocation.request_id for invocation in claimed] == ["r5", "r3"]

    async def test_gives_a_lease_and_records_the_step(self, store: Store) -> None:
        given = an_invocation()
        await store.accept(given)
        claimed = await claim_one(store)
        assert claimed == replace(
            given,
            status=Status.DEQUEUED,
            epoch=1,
            lease_until=T0 + 30_000,
            lease_owner="node",
        )
        assert await steps_of(store) == [Status.ENQUEUED, Status.DEQUEUED]

    async def test_never_before_its_time(self, store: Store) -> None:
        await store.accept(an_invocation(due_at=T0 + 100))
        assert not await store.claim(1, now=T0 + 99, **HOLD)
        assert len(await store.claim(1, now=T0 + 100, **HOLD)) == 1

    async def test_ahead_of_its_time_if_asked_and_not_in_task_mode(self, store: Store) -> None:
        await store.accept(an_invocation(1, due_at=T0 + 50, task_mode=True))
        await store.accept(an_invocation(2, due_at=T0 + 50, task_mode=False))
        await store.accept(an_invocation(3, due_at=T0 + 51, task_mode=False))
        claimed = await store.claim(9, now=T0, ahead=50, **HOLD)
        assert [invocation.request_id for invocation in claimed] == ["r2"]

    async def test_never_ahead_of_the_end_of_a_lease(self, store: Store) -> None:
        await store.accept(an_invocation(task_mode=False))
        await claim_one(store)
        assert not await store.claim(1, now=T0 + 29_999, ahead=50, **HOLD)

    async def test_never_under_a_lease_that_holds(self, store: Store) -> None:
        await store.accept(an_invocation())
        await claim_one(store)
        assert not await store.claim(1, now=T0 + 29_999, **HOLD)

    async def test_concurrent_claims_share_no_invocation(self, store: Store) -> None:
        for number in range(20):
            await store.accept(an_invocation(number))
        claims = await asyncio.gather(
            *[store.claim(4, now=T0 + 99, until=T0 + 999, owner=f"n{n}") for n in range(7)]
        )
        ids = [invocation.request_id for claim in claims for invocation in claim]
        assert len(ids) == len(set(ids)) == 20

    @pytest.mark.parametrize(("attempts", "fallback"), [(0, Status.ENQUEUED), (2, Status.RETRYING)])
    async def test_takes_over_a_lease_that_ended(
        self, store: Store, attempts: int, fallback: Status
    ) -> None:
        await store.accept(an_invocation(attempts=attempts))
        lost = await claim_one(store)
        await store.start(lost.lease, now=T0 + 20)
        taken = await claim_one(store, now=T0 + 30_000, until=T0 + 60_000, owner="other")
        assert (taken.epoch, taken.status) == (2, Status.DEQUEUED)
        assert await steps_of(store) == [
            Status.ENQUEUED,
            Status.DEQUEUED,
            Status.RUNNING,
            fallback,
            Status.DEQUEUED,
        ]


class TestStart:
    async def test_start_sets_the_status_to_running(self, store: Store) -> None:
        await store.accept(an_invocation())
        claimed = await claim_one(store)
        assert await store.start(claimed.lease, now=T0 + 20, instance_id="c-1") is Started.RUNNING
        task = await store.get("resize", "t1")
        assert task is not None
        assert task.invocation == replace(
            claimed, status=Status.RUNNING, started_at=T0 + 20, instance_id="c-1"
        )
        assert task.events[-1] == TaskEvent(status=Status.RUNNING, at=T0 + 20)

    async def test_a_second_start_records_no_second_step(self, store: Store) -> None:
        await store.accept(an_invocation())
        claimed = await claim_one(store)
        assert await store.start(claimed.lease, now=T0 + 20) is Started.RUNNING
        assert await store.start(claimed.lease, now=T0 + 21) is Started.RUNNING
        assert (await steps_of(store)).count(Status.RUNNING) == 1

    async def test_keeps_when_the_first_attempt_began(self, store: Store) -> None:
        await store.accept(an_invocation(started_at=T0 + 5, attempts=1))
        claimed = await claim_one(store)
        await store.start(claimed.lease, now=T0 + 20)
        task = await store.get("resize", "t1")
        assert task is not None
        assert task.invocation.started_at == T0 + 5

    async def test_is_refused_when_the_lease_is_lost(self, store: Store) -> None:
        await store.accept(an_invocation())
        lost = await claim_one(store)
        await claim_one(store, now=T0 + 30_000, until=T0 + 60_000)
        assert await store.start(lost.lease, now=T0 + 30_001) is Started.STALE

    async def test_is_refused_when_a_stop_was_asked_for(self, store: Store) -> None:
        await store.accept(an_invocation())
        claimed = await claim_one(store)
        await store.stop("resize", "t1", now=T0 + 20, **HOLD)
        assert await store.start(claimed.lease, now=T0 + 21) is Started.STOPPING
        assert await task_status(store) is Status.STOPPING

    async def test_is_refused_for_what_is_unknown(self, store: Store) -> None:
        assert await store.start(Lease(key="nobody", epoch=1), now=T0) is Started.STALE


class TestExtend:
    async def test_holds_the_claim_longer(self, store: Store) -> None:
        await store.accept(an_invocation())
        claimed = await claim_one(store)
        assert await store.extend([claimed.lease], until=T0 + 90_000) == {}
        assert not await store.claim(1, now=T0 + 89_999, **HOLD)
        assert await store.next_due() == T0 + 90_000

    async def test_tells_of_lost_and_stopped_ones_only(self, store: Store) -> None:
        for number in (1, 2, 3):
            await store.accept(an_invocation(number))
        held, stopped, lost = await store.claim(3, now=T0 + 10, **HOLD)
        await store.stop("resize", "t2", now=T0 + 20, **HOLD)
        stale = Lease(key=lost.request_id, epoch=lost.epoch - 1)
        leases = [held.lease, stopped.lease, stale, Lease(key="nobody", epoch=1)]
        assert await store.extend(leases, until=T0 + 90_000) == {
            "r2": True,
            "r3": False,
            "nobody": False,
        }
        assert len(await store.claim(9, now=T0 + 89_999, **HOLD)) == 1
