# SPDX-License-Identifier: MIT
"""The invocations that a node holds, in the order in which they begin, and their bounds.

Pure bookkeeping: no clock, no event loop. :mod:`dispatching` claims into it, starts attempts from
it, and extends the leases of what it holds.

Invariants:
    No invocation is handed out before it is due; equally due ones leave in the order of addition.
    With claims of at most :attr:`ReadyQueue.room`, at most ``slots`` functions run and at most
    four times as many invocations are held.
"""

from __future__ import annotations

import heapq
import itertools
from typing import TYPE_CHECKING, Final

from msgspec.structs import replace

from fc_async_local.domain.states import Status

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fc_async_local.domain.invocation import Invocation, Lease

# An attempt frees its slot when its function ends, and is held until its outcome is committed. A
# slow disk must not let these pile up.
_HELD_PER_SLOT: Final = 4
"""Bound of the held invocations, in multiples of the slots."""


class Held:
    """An invocation that this node holds, and what was learnt about it meanwhile.

    Attributes:
        invocation: As this attempt sees it, under the newest lease of the attempt.
        lost: The lease was lost; the attempt must end without writing anything.
        stop: A stop was requested.
        reclaimed: The invocation as this node claimed it again after ``lost``; run when the
            attempt has ended.
    """

    __slots__ = ("invocation", "lost", "reclaimed", "stop")

    def __init__(self, invocation: Invocation) -> None:
        self.invocation = invocation
        self.lost = False
        self.stop = invocation.status is Status.STOPPING
        self.reclaimed: Invocation | None = None

    @property
    def lease(self) -> Lease:
        """The newest lease that this node has on the invocation."""
        return (self.reclaimed or self.invocation).lease

    @property
    def has_lease(self) -> bool:
        """True if this node still has a lease on the invocation, as far as it knows."""
        return not self.lost or self.reclaimed is not None

    def begun(self, now: int) -> None:
        """Note that the attempt runs, under the newest lease."""
        first = self.invocation.started_at
        started_at = now if first is None else first
        self.invocation = replace(
            self.invocation,
            status=Status.RUNNING,
            started_at=started_at,
        )

    def lose(self) -> None:
        """Note that the lease was lost."""
        self.lost = True

    def request_stop(self) -> None:
        """Note that a stop was requested."""
        self.stop = True

    def claimed_again(self, invocation: Invocation) -> None:
        """Note that this node claimed it again: its lease had ended while the store was away.

        The attempt goes on under the new lease, unless it was given up as lost before.
        """
        # The attempt that is under way ends without writing anything; the new claim runs after it.
        if self.lost:
            self.reclaimed = invocation
            return
        self.invocation = replace(
            self.invocation,
            epoch=invocation.epoch,
            lease_until=invocation.lease_until,
        )
        self.stop = self.stop or invocation.status is Status.STOPPING

    def extended(self, until: int, *, stop: bool) -> None:
        """Note that the newest lease holds longer, and whether a stop was requested."""
        if self.reclaimed is None:
            self.invocation = replace(self.invocation, lease_until=until)
            self.stop = self.stop or stop
        else:
            status = Status.STOPPING if stop else self.reclaimed.status
            self.reclaimed = replace(
                self.reclaimed,
                lease_until=until,
                status=status,
            )

    def lease_lost(self) -> None:
        """Note that the newest lease was lost to another node."""
        self.reclaimed = None
        self.lost = True


class ReadyQueue:
    """Invocations from their claim until their outcome is written.

    Args:
        slots: How many functions may run at a time.
    """

    def __init__(self, slots: int) -> None:
        self._slots = slots
        self._held: dict[str, Held] = {}
        self._waiting: list[tuple[int, int, Held]] = []
        # Breaks ties in the heap: instances of Held cannot be compared.
        self._order = itertools.count()
        self._taken = 0

    def __len__(self) -> int:
        """Return how many invocations are held."""
        return len(self._held)

    def __iter__(self) -> Iterator[Held]:
        """Iterate over what is held."""
        return iter(self._held.values())

    def get(self, request_id: str) -> Held | None:
        """Return an invocation, None if it is not held."""
        return self._held.get(request_id)

    @property
    def room(self) -> int:
        """Number of invocations that may be claimed now."""
        most = self._slots * _HELD_PER_SLOT
        return min(self._slots - self._taken, most - len(self._held))

    @property
    def next_due(self) -> int | None:
        """Due time of the next invocation that has not begun; None: all have begun."""
        return self._waiting[0][0] if self._waiting else None

    def add(self, held: Held) -> None:
        """Hold an invocation. It takes a slot at once, before it is due."""
        self._taken += 1
        self._held[held.invocation.request_id] = held
        heapq.heappush(self._waiting, (held.invocation.due_at, next(self._order), held))

    def take_due(self, now: int) -> list[Held]:
        """Return the invocations that are to begin now, each of them once."""
        due = []
        while self._waiting and self._waiting[0][0] <= now:
            due.append(heapq.heappop(self._waiting)[2])
        return due

    def free_slot(self) -> bool:
        """Note that the function of an invocation has ended; it stays held.

        Returns:
            Whether there is room now and there was none before.
        """
        # While there is room, the loop of claims knows when it must claim next. Only the change
        # from full to not full has to wake it.
        was_full = self.room <= 0
        self._taken -= 1
        return was_full and self.room > 0

    def remove(self, held: Held) -> bool:
        """Drop an invocation from the held ones.

        Returns:
            Whether there is room now and there was none before.
        """
        was_full = self.room <= 0
        del self._held[held.invocation.request_id]
        return was_full and self.room > 0

    def drop_waiting(self) -> None:
        """Drop the invocations that have not begun; their slots become free."""
        for _, _, held in self._waiting:
            self.free_slot()
            self.remove(held)
        self._waiting.clear()
