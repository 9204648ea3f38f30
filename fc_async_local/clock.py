# SPDX-License-Identifier: MIT
"""The clock port: the only way to know or to wait for the time in the runtime.

Two implementations: :class:`RealClock` for users, :class:`VirtualClock` for tests and for
``--clock virtual``. Nothing else in ``engine`` or ``services`` may call ``time.time`` or sleep.
Time is an int, milliseconds since the epoch.
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
"""A time that is ahead of the machine's clock passes slower by one part of so many."""


class Clock(Protocol):
    """Tells the time and waits for it."""

    def now(self) -> int:
        """Milliseconds since the epoch. Never runs backwards within one process."""
        ...

    async def wait(self, until: int | None, wake: asyncio.Event | None = None) -> None:
        """Return at ``until`` (None: never) or as soon as ``wake`` is set, whichever is first."""
        ...

    async def linger(self, ms: int, wake: asyncio.Event) -> None:
        """Give work in progress a last chance, for at most ``ms`` real milliseconds.

        Returns when ``wake`` is set, or when nothing more can come of waiting.
        """
        ...

    def work(self) -> AbstractContextManager[None]:
        """Marks work in progress; a virtual clock stands still until all of it waits for time."""
        ...


class Reading(NamedTuple):
    """A time and when it was read, both in nanoseconds.

    Attributes:
        time: Since the epoch.
        steady: Of a clock that no user can set and that may stand still while the machine sleeps.
    """

    time: int
    steady: int


def follow(last: Reading, *, wall: int, steady: int) -> Reading:
    """Return the next reading of a time that follows the machine's clock but never goes back.

    The machine's clock is right wherever it is ahead: the machine slept, or its clock was set
    forward. Where it is behind, because it was set back, the time goes on an eighth slower than the
    steady clock until the machine's clock has caught up. So what waits is not run early, nor held
    up for as long as the clock was set back, and the two agree again after eight times as long.

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

    A machine that slept or whose clock was set forward has all that became due meanwhile run within
    a few seconds. A clock that is set back delays what waits by an eighth of its wait at most while
    the process runs. The time that was gained is not kept over a restart: what waits in the store
    then is delayed by as much as the clock is still behind.

    Args:
        wall: Nanoseconds since the epoch, by the machine's clock.
        steady: Nanoseconds of a clock that is never set.
        look_seconds: How often a wait looks at the clock: event loops measure their timeouts
            without the time that the machine slept.
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
        """Milliseconds since the epoch."""
        return self._now_ns() // 1_000_000

    def _now_ns(self) -> int:
        self._last = last = follow(self._last, wall=self._wall(), steady=self._steady())
        return last.time

    async def wait(self, until: int | None, wake: asyncio.Event | None = None) -> None:
        """Wait for the time or the event; lets others run even when it is time already."""
        if until is not None and until <= self.now():
            await asyncio.sleep(0)
            return
        waker = asyncio.ensure_future((wake or asyncio.Event()).wait())
        try:
            # Not wait_for: before Python 3.12 it loses a cancellation that comes with the event.
            # Again if need be: timers of event loops are round and may be early, this must not.
            while not waker.done():
                timeout = None
                if until is not None:
                    left = until * 1_000_000 - self._now_ns()
                    if left <= 0:
                        break
                    timeout = min(left / 1e9, self._look_seconds)
                await asyncio.wait({waker}, timeout=timeout)
        finally:
            waker.cancel()

    async def linger(self, ms: int, wake: asyncio.Event) -> None:
        """Wait that long, or for the event."""
        await self.wait(self.now() + ms, wake)

    def work(self) -> AbstractContextManager[None]:
        """No-op: real time passes whatever is in progress."""
        return self._work


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

    def rouse(self, _: object = None) -> None:
        if not self.future.done():
            self.future.set_result(None)

    @property
    def waking(self) -> bool:
        return self.future.done() or (self.wake is not None and self.wake.is_set())


class VirtualClock:
    """A clock that stands still until it is moved. Not thread-safe: one event loop.

    :meth:`advance` is how tests move it: from one moment at which a waiter is due to
    the next, and at each of them everything that is in progress gets its chance to finish.
    """

    _PATIENCE = 200
    """Turns of the event loop before :meth:`quiet` stops spinning and waits for threads."""

    _CALM = 3
    """Turns without a change after which nothing can be on its way any more."""

    def __init__(self, start: int = 1_700_000_000_000) -> None:
        self._now = start
        self._order = itertools.count()
        self._queue: list[tuple[int, int, _Sleeper]] = []
        self._sleepers: set[_Sleeper] = set()
        self._works: set[_Work] = set()

    def now(self) -> int:
        """Milliseconds since the epoch, as set by the last move."""
        return self._now

    async def wait(self, until: int | None, wake: asyncio.Event | None = None) -> None:
        """Wait for the clock to be moved there, or for the event."""
        if (until is not None and until <= self._now) or (wake is not None and wake.is_set()):
            await asyncio.sleep(0)
            return
        sleeper = _Sleeper(asyncio.get_running_loop().create_future(), wake)
        if until is not None:
            heapq.heappush(self._queue, (until, next(self._order), sleeper))
        watcher = asyncio.ensure_future(wake.wait()) if wake is not None else None
        if watcher is not None:
            watcher.add_done_callback(sleeper.rouse)
        work = _CURRENT.get()
        self._sleepers.add(sleeper)
        if work is not None:
            work.asleep += 1
        try:
            await sleeper.future
        finally:
            self._sleepers.discard(sleeper)
            if work is not None:
                work.asleep -= 1
            if watcher is not None:
                watcher.cancel()

    async def linger(self, ms: int, wake: asyncio.Event) -> None:
        """Wait until what is in progress waits for time, which will not pass any more."""
        waits = {asyncio.ensure_future(wake.wait()), asyncio.ensure_future(self.quiet())}
        try:
            await asyncio.wait(waits, timeout=ms / 1_000, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for one in waits:
                one.cancel()

    @contextlib.contextmanager
    def work(self) -> Iterator[None]:
        """Marks work in progress, with everything that it starts (tasks inherit the mark)."""
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
        """What is started in here does not belong to the work around it, such as its time limit."""
        token = _CURRENT.set(None)
        try:
            yield
        finally:
            _CURRENT.reset(token)

    def next_wake(self) -> int | None:
        """When the next sleeper wants to be woken, or None."""
        while self._queue and self._queue[0][2] not in self._sleepers:
            heapq.heappop(self._queue)
        return self._queue[0][0] if self._queue else None

    def set(self, now: int) -> None:
        """Move to a moment and wake everybody who waits for it or an earlier one.

        Setting it back is allowed (that is what a test of a bad clock does) and wakes no waiter.
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

    def _still(self) -> bool:
        return all(work.asleep for work in self._works) and not any(
            sleeper.waking for sleeper in self._sleepers
        )

    async def advance(self, ms: int) -> None:
        """Let that much time pass, stopping wherever something becomes due.

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
