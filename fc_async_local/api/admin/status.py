# SPDX-License-Identifier: MIT
"""The runtime as a whole: health, settings and counts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from fc_async_local.api import admin
from fc_async_sdk.admin.models import Health, Stats

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.routing import Route

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

    def routes(self) -> list[Route]:
        """Return the routes of these operations."""
        table = [
            ("GET", "/health", self.health),
            ("GET", "/settings", self.settings),
            ("GET", "/stats", self.stats),
        ]
        return admin.routes(table)

    async def health(self, _: Request) -> Health:
        """Answer if the store answers."""
        await self._store.next_due()
        return Health(status="ok", **msgspec.structs.asdict(self._addresses))

    async def settings(self, _: Request) -> dict[str, Any]:
        """Return all settings without secrets."""
        return dict(self._settings.shown())

    async def stats(self, _: Request) -> Stats:
        """Return how many invocations and deliveries there are."""
        stats = await self._store.stats()
        return Stats(
            by_status={status.value: n for status, n in stats.by_status.items()},
            oldest_due_at=stats.oldest_due_at,
            deliveries_pending=stats.deliveries_pending,
            deliveries_dead=stats.deliveries_dead,
            now=self._clock.now(),
        )
