# SPDX-License-Identifier: MIT
"""A client for a runtime on a virtual clock: its waiters move the clock instead of sleeping.

Without it, a test that waits for a task would sleep until its timeout, because the time of the
runtime stands still.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, overload

from fc_async_sdk import Config, _endpoint, handles, waiters
from fc_async_sdk._client import Client
from fc_async_sdk.credentials import LOCAL, Static

if TYPE_CHECKING:
    from fc_async_local.embedded import LocalRuntime


def connect(runtime: LocalRuntime) -> Client:
    """Return a client of a runtime; close it, or use it as a context manager."""

    def now() -> float:
        return runtime.now() / 1000

    class VirtualClient(Client):
        """A :class:`Client` for which a wait of a minute is over at once."""

        @overload
        def get_waiter(
            self, name: Literal["task_finished", "task_succeeded"]
        ) -> waiters.TaskWaiter: ...
        @overload
        def get_waiter(self, name: Literal["function_active"]) -> waiters.FunctionWaiter: ...
        def get_waiter(self, name: str) -> waiters.TaskWaiter | waiters.FunctionWaiter:
            """Return a waiter whose seconds are those of the virtual clock."""
            kind = waiters.kind_of(name)
            if name == "function_active":
                return waiters.FunctionWaiter(
                    self._perform, kind, sleep=runtime.advance, monotonic=now
                )
            return waiters.TaskWaiter(self._perform, kind, sleep=runtime.advance, monotonic=now)

        def _port(self) -> handles.Port:
            """Let the handles of functions, tasks and groups wait in the same way."""
            return handles.Port(self._perform_now, self.fan_out, runtime.advance, now)

    addresses = runtime.addresses
    return VirtualClient(
        _endpoint.parse(runtime.endpoint),
        Static(LOCAL),
        Config(),
        region_name=addresses.region,
        account_id=addresses.account_id,
    )
