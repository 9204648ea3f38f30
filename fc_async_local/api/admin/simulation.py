# SPDX-License-Identifier: MIT
"""Virtual time, which can be moved, and faults of destinations and functions for users' tests."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from fc_async_local.api.operation import local
from fc_async_local.clock import VirtualClock
from fc_async_local.domain.errors import Rejected
from fc_async_local.functions import refusals
from fc_async_sdk.admin import models

if TYPE_CHECKING:
    from fc_async_local.clock import Clock
    from fc_async_local.domain.faults import Fault, Faults
    from fc_async_local.engine.engine import Engine


class ClockAdmin:
    """The time of the runtime."""

    def __init__(self, engine: Engine, clock: Clock) -> None:
        self._engine = engine
        self._clock = clock

    @local("GET", "/clock")
    async def clock(self) -> models.Clock:
        """Return the time, in milliseconds since the epoch, and whether it is virtual."""
        return models.Clock(now=self._clock.now(), virtual=isinstance(self._clock, VirtualClock))

    @local("POST", "/clock/advance")
    async def advance(self, body: models.Advance) -> models.Clock:
        """Let virtual time pass; answer when everything that fell due is done."""
        self._check_virtual()
        await self._engine.advance(round(body.seconds * 1000))
        return models.Clock(now=self._clock.now(), virtual=True)

    @local("POST", "/clock/run-until-idle")
    async def run_until_idle(self) -> models.Idle:
        """Let virtual time pass until nothing waits and nothing runs."""
        self._check_virtual()
        passed = await self._engine.run_until_idle()
        return models.Idle(now=self._clock.now(), virtual=True, passed=passed)

    def _check_virtual(self) -> None:
        if not isinstance(self._clock, VirtualClock):
            raise Rejected(
                409, "ClockIsReal", "time can be moved only after a start with --clock virtual"
            )


class FaultAdmin:
    """Sets, shows and removes faults."""

    def __init__(self, faults: Faults) -> None:
        self._faults = faults

    @local("GET", "/faults")
    async def list_faults(self) -> models.Faults:
        """List the faults in force."""
        return models.Faults(faults=[_shown(one) for one in self._faults.all()])

    @local("POST", "/faults")
    async def set_fault(self, body: models.SetFault) -> models.FaultSet:
        """Let a destination or a function fail."""
        of_destination = body.given("destination", "status", "timeout")
        of_function = body.given("function", "error")
        span = body.given("times", "seconds")
        if not of_function:
            return models.FaultSet(fault=_shown(self._faults.add(**of_destination, **span)))
        if of_destination or "function" not in of_function:
            raise refusals.invalid_argument(
                "a fault has destination with status or timeout, or function with error"
            )
        return models.FaultSet(fault=_shown(self._faults.fail_function(**of_function, **span)))

    @local("DELETE", "/faults")
    async def clear_faults(self) -> None:
        """Remove all faults."""
        self._faults.clear()

    @local("DELETE", "/faults/{fault_id:number}")
    async def clear_fault(self, fault_id: int) -> None:
        """Remove one fault."""
        if not self._faults.clear(fault_id):
            raise Rejected(404, "FaultNotFound", f"no fault {fault_id} is set")


def _shown(fault: Fault) -> models.Fault:
    return models.Fault(**msgspec.structs.asdict(fault))
