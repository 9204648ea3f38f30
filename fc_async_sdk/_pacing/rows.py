# SPDX-License-Identifier: MIT
"""The rows of a pace in its store: a counter for each key, and what its runs have booked.

Invariants:

- A booking is one step of the counter at the store, if the store has the verb for it.
- Bookings of this process that wait at the same time are one step.
- A clock that was ahead delays nothing once it is right again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from fc_async_sdk._pacing.coalescing import CoalescedSteps
from fc_async_sdk._pacing.gcra import Slots  # noqa: TC001 -- msgspec reads the annotation
from fc_async_sdk.errors import PaceStoreFailed
from fc_async_sdk.spec import limits
from fc_async_sdk.stores import Row, counters
from fc_async_sdk.stores.rows import new_token

if TYPE_CHECKING:
    from collections.abc import Callable

    from fc_async_sdk.stores import Counter, Step, Store


class PaceState(NamedTuple):
    """State of a pace for one key. Times are microseconds since the epoch.

    Attributes:
        next: Theoretical arrival time of the next message.
        held: No message may start before this time, also one that has a slot.
    """

    next: int = 0
    held: int = 0


class BookingRow(Row, frozen=True, omit_defaults=True, kw_only=True):
    """Slots that a run has booked for all of its messages, so that a second start finds them.

    Attributes:
        slots: What was booked; None: not booked yet.
    """

    slots: Slots | None = None


class PaceRows:
    """The rows of one pace.

    Args:
        store: Where they are.
        pace: Name of the pace, for errors.

    Attributes:
        store: As given.
    """

    def __init__(self, store: Store, pace: str) -> None:
        self.store = store
        self._pace = pace
        self._steps = CoalescedSteps(self.advance)

    def read(self, key: str, now: int) -> PaceState:
        """Return the state of a key; zeros for a pace that nothing has used.

        Args:
            key: Of the row.
            now: Microseconds since the epoch.

        Raises:
            PaceStoreFailed: The store cannot be reached.
        """
        counter = self._ask("create", counters.read, self.store, key)
        return PaceState(*counters.state_of(counter, now))

    def book(self, key: str, step: Step) -> int:
        """Do a step, perhaps together with those of other threads.

        Args:
            key: Of the row.
            step: The step.

        Returns:
            When the step begins, in microseconds since the epoch. Nothing was booked if that is
            after the limit of the step.

        Raises:
            PaceStoreFailed: The store cannot be reached, or lets no write win.
        """
        return self._steps.advance(key, step)

    def advance(self, key: str, step: Step) -> int:
        """Do a step by itself; see :meth:`book`."""
        start: int = self._ask("advance", counters.advance, self.store, key, step)
        return start

    def find_booking(self, key: str, now: int) -> BookingRow:
        """Return what a run has booked; a row without slots if it has not booked.

        Args:
            key: Of the row.
            now: Microseconds since the epoch.

        Raises:
            PaceStoreFailed: The store cannot be reached.
        """
        row = _booking_row(key, now, None)
        stored: BookingRow | None = self._ask("create", self.store.create, row)
        return row if stored is None else stored

    def write_booking(self, row: BookingRow, slots: Slots, now: int) -> None:
        """Write what a run has booked, unless another start of it has written meanwhile.

        Args:
            row: As it was found.
            slots: What was booked.
            now: Microseconds since the epoch.

        Raises:
            PaceStoreFailed: The store cannot be reached.
        """
        written = _booking_row(row.key, now, slots)
        self._ask("replace", self.store.replace, written, row.token)

    def change(
        self,
        key: str,
        now: Callable[[], int],
        next_state: Callable[[PaceState, int], PaceState | None],
    ) -> None:
        """Replace the state of a key by the one that follows from it.

        Args:
            key: Of the row.
            now: Returns the time in microseconds since the epoch; read for each try.
            next_state: Returns the state that follows from a state, at a time; None: the same.

        Raises:
            PaceStoreFailed: The store cannot be reached, or lets no write win.
        """

        def following(counter: Counter | None) -> Counter | None:
            moment = now()
            state = next_state(PaceState(*counters.state_of(counter, moment)), moment)
            return None if state is None else counters.counter_at(key, moment, *state)

        def stored() -> Counter | None:
            return counters.read(self.store, key)

        self._ask("replace", counters.replace, self.store, stored, following)

    def _ask(self, verb: str, function: Callable[..., Any], *arguments: Any) -> Any:
        try:
            return function(*arguments)
        except Exception as error:
            text = f"the store failed in {verb}: {type(error).__name__}: {error}"
            raise PaceStoreFailed(self._pace, text) from error


def _booking_row(key: str, now: int, slots: Slots | None) -> BookingRow:
    written = now // 1000
    end = written if slots is None else max(written, slots.end // 1000)
    return BookingRow(
        key=key,
        token=new_token(),
        written=written,
        # A task id is known to the service for so long, so the same run can be started again.
        expires=end + limits.TASK_RETENTION_SECONDS * 1000,
        slots=slots,
    )
