# SPDX-License-Identifier: MIT
"""Counters of times that many writers move forward, each step in one write.

A row that every sender changes is the worst case of optimistic locking: the more writers, the fewer
of them win. A store with a verb ``advance`` does the step itself, under its own lock.

Invariants:

- :func:`advanced` is what every store does with a step; adapters differ only in where it runs.
- No two steps get the same time. A step whose answer was lost may be repeated: its time is lost
  then.
- A clock that was ahead delays nothing once it is right again.
"""

from __future__ import annotations

import random
import time
from typing import TYPE_CHECKING, Final, NamedTuple

from fc_async_sdk.stores.rows import Row, new_token

if TYPE_CHECKING:
    from collections.abc import Callable

    from fc_async_sdk.stores.rows import Store

CLOCKS_DIFFER_MS: Final = 90_000
"""Milliseconds by which clocks differ, at most.

A counter is kept so long after its end. One that was written later than that from now was written
by a clock that is wrong.
"""
RACES: Final = 100
"""Writes lost to others after which a store without the verb counts as broken."""
_FIRST_PAUSE_SECONDS: Final = 0.002
_LONGEST_PAUSE_SECONDS: Final = 0.1
# Of the system: instances that were forked from one process would draw the same pauses.
_jitter: Final = random.SystemRandom().uniform


class Counter(Row, frozen=True, omit_defaults=True, kw_only=True):
    """State of a pace for one key. Times are microseconds since the epoch.

    Attributes:
        next: Theoretical arrival time of the next message.
        held: No message may start before this time, also one that has a slot.
    """

    next: int
    held: int = 0


class Step(NamedTuple):
    """One step of a counter. Times are microseconds since the epoch.

    Attributes:
        now: The time.
        earliest: The step begins at this time or later; at least ``now``.
        cost: By how much the counter moves on.
        limit: A step that would begin after this time changes nothing.
        held: Nothing may start before this time; 0: the step does not say so.
    """

    now: int
    earliest: int
    cost: int
    limit: int
    held: int = 0


def state_of(counter: Counter | None, now: int) -> tuple[int, int]:
    """Return ``next`` and ``held`` of what is stored, at a time; zeros if nothing is.

    The clock of the last writer may have been ahead. What it has booked counts from now on:
    otherwise one sender whose clock is wrong for a moment would stop all others until that time.
    """
    if counter is None:
        return 0, 0
    ahead = (counter.written - now // 1_000) * 1_000
    if ahead <= CLOCKS_DIFFER_MS * 1_000:
        return counter.next, counter.held
    return counter.next - ahead, counter.held - ahead


def counter_at(key: str, now: int, following: int, held: int) -> Counter:
    """Return the counter of a key for its next time and its hold, with a token of its own."""
    written = now // 1_000
    # After its last slot a counter says no more than none does. It must not go earlier: a sender
    # would book slots that others have.
    end = max(following, held) // 1_000
    return Counter(
        key=key,
        token=new_token(),
        written=written,
        expires=max(written, end) + CLOCKS_DIFFER_MS,
        next=following,
        held=held,
    )


def advanced(stored: Counter | None, key: str, step: Step) -> tuple[int, Counter | None]:
    """Return when a step begins, and the counter that follows; None if it would begin too late.

    Args:
        stored: What the key has.
        key: Of the counter.
        step: The step.
    """
    following, held = state_of(stored, step.now)
    start = max(following, step.earliest)
    if start > step.limit:
        return start, None
    return start, counter_at(key, step.now, start + step.cost, max(held, step.held))


def advance(store: Store, key: str, step: Step) -> int:
    """Move the counter of a key on, and return when the step begins.

    Nothing was written if that is after the limit of the step.

    Raises:
        RuntimeError: A store without the verb let no write win.
    """
    verb = getattr(store, "advance", None)
    if verb is None:
        return advance_by_replacing(store, key, step, lambda: read(store, key))
    start: int = verb(key, step)
    return start


def advance_by_replacing(
    store: Store, key: str, step: Step, stored: Callable[[], Counter | None]
) -> int:
    """Do a step by conditional writes, for a store that cannot do it by itself.

    Args:
        store: Where the counter is.
        key: Of the counter.
        step: The step.
        stored: Returns what the key has.

    Raises:
        RuntimeError: No write won.
    """
    starts = [0]

    def following(counter: Counter | None) -> Counter | None:
        starts[0], moved = advanced(counter, key, step)
        return moved

    replace(store, stored, following)
    return starts[0]


def replace(
    store: Store,
    stored: Callable[[], Counter | None],
    following: Callable[[Counter | None], Counter | None],
) -> None:
    """Replace a counter by the one that follows from it, however often others write meanwhile.

    After each lost write there is a pause; pauses grow and differ (full jitter).

    Args:
        store: Where the counter is.
        stored: Returns what the key has.
        following: Returns what follows from it; None: it stays as it is.

    Raises:
        RuntimeError: No write won.
    """
    pause = _FIRST_PAUSE_SECONDS
    for _ in range(RACES):
        counter = stored()
        moved = following(counter)
        if moved is None:
            return
        if counter is None:
            # Its own token: the client library of the store has sent the request again, because
            # the answer was lost.
            other = store.create(moved)
            is_written = other is None or other.token == moved.token
        else:
            is_written = store.replace(moved, counter.token)
        if is_written:
            return
        time.sleep(_jitter(0, pause))
        pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)
    raise RuntimeError(f"the store refused {RACES} conditional writes")


def read(store: Store, key: str) -> Counter | None:
    """Return what a key has.

    A store has no verb that reads: ``create`` returns the counter that is there. The one that it
    writes otherwise has expired already, and stands for a key that nothing has used.
    """
    probe = Counter(key=key, token=new_token(), written=0, expires=1, next=0)
    return store.create(probe) or probe
