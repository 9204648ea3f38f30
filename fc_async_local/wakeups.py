# SPDX-License-Identifier: MIT
"""Wakes what waits for a change: background loops, long polls, followers of the configuration.

A topic names what is waited for, such as one queue. A wake-up says that there may be something
new; what was woken looks for itself.

Invariants:
    What changes after a waiter has begun to look wakes it: a waiter stands in line while it looks.
    A wake-up for one waiter wakes the one that has waited longest. If that one leaves without
    having looked, the next is woken.
    A wake-up of another node is a hint that may be lost. A waiter for what other nodes change
    therefore looks again after its survey interval.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Final, Generic, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Hashable, Iterator, Sequence

    from fc_async_local.clock import Clock

W = TypeVar("W", bound="Hashable")
T = TypeVar("T")

SURVEY_MS: Final = 20_000
"""Survey interval of background work."""

POLL_SURVEY_MS: Final = 2_000
"""Survey interval of long polls, which last 30 s at most: a lost hint costs a small part of that.
"""


class Lines(Generic[W]):
    """Waiters for each topic, in the order of their arrival. Pure bookkeeping."""

    def __init__(self) -> None:
        self._lines: dict[str, dict[W, int | None]] = {}

    def __len__(self) -> int:
        """Return how many waiters there are."""
        return sum(len(line) for line in self._lines.values())

    def join(self, topic: str, waiter: W) -> None:
        """Add a waiter at the end of the line of a topic; it looks, or waits without an end."""
        self._lines.setdefault(topic, {})[waiter] = None

    def note_end(self, topic: str, waiter: W, until: int | None) -> None:
        """Note when a waiter looks again in any case; no-op if it has been taken."""
        line = self._lines.get(topic, {})
        if waiter in line:
            line[waiter] = until

    def leave(self, topic: str, waiter: W) -> None:
        """Remove a waiter; no-op if it has been taken."""
        line = self._lines.get(topic, {})
        line.pop(waiter, None)
        if not line:
            self._lines.pop(topic, None)

    def take(self, topic: str, *, count: int | None = None, at: int | None = None) -> list[W]:
        """Remove and return the waiters that a wake-up is for, the longest waiting one first.

        Args:
            topic: What has changed.
            count: How many waiters can use it; None: all.
            at: When there is something to do; those that look by then in any case are left out.
                None: now.
        """
        line = self._lines.get(topic)
        if line is None:
            return []
        late = [waiter for waiter, until in line.items() if _is_late(until, at)]
        taken = late[:count]
        for waiter in taken:
            self.leave(topic, waiter)
        return taken

    def topics(self) -> list[str]:
        """Return the topics that are waited for."""
        return list(self._lines)


def _is_late(until: int | None, at: int | None) -> bool:
    """Return whether a waiter that looks at a time of its own would look too late."""
    if at is None or until is None:
        return True
    return at < until


class Channel(Protocol):
    """Carries hints between the nodes that share a store. A hint may be lost."""

    def send(self, topic: str, count: int | None) -> None:
        """Announce to the other nodes soon that a topic has changed; return at once.

        Args:
            topic: What has changed.
            count: How many waiters can use it; None: all.
        """
        ...

    def receive(self, hear: Callable[[str, int | None], None], missed: Callable[[], None]) -> None:
        """Set what is called for hints of other nodes.

        Args:
            hear: Called with the topic and the count of each.
            missed: Called when hints may have been lost.
        """
        ...


class Waiter:
    """Waits for one topic. Made by :meth:`Wakeups.waiter`."""

    def __init__(
        self,
        lines: Lines[Waiter],
        topic: str,
        clock: Clock,
        survey: int | None,
    ) -> None:
        self._lines = lines
        self._topic = topic
        self._clock = clock
        self._survey_ms = survey
        self._woken = asyncio.Event()
        self._looking = False
        lines.join(topic, self)

    async def wait(self, *times: int | None) -> None:
        """Return when woken, or at the first of some times; None stands for never.

        Afterwards it stands in line again, so the caller may look.
        """
        self._looking = False
        ends = [time for time in times if time is not None]
        if self._survey_ms is not None:
            ends.append(self._clock.now() + self._survey_ms)
        until = min(ends, default=None)
        self._lines.note_end(self._topic, self, until)
        await self._clock.wait(until, self._woken)
        # Used only when the look is over: a client that hangs up during it has to pass it on.
        self._looking = self._woken.is_set()
        self._woken.clear()
        # To the end of the line: what comes one by one is shared among the waiters.
        self._lines.leave(self._topic, self)
        self._lines.join(self._topic, self)

    def looked(self) -> None:
        """Note that the last wake-up was used."""
        self._looking = False

    def wake(self) -> None:
        """End :meth:`wait`, or the next call of it."""
        self._woken.set()

    def leave(self) -> int:
        """Wait no longer; return how many wake-ups were not used."""
        self._lines.leave(self._topic, self)
        return self._woken.is_set() + self._looking


class Wakeups:
    """The waiters of this process, and a way to those of other nodes. One event loop.

    Args:
        clock: What waiters with a time wait on.
        channel: Reaches the nodes that share the store; None: no other node uses it.

    Attributes:
        clock: The same.
    """

    def __init__(self, clock: Clock, channel: Channel | None = None) -> None:
        self.clock = clock
        self._channel = channel
        self._lines: Lines[Waiter] = Lines()
        self._polls_ended = False
        if channel is not None:
            channel.receive(lambda topic, count: self.wake(topic, count=count), self.wake_all)

    @property
    def shared(self) -> bool:
        """True if other nodes use the same store."""
        return self._channel is not None

    def is_waited_for(self, topic: str) -> bool:
        """Return whether a waiter waits for a topic in this process."""
        return topic in self._lines.topics()

    @contextlib.contextmanager
    def waiter(self, topic: str, *, survey_ms: int | None = None) -> Iterator[Waiter]:
        """Stand in line for a topic until the block ends.

        Args:
            topic: What is waited for.
            survey_ms: After this time a wait ends in any case if other nodes use the same store:
                their hints may be lost. None: other nodes do not change what is waited for.
        """
        waiter = Waiter(self._lines, topic, self.clock, survey_ms if self.shared else None)
        try:
            yield waiter
        finally:
            unused = waiter.leave()
            # A client that hung up was woken in the place of another one, which still waits.
            if unused:
                self.wake(topic, count=unused)

    def wake(self, topic: str, *, count: int | None = None, at: int | None = None) -> None:
        """Wake waiters of this process.

        Args:
            topic: What has changed.
            count: How many waiters can use it; None: all.
            at: When there is something to do, on the clock; None: now.
        """
        for waiter in self._lines.take(topic, count=count, at=at):
            waiter.wake()

    def wake_all(self) -> None:
        """Wake every waiter of this process."""
        for topic in self._lines.topics():
            self.wake(topic)

    def announce(self, topic: str, *, count: int | None = None, at: int | None = None) -> None:
        """Wake waiters of this process, see :meth:`wake`, and give a hint to the other nodes."""
        if count == 0:
            return
        self.wake(topic, count=count, at=at)
        if self._channel is not None:
            self._channel.send(topic, count)

    async def poll(
        self,
        topic: str,
        read: Callable[[], Awaitable[tuple[Sequence[T], int | None]]],
        *,
        deadline: int,
    ) -> Sequence[T]:
        """Look for something until there is some, or the time is over: a long poll.

        Args:
            topic: What wakes the poll.
            read: Returns what it found and, if that is nothing, when it may find some (None: not
                known).
            deadline: When the poll ends, on the clock; it looks once more then.

        Returns:
            What was found; nothing at the deadline and after :meth:`end_polls`.
        """
        # In line before the first look: what comes between a look and the wait is not missed.
        with self.waiter(topic, survey_ms=POLL_SURVEY_MS) as waiter:
            while True:
                items, next_at = await read()
                waiter.looked()
                if items:
                    return items
                is_over = self._polls_ended or self.clock.now() >= deadline
                if is_over:
                    return items
                await waiter.wait(deadline, next_at)

    def end_polls(self) -> None:
        """Cancel all long polls, also later ones; they return what a last look finds."""
        self._polls_ended = True
        self.wake_all()
