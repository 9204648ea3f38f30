# SPDX-License-Identifier: MIT
"""A pace: how fast messages may start, kept in a store that its senders share.

Invariants:

- A booking is one step at the store, whatever the number of its messages.
- A slot is booked once, however many senders book at the same time.
- A slot that was booked and not used is lost; no later booking gets it. Only a second start of the
  same run finds the slots of the first.
"""

from __future__ import annotations

import hashlib
import math
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple

import msgspec

from fc_async_sdk._pacing import gcra
from fc_async_sdk._pacing.clock import PaceClock
from fc_async_sdk._pacing.rows import PaceRows, PaceState
from fc_async_sdk.errors import InvalidParameter, WaitTooLong
from fc_async_sdk.spec import limits
from fc_async_sdk.stores import MemoryStore, Step
from fc_async_sdk.stores.rows import check

if TYPE_CHECKING:
    from collections.abc import Callable

    from fc_async_sdk.stores import Store

    Rate = float | str | Callable[[Any], float | str]

OnStoreError = Literal["fail", "send"]

_KEY_BYTES: Final = 300
_CLOCKS_DIFFER: Final = 90 * gcra.SECOND
_NEVER: Final = 2**53 - 1
"""Microseconds since the epoch, in the year 2255: the greatest number that Lua has exactly."""
MAX_HOPS: Final = limits.TASK_RETENTION_SECONDS // limits.DELAY_SECONDS.high
"""A task is kept for seven days."""
LONGEST: Final = MAX_HOPS * limits.DELAY_SECONDS.high
"""Seconds that a message can wait."""


class Forecast(msgspec.Struct, frozen=True, kw_only=True):
    """Times of messages that would be sent now.

    Attributes:
        first: When the first one may start.
        last: When the last one may start.
        seconds: From now to the last one.
        hops: How often a message is delivered only to wait on, at most.
        extra_invocations: How many short invocations that is for all messages, at most.
    """

    first: datetime
    last: datetime
    seconds: float
    hops: int
    extra_invocations: int


class _Limit(NamedTuple):
    rate: Rate
    burst: int


