# SPDX-License-Identifier: MIT
"""What can be received from one queue next, and what was received of late: at hand, in memory.

A store that is one process's alone lays a few messages out here; to receive and to delete them asks
no database then. A desk knows until when it is right, and says nothing after that or once it was
disturbed. It reads no clock, writes nothing, and what happens to a message is
:mod:`fc_async_local.services.mns.queue`'s. It must never hold more than a few messages' bodies.
"""

from __future__ import annotations

import asyncio
import bisect
from typing import TYPE_CHECKING, Final, NamedTuple

import msgspec

from fc_async_local.services.mns import queue as rules

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fc_async_local.services.mns.model import Message, Queue, Receipt

WINDOW: Final = 64
"""How many messages are laid out at most."""

WINDOW_CHARACTERS: Final = 256 * 1024
"""How much of bodies is laid out at most, but for what one receive asks for."""

_HELD: Final = 4_096
"""How many received messages are remembered; a database knows of all."""

_NEVER: Final = 2**63


class Layout(NamedTuple):
    """What was found in a queue at one moment.

    Attributes:
        ready: The first messages that can be received, in their order.
        whole: There are no more than these.
        next_visible_at: When the first hidden message becomes visible, if there is one.
        oldest: When the oldest message was enqueued, if there is one.
        newest: The highest number that a message was ever given, in any queue.
    """

    queue: Queue
    ready: Sequence[Message]
    whole: bool
    next_visible_at: int | None
    oldest: int | None
    newest: int


class Desk:
    """One queue's.

    Attributes:
        lock: Held by whoever lays it out, from :meth:`begin` until after :meth:`lay`.
    """

    def __init__(self) -> None:
        self.lock = asyncio.Lock()
        self._queue: Queue | None = None
        self._laid = self._disturbed = False
        self._ready: list[Message] = []
        self._whole = False
        self._until = self._newest = 0
        self._taken = 8  # as if: the first layout is of 16
        self._held: dict[int, Message] = {}
        self._late: list[Message] = []
        self._latest = _NEVER

    @property
    def polling_wait_seconds(self) -> int:
        """How long the queue wants an empty receive to wait, as of the last layout."""
        return self._queue.attributes.polling_wait_seconds if self._queue is not None else 0

    def take(self, limit: int, now: int) -> tuple[Message, ...] | None:
        """Receive up to ``limit`` messages.

        None: it takes a new layout to tell. So it is, too, when there is nothing left here.
        """
        ready, queue = self._ready, self._queue
        if not ready or queue is None or now >= self._until:
            return None
        if len(ready) < limit and not self._whole:
            return None
        taken = tuple([rules.take(queue, message, now) for message in ready[:limit]])
        del ready[:limit]
        self._taken += len(taken)
        self._until = min(self._until, taken[0].visible_at)
        held = self._held
        for message in taken:
            # Its body was handed out, and is not needed here any more.
            held[message.sequence] = msgspec.structs.replace(message, body="")
        while len(held) > _HELD:
            del held[next(iter(held))]
        return taken

    def is_low(self, limit: int) -> bool:
        """Whether another receive like this one will take a new layout, as far as can be told."""
        return self._laid and not self._whole and len(self._ready) < limit

    def drop(self, receipts: Sequence[Receipt], now: int) -> Sequence[bool] | None:
        """Delete received messages; False for each handle that is no longer good.

        None: one of them is not known here, or there are none. Nothing was done then.
        """
        queue, held = self._queue, self._held
        if queue is None or not receipts or any(r.sequence not in held for r in receipts):
            return None
        results = []
        for receipt in receipts:
            message = held.get(receipt.sequence)  # None: dropped by a handle before this one
            good = (
                message is not None
                and rules.holds(message, receipt, now)
                and not rules.is_expired(queue, message, now)
            )
            if good:
                del held[receipt.sequence]
            results.append(good)
        return results

    def add(self, messages: Sequence[Message]) -> None:
        """These were sent to the queue."""
        if self.lock.locked():
            self._late.extend(messages)
        elif self._laid:
            for message in messages:
                self._add(message)

    def let_go(self, receipts: Sequence[Receipt]) -> None:
        """What was received by these counts no longer: somebody else deals with it."""
        for receipt in receipts:
            self._held.pop(receipt.sequence, None)

    def expect(self, moment: int) -> None:
        """A hidden message becomes visible at this moment, maybe sooner than it was to."""
        self._until = min(self._until, moment)
        self._latest = min(self._latest, moment)

    def disturb(self) -> None:
        """Somebody changes the queue: nothing here counts any longer."""
        self._laid, self._disturbed = False, True
        self._ready = []
        self._held = {}

    def begin(self, limit: int) -> int:
        """It is going to be laid out: how many messages are wanted, to receive ``limit``.

        The more were taken from the last layout, the more: one that was of little use, since
        something else became visible at once, is followed by a small one.
        """
        wanted = max(limit, min(WINDOW, 2 * self._taken))
        self._laid = self._disturbed = False
        self._ready = []
        self._late = []
        self._latest = _NEVER
        self._taken = 0
        return wanted

    def lay(self, layout: Layout) -> bool:
        """Lay it out. False: it was disturbed meanwhile, so the layout may be wrong by now."""
        if self._disturbed:
            return False
        self._laid = True
        self._queue = queue = layout.queue
        self._ready = list(layout.ready)
        self._whole = layout.whole
        self._newest = layout.newest
        oldest, visible = layout.oldest, layout.next_visible_at
        self._until = min(
            self._latest,
            _NEVER if visible is None else visible,
            _NEVER if oldest is None else rules.kept_until(queue, oldest),
        )
        for message in self._late:
            self._add(message)
        return True

    def _add(self, message: Message) -> None:
        queue, ready = self._queue, self._ready
        if queue is None or message.sequence <= self._newest:
            return  # found when it was laid out
        self._until = min(self._until, rules.kept_until(queue, message.enqueued_at))
        if message.visible_at > message.enqueued_at:
            self._until = min(self._until, message.visible_at)
            return
        place = bisect.bisect(ready, rules.order(message), key=rules.order)
        if place == len(ready) and not self._whole:
            return  # it comes after others that are not here
        if len(message.body) > WINDOW_CHARACTERS // WINDOW:
            # Here is the beginning of what can be received: all behind it must go.
            del ready[place:]
            self._whole = False
            return
        ready.insert(place, message)
        if len(ready) > WINDOW:
            ready.pop()
            self._whole = False
