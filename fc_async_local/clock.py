# SPDX-License-Identifier: MIT
"""The clock port: all parts of the runtime read the time, and wait for it, through it.

Two implementations: :class:`RealClock` for users, :class:`VirtualClock` for tests and for
``--clock virtual``. Times are integers, milliseconds since the epoch.

Invariants:
    No other module of ``engine`` or ``services`` calls ``time.time`` or sleeps.
"""

from __future__ import annotations

import asyncio
import contextlib
import heapq
import itertools
import time
from contextvars import ContextVar
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager


_SLOWER: Final = 8
"""While the time is ahead of the machine's clock, it runs slower by one part in eight."""


class Clock(Protocol):
    """Tells the time and waits for it."""

    def now(self) -> int:
        """Return milliseconds since the epoch; never less than before within one process."""
        ...

    async def wait(self, until: int | None, wake: asyncio.Event | None = None) -> None:
        """Return at ``until`` (None: never) or as soon as ``wake`` is set, whichever is first."""
        ...

    async def linger(self, ms: int, wake: asyncio.Event) -> None:
        """Wait for work in progress, for at most ``ms`` real milliseconds.

        Returns when ``wake`` is set, or when no work in progress can end without more time.
        """
        ...

    def work(self) -> AbstractContextManager[None]:
        """Mark work in progress; a virtual clock does not move until all of it waits for time."""
        ...

    def stopped_at(self) -> int | None:
        """Return where the time stands if nothing continues before it is moved, otherwise None."""
        ...


class Reading(NamedTuple):
    """A time and when it was read, both in nanoseconds.

    Attributes:
        time: Since the epoch.
        steady: Of a clock that cannot be set and that may stop while the machine sleeps.
    """

    time: int
    steady: int


def follow(last: Reading, *, wall: int, steady: int) -> Reading:
    """Return the next reading of a time that follows the machine's clock but never goes back.

    If the machine's clock is ahead (the machine slept, or the clock was set forward), it is right.
    If it is behind (it was set back), the time runs an eighth slower than the steady clock until
    both agree, which takes eight times as long as the clock was set back. No wait ends early, and
    a wait is delayed by at most an eighth of its length.

    Args:
        last: The reading before.
        wall: The machine's clock now.
        steady: The steady clock now.
    """
    passed = max(0, steady - last.steady)
    slowest = last.time + passed - passed // _SLOWER
    return Reading(max(wall, slowest), steady)


class RealClock:
    """The machine's clock, but never backwards; see :func:`follow`.

    After the machine slept, waits that ended meanwhile return within ``look_seconds``. The
    difference to a clock that was set back is not kept over a restart: invocations that wait in
    the store are then delayed by that difference.

    Args:
        wall: Nanoseconds since the epoch, by the machine's clock.
        steady: Nanoseconds of a clock that is never set.
        look_seconds: How often a wait reads the clock: the timeouts of event loops do not include
            the time that the machine slept.
    """

    def __init__(
        self,
        *,
        wall: Callable[[], int] = time.time_ns,
        steady: Callable[[], int] = time.monotonic_ns,
        look_seconds: float = 5.0,
    ) -> None:
        self._wall = wall
        self._steady = steady
        self._look_seconds = look_seconds
        self._last = Reading(wall(), steady())
        self._work = contextlib.nullcontext()

    def now(self) -> int:
        """Return milliseconds since the epoch."""
        return self._now_ns() // 1_000_000

    def _now_ns(self) -> int:
        self._last = last = follow(self._last, wall=self._wall(), steady=self._steady())
        return last.time

    async def wait(self, until: int | None, wake: asyncio.Event | None = None) -> None:
        """Wait for the time or the event; yields to the event loop also if the time has come."""
        if until is not None and until <= self.now():
            await asyncio.sleep(0)
            return
        waker = asyncio.ensure_future((wake or asyncio.Event()).wait())
        try:
            # Not wait_for: before Python 3.12 it loses a cancellation that comes with the event.
            # Repeated: timers of event loops are rounded and may end early, this wait must not.
            while not waker.done():
                timeout = None
                if until is not None:
                    remaining_ns = until * 1_000_000 - self._now_ns()
                    if remaining_ns <= 0:
                        break
                    timeout = min(remaining_ns / 1e9, self._look_seconds)
                await asyncio.wait({waker}, timeout=timeout)
        finally:
            waker.cancel()

    async def linger(self, ms: int, wake: asyncio.Event) -> None:
        """Wait that long, or for the event."""
        await self.wait(self.now() + ms, wake)

    def work(self) -> AbstractContextManager[None]:
        """Return a context manager that does nothing: real time does not wait for work."""
        return self._work

    def stopped_at(self) -> None:
        """Return None: real time passes."""


class _Work:
    """A piece of work and how many of its waits for time are under way."""

    __slots__ = ("asleep",)

    def __init__(self) -> None:
        self.asleep = 0


_CURRENT: ContextVar[_Work | None] = ContextVar("fc_async_local_work", default=None)


