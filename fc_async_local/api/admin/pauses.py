# SPDX-License-Identifier: MIT
"""Pauses of functions: the service's brake without its back-off."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from fc_async_local.api.operation import local
from fc_async_sdk.admin import models

if TYPE_CHECKING:
    from fc_async_local.clock import Clock
    from fc_async_local.domain.pausing import Pause
    from fc_async_local.functions import FunctionRegistry
    from fc_async_local.store.protocol import Store

_COUNTED: Final = 100_000
"""Largest number of waiting calls that is counted; an answer must not take longer."""


class PauseAdmin:
    """Pauses and resumes functions.

    Args:
        store: What waits.
        registry: Which functions are paused.
        clock: The time of the runtime.
    """

    def __init__(self, store: Store, registry: FunctionRegistry, clock: Clock) -> None:
        self._store = store
        self._registry = registry
        self._clock = clock

    @local("GET", "/pauses")
    async def pauses(self) -> models.Pauses:
        """List the functions that are paused, and those whose waiting calls start at a rate."""
        pauses = await self._registry.pauses.all()
        shown = [await self._shown(name, pause) for name, pause in sorted(pauses.items())]
        return models.Pauses(pauses=shown)

    @local("PUT", "/functions/{function}/pause")
    async def pause(self, function: str) -> models.Pause:
        """Let no asynchronous attempt of a function begin; what runs goes on to its end.

        Calls are accepted and wait. They grow older: one that reaches its maximum age is expired.
        Synchronous calls are not held.
        """
        return await self._shown(function, await self._registry.pauses.begin(function))

    @local("POST", "/functions/{function}/resume")
    async def resume(self, function: str, body: models.Resume) -> models.Resumed:
        """End the pause of a function; what waited starts at once, or at a rate.

        The rate is that of the calls that waited: new calls start beside them.
        """
        before = await self._registry.pauses.resume(function, body.interval_us)
        return models.Resumed(
            function=function,
            was_paused=before is not None,
            waiting=await self._waiting(function),
        )

    async def _shown(self, function: str, pause: Pause) -> models.Pause:
        return models.Pause(
            function=function,
            since=pause.since,
            interval_us=pause.interval_us,
            waiting=await self._waiting(function),
        )

    async def _waiting(self, function: str) -> int:
        now = self._clock.now()
        counted = await self._store.waiting(function, now=now, most=_COUNTED)
        # Those that are due and not looked at yet wait for the end of the pause as well.
        return sum(counted[kind].number for kind in ("paused", "due") if kind in counted)
