# SPDX-License-Identifier: MIT
"""The rows of a pace in its store: one for each key, replaced by conditional writes.

Invariants:

- A change is one conditional write, if this sender was the last one.
- Of two senders that saw the same state, one writes; the other begins again from what was written.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from fc_async_sdk.errors import PaceStoreFailed
from fc_async_sdk.stores import Row
from fc_async_sdk.stores.rows import new_token

if TYPE_CHECKING:
    from collections.abc import Callable

    from fc_async_sdk.stores import Store

_RACES: Final = 100
"""Number of changes lost to other senders after which the store counts as broken."""
_MARGIN_MS: Final = 90_000
"""Milliseconds after its end for which a row is kept: clocks differ."""
_KNOWN: Final = 10_000
"""Keys whose last row is remembered, to book with one request."""


class PaceRow(Row, frozen=True, omit_defaults=True, kw_only=True):
    """State of a pace for one key.

    Attributes:
        next: Theoretical arrival time of the next message, in microseconds since the epoch.
    """

    next: int


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

    def read(self, key: str) -> int:
        """Return the state of a key; 0 for a pace that nothing has used.

        Raises:
            PaceStoreFailed: The store cannot be reached.
        """
        # A store has no read: create() returns the row that is there. The one that it writes
        # otherwise has expired already, and stands for a pace that nothing has used.
        probe = PaceRow(key=key, token=new_token(), written=0, expires=1, next=0)
        row: PaceRow | None = self._ask(self._store.create, probe)
        return 0 if row is None else row.next

    def change(
        self, key: str, now: Callable[[], int], next_state: Callable[[int, int], int]
    ) -> None:
        """Replace the state of a key by the one that follows from it.

        Args:
            key: Of the row.
            now: Returns the time in microseconds since the epoch; read for each try.
            next_state: Returns the state that follows from a state, at a time.

        Raises:
            PaceStoreFailed: The store cannot be reached, or lets no write win.
        """
        previous = self._known.get(key)
        for _ in range(_RACES):
            moment = now()
            row = _row_of(key, moment, next_state(previous.next if previous else 0, moment))
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


def _row_of(key: str, now: int, following: int) -> PaceRow:
    """Return the row of a key for a state, with times in microseconds since the epoch."""
    written = now // 1000
    # After the last slot a row says no more than none does. It must not go earlier: a sender
    # would book slots that others have.
    expires = max(written, following // 1000) + _MARGIN_MS
    return PaceRow(key=key, token=new_token(), written=written, expires=expires, next=following)
