# SPDX-License-Identifier: MIT
"""Decides how many messages a step of a feed sends, and when the next step runs. Pure.

Times are microseconds since the epoch, as in :mod:`fc_async_sdk._pacing.gcra`.

Invariants:

- No slot of a stretch is later than the window after the beginning of the step: what others send at
  the same pace waits for one window, not for the batch.
- A step of an unshared pace sends 50 messages or more, unless the pace is slower than one a minute:
  a feed adds at most 2 % to the invocations.
- While two feeds of one priority share a pace, neither is ahead by more than a window of messages.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final, NamedTuple

from fc_async_sdk._pacing import gcra
from fc_async_sdk.spec import limits

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_SHORTEST: Final = 60 * gcra.SECOND
_LONGEST: Final = 3_500 * gcra.SECOND
"""A delay is below an hour; a step that is late must not lead beyond it."""
_MESSAGES: Final = 100
"""Messages of a window, unless it would be longer than the longest."""
_EARLY: Final = 60 * gcra.SECOND


def window(interval: int) -> int:
    """Return how far ahead slots are booked at a pace, in microseconds.

    Args:
        interval: Microseconds between two messages.
    """
    return min(max(_SHORTEST, _MESSAGES * interval), _LONGEST)


def early(interval: int) -> int:
    """Return how long before the end of the booked slots the next step begins.

    A step that is delivered later than that leaves a gap in the pace.
    """
    return min(window(interval) // 4, _EARLY)


class Lane(NamedTuple):
    """The pace of one key.

    Attributes:
        free: The next slot that can be booked.
        interval: Microseconds between two messages.
    """

    free: int
    interval: int


class Stretch(NamedTuple):
    """Messages that a step sends next.

    Attributes:
        size: How many of the next messages.
        again: When to plan the messages after these.
    """

    size: int
    again: int


def stretch(
    keys: Sequence[object],
    lanes: Mapping[object, Lane],
    began: int,
    limit: int,
) -> Stretch:
    """Return how many of the next messages have slots within their windows.

    The order of the messages is kept: the first one without a slot ends the stretch.

    Args:
        keys: Of the next messages, in their order.
        lanes: The pace of each of these keys.
        began: When the step began.
        limit: How many messages the feed may send now, because of other feeds.
    """
    booked: dict[object, int] = {}
    for count, key in enumerate(keys[:limit]):
        lane = lanes[key]
        number = booked.get(key, 0)
        slot = lane.free + number * lane.interval
        if slot > began + window(lane.interval):
            return Stretch(count, slot - early(lane.interval))
        booked[key] = number + 1
    if not booked:
        return Stretch(0, began + _SHORTEST // 4)
    again = max(
        lanes[key].free + count * lanes[key].interval - early(lanes[key].interval)
        for key, count in booked.items()
    )
    return Stretch(min(limit, len(keys)), max(began, again))


def delay(again: int, now: int) -> int:
    """Return the seconds of delay of the message of the next step, 1 or more."""
    seconds = math.ceil((again - now) / gcra.SECOND)
    return min(max(1, seconds), limits.DELAY_SECONDS.high)


class Turn(NamedTuple):
    """A feed among those of one pace.

    Attributes:
        priority: The highest goes first.
        sent: Messages that it has sent since it shares the pace.
        left: Messages that it still has.
        until: When it counts as broken, because its next step should have run before.
    """

    priority: int
    sent: int
    left: int
    until: int


class Share(NamedTuple):
    """Part of a pace that a feed gets.

    Attributes:
        limit: How many messages it may send now; None: as many as there are slots.
        wait: Microseconds after which it looks again, if it may send none.
    """

    limit: int | None
    wait: int


def share(
    turns: Mapping[str, Turn],
    feed: str,
    interval: int,
    now: int,
) -> Share:
    """Return what a feed may send now beside others of its pace.

    Args:
        turns: All feeds of the pace by name, this one included.
        feed: Its name.
        interval: Microseconds between two messages of the pace.
        now: The time.
    """
    own = turns[feed]
    others = [turn for name, turn in turns.items() if name != feed and _is_active(turn, now)]
    ahead = [turn for turn in others if turn.priority > own.priority]
    if ahead:
        # Their messages have the next slots. To look earlier would cost an invocation for nothing.
        messages = sum(turn.left for turn in ahead)
        wait = max(window(interval), messages * interval)
        return Share(0, min(wait, _LONGEST))
    equals = [turn for turn in others if turn.priority == own.priority]
    if not equals:
        return Share(None, 0)
    behind = min(turn.sent for turn in equals)
    # A window of messages for all of them together: each adds its part to what the last one has.
    quantum = max(1, window(interval) // interval // (len(equals) + 1))
    return Share(max(0, behind + quantum - own.sent), early(interval))


def joined(turns: Mapping[str, Turn], priority: int, now: int) -> int:
    """Return with how many sent messages a new feed begins to take turns with the others."""
    equals = [
        turn.sent for turn in turns.values() if turn.priority == priority and _is_active(turn, now)
    ]
    return min(equals, default=0)


def _is_active(turn: Turn, now: int) -> bool:
    return turn.left > 0 and turn.until > now