class _Sleeper:
    """A waiter for a time, for an event, or for both."""

    __slots__ = ("future", "wake")

    def __init__(self, future: asyncio.Future[None], wake: asyncio.Event | None) -> None:
        self.future = future
        self.wake = wake

    @contextlib.contextmanager
    def watching(self) -> Iterator[None]:
        """End the wait when the event is set."""
        if self.wake is None:
            yield
            return
        watcher = asyncio.ensure_future(self.wake.wait())
        watcher.add_done_callback(self.rouse)
        try:
            yield
        finally:
            watcher.cancel()

    def rouse(self, _: object = None) -> None:
        if not self.future.done():
            self.future.set_result(None)

    @property
    def waking(self) -> bool:
        return self.future.done() or (self.wake is not None and self.wake.is_set())


class VirtualClock:
    """A clock that stands still until it is moved. Not thread-safe: one event loop.

    :meth:`advance` moves it from the end of one wait to the end of the next, and at each of them
    lets all work in progress continue until it waits for time again.
    """

    _PATIENCE = 200
    """Turns of the event loop before :meth:`quiet` stops spinning and waits for threads."""

    _CALM = 3
    """Turns without a change after which no work in progress can continue."""

    def __init__(self, start: int = 1_700_000_000_000) -> None:
        self._now = start
        # Waits for the same time end in their order; the heap cannot compare sleepers.
        self._order = itertools.count()
        self._queue: list[tuple[int, int, _Sleeper]] = []
        self._sleepers: set[_Sleeper] = set()
        self._works: set[_Work] = set()

    def now(self) -> int:
        """Return milliseconds since the epoch, as of the last move."""
        return self._now

    async def wait(self, until: int | None, wake: asyncio.Event | None = None) -> None:
        """Wait for the clock to be moved there, or for the event."""
        is_over = until is not None and until <= self._now
        is_woken = wake is not None and wake.is_set()
        if is_over or is_woken:
            await asyncio.sleep(0)  # a loop without another wait would keep all others from running
            return
        sleeper = _Sleeper(asyncio.get_running_loop().create_future(), wake)
        if until is not None:
            heapq.heappush(self._queue, (until, next(self._order), sleeper))
        with sleeper.watching(), self._asleep(sleeper):
            await sleeper.future

    @contextlib.contextmanager
    def _asleep(self, sleeper: _Sleeper) -> Iterator[None]:
        """Note that a waiter, and the work that it belongs to, waits for time."""
        work = _CURRENT.get() or _Work()
        self._sleepers.add(sleeper)
        work.asleep += 1
        try:
            yield
        finally:
            self._sleepers.discard(sleeper)
            work.asleep -= 1

    async def linger(self, ms: int, wake: asyncio.Event) -> None:
        """Wait until all work in progress waits for time, which does not pass during a shutdown."""
        waits = {asyncio.ensure_future(wake.wait()), asyncio.ensure_future(self.quiet())}
        try:
            await asyncio.wait(waits, timeout=ms / 1_000, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()

    @contextlib.contextmanager
    def work(self) -> Iterator[None]:
        """Mark work in progress, with the tasks that it starts: they inherit the mark."""
        work = _Work()
        token = _CURRENT.set(work)
        self._works.add(work)
        try:
            yield
        finally:
            self._works.discard(work)
            _CURRENT.reset(token)

    @staticmethod
    @contextlib.contextmanager
    def aside() -> Iterator[None]:
        """Exclude tasks that are started in this context, such as a time limit, from the work."""
        token = _CURRENT.set(None)
        try:
            yield
        finally:
            _CURRENT.reset(token)

    def next_wake(self) -> int | None:
        """Return the end of the wait that ends first, or None."""
        # A wait that its event has ended stays in the heap until it is the first.
        while self._queue and self._queue[0][2] not in self._sleepers:
            heapq.heappop(self._queue)
        return self._queue[0][0] if self._queue else None

    def set(self, now: int) -> None:
        """Move to a time and end all waits for it or for an earlier one.

        The clock may be set back, for tests of such clocks; that ends no wait.
        """
        self._now = now
        while self._queue and self._queue[0][0] <= now:
            heapq.heappop(self._queue)[2].rouse()

    async def quiet(self) -> None:
        """Return when all work in progress waits for the time, or is done."""
        turns = calm = 0
        while calm < self._CALM:
            await asyncio.sleep(0 if turns < self._PATIENCE else 0.001)
            turns += 1
            calm = calm + 1 if self._still() else 0

    def stopped_at(self) -> int | None:
        """Return the time if all work in progress waits for a later one, otherwise None."""
        return self._now if self._still() else None

    def _still(self) -> bool:
        if any(sleeper.waking for sleeper in self._sleepers):
            return False  # it was roused, and its task has not run yet
        return all(work.asleep for work in self._works)

    async def advance(self, ms: int) -> None:
        """Let time pass, stopping at the end of each wait.

        Args:
            ms: Milliseconds, 0 or more.

        Raises:
            ValueError: ``ms`` is negative; :meth:`set` turns a clock back.
        """
        if ms < 0:
            raise ValueError(f"ms={ms}: time passes forward only; VirtualClock.set turns it back")
        end = self._now + ms
        await self.quiet()
        while (due := self.next_wake()) is not None and due <= end:
            self.set(max(due, self._now))
            await self.quiet()
        self.set(end)
        await self.quiet()
