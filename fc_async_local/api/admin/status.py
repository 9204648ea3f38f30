# SPDX-License-Identifier: MIT
"""The runtime as a whole: health, settings, counts, and the descriptions of its APIs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from fc_async_local.api.operation import local
from fc_async_sdk.admin.models import Health, Stats

if TYPE_CHECKING:
    from collections.abc import Callable

    from fc_async_local.clock import Clock
    from fc_async_local.settings import Settings
    from fc_async_local.store.protocol import Store
    from fc_async_sdk.admin.models import Addresses


class StatusAdmin:
    """Shows the state of the runtime.

    Args:
        store: Where invocations are.
        clock: The time of the runtime.
        settings: The settings of the runtime.
        addresses: Where the running process listens, for ``health``.
    """

    def __init__(
        self, store: Store, clock: Clock, settings: Settings, addresses: Addresses
    ) -> None:
        self._store = store
        self._clock = clock
        self._settings = settings
        self._addresses = addresses

    @local("GET", "/health")
    async def health(self) -> Health:
        """Answer if the store answers."""
        await self._store.next_due()
        return Health(status="ok", **msgspec.structs.asdict(self._addresses))

    @local("GET", "/settings")
    async def settings(self) -> dict[str, Any]:
        """Return all settings without secrets."""
        return dict(self._settings.shown())

    @local("GET", "/stats")
    async def stats(self) -> Stats:
        """Count invocations by status, and deliveries."""
        stats = await self._store.stats()
        return Stats(
            by_status={status.value: n for status, n in stats.by_status.items()},
            oldest_due_at=stats.oldest_due_at,
            deliveries_pending=stats.deliveries_pending,
            deliveries_dead=stats.deliveries_dead,
            now=self._clock.now(),
        )


class DescriptionAdmin:
    """The descriptions.

    Args:
        describe: Builds that of ``admin`` or ``fc`` when it is asked for.
    """

    def __init__(self, describe: Callable[[str], dict[str, Any]]) -> None:
        self._describe = describe

    @local("GET", "/openapi.json")
    async def admin_description(self) -> dict[str, Any]:
        """Return the description of the admin API."""
        return self._describe("admin")

    @local("GET", "/openapi/fc.json")
    async def fc_description(self) -> dict[str, Any]:
        """Return the description of the FC operations that are served."""
        return self._describe("fc")
