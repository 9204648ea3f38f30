# SPDX-License-Identifier: MIT
"""Background loops that sleep until there is something to do, and that nothing can kill.

A loop calls its step, which does what is due and says when it wants to be called again. A store
that is away, or a step that fails in a way nobody foresaw, is logged and tried again later.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Final, ParamSpec, TypeVar

from fc_async_local.store.protocol import StoreUnavailable

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from fc_async_local.clock import Clock

logger = logging.getLogger(__name__)

P = ParamSpec("P")
T = TypeVar("T")

_FIRST_WAIT_MS: Final = 100
_LONGEST_WAIT_MS: Final = 5_000


def outage_wait(failures: int) -> int:
    """Milliseconds to wait after so many failures (from 1) in a row."""
    return min(_FIRST_WAIT_MS << min(failures - 1, 16), _LONGEST_WAIT_MS)


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
        self._task = asyncio.create_task(self._run(), name=self.name)

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
        failures = 0
        with self._clock.work():
            while True:
                self._wake.clear()
                self._sleeps_until = None
                try:
                    until = await self._step()
                except Exception as error:  # noqa: BLE001 -- nothing may end this loop
                    failures += 1
                    self._tell(error)
                    await self._clock.wait(self._clock.now() + outage_wait(failures))
                else:
                    failures = 0
                    self._sleeps_until = until
                    await self._clock.wait(until, self._wake)

    def _tell(self, error: Exception) -> None:
        if isinstance(error, StoreUnavailable):
            logger.warning("%s: the store is away (%s)", self.name, error)
        else:
            logger.error("%s: a step failed; it is taken again", self.name, exc_info=error)
