# SPDX-License-Identifier: MIT
"""Claims due invocations, starts their attempts, and extends the leases of what this node holds.

An attempt holds a slot until its function has ended. Attempts whose outcome waits to be written are
bounded separately, so that many outcomes share one commit. The dispatcher sleeps until the next due
time; it does not poll.

Invocations are claimed shortly before they are due and wait in memory, so that their start does
not wait for a commit.

Invariants:
    No invocation begins before it is due.
    At most ``max_in_flight`` functions run, and at most four times as many invocations are held,
    however many are due.
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
import logging
from typing import TYPE_CHECKING, Final

from fc_async_local.background import start_task
from fc_async_local.domain.states import Status
from fc_async_local.engine.attempts import Attempts, Held
from fc_async_local.engine.leases import Claims
from fc_async_local.engine.loops import Loop

if TYPE_CHECKING:
    from collections.abc import Callable

    from fc_async_local.domain.invocation import Invocation
    from fc_async_local.engine.ports import Ports

logger = logging.getLogger(__name__)

_HEARTBEATS_PER_LEASE: Final = 3
_HELD_PER_ROOM: Final = 4
"""Bound of the invocations that a node holds, in multiples of ``max_in_flight``."""

_AHEAD_MS: Final = 100
"""How long before their due time invocations are claimed at most. A store allows no more."""

_LEAD_MS: Final = 50
"""How long before the next due time a claim begins: longer than nearly every commit takes."""


class Dispatching:
    """The dispatcher and the heartbeat of what it dispatched.

    Args:
        ports: The engine's ports.
        deliver: Told when there is something to deliver.
    """

    def __init__(self, ports: Ports, deliver: Callable[[], None]) -> None:
        self._ports = ports
        self._held: dict[str, Held] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._running = 0
        self._early: list[tuple[int, int, Held]] = []
        self._order = itertools.count()
        self._full = False
        self._claims = Loop("dispatcher", ports.clock, self._claim)
        self._alarm = Loop("alarm", ports.clock, self._set_off_due)
        self._beat_at = 0
        self._heartbeat = Loop("heartbeat", ports.clock, self._extend)
        self._leases = Claims(ports.clock)
        self._closing = False
        self.attempts = Attempts(ports, claims=self._leases, retry_at=self.notify, deliver=deliver)

    @property
    def in_flight(self) -> int:
        """The number of attempts of this node that have begun and are not settled."""
        return len(self._tasks)

    def start(self) -> None:
        """Begin to claim."""
        self._claims.start()
        self._alarm.start()
        self._heartbeat.start()

    def notify(self, at: int | None = None) -> None:
        """Note that an invocation in the store is due at a time (None: now)."""
        self._claims.notify(None if at is None else at - _LEAD_MS)

    async def stop(self, request_id: str) -> None:
        """A stop was asked for; interrupt the attempt if it is made here."""
        held = self._held.get(request_id)
        if held is not None:
            held.stop = True
            await self._ports.runner.interrupt(request_id)

    @property
    def _room(self) -> int:
        """How many more invocations may be claimed now."""
        most = self._ports.settings.max_in_flight
        return min(most - self._running, most * _HELD_PER_ROOM - len(self._held))

    async def _claim(self) -> int | None:
        ports = self._ports
        room = self._room
        self._full = room <= 0
        if self._full:
            return None  # the next attempt that ends makes room and wakes this loop
        now = ports.clock.now()
        with self._leases.under_way():
            claimed = await ports.store.claim(
                room,
                now=now,
                until=now + ports.settings.lease_ms,
                owner=ports.node_id,
                ahead=_AHEAD_MS,
            )
            for invocation in claimed:
                held = self._held.get(invocation.request_id)
                if held is None:
                    self._begin(invocation)
                else:
                    held.claimed_again(invocation)
        for invocation in claimed:
            if invocation.status is Status.STOPPING:
                await ports.runner.interrupt(invocation.request_id)
        self._full = self._room <= 0
        if self._full:
            return None
        if len(claimed) == room:
            return now
        return ports.look_again(self._before(await ports.store.next_due()))

    def _before(self, due: int | None) -> int | None:
        """Return when to claim what is due at ``due``: shortly before.

        If that time has passed, the claim that was just made could not have it (a lease that ends
        then), or it was accepted since, which notified this loop: then at ``due``.
        """
        if due is None:
            return None
        return due if due - _LEAD_MS <= self._ports.clock.now() else due - _LEAD_MS

    def _begin(self, invocation: Invocation) -> None:
        held = self._held[invocation.request_id] = Held(invocation)
        now = self._ports.clock.now()
        self._running += 1
        if invocation.due_at > now:
            heapq.heappush(self._early, (invocation.due_at, next(self._order), held))
            self._alarm.notify(invocation.due_at)
        else:
            self._set_off(held)
        if len(self._held) == 1:  # the heartbeat had nothing to do before
            self._beat_at = now + self._heartbeat_ms
            self._heartbeat.notify(self._beat_at)

    def _set_off(self, held: Held) -> None:
        task = start_task(f"attempt {held.invocation.request_id}", self._work(held))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _set_off_due(self) -> int | None:
        """Start the attempts that are due; return when the next one is."""
        now = self._ports.clock.now()
        while self._early and self._early[0][0] <= now:
            self._set_off(heapq.heappop(self._early)[2])
        return self._early[0][0] if self._early else None

    def _made_room(self) -> None:
        if self._full:
            self._claims.notify()

    async def _work(self, held: Held) -> None:
        with self._ports.clock.work():
            try:
                try:
                    decided = await self.attempts.run(held)
                finally:
                    self._running -= 1
                    self._made_room()
                if decided is not None:
                    await self.attempts.settle(held, decided)
            except Exception:
                # The lease ends, so it is not lost; but this is a fault of ours.
                logger.exception(
                    "%s: the attempt broke off; it is made again when its lease ends",
                    held.invocation.request_id,
                    extra={"request_id": held.invocation.request_id},
                )
            finally:
                del self._held[held.invocation.request_id]
                if held.reclaimed is not None and not self._closing:
                    self._begin(held.reclaimed)
                self._made_room()

    @property
    def _heartbeat_ms(self) -> int:
        return self._ports.settings.lease_ms // _HEARTBEATS_PER_LEASE

    async def _extend(self) -> int | None:
        ports = self._ports
        now = ports.clock.now()
        if not self._held:
            return None
        if now < self._beat_at:
            return self._beat_at
        until = now + ports.settings.lease_ms
        asked = [
            (held, held.lease)
            for held in self._held.values()
            if not held.lost or held.reclaimed is not None
        ]
        answers = await ports.store.extend([lease for _, lease in asked], until=until)
        if answers:
            await self._leases.applied()
        for held, lease in asked:
            if self._held.get(lease.key) is not held or held.lease != lease:
                continue  # it has ended, or was claimed again meanwhile
            answer = answers.get(lease.key)
            if answer is False:
                held.lease_lost()
            else:
                held.extended(until, stop=answer is True)
            if held.lost or held.stop:
                await ports.runner.interrupt(lease.key)
        self._beat_at = now + self._heartbeat_ms
        return self._beat_at

    async def aclose(self, *, grace_ms: int) -> None:
        """Claim no more; give what runs some time, then break it off."""
        self._closing = True
        await self._claims.aclose()
        await self._alarm.aclose()
        while self._early:
            self._running -= 1
            _, _, held = heapq.heappop(self._early)
            del self._held[held.invocation.request_id]  # the engine gives it back
        if self._tasks and grace_ms:
            done = asyncio.Event()
            waiter = asyncio.ensure_future(asyncio.wait(tuple(self._tasks)))
            waiter.add_done_callback(lambda _: done.set())
            await self._ports.clock.linger(grace_ms, done)
            waiter.cancel()
        for task in tuple(self._tasks):
            task.cancel()
        if self._tasks:
            await asyncio.wait(tuple(self._tasks))
        await self._heartbeat.aclose()
