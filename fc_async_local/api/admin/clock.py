# SPDX-License-Identifier: MIT
"""The time of the runtime: read it, and move it if it is virtual."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final, Protocol

from fc_async_local.api import admin
from fc_async_local.api.operation import body_of
from fc_async_local.clock import VirtualClock
from fc_async_local.domain.errors import Rejected
from fc_async_local.functions import refusals

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.routing import Route

    from fc_async_local.clock import Clock

_LONGEST_ADVANCE_SECONDS: Final = 10 * 365 * 86_400


class TimeControl(Protocol):
    """What the engine does with virtual time."""

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

    async def clock(self, _: Request) -> dict[str, Any]:
        """Return the time, in milliseconds since the epoch, and whether it is virtual."""
        return {"now": self._clock.now(), "virtual": isinstance(self._clock, VirtualClock)}

    async def advance(self, request: Request) -> dict[str, Any]:
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
        return {"now": self._clock.now(), "virtual": True}

    async def run_until_idle(self, _: Request) -> dict[str, Any]:
        """Let time pass until nothing waits and nothing runs."""
        self._check_virtual()
        passed = await self._engine.run_until_idle()
        return {"now": self._clock.now(), "virtual": True, "passed": passed}

    def _check_virtual(self) -> None:
        if not isinstance(self._clock, VirtualClock):
            raise Rejected(
                409, "ClockIsReal", "time can be moved only after a start with --clock virtual"
            )
