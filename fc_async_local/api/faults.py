# SPDX-License-Identifier: MIT
"""The admin API of faults on purpose: what a user's tests do to destinations. Translates only."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from fc_async_local.api.admin import PREFIX
from fc_async_local.api.operation import operation
from fc_async_local.domain import json_input
from fc_async_local.domain.rejection import Rejected
from fc_async_sdk.decoding import prepare

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


class FaultOperations:
    """Sets, shows and takes away faults."""

    def __init__(self, faults: Faults) -> None:
        self._faults = faults

    def routes(self) -> list[Route]:
        """The routes of these operations."""
        table = [
            ("GET", "/faults", self.list_faults),
            ("POST", "/faults", self.set_fault),
            ("DELETE", "/faults", self.clear_faults),
            ("DELETE", "/faults/{fault_id:number}", self.clear_fault),
        ]
        return [operation(method, path, do, prefix=PREFIX) for method, path, do in table]

    async def list_faults(self, _: Request) -> dict[str, Any]:
        """The faults in force."""
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
        """Take all faults away."""
        self._faults.clear()

    async def clear_fault(self, request: Request) -> None:
        """Take one fault away."""
        fault_id: int = request.path_params["fault_id"]
        if not self._faults.clear(fault_id):
            raise Rejected(404, "FaultNotFound", f"no fault {fault_id} is set")
