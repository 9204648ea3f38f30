# SPDX-License-Identifier: MIT
"""Destinations that fail on purpose (:mod:`fc_async_local.domain.faults`)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from fc_async_local.destinations.base import DeliveryResult

if TYPE_CHECKING:
    from fc_async_local.clock import Clock
    from fc_async_local.destinations.base import Destination, DestinationKind
    from fc_async_local.domain.faults import Faults
    from fc_async_local.domain.invocation import Delivery

TIMEOUT_MS: Final = 10_000
"""Milliseconds that a delivery waits for a destination that times out."""


class Faulty:
    """A destination for which faults can be set."""

    def __init__(self, destination: Destination, faults: Faults, clock: Clock) -> None:
        self.kind: DestinationKind = destination.kind
        self._destination = destination
        self._faults = faults
        self._clock = clock

    async def deliver(self, delivery: Delivery, *, now: int) -> DeliveryResult:
        """Fail if a fault applies, otherwise deliver."""
        fault = self._faults.strike(self.kind, delivery.destination)
        if fault is None:
            return await self._destination.deliver(delivery, now=now)
        if fault.timeout:
            await self._clock.wait(self._clock.now() + TIMEOUT_MS)
            return DeliveryResult(504, "GatewayTimeout", f"fault {fault.id}: no answer in time")
        return DeliveryResult(fault.status, "FaultInjected", f"fault {fault.id} is set")
