# SPDX-License-Identifier: MIT
"""Background loops that sleep until there is something to do, and writes that outlast an outage.

A loop calls its step, which does what is due and returns when it must be called again. A step that
fails is logged and taken again later, see :mod:`fc_async_local.background`.

Writes that need a lease are made under the newest lease that this node has. When the store is
unavailable for longer than a lease, this node may claim again what it still works on. The work goes
on under the new lease, so a write that the store refuses as stale is repeated if the lease was
renewed meanwhile.

Invariants:
    A write is reported as stale only when no claim of this node that was under way could still
    renew its lease.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from typing import TYPE_CHECKING, ParamSpec, TypeVar

from fc_async_local.background import keep_running, outage_wait, pause_on, start_task
from fc_async_local.store.protocol import StoreUnavailable
from fc_async_sdk._cancellation import end_tasks

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

    from fc_async_local.clock import Clock
    from fc_async_local.domain.invocation import Lease
    from fc_async_local.wakeups import Wakeups

logger = logging.getLogger(__name__)

P = ParamSpec("P")
T = TypeVar("T")


async def persist(
    clock: Clock,
    description: str,
    write: Callable[P, Awaitable[T]],
    *args: P.args,
    **named: P.kwargs,
) -> T:
    """Write; while the store is unavailable, wait and write again.

    Args:
        clock: Measures the waits.
        description: For the log.
        write: Makes one attempt.
        args: For ``write``.
        named: For ``write``.

    Returns:
        What ``write`` returned.
    """
    failures = 0
    while True:
        try:
            return await write(*args, **named)
        except StoreUnavailable as error:
            failures += 1
            wait = outage_wait(failures)
            logger.warning(
                "%s: the store is unavailable (%s); tried again in %d ms", description, error, wait
            )
            await clock.wait(clock.now() + wait)


class Loop:
    """A background loop, woken by its topic.

    Args:
        topic: What wakes it; also its name in the log.
        wakeups: Wakes it; with the clock that it sleeps on.
        step: Does what is due; returns when it must be called next, None: when woken.
        survey_ms: How long it sleeps at most while other nodes use the same store; None: other
            nodes do not wake it.
    """

    def __init__(
        self,
        topic: str,
        wakeups: Wakeups,
        step: Callable[[], Awaitable[int | None]],
        *,
        survey_ms: int | None = None,
    ) -> None:
        self._topic = topic
        self._wakeups = wakeups
        self._step = step
        self._survey_ms = survey_ms
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Start the loop; the first step is taken at once."""
        self._task = start_task(self._topic, self._run())

    def wake(self, at: int | None = None) -> None:
        """Take a step at a time; None: now."""
        self._wakeups.wake(self._topic, at=at)

    async def aclose(self) -> None:
        """End the loop, if necessary in the middle of a step."""
        if self._task is not None:
            await end_tasks(self._task)

    async def _run(self) -> None:
        clock = self._wakeups.clock
        wakeups = self._wakeups
        with clock.work(), wakeups.waiter(self._topic, survey_ms=self._survey_ms) as waiter:

            async def turn() -> None:
                await waiter.wait(await self._step())

            await keep_running(self._topic, turn, pause_on(clock), unavailable=(StoreUnavailable,))


class Claims:
    """Tells when the result of a claim that is under way has been applied.

    Args:
        clock: What :meth:`applied` waits on.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._applied = asyncio.Event()
        self._applied.set()

    @contextlib.contextmanager
    def under_way(self) -> Iterator[None]:
        """Mark the time from the request of a claim until its result has been applied."""
        self._applied.clear()
        try:
            yield
        finally:
            self._applied.set()

    async def applied(self) -> None:
        """Return when no claim is under way: a committed one may have renewed a lease."""
        # Another claim may have begun before this task ran again.
        while not self._applied.is_set():
            await self._clock.wait(None, self._applied)


async def write_under_lease(
    clock: Clock,
    current: Callable[[], Lease],
    write: Callable[[Lease], Awaitable[T]],
    *,
    stale: T,
    claims: Claims,
) -> T:
    """Write, repeat while the store is unavailable, and repeat when the lease was renewed.

    Args:
        clock: Measures the waits.
        current: Returns the lease that this node has now.
        write: Makes one attempt under a lease.
        stale: What ``write`` returns when the lease was lost.
        claims: The claims that may renew the lease.

    Returns:
        What ``write`` returned; ``stale`` if the lease was lost to another claim.
    """
    lease = current()

    async def write_now() -> T:
        nonlocal lease
        lease = current()
        return await write(lease)

    while True:
        result = await persist(clock, lease.key, write_now)
        if result is not stale:
            return result
        await claims.applied()
        # Otherwise the lease was renewed: the write was refused for its old epoch only.
        if current() == lease:
            return result
