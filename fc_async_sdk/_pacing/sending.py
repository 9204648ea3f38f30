# SPDX-License-Identifier: MIT
"""The sender's side: slots of one run, and the messages that they make of payloads.

Invariants:

- Slots of payloads whose number is known are booked together, before the first is sent.
- A slot that has passed by more than a second is not used: the rest is booked anew, so that a
  sender that was stopped for a while does not send a burst.
"""

from __future__ import annotations

import logging
from collections import Counter, defaultdict, deque
from collections.abc import Sequence as SequenceType
from collections.abc import Sized
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeVar

import msgspec

from fc_async_sdk._pacing import gcra, hop
from fc_async_sdk.errors import (
    AsyncTaskAlreadyExists,
    InvalidParameter,
    PaceError,
    PaceStoreFailed,
    WaitTooLong,
)

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from fc_async_sdk._pacing.pace import BasePace as Pace

T = TypeVar("T")

_LOG: Final = logging.getLogger("fc_async_sdk.pacing")
_BLOCK: Final = 64
"""Slots that are booked at a time if the number of payloads is not known."""


def check(pace: object) -> None:
    """Check that it is a pace.

    Raises:
        InvalidParameter: It is not, but a rate for example.
    """
    if not callable(getattr(pace, "book", None)):
        raise InvalidParameter("pace", pace, 'must be a pace, such as Pace("crm", "25/s")')


def check_delay(delay: object) -> None:
    """Check that a paced message has no delay of its own.

    Raises:
        InvalidParameter: It has.
    """
    if delay is not None:
        raise InvalidParameter("delay", delay, "is decided by the pace: leave one of them out")


class Paced(NamedTuple):
    """Arguments of one message with the delay and the payload for its slot.

    Attributes:
        arguments: Of ``invoke_async``.
        run: Has booked the slot.
        taken: The slot; None if the message goes unpaced.
    """

    arguments: dict[str, Any]
    run: Run
    taken: Taken | None

    def give_back(self) -> None:
        """Give the slot back, because the service had the message already."""
        self.run.give_back(self.taken)
        self.run.close()


def paced(pace: Pace, arguments: dict[str, Any], data: bytes) -> Paced:
    """Book the next slot for one message.

    Args:
        pace: The pace.
        arguments: Without a delay.
        data: The payload of these arguments as it is sent.

    Raises:
        PaceError: There is no slot; nothing is to be sent.
        InvalidParameter: There is a delay, or the payload has no key.
    """
    check_delay(arguments["delay"])
    run = Run(pace, None, block=1)
    paced_arguments, taken = run.take_slot(arguments, data)
    return Paced(paced_arguments, run, taken)


def send_paced(
    pace: Pace,
    arguments: dict[str, Any],
    data: bytes,
    send: Callable[[dict[str, Any]], T],
) -> T:
    """Send one message in the next slot, with arguments of ``invoke_async``.

    Args:
        pace: The pace.
        arguments: Without a delay.
        data: The payload of these arguments as it is sent.
        send: Sends a message with the delay and the payload for its slot.

    Raises:
        PaceError: There is no slot; nothing was sent.
        InvalidParameter: There is a delay, or the payload has no key.
        AsyncTaskAlreadyExists: The service had it already; the slot was given back.
    """
    message = paced(pace, arguments, data)
    try:
        return send(message.arguments)
    except AsyncTaskAlreadyExists:
        message.give_back()
        raise


async def async_send_paced(
    pace: Pace,
    arguments: dict[str, Any],
    data: bytes,
    send: Callable[[dict[str, Any]], Awaitable[T]],
) -> T:
    """Run like :func:`send_paced`; the store, which is synchronous, is asked in a thread."""
    import asyncio  # noqa: PLC0415 -- imports are billed, and most callers do not need it

    message = await asyncio.to_thread(paced, pace, arguments, data)
    try:
        return await send(message.arguments)
    except AsyncTaskAlreadyExists:
        await asyncio.to_thread(message.give_back)
        raise


def as_json(data: bytes, _: object = None) -> object:
    """Return a payload as JSON values, or as it is if it is not JSON."""
    try:
        return msgspec.json.decode(data)
    except msgspec.DecodeError:
        return data


