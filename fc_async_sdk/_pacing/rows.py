# SPDX-License-Identifier: MIT
"""The rows of a pace in its store: one for each key, replaced by conditional writes.

Invariants:

- A change is one conditional write, if this sender was the last one.
- Of two senders that saw the same state, one writes; the other begins again from what was written.
- A clock that was ahead delays nothing once it is right again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

from fc_async_sdk._pacing.gcra import Slots  # noqa: TC001 -- msgspec reads the annotation
from fc_async_sdk.errors import PaceStoreFailed, WaitTooLong
from fc_async_sdk.spec import limits
from fc_async_sdk.stores import Row
from fc_async_sdk.stores.rows import new_token

if TYPE_CHECKING:
    from collections.abc import Callable

    from fc_async_sdk.stores import Store

_RACES: Final = 100
"""Number of changes lost to other senders after which the store counts as broken."""
_MARGIN_MS: Final = 90_000
"""Milliseconds by which clocks differ, at most.

A row is kept so long after its end. A row that was written later than that from now was written by
a clock that is wrong.
"""
_KNOWN: Final = 10_000
"""Keys whose last row is remembered, to book with one request."""


class PaceState(NamedTuple):
    """State of a pace for one key. Times are microseconds since the epoch.

    Attributes:
        next: Theoretical arrival time of the next message.
        held: No message may start before this time, also one that has a slot.
    """

    next: int = 0
    held: int = 0


class PaceRow(Row, frozen=True, omit_defaults=True, kw_only=True):
    """State of a pace for one key, as :class:`PaceState` has it."""

    next: int
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
    """

    def __init__(self, store: Store, pace: str) -> None:
        self._store = store
        self._pace = pace
        self._known: dict[str, PaceRow] = {}  # what this sender has written last

    def read(self, key: str, now: int) -> PaceState:
        """Return the state of a key; zeros for a pace that nothing has used.

        Args:
            key: Of the row.
            now: Microseconds since the epoch.

        Raises:
            PaceStoreFailed: The store cannot be reached.
        """
        # A store has no read: create() returns the row that is there. The one that it writes
        # otherwise has expired already, and stands for a pace that nothing has used.
        probe = PaceRow(key=key, token=new_token(), written=0, expires=1, next=0)
        row: PaceRow | None = self._ask(self._store.create, probe)
        return _state_of(row, now)

    def find_booking(self, key: str, now: int) -> BookingRow:
        """Return what a run has booked; a row without slots if it has not booked.

        Args:
            key: Of the row.
            now: Microseconds since the epoch.

        Raises:
            PaceStoreFailed: The store cannot be reached.
        """
        row = _booking_row(key, now, None)
        stored: BookingRow | None = self._ask(self._store.create, row)
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
        self._ask(self._store.replace, _booking_row(row.key, now, slots), row.token)

    def change(
        self,
        key: str,
        now: Callable[[], int],
        next_state: Callable[[PaceState, int], PaceState],
    ) -> None:
        """Replace the state of a key by the one that follows from it.

        Args:
            key: Of the row.
            now: Returns the time in microseconds since the epoch; read for each try.
            next_state: Returns the state that follows from a state, at a time.

        Raises:
            PaceStoreFailed: The store cannot be reached, or lets no write win.
            WaitTooLong: ``next_state`` has raised it for what is stored.
        """
        previous = self._known.get(key)
        is_remembered = previous is not None
        for _ in range(_RACES):
            moment = now()
            try:
                following = next_state(_state_of(previous, moment), moment)
            except WaitTooLong:
                if not is_remembered:
                    raise
                # The wait of a state that another sender has reset meanwhile, perhaps.
                previous = None
                is_remembered = False
                continue
            row = _row_of(key, moment, following)
            if previous is None:
                previous = self._ask(self._store.create, row)
                # Its own token: the client library of the store has sent the request again,
                # because the answer was lost.
                if previous is None or previous.token == row.token:
                    break
            elif self._ask(self._store.replace, row, previous.token):
                break
            else:
                # Another sender has written, or the row is void: create() tells which.
                previous = None
                is_remembered = False
        else:
            raise PaceStoreFailed(self._pace, f"the store refused {_RACES} conditional writes")
        self._remember(row)

    def _remember(self, row: PaceRow) -> None:
        # A key for each customer would fill the memory of a long-lived sender. What is forgotten
        # costs one more request.
        if len(self._known) >= _KNOWN:
            self._known.clear()
        self._known[row.key] = row

    def _ask(self, verb: Callable[..., Any], *arguments: Any) -> Any:
        try:
            return verb(*arguments)
        except Exception as error:
            text = f"the store failed in {verb.__name__}: {type(error).__name__}: {error}"
            raise PaceStoreFailed(self._pace, text) from error


def _state_of(row: PaceRow | None, now: int) -> PaceState:
    """Return the state that a row stands for; zeros without a row.

    Args:
        row: What is stored.
        now: Microseconds since the epoch.
    """
    if row is None:
        return PaceState()
    ahead_ms = row.written - now // 1000
    if ahead_ms <= _MARGIN_MS:
        return PaceState(row.next, row.held)
    # The clock of the last writer was ahead. What it has booked counts from now on: otherwise one
    # sender whose clock is wrong for a moment would stop all others until that time.
    ahead = ahead_ms * 1000
    return PaceState(row.next - ahead, row.held - ahead)


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


def _row_of(key: str, now: int, state: PaceState) -> PaceRow:
    """Return the row of a key for a state, at a time in microseconds since the epoch."""
    written = now // 1000
    # After the last slot a row says no more than none does. It must not go earlier: a sender
    # would book slots that others have.
    end = max(state.next, state.held) // 1000
    expires = max(written, end) + _MARGIN_MS
    return PaceRow(
        key=key,
        token=new_token(),
        written=written,
        expires=expires,
        next=state.next,
        held=state.held,
    )
