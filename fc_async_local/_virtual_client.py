# SPDX-License-Identifier: MIT
"""A client for a runtime on a virtual clock: its waiters move the clock instead of sleeping.

Without it, a test that waits for a task would sleep until its timeout, because the time of the
runtime stands still.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from fc_async_sdk import Config, _endpoint, waiters
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

        def _port(self) -> waiters.Port:
            return waiters.Port(self._perform_now, self.fan_out, runtime.advance, now)

    addresses = runtime.addresses
    return VirtualClient(
        _endpoint.parse(runtime.endpoint),
        Static(LOCAL),
        Config(),
        region_name=addresses.region,
        account_id=addresses.account_id,
    )
