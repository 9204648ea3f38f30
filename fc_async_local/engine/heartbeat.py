# SPDX-License-Identifier: MIT
"""Extends the leases of what a node holds, three times within the length of a lease.

Sleeps while nothing is held. An attempt whose lease was lost, or that is to be stopped, is
interrupted.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from fc_async_local.store.loops import Loop

if TYPE_CHECKING:
    from fc_async_local.engine.ports import Ports
    from fc_async_local.engine.ready import Held, ReadyQueue
    from fc_async_local.store.leases import Claims

_PER_LEASE: Final = 3


class Heartbeat:
    """The loop that extends leases.

    Args:
        ports: The engine's ports.
        ready: What this node holds.
        claims: The claims that may renew a lease.
    """

    def __init__(self, ports: Ports, ready: ReadyQueue, claims: Claims) -> None:
        self._ports = ports
        self._ready = ready
        self._claims = claims
        self._interval_ms = ports.settings.lease_ms // _PER_LEASE
        self._next_at = 0
        self._loop = Loop("heartbeat", ports.wakeups, self._extend)

    def start(self) -> None:
        """Begin to extend leases."""
        self._loop.start()

    async def aclose(self) -> None:
        """End the loop, in the middle of a step if need be."""
        await self._loop.aclose()

    def first_held(self) -> None:
        """Note that something is held after nothing was."""
        self._next_at = self._ports.clock.now() + self._interval_ms
        self._loop.wake(self._next_at)

    async def _extend(self) -> int | None:
        if not self._ready:
            return None
        now = self._ports.clock.now()
        if now >= self._next_at:
            await self._extend_all(now + self._ports.settings.lease_ms)
            self._next_at = now + self._interval_ms
        return self._next_at

    async def _extend_all(self, until: int) -> None:
        asked = [(held, held.lease) for held in self._ready if held.has_lease]
        answers = await self._ports.store.extend([lease for _, lease in asked], until=until)
        if answers:
            await self._claims.applied()
        for held, lease in asked:
            # Not if it has ended, or was claimed again meanwhile.
            if self._ready.get(lease.key) is held and held.lease == lease:
                await self._note(held, until, answer=answers.get(lease.key))

    async def _note(self, held: Held, until: int, *, answer: bool | None) -> None:
        """Note the store's answer: False for a lost lease, True for a requested stop."""
        if answer is False:
            held.lease_lost()
        else:
            held.extended(until, stop=answer is True)
        if held.lost or held.stop:
            await self._ports.runner.interrupt(held.invocation.request_id)
