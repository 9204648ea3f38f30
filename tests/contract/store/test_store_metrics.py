# SPDX-License-Identifier: MIT
"""What every store promises of metrics: sums by period, what is in process, what pruning keeps."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from fc_async_local.domain.invocation import Count
from fc_async_local.domain.metrics import Sample
from fc_async_local.domain.states import Status
from fc_async_local.store.protocol import MetricQuery
from fc_async_sdk.spec.metrics import IN_PROCESS
from fc_async_tests.invocations import HOLD, T0, again, an_invocation, claim_one, ended
from fc_async_tests.metrics import in_process

if TYPE_CHECKING:
    from fc_async_local.store.protocol import Store

MINUTE = 60_000
HOUR = 60 * MINUTE
BEGIN = T0 - T0 % HOUR


def count(minutes: float, value: int = 1, *, metric: str = "m", function: str = "a") -> Count:
    at = BEGIN + round(minutes * MINUTE)
    return Count(metric=metric, function=function, at=at, value=value)


class TestReading:
    async def test_adds_up_counts_by_the_minute_with_their_number_and_the_largest(
        self, store: Store
    ) -> None:
        await store.accept(an_invocation(1), [count(0, 5), count(0.9, 2), count(1, 3)])
        await store.accept(an_invocation(2), [count(0.5, 4)])
        assert await store.metrics(MetricQuery(start=BEGIN, step_ms=MINUTE)) == [
            Sample("m", "a", BEGIN, 11, 3, 5),
            Sample("m", "a", BEGIN + MINUTE, 3, 1, 3),
        ]

    async def test_adds_up_minutes_to_hours(self, store: Store) -> None:
        await store.accept(an_invocation(), [count(0), count(59.9), count(60, 7)])
        assert await store.metrics(MetricQuery(start=BEGIN, step_ms=HOUR)) == [
            Sample("m", "a", BEGIN, 2, 2, 1),
            Sample("m", "a", BEGIN + HOUR, 7, 1, 7),
        ]

    async def test_begins_with_the_period_that_the_start_lies_in(self, store: Store) -> None:
        await store.accept(an_invocation(), [count(0), count(1), count(2)])
        query = MetricQuery(start=BEGIN + MINUTE + 1, step_ms=MINUTE)
        assert [each.at for each in await store.metrics(query)] == [
            BEGIN + MINUTE,
            BEGIN + 2 * MINUTE,
        ]

    async def test_ends_before_the_first_minute_that_does_not_begin_before_the_end(
        self, store: Store
    ) -> None:
        await store.accept(an_invocation(), [count(0), count(1), count(2)])
        query = MetricQuery(start=BEGIN, end=BEGIN + MINUTE, step_ms=MINUTE)
        assert [each.at for each in await store.metrics(query)] == [BEGIN]
        assert [each.total for each in await store.metrics(query._replace(step_ms=None))] == [1]

    async def test_gives_one_sample_for_all_periods_without_a_step(self, store: Store) -> None:
        await store.accept(an_invocation(), [count(0, 2), count(70, 3)])
        assert await store.metrics(MetricQuery(start=BEGIN)) == [Sample("m", "a", 0, 5, 2, 3)]

    async def test_can_be_limited_to_a_function_and_to_names(self, store: Store) -> None:
        counts = [
            count(0, metric=metric, function=function) for metric in "mno" for function in "ab"
        ]
        await store.accept(an_invocation(), counts)
        every = await store.metrics()
        assert [(each.metric, each.function) for each in every] == [
            (metric, function) for metric in "mno" for function in "ab"
        ]
        found = await store.metrics(MetricQuery(function="b", metrics={"o", "m"}))
        assert [(each.metric, each.function) for each in found] == [("m", "b"), ("o", "b")]


class TestInProcess:
    async def test_grows_by_each_claim_and_falls_with_what_settles_it(self, store: Store) -> None:
        for number in (1, 2, 3):
            await store.accept(an_invocation(number))
        assert await in_process(store) == 0
        claimed = await store.claim(2, now=T0 + 10, **HOLD)
        assert await in_process(store) == 2
        released = Count(metric=IN_PROCESS, function="resize", at=T0, value=-1)
        settlement = ended(claimed[0], Status.SUCCEEDED, counts=(released,))
        await store.settle(claimed[0].lease, settlement)
        assert await in_process(store) == 1

    async def test_counts_an_invocation_once_that_is_claimed_again_after_its_lease_ended(
        self, store: Store
    ) -> None:
        await store.accept(an_invocation())
        await claim_one(store)
        await claim_one(store, now=T0 + 30_000, until=T0 + 60_000)
        assert await in_process(store) == 1

    async def test_falls_when_a_node_gives_back_what_it_holds(self, store: Store) -> None:
        for number in (1, 2):
            await store.accept(an_invocation(number))
        await store.claim(2, now=T0 + 10, **HOLD)
        await store.release("node", now=T0 + 20)
        assert await in_process(store) == 0

    async def test_grows_when_a_waiting_task_is_held_in_order_to_be_stopped(
        self, store: Store
    ) -> None:
        await store.accept(an_invocation())
        await store.stop("resize", "t1", now=T0 + 10, **HOLD)
        assert await in_process(store) == 1

    async def test_stays_when_a_held_task_is_asked_to_stop(self, store: Store) -> None:
        await store.accept(an_invocation())
        await claim_one(store)
        await store.stop("resize", "t1", now=T0 + 10, **HOLD)
        assert await in_process(store) == 1

    async def test_counts_an_invocation_that_is_held_from_its_acceptance_on(
        self, store: Store
    ) -> None:
        held = an_invocation(
            status=Status.DEQUEUED, epoch=1, lease_until=T0 + 1_000, lease_owner="node"
        )
        await store.accept(held)
        assert await in_process(store) == 1

    async def test_is_not_changed_by_a_settlement_that_comes_too_late(self, store: Store) -> None:
        await store.accept(an_invocation())
        first = await claim_one(store)
        await claim_one(store, now=T0 + 30_000, until=T0 + 60_000)
        await store.settle(first.lease, again(first, T0 + 50))
        assert await in_process(store) == 1


class TestPruning:
    @pytest.mark.usefixtures("pruned_in_twos")
    async def test_forgets_whole_minutes_and_keeps_their_sum(self, store: Store) -> None:
        await store.accept(an_invocation(), [count(minute, minute + 1) for minute in range(8)])
        assert await store.prune_metrics(before=BEGIN + 5 * MINUTE + 59_999) == 5
        kept = MetricQuery(start=0, step_ms=MINUTE)
        assert [each.at for each in await store.metrics(kept)] == [
            BEGIN + minute * MINUTE for minute in (5, 6, 7)
        ]
        assert await store.metrics(MetricQuery(start=0)) == [Sample("m", "a", 0, 21, 3, 8)]
        assert await store.metrics() == [Sample("m", "a", 0, 36, 8, 8)]

    async def test_keeps_the_sum_of_what_was_pruned_at_several_times(self, store: Store) -> None:
        await store.accept(an_invocation(), [count(0, 9), count(1, 4)])
        assert await store.prune_metrics(before=BEGIN + MINUTE) == 1
        assert await store.prune_metrics(before=BEGIN + MINUTE) == 0
        assert await store.prune_metrics(before=BEGIN + 2 * MINUTE) == 1
        assert await store.metrics() == [Sample("m", "a", 0, 13, 2, 9)]
        assert await store.metrics(MetricQuery(end=BEGIN)) == [Sample("m", "a", 0, 13, 2, 9)]
