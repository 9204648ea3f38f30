# SPDX-License-Identifier: MIT
"""Writes that need a lease, made under the newest lease that this node has.

When the store is unavailable for longer than a lease, this node may claim again what it still works
on. The work goes on under the new lease, so a write that the store refuses as stale is repeated if
the lease was renewed meanwhile.

Invariants:
    A write is reported as stale only when no claim of this node that was under way could still
    renew its lease.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, TypeVar

from fc_async_local.store.loops import persist

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

    from fc_async_local.clock import Clock
    from fc_async_local.domain.invocation import Lease

T = TypeVar("T")


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
        if current() == lease:
            return result
