# SPDX-License-Identifier: MIT
"""Virtual time, which can be moved, and faults of destinations and functions for users' tests."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final, Protocol

import msgspec

from fc_async_local.api import admin
from fc_async_local.api.operation import body_of
from fc_async_local.clock import VirtualClock
from fc_async_local.domain import json_input
from fc_async_local.domain.errors import Rejected
from fc_async_local.functions import refusals
from fc_async_sdk.admin import models

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.routing import Route

    from fc_async_local.clock import Clock
    from fc_async_local.domain.faults import Fault, Faults

_LONGEST_ADVANCE_SECONDS: Final = 10 * 365 * 86_400


class TimeControl(Protocol):
    """Operations of the engine on virtual time."""

    async def advance(self, ms: int) -> None:
        """Let virtual time pass; return when everything that fell due on the way is done."""
        ...

    async def run_until_idle(self) -> int:
        """Let virtual time pass until nothing waits and nothing runs; return how much passed."""
        ...


class ClockAdmin:
    """The time of the runtime."""

    def __init__(self, engine: TimeControl, clock: Clock) -> None:
        self._engine = engine
        self._clock = clock

    def routes(self) -> list[Route]:
        """Return the routes of these operations."""
        return admin.routes(
            [
                ("GET", "/clock", self.clock),
                ("POST", "/clock/advance", self.advance),
                ("POST", "/clock/run-until-idle", self.run_until_idle),
            ]
        )

    async def clock(self, _: Request) -> models.Clock:
        """Return the time, in milliseconds since the epoch, and whether it is virtual."""
        return models.Clock(now=self._clock.now(), virtual=isinstance(self._clock, VirtualClock))

    async def advance(self, request: Request) -> models.Clock:
        """Let ``{"seconds": n}`` pass; answer when everything that fell due is done."""
        self._check_virtual()
        seconds = (await body_of(request)).get("seconds")
        if (
            not isinstance(seconds, int | float)
            or not math.isfinite(seconds)
            or not 0 <= seconds <= _LONGEST_ADVANCE_SECONDS
        ):
            raise refusals.invalid_argument(
                f"seconds must be a number between 0 and {_LONGEST_ADVANCE_SECONDS}, "
                f"got {seconds!r}"
            )
        await self._engine.advance(round(seconds * 1000))
        return models.Clock(now=self._clock.now(), virtual=True)

    async def run_until_idle(self, _: Request) -> models.Idle:
        """Let time pass until nothing waits and nothing runs."""
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

    def routes(self) -> list[Route]:
        """Return the routes of these operations."""
        return admin.routes(
            [
                ("GET", "/faults", self.list_faults),
                ("POST", "/faults", self.set_fault),
                ("DELETE", "/faults", self.clear_faults),
                ("DELETE", "/faults/{fault_id:number}", self.clear_fault),
            ]
        )

    async def list_faults(self, _: Request) -> models.Faults:
        """List the faults in force."""
        return models.Faults(faults=[_shown(one) for one in self._faults.all()])

    async def set_fault(self, request: Request) -> models.FaultSet:
        """Let a destination or a function fail.

        Body: ``destination`` with ``status`` or ``timeout``, or ``function`` with ``error``
        (``throttled``, ``no resources`` or ``system error``); ``times`` or ``seconds``.
        """
        try:
            wanted = json_input.read(await request.body() or b"{}", models.SetFault)
        except json_input.InvalidJson as error:
            raise Rejected(400, "InvalidArgument", str(error)) from None
        of_destination = wanted.given("destination", "status", "timeout")
        of_function = wanted.given("function", "error")
        span = wanted.given("times", "seconds")
        if not of_function:
            return models.FaultSet(fault=_shown(self._faults.add(**of_destination, **span)))
        if of_destination or "function" not in of_function:
            raise refusals.invalid_argument(
                "a fault has destination with status or timeout, or function with error"
            )
        return models.FaultSet(fault=_shown(self._faults.fail_function(**of_function, **span)))

    async def clear_faults(self, _: Request) -> None:
        """Remove all faults."""
        self._faults.clear()

    async def clear_fault(self, _: Request, fault_id: int) -> None:
        """Remove one fault."""
        if not self._faults.clear(fault_id):
            raise Rejected(404, "FaultNotFound", f"no fault {fault_id} is set")


def _shown(fault: Fault) -> models.Fault:
    return models.Fault(**msgspec.structs.asdict(fault))