class BasePace:
    """The sender's side of :class:`fc_async_sdk.pacing.Pace`, which documents it."""

    def __init__(
        self,
        name: str,
        rate: Rate,
        *,
        burst: int = 1,
        key: Callable[[Any], object] | None = None,
        smooth: bool = False,
        store: Store | None = None,
        max_hops: int = 0,
        on_store_error: OnStoreError = "fail",
        clock: Callable[[], float] | None = None,
        within: BasePace | None = None,
    ) -> None:
        if not name or not name.isprintable():
            raise InvalidParameter("name", name, "must be printable text")
        if not callable(rate):
            gcra.interval_of(rate)
        _check_count("burst", burst)
        if type(max_hops) is not int or not 0 <= max_hops <= MAX_HOPS:
            raise InvalidParameter("max_hops", max_hops, f"must be from 0 to {MAX_HOPS}")
        if on_store_error not in {"fail", "send"}:
            raise InvalidParameter("on_store_error", on_store_error, "must be fail or send")
        if store is None:
            store = MemoryStore()
        else:
            check(store, "Pace(…, store=SqliteStore(path))")
        _check_within(within)
        self.name = name
        self.within = within
        self.smooth = smooth
        self.max_hops = max_hops
        self.on_store_error = on_store_error
        self._limit = _Limit(rate, burst)
        self._key = key
        self._clock = PaceClock(store, clock)
        self._rows = PaceRows(store, name)

    def key_of(self, payload: object) -> object:
        """Return what a payload shares its pace with; None: with all messages.

        Raises:
            InvalidParameter: The function ``key`` failed.
        """
        if self._key is None:
            return None
        try:
            return self._key(payload)
        except Exception as error:
            text = f"the pace {self.name} gets no key of the payload: {error!r}"
            raise InvalidParameter("key", type(payload).__name__, text) from error

    @property
    def travels(self) -> bool:
        """True if slots travel with the messages, because their handler has a wrapper."""
        return self.smooth or self.max_hops > 0

    @property
    def keyed(self) -> bool:
        """True if keys have paces of their own."""
        return self._key is not None

    @property
    def store(self) -> Store:
        """The store of the state; feeds of the pace keep theirs there, too."""
        return self._rows.store

    def now(self) -> int:
        """Return the time in microseconds since the epoch.

        It is that of the clock that the pace was given; on ``fc_local``, virtual time; or else that
        of the store, if it has a clock, or of this machine.
        """
        return self._clock.now()

    def book(
        self,
        count: int = 1,
        *,
        key: object = None,
        now: int | None = None,
        max_hops: int | None = None,
    ) -> gcra.Slots:
        """Book the next slots of a key in one step at the store.

        Args:
            count: How many; 1 or more.
            key: As ``key`` returned it.
            now: Microseconds since the epoch; None: by the clock of the pace.
            max_hops: Instead of that of the pace.

        Raises:
            PaceStoreFailed: The store cannot be reached. Nothing is booked, or the slots are lost.
            WaitTooLong: The last slot is later than its function can wait for. Nothing is booked.
        """
        _check_count("count", count)
        now = self.now() if now is None else now
        allowed = self.max_hops if max_hops is None else max_hops
        row_key, interval = self._row(key)
        limit = gcra.latest_start(now, count, allowed, interval=interval, burst=self._limit.burst)
        # The outer slots first: slots of the key are an interval apart, also if they begin later.
        outer = None
        if self.within is not None:
            outer = self.within.book(count, now=now, max_hops=allowed)
        earliest = now if outer is None else outer.at(0)
        step = Step(now, earliest, count * interval, limit)
        start = self._rows.book(row_key, step)
        slots = gcra.Slots(start, now, interval, self._limit.burst, count, outer)
        if start > limit:
            if self.within is not None and outer is not None:
                self.within.release(outer, count)
            wait = gcra.whole_seconds(slots.at(count - 1), now)
            raise WaitTooLong(self.name, wait, count, gcra.hops(wait), allowed)
        return slots

    def interval(self, *, key: object = None) -> int:
        """Return the microseconds between two messages of a key.

        Args:
            key: As ``key`` returned it.
        """
        return self._row(key)[1]

    def hold(
        self,
        until: float | datetime | None = None,
        *,
        seconds: float | None = None,
        key: object = None,
    ) -> None:
        """Start no message before a time, for example because the other side said so.

        No slot is given before that time. A message that has a slot before it is moved behind all
        slots that are booked, if its handler has a wrapper: ``@handler(Order, pace=pace)`` or
        ``@paced(pace)``.

        Args:
            until: Seconds since the epoch, or a time with a zone.
            seconds: From now, instead.
            key: As ``key`` returned it; None if all messages share the pace.

        Raises:
            InvalidParameter: Neither or both times are given, or one is not within seven days.
            PaceStoreFailed: The store cannot be reached.
        """
        if (until is None) == (seconds is None):
            raise InvalidParameter("until", until, "give either until or seconds")
        if isinstance(until, datetime):
            if until.tzinfo is None:
                raise InvalidParameter("until", until, "must have a time zone")
            until = until.timestamp()
        moment = until if seconds is None else seconds
        if not isinstance(moment, (int, float)) or not math.isfinite(moment):
            raise InvalidParameter("until", moment, "must be a number of seconds, or a time")
        now = self.now()
        end = math.ceil(moment * gcra.SECOND)
        if seconds is not None:
            end += now
        # A time in milliseconds, the commonest slip, stopped every sender for 57,000 years, and
        # nothing could take it back.
        if end > now + LONGEST * gcra.SECOND:
            raise InvalidParameter("until", moment, "must be in seconds, and within seven days")

        row_key, interval = self._row(key)
        earliest = gcra.hold(now, end, interval=interval, burst=self._limit.burst)
        self._rows.advance(row_key, Step(now, earliest, 0, limit=_NEVER, held=end))

    def resume(self, *, key: object = None) -> None:
        """End a hold: slots are given from now on again.

        Messages that were moved behind the hold keep their slots.

        Args:
            key: As ``key`` returned it; None if all messages share the pace.

        Raises:
            PaceStoreFailed: The store cannot be reached.
        """

        def resumed(state: PaceState, _: int) -> PaceState | None:
            if not state.held:
                return None
            # Behind the end of the hold only what was booked meanwhile.
            is_free = state.next <= state.held
            return PaceState(0 if is_free else state.next, 0)

        row_key, _ = self._row(key)
        self._rows.change(row_key, self.now, resumed)

    def held_until(self, *, key: object = None, now: int | None = None) -> int:
        """Return the time before which no message may start; 0 or a time that has passed: none.

        A hold of the pace within which this one is counts, too.

        Args:
            key: As ``key`` returned it.
            now: Microseconds since the epoch; None: by the clock of the pace.

        Returns:
            Microseconds since the epoch.

        Raises:
            PaceStoreFailed: The store cannot be reached.
        """
        now = self.now() if now is None else now
        row_key, _ = self._row(key)
        held_until = self._rows.read(row_key, now).held
        if self.within is None:
            return held_until
        return max(held_until, self.within.held_until(now=now))

    def release(
        self,
        slots: gcra.Slots,
        unused: int,
        *,
        key: object = None,
        run: str = "",
    ) -> None:
        """Give back the last slots of a booking, unless others have booked after it.

        Args:
            slots: The booking.
            unused: How many of its last slots were not used.
            key: As ``key`` returned it.
            run: The run that has booked it; "" if it was booked for none.

        Raises:
            PaceStoreFailed: The store cannot be reached.
        """
        if run:
            # First, so that a second start of the run does not use slots that others get.
            now = self.now()
            row = self._rows.find_booking(self._run_key(run, key), now)
            used = slots._replace(size=slots.size - unused)
            self._rows.write_booking(row, used, now)
        unused_time = unused * slots.interval

        def released(state: PaceState, _: int) -> PaceState | None:
            # Others have booked the slots after these: to move the state back would give theirs
            # away a second time.
            if state.next != slots.end:
                return None
            return state._replace(next=state.next - unused_time)

        row_key, _ = self._row(key)
        self._rows.change(row_key, self.now, released)
        if self.within is not None and slots.outer is not None:
            self.within.release(slots.outer, unused)

    def reset(self, *, key: object = None) -> None:
        """Forget all bookings and holds of a key: the next message gets a slot of now.

        Messages that were sent keep their slots, so more may start than the rate allows until the
        last of them has.

        Args:
            key: As ``key`` returned it; None if all messages share the pace.

        Raises:
            PaceStoreFailed: The store cannot be reached.
        """
        row_key, _ = self._row(key)
        self._rows.change(row_key, self.now, lambda _, __: PaceState())

    def book_run(
        self,
        run: str,
        count: int,
        *,
        key: object = None,
        now: int | None = None,
    ) -> tuple[gcra.Slots, bool]:
        """Book the slots of a run, or return those that an earlier start of it has booked.

        Args:
            run: Names the run: the same messages in the same order.
            count: How many messages of the key it has; 1 or more.
            key: As ``key`` returned it.
            now: Microseconds since the epoch; None: by the clock of the pace.

        Returns:
            The slots, and whether an earlier start has booked them.

        Raises:
            PaceStoreFailed: The store cannot be reached. Nothing is booked, or the slots are lost.
            WaitTooLong: The last slot is later than its function can wait for. Nothing is booked.
        """
        now = self.now() if now is None else now
        _, interval = self._row(key)
        row = self._rows.find_booking(self._run_key(run, key), now)
        if row.slots is not None:
            found = row.slots
            # At another rate, or by a clock that was ahead, they are not the slots of this pace.
            is_usable = found.interval == interval and found.earliest <= now + _CLOCKS_DIFFER
            if is_usable:
                return found, True
        slots = self.book(count, key=key, now=now)
        self._rows.write_booking(row, slots, now)
        return slots, False

    def forecast(self, count: int, *, key: object = None, now: int | None = None) -> Forecast:
        """Return when messages would start that are sent now. Nothing is booked.

        Args:
            count: How many; 1 or more.
            key: As ``key`` returned it.
            now: Microseconds since the epoch; None: by the clock of the pace.

        Raises:
            PaceStoreFailed: The store cannot be reached.
        """
        _check_count("count", count)
        now = self.now() if now is None else now
        slots = self.next_slots(count, key, now)
        last = slots.at(count - 1)
        most_hops = gcra.hops(gcra.whole_seconds(last, now))
        extra_invocations = 0
        if most_hops:
            waits = (gcra.whole_seconds(slots.at(index), now) for index in range(count))
            extra_invocations = sum(map(gcra.hops, waits))
        return Forecast(
            first=_moment(slots.at(0)),
            last=_moment(last),
            seconds=(last - now) / gcra.SECOND,
            hops=most_hops,
            extra_invocations=extra_invocations,
        )

    def next_slots(self, count: int, key: object, now: int) -> gcra.Slots:
        """Return the slots that a booking would give."""
        row_key, interval = self._row(key)
        following = self._rows.read(row_key, now).next
        if self.within is None:
            return gcra.book(following, now, count, interval=interval, burst=self._limit.burst)
        outer = self.within.next_slots(count, None, now)
        following = max(following, outer.at(0))
        slots = gcra.book(following, now, count, interval=interval, burst=self._limit.burst)
        return slots._replace(outer=outer)

    def _row(self, key: object) -> tuple[str, int]:
        """Return the key of the row and the interval between two messages of a key."""
        limit = self._limit.rate
        try:
            rate = limit(key) if callable(limit) else limit
        except Exception as error:
            text = f"the pace {self.name} gets no rate for the key: {error!r}"
            raise InvalidParameter("key", key, text) from error
        # No function has a $ in front, so no record of an idempotent handler has such a key.
        text = f"$pace/{self.name}" if key is None else f"$pace/{self.name}/{key}"
        if len(text.encode()) > _KEY_BYTES or not text.isprintable():
            raise InvalidParameter("key", key, "must be printable, 300 bytes with the pace's name")
        return text, gcra.interval_of(rate)

    def _run_key(self, run: str, key: object) -> str:
        """Return the key of the row of a run; a digest, because names of runs are long."""
        row_key, _ = self._row(key)
        digest = hashlib.sha256(f"{row_key}/{run}".encode()).hexdigest()
        return f"$pace-run/{digest}"

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name}>"


def _check_count(name: str, count: object) -> None:
    if type(count) is not int or count < 1:
        raise InvalidParameter(name, count, "must be a whole number, 1 or more")


def _check_within(within: object) -> None:
    if within is None or (isinstance(within, BasePace) and not within.keyed):
        return
    raise InvalidParameter("within", within, 'must be a pace without a key: Pace("all", "100/s")')


def _moment(microseconds: int) -> datetime:
    return datetime.fromtimestamp(microseconds / gcra.SECOND, timezone.utc)
