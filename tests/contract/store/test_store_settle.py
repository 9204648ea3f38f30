# SPDX-License-Identifier: MIT
"""What every store promises of how an invocation goes on: settle, release, stop, make due."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from msgspec.structs import replace

from fc_async_local.domain.invocation import DELIVERY, PARKED, Count, Settlement, TaskEvent
from fc_async_local.domain.states import FINAL, Status
from fc_async_local.store.protocol import Settled, WaitingCount
from fc_async_tests.handlers import HOUR
from fc_async_tests.invocations import (
    HOLD,
    T0,
    a_job,
    again,
    an_invocation,
    claim_one,
    ended,
    finished,
    steps_of,
    task_status,
)
from fc_async_tests.metrics import sums

if TYPE_CHECKING:
    from fc_async_local.domain.invocation import Invocation
    from fc_async_local.store.protocol import Store


class TestSettle:
    async def test_replaces_the_invocation_and_frees_it(self, store: Store) -> None:
        await store.accept(an_invocation())
        claimed = await claim_one(store)
        settlement = again(claimed, at=T0 + 500)
        assert await store.settle(claimed.lease, settlement) is Settled.DONE
        task = await store.get("resize", "t1")
        assert task is not None
        assert task.invocation == replace(
            settlement.invocation, lease_until=None, lease_owner="", epoch=1
        )
        assert await store.next_due() == T0 + 500

    @pytest.mark.parametrize("status", sorted(FINAL, key=str))
    async def test_keeps_a_finished_task_with_its_steps(self, store: Store, status: Status) -> None:
        await finished(store, 1, status)
        task = await store.get("resize", "t1")
        assert task is not None
        assert task.invocation.status is status
        assert task.events[-1] == TaskEvent(status=status, at=T0 + 50, detail={"attempt": 1})
        assert await store.next_due() is None

    async def test_keeps_what_the_function_returned(self, store: Store) -> None:
        await store.accept(an_invocation())
        claimed = await claim_one(store)
        returned = replace(claimed, return_payload=b"\x00\xff" * 70_000)
        await store.settle(claimed.lease, ended(returned, Status.SUCCEEDED))
        task = await store.get("resize", "t1")
        assert task is not None
        assert task.invocation.return_payload == b"\x00\xff" * 70_000

    async def test_forgets_one_without_task_mode_but_not_its_delivery(self, store: Store) -> None:
        await store.accept(an_invocation(task_mode=False))
        claimed = await claim_one(store)
        settlement = ended(claimed, Status.FAILED, delivery=a_job())
        assert await store.settle(claimed.lease, settlement) is Settled.DONE
        assert not any((await store.stats()).by_status.values())
        claimed_jobs = await store.claim_jobs(DELIVERY, 9, now=T0 + 99, **HOLD)
        assert [job.key for job in claimed_jobs] == ["r1"]

    async def test_with_a_lost_lease_writes_nothing(self, store: Store) -> None:
        await store.accept(an_invocation())
        lost = await claim_one(store)
        await claim_one(store, now=T0 + 30_000, until=T0 + 60_000, owner="other")
        settlement = ended(
            lost,
            Status.FAILED,
            delivery=a_job(),
            counts=(Count(metric="m", function="resize", at=T0),),
        )
        assert await store.settle(lost.lease, settlement) is Settled.STALE
        assert await task_status(store) is Status.DEQUEUED
        assert await sums(store) == {}
        assert await store.next_job_due(DELIVERY) is None

    async def test_a_second_time_is_stale(self, store: Store) -> None:
        await store.accept(an_invocation())
        claimed = await claim_one(store)
        assert await store.settle(claimed.lease, again(claimed, T0 + 500)) is Settled.DONE
        assert await store.settle(claimed.lease, again(claimed, T0 + 900)) is Settled.STALE

    async def test_queues_nothing_again_that_shall_stop(self, store: Store) -> None:
        await store.accept(an_invocation())
        claimed = await claim_one(store)
        await store.stop("resize", "t1", now=T0 + 20, **HOLD)
        assert await store.settle(claimed.lease, again(claimed, T0 + 500)) is Settled.STOPPING
        assert await task_status(store) is Status.STOPPING
        stop = ended(claimed, Status.STOPPED)
        assert await store.settle(claimed.lease, stop) is Settled.DONE

    async def test_settle_adds_the_counts_to_the_metrics(self, store: Store) -> None:
        await store.accept(an_invocation(), [Count(metric="in", function="resize", at=T0)])
        claimed = await claim_one(store)
        counts = (
            Count(metric="out", function="resize", at=T0, value=2),
            Count(metric="out", function="resize", at=T0 + 1),
        )
        await store.settle(claimed.lease, ended(claimed, Status.SUCCEEDED, counts=counts))
        assert await sums(store) == {("in", "resize"): 1, ("out", "resize"): 3}

    async def test_to_a_held_state_is_a_mistake(self, store: Store) -> None:
        await store.accept(an_invocation())
        claimed = await claim_one(store)
        with pytest.raises(ValueError, match="Running is held"):
            await store.settle(claimed.lease, ended(claimed, Status.RUNNING))


class TestInterruptions:
    async def test_an_attempt_of_a_lost_lease_counts_if_it_had_begun(self, store: Store) -> None:
        for number in (1, 2):
            await store.accept(an_invocation(number))
        begun = await claim_one(store)
        await store.start(begun.lease, now=T0 + 20)
        await claim_one(store)
        later = await store.claim(9, now=T0 + HOUR, until=T0 + 2 * HOUR, owner="other")
        assert [(i.request_id, i.retry_count) for i in later] == [("r1", 1), ("r2", 0)]
        await store.settle(later[0].lease, again(later[0], T0 + HOUR))
        assert (await claim_one(store, now=T0 + HOUR)).retry_count == 2  # the failure, too

    async def test_an_attempt_that_was_given_back_counts_if_it_had_begun(
        self, store: Store
    ) -> None:
        for number in (1, 2):
            await store.accept(an_invocation(number))
        begun = await claim_one(store, owner="dead")
        await store.start(begun.lease, now=T0 + 20)
        await claim_one(store, owner="dead")
        await store.release("dead", now=T0 + 100)
        later = await store.claim(9, now=T0 + 100, **HOLD)
        assert [(i.request_id, i.retry_count) for i in later] == [("r1", 1), ("r2", 0)]

    async def test_without_task_mode_each_claim_that_ended_by_itself_counts(
        self, store: Store
    ) -> None:
        await store.accept(an_invocation(task_mode=False))
        assert (await claim_one(store)).retry_count == 0
        assert (await claim_one(store, now=T0 + HOUR)).retry_count == 1


class TestRelease:
    async def test_gives_back_what_the_node_holds_and_nothing_else(self, store: Store) -> None:
        for number in (1, 2, 3):
            await store.accept(an_invocation(number))
        first = await claim_one(store, owner="dead")
        await store.start(first.lease, now=T0 + 20)
        await claim_one(store, owner="dead")
        await claim_one(store, owner="alive")
        assert await store.release("dead", now=T0 + 100) == 2
        assert [await task_status(store, n) for n in (1, 2, 3)] == [
            Status.ENQUEUED,
            Status.ENQUEUED,
            Status.DEQUEUED,
        ]
        assert [i.request_id for i in await store.claim(9, now=T0 + 100, **HOLD)] == ["r1", "r2"]

    async def test_makes_it_due_at_once_even_if_the_clock_was_set_back(self, store: Store) -> None:
        await store.accept(an_invocation(due_at=T0 + 10))
        await claim_one(store)
        await store.release("node", now=T0 - 5_000)
        assert len(await store.claim(1, now=T0 - 5_000, **HOLD)) == 1

    async def test_leaves_what_was_claimed_ahead_due_when_it_was(self, store: Store) -> None:
        await store.accept(an_invocation(due_at=T0 + 50, task_mode=False))
        await store.claim(1, now=T0, ahead=50, **HOLD)
        await store.release("node", now=T0 + 10)
        assert not await store.claim(1, now=T0 + 49, **HOLD)
        assert len(await store.claim(1, now=T0 + 50, **HOLD)) == 1

    async def test_a_released_invocation_that_ran_before_is_retrying(self, store: Store) -> None:
        await store.accept(an_invocation(attempts=1))
        await claim_one(store)
        await store.release("node", now=T0 + 100)
        assert await task_status(store) is Status.RETRYING
        assert await steps_of(store) == [Status.ENQUEUED, Status.DEQUEUED, Status.RETRYING]

    async def test_a_released_invocation_that_is_stopping_stays_stopping_and_claimable(
        self, store: Store
    ) -> None:
        await store.accept(an_invocation())
        await claim_one(store)
        await store.stop("resize", "t1", now=T0 + 20, **HOLD)
        assert await store.release("node", now=T0 + 100) == 1
        assert (await claim_one(store, now=T0 + 100)).status is Status.STOPPING

    async def test_the_lease_is_lost(self, store: Store) -> None:
        await store.accept(an_invocation())
        claimed = await claim_one(store)
        await store.release("node", now=T0 + 100)
        assert await store.settle(claimed.lease, again(claimed, T0)) is Settled.STALE

    async def test_release_gives_back_claimed_jobs(self, store: Store) -> None:
        await store.accept(an_invocation())
        claimed = await claim_one(store)
        job = a_job()
        await store.settle(claimed.lease, ended(claimed, Status.FAILED, delivery=job))
        await store.claim_jobs(DELIVERY, 1, now=T0 + 60, **HOLD)
        assert await store.release("node", now=T0 + 100) == 1
        assert await store.next_job_due(DELIVERY) == job.due_at


class TestStop:
    async def test_a_stop_of_a_waiting_task_claims_it(self, store: Store) -> None:
        await store.accept(an_invocation(due_at=T0 + 3_000_000))
        result = await store.stop("resize", "t1", now=T0 + 20, **HOLD)
        assert result is not None
        assert result.claimed
        assert result.invocation.status is Status.STOPPING
        stopped = ended(result.invocation, Status.STOPPED)
        assert await store.settle(result.invocation.lease, stopped) is Settled.DONE
        assert await steps_of(store) == [Status.ENQUEUED, Status.STOPPING, Status.STOPPED]

    @pytest.mark.parametrize("running", [False, True])
    async def test_a_stop_of_a_held_task_marks_it_as_stopping(
        self, store: Store, running: bool
    ) -> None:
        await store.accept(an_invocation())
        claimed = await claim_one(store)
        if running:
            await store.start(claimed.lease, now=T0 + 15)
        result = await store.stop("resize", "t1", now=T0 + 20, until=T0 + 99, owner="other")
        assert result is not None
        assert not result.claimed
        assert result.invocation.status is Status.STOPPING
        assert result.invocation.lease == claimed.lease

    async def test_a_stop_of_a_task_whose_lease_has_ended_claims_it(self, store: Store) -> None:
        await store.accept(an_invocation())
        lost = await claim_one(store)
        result = await store.stop("resize", "t1", now=T0 + 30_000, until=T0 + 60_000, owner="me")
        assert result is not None
        assert result.claimed
        assert await store.settle(lost.lease, ended(lost, Status.SUCCEEDED)) is Settled.STALE

    async def test_asked_twice_records_one_step(self, store: Store) -> None:
        await store.accept(an_invocation())
        await store.stop("resize", "t1", now=T0 + 20, **HOLD)
        again = await store.stop("resize", "t1", now=T0 + 21, **HOLD)
        assert again is not None
        assert not again.claimed
        assert (await steps_of(store)).count(Status.STOPPING) == 1

    @pytest.mark.parametrize("status", sorted(FINAL, key=str))
    async def test_a_stop_of_a_final_task_changes_nothing(
        self, store: Store, status: Status
    ) -> None:
        await finished(store, 1, status)
        result = await store.stop("resize", "t1", now=T0 + 60, **HOLD)
        assert result is not None
        assert (result.invocation.status, result.claimed) == (status, False)

    async def test_a_stop_of_an_invocation_without_task_mode_finds_no_task(
        self, store: Store
    ) -> None:
        await store.accept(an_invocation(task_mode=False))
        assert await store.stop("resize", "t1", now=T0, **HOLD) is None

    async def test_a_stop_of_an_unknown_task_returns_none(self, store: Store) -> None:
        assert await store.stop("resize", "t1", now=T0, **HOLD) is None


class TestMakeDue:
    async def test_a_delayed_task_runs_now(self, store: Store) -> None:
        await store.accept(an_invocation(due_at=T0 + 3_000_000))
        assert await store.make_due("resize", "t1", now=T0 + 20)
        assert await store.next_due() == T0 + 20

    async def test_making_a_held_task_due_changes_nothing(self, store: Store) -> None:
        await store.accept(an_invocation())
        await claim_one(store)
        assert not await store.make_due("resize", "t1", now=T0 + 20)

    async def test_making_an_unknown_task_due_returns_false(self, store: Store) -> None:
        assert not await store.make_due("resize", "t1", now=T0)


def parked(invocation: Invocation, at: int) -> Settlement:
    """What is written of an invocation whose function is paused."""
    after = replace(
        invocation,
        status=Status.ENQUEUED,
        due_at=at,
        lease_until=None,
        lease_owner=PARKED,
    )
    return Settlement(invocation=after)


class TestParked:
    async def park(self, store: Store, numbers: range, **fields: Any) -> None:
        for number in numbers:
            await store.accept(an_invocation(number, **fields))
            claimed = await claim_one(store, now=T0 + number)
            await store.settle(claimed.lease, parked(claimed, T0 + 900_000))

    async def test_waits_until_the_end_of_its_age_and_is_claimed_then(self, store: Store) -> None:
        await self.park(store, range(1, 3))
        assert await store.claim(9, now=T0 + 899_999, **HOLD) == []
        assert len(await store.claim(9, now=T0 + 900_000, **HOLD)) == 2
        assert await store.parked() == []

    async def test_is_listed_by_function_and_counted_in_a_class_of_its_own(
        self, store: Store
    ) -> None:
        await self.park(store, range(1, 3))
        await self.park(store, range(3, 4), function="a")
        assert await store.parked() == ["a", "resize"]
        counted = await store.waiting("resize", now=T0 + 500, most=9)
        assert counted == {"paused": WaitingCount(2, T0 + 900_000)}

    async def test_is_let_go_in_order_spread_over_a_time(self, store: Store) -> None:
        await self.park(store, range(1, 6))
        await self.park(store, range(6, 7), function="other")
        now = T0 + 100
        assert await store.unpark("resize", 4, now=now, spread_ms=1_000) == 4
        waiting = await store.upcoming(9)
        assert [(one.request_id, one.due_at - now) for one in waiting[:4]] == [
            ("r1", 0),
            ("r2", 250),
            ("r3", 500),
            ("r4", 750),
        ]
        assert await store.unpark("resize", 4, now=now, spread_ms=0) == 1
        assert await store.unpark("resize", 4, now=now, spread_ms=0) == 0
        assert await store.parked() == ["other"]

    async def test_can_be_stopped_by_whoever_asks(self, store: Store) -> None:
        await self.park(store, range(1, 2))
        stopped = await store.stop("resize", "t1", now=T0 + 50, until=T0 + 60, owner="node")
        assert stopped is not None
        assert stopped.claimed
        assert await store.parked() == []

    async def test_is_not_held_by_a_node_that_ends(self, store: Store) -> None:
        await self.park(store, range(1, 2))
        assert await store.release(PARKED, now=T0 + 50) == 0
        assert await store.parked() == ["resize"]
