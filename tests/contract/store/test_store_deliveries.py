# SPDX-License-Identifier: MIT
"""What every store promises of deliveries: claimed, settled, dead, redriven."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from fc_async_local.domain.invocation import Count, Delivery, DeliverySettlement
from fc_async_local.domain.states import Status
from fc_async_local.store.protocol import Settled
from fc_async_tests.invocations import HOLD, T0, a_delivery, finished

if TYPE_CHECKING:
    from fc_async_local.store.protocol import Store


class TestDeliveries:
    async def pending(self, store: Store, number: int = 1, **fields: Any) -> Delivery:
        delivery = a_delivery(number, **fields)
        await finished(store, number, Status.FAILED, delivery=delivery)
        return delivery

    async def test_claim_gives_a_lease(self, store: Store) -> None:
        delivery = await self.pending(store)
        claimed = await store.claim_deliveries(5, now=T0 + 1, **HOLD)
        assert list(claimed) == [
            replace(delivery, epoch=1, lease_until=T0 + 30_000, lease_owner="node")
        ]
        assert not await store.claim_deliveries(5, now=T0 + 29_999, **HOLD)

    async def test_claim_takes_what_is_due_oldest_first_and_lost_leases(self, store: Store) -> None:
        await self.pending(store, 1, due_at=T0 + 30_001)
        await self.pending(store, 2, due_at=T0 + 20)
        await self.pending(store, 3, due_at=T0 + 10)
        claimed = await store.claim_deliveries(9, now=T0 + 100, **HOLD)
        assert [delivery.request_id for delivery in claimed] == ["r3", "r2"]
        assert await store.next_delivery_due() == T0 + 30_000
        taken = await store.claim_deliveries(2, now=T0 + 30_001, until=T0 + 60_000, owner="b")
        assert [(d.request_id, d.epoch) for d in taken] == [("r2", 2), ("r3", 2)]

    async def claimed(self, store: Store) -> Delivery:
        await self.pending(store)
        (claimed,) = await store.claim_deliveries(1, now=T0 + 10, **HOLD)
        return claimed

    async def test_a_success_is_forgotten_and_shown_by_the_task(self, store: Store) -> None:
        claimed = await self.claimed(store)
        settlement = DeliverySettlement(
            delivery=replace(claimed, state="succeeded", tries=1),
            counts=(Count(metric="FunctionDestinationSucceed", function="resize", at=T0),),
        )
        assert await store.settle_delivery(claimed.lease, settlement) is Settled.DONE
        task = await store.get("resize", "t1")
        assert task is not None
        assert task.invocation.destination_status == "Succeeded"
        assert (await store.stats()).deliveries_pending == 0
        assert await store.metrics() == {("FunctionDestinationSucceed", "resize"): 1}

    async def test_another_try_waits_for_its_time(self, store: Store) -> None:
        claimed = await self.claimed(store)
        later = replace(claimed, tries=1, due_at=T0 + 500, error="503")
        settlement = DeliverySettlement(delivery=later)
        assert await store.settle_delivery(claimed.lease, settlement) is Settled.DONE
        assert await store.next_delivery_due() == T0 + 500
        (retried,) = await store.claim_deliveries(1, now=T0 + 500, **HOLD)
        assert (retried.tries, retried.error, retried.epoch) == (1, "503", 2)

    async def test_a_dead_one_is_kept_and_can_be_redriven(self, store: Store) -> None:
        claimed = await self.claimed(store)
        dead = replace(claimed, tries=12, state="dead", error="404 QueueNotExist")
        await store.settle_delivery(claimed.lease, DeliverySettlement(delivery=dead))
        assert await store.next_delivery_due() is None
        assert [d.error for d in await store.dead_deliveries()] == ["404 QueueNotExist"]
        assert (await store.stats()).deliveries_dead == 1
        assert await store.redrive("r1", now=T0 + 900)
        (again,) = await store.claim_deliveries(1, now=T0 + 900, **HOLD)
        assert (again.tries, again.document) == (0, claimed.document)
        assert not await store.redrive("r1", now=T0 + 900)

    async def test_a_dead_one_can_be_discarded(self, store: Store) -> None:
        claimed = await self.claimed(store)
        assert not await store.discard_dead("r1")
        dead = DeliverySettlement(delivery=replace(claimed, state="dead"))
        await store.settle_delivery(claimed.lease, dead)
        assert await store.discard_dead("r1")
        assert (await store.stats()).deliveries_dead == 0

    async def test_an_event_without_an_invocation_is_kept_dead_counted_once_and_redriven(
        self, store: Store
    ) -> None:
        dead = a_delivery(7, state="dead", outcome="event", error="400 EntityTooLarge")
        counts = (Count(metric="FunctionEventsDead", function="resize", at=T0),)
        await store.keep_dead(dead, counts)
        await store.keep_dead(dead, counts)
        assert list(await store.dead_deliveries()) == [dead]
        assert (await store.stats()).deliveries_dead == 1
        assert await store.metrics() == {("FunctionEventsDead", "resize"): 1}
        assert await store.redrive(dead.request_id, now=T0 + 900)
        (again,) = await store.claim_deliveries(1, now=T0 + 900, **HOLD)
        assert (again.document, again.outcome) == (dead.document, "event")

    async def test_dead_ones_come_latest_first(self, store: Store) -> None:
        for number in (1, 2, 3):
            delivery = await self.pending(store, number)
            (claimed,) = await store.claim_deliveries(1, now=T0 + 10, **HOLD)
            dead = replace(delivery, state="dead")
            await store.settle_delivery(claimed.lease, DeliverySettlement(delivery=dead))
        first = await store.dead_deliveries(limit=2)
        assert [d.request_id for d in first] == ["r3", "r2"]
        last = first[-1].created_at, first[-1].request_id
        assert [d.request_id for d in await store.dead_deliveries(after=last)] == ["r1"]

    async def test_a_lost_lease_writes_nothing(self, store: Store) -> None:
        lost = await self.claimed(store)
        await store.claim_deliveries(1, now=T0 + 30_000, until=T0 + 60_000, owner="other")
        settlement = DeliverySettlement(
            delivery=replace(lost, state="dead"),
            counts=(Count(metric="m", function="resize", at=T0),),
        )
        assert await store.settle_delivery(lost.lease, settlement) is Settled.STALE
        assert await store.metrics() == {}
        assert await store.dead_deliveries() == []
