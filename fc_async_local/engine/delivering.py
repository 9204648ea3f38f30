# SPDX-License-Identifier: MIT
"""Tells destinations about final outcomes: durable, retried, counted, never silently dropped.

Invariants:
    A try that this node has under way is not made a second time by the same node: when its lease
    has ended and this node claims the delivery again, the try goes on under the new lease.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Final

from fc_async_local.background import start_task
from fc_async_local.destinations.protocol import DeliveryResult, kind_of
from fc_async_local.domain import policy, settlement
from fc_async_local.engine.leases import Claims, write_under_lease
from fc_async_local.engine.loops import Loop
from fc_async_local.engine.ports import DELIVERIES, Point
from fc_async_local.store.protocol import Settled
from fc_async_sdk.errors import InvalidArn

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fc_async_local.destinations.protocol import Destination, DestinationKind
    from fc_async_local.domain.invocation import Delivery
    from fc_async_local.engine.ports import Ports

logger = logging.getLogger(__name__)

_AT_A_TIME: Final = 64


class Delivering:
    """Claims deliveries that are due and tries them.

    Args:
        ports: The engine's ports.
    """

    def __init__(self, ports: Ports) -> None:
        self._ports = ports
        self._tasks: set[asyncio.Task[None]] = set()
        self._held: dict[str, Delivery] = {}
        self._leases = Claims(ports.clock)
        self._full = False
        lease_ms = ports.settings.lease_ms
        self._claims = Loop(DELIVERIES, ports.wakeups, self._claim, survey_ms=lease_ms)

    @property
    def in_flight(self) -> int:
        """How many deliveries are being tried."""
        return len(self._tasks)

    def start(self, destinations: Mapping[DestinationKind, Destination]) -> None:
        """Begin to deliver, with an adapter for each destination kind."""
        self._destinations = destinations
        self._claims.start()

    async def _claim(self) -> int | None:
        ports = self._ports
        free = _AT_A_TIME - len(self._tasks)
        self._full = free <= 0
        if self._full:
            return None  # the next try that ends makes room and wakes this loop
        now = ports.clock.now()
        with self._leases.under_way():
            claimed = await ports.store.claim_deliveries(
                free, now=now, until=now + ports.settings.lease_ms, owner=ports.node_id
            )
            for delivery in claimed:
                under_way = delivery.request_id in self._held
                self._held[delivery.request_id] = delivery
                if not under_way:
                    task = start_task(f"delivery {delivery.request_id}", self._work(delivery))
                    self._tasks.add(task)
                    task.add_done_callback(self._ended)
        self._full = len(self._tasks) >= _AT_A_TIME
        if self._full:
            return None
        more = len(claimed) == free
        return now if more else await ports.store.next_delivery_due()

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if self._full:
            self._claims.wake()

    async def _work(self, delivery: Delivery) -> None:
        with self._ports.clock.work():
            try:
                await self._deliver(delivery)
            except Exception:
                logger.exception(
                    "%s: the delivery broke off; it is tried again when its lease ends",
                    delivery.request_id,
                    extra={"request_id": delivery.request_id},
                )
            finally:
                del self._held[delivery.request_id]

    async def _deliver(self, delivery: Delivery) -> None:
        ports = self._ports
        result = await self._try(delivery)
        ports.probe(Point.DELIVERED, delivery.request_id)
        now = ports.clock.now()
        decision = policy.decide_delivery(delivery, result.status, now)
        error = "" if isinstance(decision, policy.Delivered) else _text(result)
        written = settlement.settle_delivery(delivery, decision, error=error, now=now)
        settled = await write_under_lease(
            ports.clock,
            lambda: self._held[delivery.request_id].lease,
            lambda lease: ports.store.settle_delivery(lease, written),
            stale=Settled.STALE,
            claims=self._leases,
        )
        _log(delivery, decision, error, settled)
        if settled is Settled.STALE:
            # It may have been written by an earlier try whose answer was lost: look again.
            self._claims.wake()
        elif isinstance(decision, policy.DeliverAgain):
            self._claims.wake(decision.at)

    async def _try(self, delivery: Delivery) -> DeliveryResult:
        """One try; whatever goes wrong in an adapter is worth another one."""
        try:
            kind = kind_of(delivery.destination)
        except InvalidArn as error:
            return DeliveryResult(400, "InvalidDestinationResources", str(error))
        adapter = self._destinations.get(kind)
        if adapter is None:
            return DeliveryResult(
                400, "InvalidDestinationResources", f"this runtime has no destination {kind!r}"
            )
        try:
            return await adapter.deliver(delivery, now=self._ports.clock.now())
        except Exception as error:
            logger.exception(
                "%s: the adapter for %s failed",
                delivery.request_id,
                kind,
                extra={"request_id": delivery.request_id},
            )
            return DeliveryResult(500, "InternalServerError", f"{type(error).__name__}: {error}")

    async def aclose(self) -> None:
        """Claim no more and break off what is being tried: it is delivered after a restart."""
        await self._claims.aclose()
        for task in tuple(self._tasks):
            task.cancel()
        if self._tasks:
            await asyncio.wait(tuple(self._tasks))


def _text(result: DeliveryResult) -> str:
    return f"{result.status} {result.code}: {result.message}".rstrip(": ")


def _log(
    delivery: Delivery,
    decision: policy.Delivered | policy.DeliverAgain | policy.GiveUp,
    error: str,
    settled: Settled,
) -> None:
    """One line for each try; a dead delivery is an error."""
    level, became = logging.INFO, "delivered"
    if settled is Settled.STALE:
        became = "dropped, the lease was lost"
    elif isinstance(decision, policy.DeliverAgain):
        level, became = logging.WARNING, f"{error}; again at {decision.at}"
    elif isinstance(decision, policy.GiveUp):
        level, became = logging.ERROR, f"{error}; given up and kept as a dead event"
    logger.log(
        level,
        "%s of %s: %s event to %s, try %d -> %s",
        delivery.request_id,
        delivery.function,
        delivery.outcome,
        delivery.destination,
        delivery.tries + 1,
        became,
        extra={"request_id": delivery.request_id, "function": delivery.function},
    )