class _Booking:
    """Slots of a key that were booked, and how many of them were used."""

    def __init__(self, slots: gcra.Slots) -> None:
        self.slots = slots
        self.used = 0

    def next(self, now: int) -> int | None:
        """Return the next slot that has not passed, or None."""
        if self.used == self.slots.size:
            return None
        slot = self.slots.at(self.used)
        # A sender that has slept would start all of its old slots at once.
        has_passed = slot < now - gcra.SECOND
        return None if has_passed else slot


class Taken(NamedTuple):
    """A slot that a message has, as a booking of one."""

    key: object
    slots: gcra.Slots


class _KeySlots:
    """The slots of one key.

    Attributes:
        expected: How many messages of the key are yet to come, as far as that is known.
        blocks: How many blocks were booked because it is not known.
        earlier: What an earlier start of the run has booked, in the order of its messages.
        returned: Slots that duplicates gave back.
        newest: What was booked last.
        is_of_run: Whether a later start of the run finds the newest booking.
    """

    def __init__(self) -> None:
        self.expected = 0
        self.blocks = 0
        self.earlier: _Booking | None = None
        self.returned: deque[_Booking] = deque()
        self.newest: _Booking | None = None
        self.is_of_run = False

    def available(self, now: int) -> _Booking | None:
        """Return a booking with a slot that has not passed, if there is one."""
        if self.earlier is not None and self.earlier.next(now) is not None:
            return self.earlier
        while self.returned and self.returned[0].next(now) is None:
            self.returned.popleft()  # used, or passed
        if self.returned:
            return self.returned[0]
        if self.newest is not None and self.newest.next(now) is not None:
            return self.newest
        return None

    def skip_earlier(self) -> None:
        """Leave out the slot of a message that an earlier start had, and that has passed.

        The slots behind it are for the messages behind it.
        """
        if self.earlier is not None:
            self.earlier.used = min(self.earlier.used + 1, self.earlier.slots.size)


