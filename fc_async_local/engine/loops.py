# SPDX-License-Identifier: MIT
"""Background loops that sleep until there is something to do.

A loop calls its step, which does what is due and says when it wants to be called again. A step that
fails is logged and taken again later, see :mod:`fc_async_local.background`.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, ParamSpec, TypeVar

from fc_async_local.background import keep_running, outage_wait, pause_on, start_task
from fc_async_local.store.protocol import StoreUnavailable

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from fc_async_local.clock import Clock

logger = logging.getLogger(__name__)

P = ParamSpec("P")
T = TypeVar("T")


async def persist(
    clock: Clock,
    what: str,
    write: Callable[P, Awaitable[T]],
    *args: P.args,
    **named: P.kwargs,
) -> T:
    """Write, and while the store is away wait and write again.

    Args:
        clock: Measures the waits.
        what: For the log.
        write: Makes a fresh attempt each time.
        args: For ``write``.
        named: For ``write``.
    """
    failures = 0
    while True:
        try:
            return await write(*args, **named)
        except StoreUnavailable as error:  # noqa: PERF203 -- trying again is the point
            failures += 1
            wait = outage_wait(failures)
            logger.warning("%s: the store is away (%s); again in %d ms", what, error, wait)
            await clock.wait(clock.now() + wait)


class Loop:
    """One background loop.

    Args:
        name: For the log.
        clock: What it sleeps on.
        step: Does what is due; returns when to be called next, None: when notified.
    """

    def __init__(self, name: str, clock: Clock, step: Callable[[], Awaitable[int | None]]) -> None:
        self.name = name
        self._clock = clock
        self._step = step
        self._wake = asyncio.Event()
        self._sleeps_until: int | None = None
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin; the first step is taken at once."""
        self._task = start_task(self.name, self._run())

    def notify(self, at: int | None = None) -> None:
        """There is something to do at a moment (None: now)."""
        if at is None or self._sleeps_until is None or at < self._sleeps_until:
            self._wake.set()

    async def aclose(self) -> None:
        """End it, in the middle of a step if need be."""
        if self._task is None:
            return
        self._task.cancel()
        await asyncio.wait({self._task})

    async def _run(self) -> None:
        with self._clock.work():
            await keep_running(
                self.name, self._turn, pause_on(self._clock), unavailable=(StoreUnavailable,)
            )

    async def _turn(self) -> None:
        self._wake.clear()
        self._sleeps_until = None
        until = self._sleeps_until = await self._step()
        await self._clock.wait(until, self._wake)
