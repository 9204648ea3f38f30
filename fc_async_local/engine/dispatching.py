# SPDX-License-Identifier: MIT
"""Claims what is due, hands it to attempts, and keeps the leases of what runs.

Never claims more than there is room to run: however long the queue, memory holds what is in
flight. What has run and waits to be written makes room for the next, up to a bound, so that many
outcomes share one commit. Sleeps until the next due time; nothing is polled.

What is about to be due is claimed a little before and kept in hand until it is, so that it doesn't
wait for a commit when its time has come. What was just accepted and is due stays in hand too, up to
that bound, and runs in the order of its acceptance. Must never let one begin early, nor let one
overtake what has been waiting longer.
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
import logging
import math
from collections import deque
from typing import TYPE_CHECKING, Final

from msgspec.structs import replace

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
"""How many invocations a node holds at most, for each that it may run at a time."""

_AHEAD_MS: Final = 100
"""How long before they are due invocations are claimed: a batch. A store allows no more."""

_LEAD_MS: Final = 50
"""How long before the next one is due the claim begins: longer than nearly every commit takes."""


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
        self._taking = 0  # on their way through accept
        self._claiming = 0
        self._early: list[tuple[int, int, Held]] = []
        self._next: deque[Held] = deque()  # due, in hand, to run as soon as there is room
        self._order = itertools.count()
        self._full = False
        self._waits_since: float = 0  # what lies in the store; unknown until the first look
        self._looked_at = 0
        self._claims = Loop("dispatcher", ports.clock, self._claim)
        self._alarm = Loop("alarm", ports.clock, self._set_off_due)
        self._beat_at = 0
        self._heartbeat = Loop("heartbeat", ports.clock, self._extend)
        self._leases = Claims(ports.clock)
        self._closing = False
        self.attempts = Attempts(ports, claims=self._leases, retry_at=self.notify, deliver=deliver)

    @property
    def in_flight(self) -> int:
        """How many invocations this node works on."""
        return len(self._tasks) + len(self._next)

    def start(self) -> None:
        """Begin to claim."""
        self._claims.start()
        self._alarm.start()
        self._heartbeat.start()

    def notify(self, at: int | None = None) -> None:
        """Something in the store is due at a moment (None: now)."""
        due = self._ports.clock.now() if at is None else at
        self._waits_since = min(self._waits_since, due)
        self._claims.notify(None if at is None else at - _LEAD_MS)

    async def stop(self, request_id: str) -> None:
        """A stop was asked for; interrupt the attempt if it is made here."""
        held = self._held.get(request_id)
        if held is not None:
            held.stop = True
            await self._ports.runner.interrupt(request_id)

    def take(self, invocation: Invocation) -> Invocation:
        """Take one that is just being accepted straight into hand, if there is room.

        It is then written as held from the first moment on, which saves its claim. Only one that
        nobody follows step by step, and only when nothing waits that has been due for longer.
        Where other nodes could run it at once, only if this one can, too.

        Returns it as it is to be accepted: held (:meth:`begin` or :meth:`drop` must follow), or
        unchanged.
        """
        ports = self._ports
        straight = not invocation.task_mode and invocation.due_at == invocation.accepted_at
        room = self._hands if ports.hints is None else self._room
        if not straight or self._waits_since <= invocation.due_at or room <= 0:
            return invocation
        self._taking += 1
        return replace(
            invocation,
            status=Status.DEQUEUED,
            epoch=invocation.epoch + 1,
            lease_until=invocation.accepted_at + ports.settings.lease_ms,
            lease_owner=ports.node_id,
        )

    def begin(self, invocation: Invocation) -> None:
        """What was taken is in the store; run it in its turn."""
        self._taking -= 1
        self._begin(invocation)

    def drop(self) -> None:
        """What was taken could not be accepted."""
        self._taking -= 1
        self._made_room()

    @property
    def _room(self) -> int:
        """How many more may be claimed now: what can run at once."""
        return min(self._places - self._taking, self._hands)

    @property
    def _places(self) -> int:
        """How many more could run now."""
        taken = self._running + len(self._next) + self._claiming
        return self._ports.settings.max_in_flight - taken

    @property
    def _hands(self) -> int:
        """How many more may be held now."""
        most = self._ports.settings.max_in_flight * _HELD_PER_ROOM
        return most - len(self._held) - self._taking - self._claiming

    async def _claim(self) -> int | None:
        ports = self._ports
        room = self._room
        now = ports.clock.now()
        self._full = room <= 0
        if self._full:
            # It may be a lease that has been extended since: nobody waits then.
            if self._waits_since - _LEAD_MS <= now and self._looked_at + _LEAD_MS <= now:
                await self._look()
            return None  # the next attempt that ends makes room and wakes this loop
        self._claiming = room
        with self._leases.under_way():
            try:
                claimed = await ports.store.claim(
                    room,
                    now=now,
                    until=now + ports.settings.lease_ms,
                    owner=ports.node_id,
                    ahead=_AHEAD_MS,
                )
            finally:
                self._claiming = 0
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
        if len(claimed) == room and not self._full:
            self._waits_since = now
            return now
        due = self._before(await self._look())
        return None if self._full else ports.look_again(due)

    async def _look(self) -> int | None:
        """When the next in the store can be claimed; what is accepted after that goes behind it."""
        self._looked_at = self._ports.clock.now()
        known, self._waits_since = self._waits_since, math.inf  # what is told meanwhile counts
        try:
            due = await self._ports.store.next_due()
        except BaseException:
            self._waits_since = min(self._waits_since, known)
            raise
        if due is not None:
            self._waits_since = min(self._waits_since, due)
        return due

    def _before(self, due: int | None) -> int | None:
        """When to claim what is due then: just before, but at its time if that has begun already.

        Then it can't be had before, or it has come since the claim, which was told.
        """
        if due is None:
            return None
        return due if due - _LEAD_MS <= self._ports.clock.now() else due - _LEAD_MS

    def _begin(self, invocation: Invocation) -> None:
        held = self._held[invocation.request_id] = Held(invocation)
        now = self._ports.clock.now()
        if invocation.due_at > now:
            self._running += 1
            heapq.heappush(self._early, (invocation.due_at, next(self._order), held))
            self._alarm.notify(invocation.due_at)
        elif self._places > 0:
            self._running += 1
            self._set_off(held)
        else:
            self._next.append(held)
        if len(self._held) == 1:  # the heartbeat had nothing to do before
            self._beat_at = now + self._heartbeat_ms
            self._heartbeat.notify(self._beat_at)

    def _set_off(self, held: Held) -> None:
        task = start_task(f"attempt {held.invocation.request_id}", self._work(held))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _set_off_due(self) -> int | None:
        """Let those begin whose time has come; when the next one's comes."""
        now = self._ports.clock.now()
        while self._early and self._early[0][0] <= now:
            self._set_off(heapq.heappop(self._early)[2])
        return self._early[0][0] if self._early else None

    def _give_up(self, held: Held) -> None:
        """It doesn't begin here; the engine gives it back."""
        del self._held[held.invocation.request_id]

    def _made_room(self) -> None:
        most = self._ports.settings.max_in_flight
        while self._next and self._running + self._claiming < most:
            self._running += 1
            self._set_off(self._next.popleft())
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
            self._give_up(heapq.heappop(self._early)[2])
        while self._next:
            self._give_up(self._next.popleft())
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