class Run:
    """The slots of payloads that are sent together.

    Args:
        pace: The pace.
        payloads: What is sent; None or an iterator if their number is not known.
        block: How many slots are booked at a time, at most, if the number is not known.
        read: Returns what the key is taken from, for a payload; None: the payload.
        name: Names the run, so that a second start after a crash finds the slots of the first; "":
            there is no second start.

    Raises:
        InvalidParameter: It is not a pace, or a payload has no key.
    """

    def __init__(
        self,
        pace: Pace,
        payloads: object,
        *,
        block: int = _BLOCK,
        read: Callable[[bytes], object] | None = None,
        name: str = "",
    ) -> None:
        check(pace)
        self._pace = pace
        self._block = block
        self._read = read
        self._name = name
        self._keys: defaultdict[object, _KeySlots] = defaultdict(_KeySlots)
        self._problem: PaceStoreFailed | None = None
        if pace.keyed:
            if isinstance(payloads, SequenceType):
                for key, count in Counter(map(pace.key_of, payloads)).items():
                    self._keys[key].expected = count
        elif isinstance(payloads, Sized):
            self._keys[None].expected = len(payloads)

    def begin(self) -> None:
        """Book the slots of payloads whose number is known.

        Raises:
            PaceError: There are none; nothing is to be sent.
        """
        now = self._pace.now()
        for key, slots in self._keys.items():
            if slots.expected:
                self._book(key, now, run=self._name)

    def ready(self, payload: object) -> bool:
        """Return whether :meth:`take` needs no request to the store."""
        try:
            key = self._pace.key_of(payload)
        except InvalidParameter:
            return False
        return self._unpaced or self._keys[key].available(self._pace.now()) is not None

    def take(self, arguments: dict[str, Any], data: bytes) -> dict[str, Any]:
        """Return arguments of ``invoke_async`` for the next slot; see :meth:`take_slot`."""
        return self.take_slot(arguments, data)[0]

    def take_slot(
        self, arguments: dict[str, Any], data: bytes
    ) -> tuple[dict[str, Any], Taken | None]:
        """Return arguments of ``invoke_async`` for the next slot, and the slot.

        The slot is None if a duplicate must not give it back.

        Args:
            arguments: Those without a pace; the payload as it was given.
            data: The payload as it is sent.

        Raises:
            PaceError: There is no slot.
            InvalidParameter: The payload has no key, or the wait needs a shorter task id; no slot
                is used.
        """
        value = arguments["payload"] if self._read is None else self._read(data)
        key = self._pace.key_of(value)
        slots = self._keys[key]
        now = self._pace.now()
        booking = self._booking_of(key, now)
        slot = None if booking is None else booking.next(now)
        if booking is None or slot is None:
            return arguments, None
        seconds = gcra.whole_seconds(slot, now)
        part = 0
        if self._pace.smooth:
            seconds, part = gcra.split(slot, now)
        delay, payload = hop.first(
            data,
            seconds=seconds,
            part=part,
            spread=slot // booking.slots.interval,
            task=arguments["task_id"] or "",
            slot=gcra.begin(now, seconds, part) if self._pace.travels else 0,
        )
        # Counted only now: a payload that is refused leaves its slot to the next one.
        booking.used += 1
        if slots.expected > 0:
            slots.expected -= 1
        paced_arguments = {
            **arguments,
            "payload": payload,
            "delay": delay or None,
        }
        # What an earlier start has sent waits for this very slot.
        if booking is slots.earlier:
            return paced_arguments, None
        slots.skip_earlier()
        return paced_arguments, Taken(key, booking.slots.part(booking.used - 1))

    def give_back(self, taken: Taken | None) -> None:
        """Give the slot of a message that the service had already to the next message."""
        if taken is not None:
            self._keys[taken.key].returned.append(_Booking(taken.slots))

    def _booking_of(self, key: object, now: int) -> _Booking | None:
        """Return a booking with a slot that has not passed; None if messages go unpaced."""
        if self._unpaced:
            return None
        return self._keys[key].available(now) or self._book(key, now)

    def close(self) -> None:
        """Give slots back that no payload has used, unless others have booked after them."""
        if self._unpaced:
            return
        for key, slots in self._keys.items():
            if slots.newest is not None:
                self._release(key, slots.newest, self._name if slots.is_of_run else "")
            if self._name:
                continue  # a second start of the run has the slots that were returned
            for booking in reversed(slots.returned):
                self._release(key, booking, "")

    def _release(self, key: object, booking: _Booking, run: str) -> None:
        unused = booking.slots.size - booking.used
        if not unused:
            return
        try:
            self._pace.release(booking.slots, unused, key=key, run=run)
        except PaceError:
            # All was sent: an error now would hide that, and lost slots cost only time.
            _LOG.warning("%d slots of pace %s are lost", unused, self._pace.name)

    @property
    def _unpaced(self) -> bool:
        return self._problem is not None and self._pace.on_store_error == "send"

    def _book(self, key: object, now: int, *, run: str = "") -> _Booking | None:
        if self._problem is not None:
            raise self._problem
        slots = self._keys[key]
        # Blocks double from one slot on: the last one of a short input is lost if others have
        # booked after it.
        block = min(self._block, 2**slots.blocks)
        count = slots.expected or block
        slots.blocks += 1
        is_earlier = False
        try:
            if run:
                booked, is_earlier = self._pace.book_run(run, count, key=key, now=now)
            else:
                booked = self._slots(key, count, now)
        except PaceStoreFailed as error:
            # Kept for the payloads that follow: each would wait for the store to time out.
            self._problem = error
            if self._pace.on_store_error == "fail":
                raise
            _LOG.warning("messages are sent unpaced: %s", error)
            return None
        booking = _Booking(booked)
        if is_earlier:
            slots.earlier = booking
            # How many of the messages are late, and not sent yet, is not known.
            slots.expected = 0
        else:
            slots.newest = booking
            slots.is_of_run = run != ""
        return booking

    def _slots(self, key: object, count: int, now: int) -> gcra.Slots:
        try:
            return self._pace.book(count, key=key, now=now)
        except WaitTooLong:
            # A block may reach beyond the longest wait when the next slot alone does not.
            if count == 1 or self._keys[key].expected:
                raise
            return self._pace.book(1, key=key, now=now)
