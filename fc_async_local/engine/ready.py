# SPDX-License-Identifier: MIT
"""The invocations that a node holds, in the order in which they begin, and their bounds.

Pure bookkeeping: no clock, no event loop. :mod:`dispatching` claims into it and starts attempts
from it, :mod:`heartbeat` extends the leases of what it holds.

Invariants:
    No invocation is handed out before it is due; equally due ones leave in the order of addition.
    With claims of at most :attr:`ReadyQueue.room`, at most ``slots`` functions run and at most
    four times as many invocations are held.
"""

from __future__ import annotations

import heapq
import itertools
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fc_async_local.engine.attempts import Held

_HELD_PER_SLOT: Final = 4
"""Bound of the held invocations, in multiples of the slots."""


class ReadyQueue:
    """Invocations from their claim until their outcome is written.

    Args:
        slots: How many functions may run at a time.
    """

    def __init__(self, slots: int) -> None:
        self._slots = slots
        self._held: dict[str, Held] = {}
        self._waiting: list[tuple[int, int, Held]] = []
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
        """How many more invocations may be claimed now."""
        most = self._slots * _HELD_PER_SLOT
        return min(self._slots - self._taken, most - len(self._held))

    @property
    def next_due(self) -> int | None:
        """When the next invocation that has not begun is due; None: all have begun."""
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

    def free_slot(self) -> None:
        """Note that the function of an invocation has ended; it stays held."""
        self._taken -= 1

    def remove(self, held: Held) -> None:
        """Hold an invocation that has begun no longer."""
        del self._held[held.invocation.request_id]

    def drop_waiting(self) -> None:
        """Hold no longer what has not begun; its slots are free."""
        for _, _, held in self._waiting:
            self.free_slot()
            self.remove(held)
        self._waiting.clear()
