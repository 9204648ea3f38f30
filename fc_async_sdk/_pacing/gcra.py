# SPDX-License-Identifier: MIT
"""The arithmetic of a pace: the generic cell rate algorithm (GCRA). Pure.

The state of a pace is one number for each key, the theoretical arrival time of its next message.
Times are whole microseconds since the epoch.

Invariants:

- Slots of one key start at most ``burst`` at once and otherwise an interval apart, so a window of
  *w* seconds has at most ``rate * w + burst`` of them.
- The slots of many messages are one change of the number: the state does not grow with them.
"""

from __future__ import annotations

import math
import re
from typing import Final, NamedTuple

from fc_async_sdk.errors import InvalidParameter
from fc_async_sdk.spec import limits

SECOND: Final = 1_000_000
"""Microseconds."""

_UNITS: Final = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}
"""Seconds by the first letter of a unit."""
_RATE: Final = re.compile(
    r"\s*(?P<count>[0-9]+(?:\.[0-9]+)?)\s*(?:/|per)\s*(?P<times>[0-9]+(?:\.[0-9]+)?)?\s*"
    r"(?P<unit>s(?:ecs?|econds?)?|m(?:ins?|inutes?)?|h(?:ours?)?|d(?:ays?)?)\s*"
)
_EXAMPLES: Final = "must be a number of messages a second, or such as 25/s, 1/10s, 600/min, 90/hour"
_FASTEST: Final = 100
"""Microseconds between two messages: 10,000 a second. A rounded interval is exact to 1 %."""
_SLOWEST: Final = 7 * 86_400 * SECOND
"""A message a week: a task is kept for so long."""
_GOLDEN: Final = (math.sqrt(5) - 1) / 2
"""Multiples of it, modulo 1, are spread evenly for any number of them."""


def interval_of(rate: object) -> int:
    """Return the microseconds between two messages; a fraction is rounded up, to a slower pace.

    Args:
        rate: Messages a second as a number, or a text such as ``25/s`` or ``1/10s``.

    Raises:
        InvalidParameter: It is neither, or not from one a week to 10,000 a second.
    """
    seconds = _seconds_of(rate)
    if not seconds:
        raise InvalidParameter("rate", rate, _EXAMPLES)
    # Rounded first: an error of the division would otherwise become a whole microsecond.
    interval = math.ceil(round(seconds * SECOND, 3))
    if not _FASTEST <= interval <= _SLOWEST:
        raise InvalidParameter("rate", rate, "must be from one a week to 10,000 a second")
    return interval


def _seconds_of(rate: object) -> float:
    """Return the seconds between two messages; 0 if it is not a rate."""
    if isinstance(rate, str):
        match = _RATE.fullmatch(rate.lower())
        if match is None:
            return 0
        count = float(match["count"])
        # A unit is known by its first letter only because the pattern has it whole: 25/ms was
        # read as 25 a minute once.
        unit = _UNITS[match["unit"][0]]
        return float(match["times"] or 1) * unit / count if count else 0
    if isinstance(rate, bool):
        return 0  # True is 1 for Python, and hardly meant as a rate
    if isinstance(rate, (int, float)) and 0 < rate < math.inf:
        return 1 / rate
    return 0


class Slots(NamedTuple):
    """Slots of some messages, in their order.

    Attributes:
        start: The theoretical arrival time of the first.
        earliest: No slot is before this time.
        interval: Microseconds between two messages.
        burst: How many may start at once after a pause.
        size: How many there are.
        outer: Slots of the same messages in the pace within which they are; no slot is before its.
    """

    start: int
    earliest: int
    interval: int
    burst: int
    size: int
    outer: Slots | None = None

    def at(self, index: int) -> int:
        """Return when a message may start."""
        early = (self.burst - 1) * self.interval
        slot = self.start + index * self.interval - early
        earliest = self.earliest if self.outer is None else self.outer.at(index)
        return max(self.earliest, earliest, slot)

    def part(self, index: int) -> Slots:
        """Return the slot of one message as slots of its own."""
        outer = None if self.outer is None else self.outer.part(index)
        return self._replace(start=self.start + index * self.interval, size=1, outer=outer)

    @property
    def end(self) -> int:
        """The theoretical arrival time after the last of them: the new state of the pace."""
        return self.start + self.size * self.interval


def book(
    state: int,
    now: int,
    count: int,
    *,
    interval: int,
    burst: int,
) -> Slots:
    """Return the next slots of a pace.

    Args:
        state: The theoretical arrival time that is stored; 0 if none is.
        now: The time.
        count: How many messages there are.
        interval: Microseconds between two messages.
        burst: How many may start at once.
    """
    return Slots(max(state, now), now, interval, burst, count)


def latest_start(now: int, count: int, max_hops: int, *, interval: int, burst: int) -> int:
    """Return the latest theoretical arrival time of some messages whose last one can still wait.

    Args:
        now: The time.
        count: How many messages there are.
        max_hops: How often the last one may be delivered only to wait on.
        interval: Microseconds between two messages.
        burst: How many may start at once.
    """
    longest = limits.DELAY_SECONDS.high
    # One hop divides a wait of up to twice the longest delay; see hops().
    seconds = 2 * longest if max_hops == 1 else longest * max(1, max_hops)
    return now + seconds * SECOND - (count - burst) * interval


def hold(
    state: int,
    until: int,
    *,
    interval: int,
    burst: int,
) -> int:
    """Return the state in which no slot is before a time, and no burst follows it."""
    return max(state, until + (burst - 1) * interval)


def whole_seconds(slot: int, now: int) -> int:
    """Return the seconds of delay after which a message starts at its slot or up to 1 s later."""
    return max(0, _divided(slot - now, SECOND))


def split(slot: int, now: int) -> tuple[int, int]:
    """Return the whole seconds until a slot, and the microseconds that are left then."""
    return divmod(max(0, slot - now), SECOND)


def begin(now: int, seconds: int, part: int) -> int:
    """Return when a message starts that waits for whole seconds and microseconds from now."""
    return now + seconds * SECOND + part


def hops(seconds: int) -> int:
    """Return how often a message of this wait is delivered for another wait, at most."""
    longest = limits.DELAY_SECONDS.high
    if seconds <= longest:
        return 0
    if seconds <= 2 * longest:
        return 1
    return _divided(seconds, longest)


def first_wait(seconds: int, spread: int) -> int:
    """Return how many of the seconds a message waits at first; the rest follows after a hop.

    Messages that were sent together wait for different times, so that no wave comes back at once.
    Every later wait is the longest that is left: the times stay apart.

    Args:
        seconds: The whole wait.
        spread: A number that differs among messages that are sent together, such as the slot's.
    """
    longest = limits.DELAY_SECONDS.high
    if seconds <= longest:
        return seconds
    if seconds <= 2 * longest:
        return _divided(seconds, 2)  # once is enough, and slots that differ differ here, too
    fraction = (spread * _GOLDEN) % 1
    return 1 + int(fraction * longest)


def _divided(number: int, divisor: int) -> int:
    """Return a quotient, rounded up."""
    return -(-number // divisor)


def next_wait(seconds: int) -> int:
    """Return how many of the seconds that are left a message waits after a hop."""
    return min(seconds, limits.DELAY_SECONDS.high)
