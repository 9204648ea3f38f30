# SPDX-License-Identifier: MIT
"""Claims due invocations into the ready queue and starts their attempts.

The dispatcher sleeps until the next due time; it does not poll. Invocations are claimed shortly
before they are due and wait in the ready queue, so that their start does not wait for a commit.
Bounds and order are those of :mod:`ready`.

The heartbeat extends the leases of what a node holds, three times within the length of a lease. It
sleeps while nothing is held. An attempt whose lease was lost, or that is to be stopped, is
interrupted.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Final

from fc_async_local.background import start_task
from fc_async_local.domain.states import Status
from fc_async_local.engine.attempts import Attempts
from fc_async_local.engine.ports import INVOCATIONS
from fc_async_local.engine.ready import Held, ReadyQueue
from fc_async_local.store.loops import Claims, Loop
from fc_async_sdk._cancellation import end_tasks

if TYPE_CHECKING:
    from fc_async_local.domain.invocation import Invocation
    from fc_async_local.engine.ports import Ports

logger = logging.getLogger(__name__)

_AHEAD_MS: Final = 100
"""Largest time before their due time at which invocations are claimed. A store allows no more."""

_LEAD_MS: Final = 50
"""Time before the next due time at which a claim begins: nearly every commit takes less."""

_EXTENSIONS: Final = 3
"""Number of extensions of a lease within its length."""


class Dispatching:
    """The dispatcher, with the heartbeat of what it holds.

    Args:
        ports: The engine's ports.
    """

    def __init__(self, ports: Ports) -> None:
        self._ports = ports
        self._ready = ReadyQueue(ports.settings.max_in_flight)
        self._tasks: set[asyncio.Task[None]] = set()
        self._closing = False
        self._leases = Claims(ports.clock)
        # Another node's work is looked for once in a lease: its claims end no sooner.
        lease_ms = ports.settings.lease_ms
        self._claims = Loop(INVOCATIONS, ports.wakeups, self._claim, survey_ms=lease_ms)
        self._alarm = Loop("alarm", ports.wakeups, self._start_due)
        self._heartbeat = Heartbeat(ports, self._ready, self._leases)
        self.attempts = Attempts(ports, claims=self._leases)

    @property
    def in_flight(self) -> int:
        """The number of attempts of this node that have begun and are not settled."""
        return len(self._tasks)

    def start(self) -> None:
        """Begin to claim."""
        self._claims.start()
        self._alarm.start()
        self._heartbeat.start()

    async def stop(self, request_id: str) -> None:
        """Note a requested stop; interrupt the attempt if this node runs it."""
        held = self._ready.get(request_id)
        if held is not None:
            held.request_stop()
            await self._ports.runner.interrupt(request_id)

    async def _claim(self) -> int | None:
        ports = self._ports
        room = self._ready.room
        if room <= 0:
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
                self._take(invocation)
        for invocation in claimed:
            # The stop was requested after this node had lost its lease, while its attempt went on
            # here.
            if invocation.status is Status.STOPPING:
                await ports.runner.interrupt(invocation.request_id)
        if self._ready.room <= 0:
            return None
        # As many as were asked for: more may be due.
        if len(claimed) == room:
            return now
        return self._before(await ports.store.next_due())

    def _before(self, due: int | None) -> int | None:
        """Return when to claim what is due at ``due``: shortly before.

        If that time has passed, the claim that was just made could not have it (a lease that ends
        then), or it was accepted since, which notified this loop: then at ``due``.
        """
        if due is None:
            return None
        early = due - _LEAD_MS
        return early if early > self._ports.clock.now() else due

    def _take(self, invocation: Invocation) -> None:
        held = self._ready.get(invocation.request_id)
        if held is None:
            self._hold(Held(invocation))
        else:
            held.claimed_again(invocation)

    def _hold(self, held: Held) -> None:
        self._ready.add(held)
        if held.invocation.due_at > self._ports.clock.now():
            self._alarm.wake(held.invocation.due_at)
        else:
            self._start_ready()
        if len(self._ready) == 1:
            self._heartbeat.first_held()

    def _start_ready(self) -> None:
        for held in self._ready.take_due(self._ports.clock.now()):
            task = start_task(f"attempt {held.invocation.request_id}", self._work(held))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _start_due(self) -> int | None:
        """Start the attempts that are due; return when the next one is."""
        self._start_ready()
        return self._ready.next_due

    async def _work(self, held: Held) -> None:
        with self._ports.clock.work():
            try:
                try:
                    decided = await self.attempts.run(held)
                finally:
                    # Before the outcome is written: another function runs during the commit.
                    if self._ready.free_slot():
                        self._claims.wake()
                # None: the lease was lost, and the newer claim writes the end.
                if decided is not None:
                    await self.attempts.settle(held, decided)
            except Exception:
                # The invocation is not lost: it is claimed again when its lease ends.
                logger.exception(
                    "%s: the attempt broke off; it is made again when its lease ends",
                    held.invocation.request_id,
                    extra={"request_id": held.invocation.request_id},
                )
            finally:
                if self._ready.remove(held):
                    self._claims.wake()
                if held.reclaimed is not None and not self._closing:
                    self._hold(Held(held.reclaimed))

    async def aclose(self, *, grace_ms: int) -> None:
        """Stop claiming; cancel the attempts that have not ended after the grace."""
        self._closing = True
        await self._claims.aclose()
        await self._alarm.aclose()
        self._ready.drop_waiting()  # the engine releases their claims
        if self._tasks and grace_ms:
            done = asyncio.Event()
            waiter = asyncio.ensure_future(asyncio.wait(tuple(self._tasks)))
            waiter.add_done_callback(lambda _: done.set())
            await self._ports.clock.linger(grace_ms, done)
            waiter.cancel()
        await end_tasks(*self._tasks)
        # Last: attempts that end within the grace still need their leases.
        await self._heartbeat.aclose()


class Heartbeat(Loop):
    """The loop that extends leases.

    Args:
        ports: The engine's ports.
        ready: What this node holds.
        claims: The claims that may renew a lease.
    """

    def __init__(self, ports: Ports, ready: ReadyQueue, claims: Claims) -> None:
        super().__init__("heartbeat", ports.wakeups, self._extend)
        self._ports = ports
        self._ready = ready
        self._claims = claims
        self._interval_ms = ports.settings.lease_ms // _EXTENSIONS
        self._next_at = 0

    def first_held(self) -> None:
        """Note that something is held after nothing was."""
        self._next_at = self._ports.clock.now() + self._interval_ms
        self.wake(self._next_at)

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
        # A refused lease may be an old one: a claim whose answer is still to come may have renewed
        # it.
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
