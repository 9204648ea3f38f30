# SPDX-License-Identifier: MIT
"""Faults of destinations, which a user's tests inject. Translates only."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from fc_async_local.api import admin
from fc_async_local.domain import json_input
from fc_async_local.domain.errors import Rejected
from fc_async_sdk._decoding import prepare

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.routing import Route

    from fc_async_local.destinations.faults import Faults


class _Wanted(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    destination: str = "*"
    status: int = 503
    timeout: bool = False
    times: int | None = None
    seconds: float | None = None


prepare(_Wanted)


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

    async def list_faults(self, _: Request) -> dict[str, Any]:
        """List the faults in force."""
        return {"faults": self._faults.all()}

    async def set_fault(self, request: Request) -> dict[str, Any]:
        """Set a fault: destination, status or timeout, times or seconds."""
        try:
            wanted = json_input.read(await request.body() or b"{}", _Wanted)
        except json_input.InvalidJson as error:
            raise Rejected(400, "InvalidArgument", str(error)) from None
        fault = self._faults.add(
            wanted.destination,
            status=wanted.status,
            timeout=wanted.timeout,
            times=wanted.times,
            seconds=wanted.seconds,
        )
        return {"fault": fault}

    async def clear_faults(self, _: Request) -> None:
        """Remove all faults."""
        self._faults.clear()

    async def clear_fault(self, _: Request, fault_id: int) -> None:
        """Remove one fault."""
        if not self._faults.clear(fault_id):
            raise Rejected(404, "FaultNotFound", f"no fault {fault_id} is set")
