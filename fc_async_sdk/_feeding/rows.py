# SPDX-License-Identifier: MIT
"""The rows of feeds in the store of their pace: one for each feed, and one for all of a pace.

Invariants:

- A change is one conditional write; a writer that has lost begins again from what is stored.
- What a feed has sent never becomes less.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, TypeVar

import msgspec
from msgspec.structs import replace

from fc_async_sdk._decoding import prepare
from fc_async_sdk._feeding.messages import Batch, State  # noqa: TC001 -- msgspec reads them
from fc_async_sdk._feeding.planning import Turn  # noqa: TC001 -- same
from fc_async_sdk.errors import FeedError
from fc_async_sdk.spec import limits
from fc_async_sdk.stores import Row
from fc_async_sdk.stores.rows import new_token

if TYPE_CHECKING:
    from collections.abc import Callable

    from fc_async_sdk.stores import Store

    K = TypeVar("K", bound=Row)

_RACES: Final = 100
_LIFETIME_MS: Final = limits.TASK_RETENTION_SECONDS * 1_000
"""Milliseconds. The service knows task ids for so long, too."""


class FeedRow(Row, frozen=True, omit_defaults=True, kw_only=True):
    """State of one feed.

    Attributes:
        batch: What it sends; None: there is no such feed.
        state: Whether it goes on.
        step: Number of the step that runs next, from 1.
        announced: Number of the last step whose message was accepted.
        next: Number of the next message of the batch.
        planned: How many messages from there on have slots, because a step is sending them.
        refused: Messages that no service can take.
        problem: Why the last step could not send.
    """

    batch: Batch | None = None
    state: State = "running"
    step: int = 1
    announced: int = 0
    next: int = 0
    planned: int = 0
    refused: int = 0
    problem: str = ""


class TurnsRow(Row, frozen=True, omit_defaults=True, kw_only=True):
    """The feeds of one pace, by their keys."""

    turns: dict[str, Turn] = msgspec.field(default_factory=dict)


prepare(FeedRow, TurnsRow)


class FeedRows:
    """The rows of the feeds of one function and one pace.

    Args:
        store: Where they are.
        pace: Name of the pace.
        now: Returns the time in microseconds since the epoch.
    """

    def __init__(self, store: Store, pace: str, now: Callable[[], int]) -> None:
        self._store = store
        self._pace = pace
        self._now = now

    def read(self, key: str, name: str) -> FeedRow:
        """Return a feed.

        Raises:
            FeedError: There is none of this name, or the store cannot be reached.
        """
        row = self._read(FeedRow(**self._stamp(key, expires=1)), name)
        if row.batch is None:
            raise FeedError(
                name,
                f"there is no feed of this name, or not any more, in the store of the pace "
                f"{self._pace}\nAll instances must share this store: Pace(…, store=…).",
            )
        return row

    def begin(self, key: str, name: str, row: FeedRow) -> FeedRow:
        """Store a feed if there is none of its key; return what is stored.

        Raises:
            FeedError: The store cannot be reached.
        """
        row = replace(row, **self._stamp(key))
        stored = self._read(row, name)
        if stored.batch is None and not self._ask(name, self._store.replace, row, stored.token):
            return self.read(key, name)  # another sender of the same batch was faster
        return row if stored.batch is None else stored

    def change(
        self, key: str, name: str, following: Callable[[FeedRow], FeedRow | None]
    ) -> FeedRow:
        """Replace a feed by what follows from it; return what is stored then.

        Args:
            key: Of the row.
            name: Of the feed, for errors.
            following: Returns what follows from what is stored; None: nothing is changed.

        Raises:
            FeedError: There is none of this name, or the store cannot be reached.
        """
        for _ in range(_RACES):
            row = self.read(key, name)
            changed = following(row)
            if changed is None:
                return row
            changed = replace(changed, **self._stamp(key))
            if self._ask(name, self._store.replace, changed, row.token):
                return changed
        raise FeedError(name, f"the store refused {_RACES} conditional writes")

    def change_turns(
        self, name: str, following: Callable[[dict[str, Turn]], dict[str, Turn]]
    ) -> dict[str, Turn]:
        """Replace the turns of the pace by those that follow from them, and return these.

        Args:
            name: Of the feed, for errors.
            following: Returns what follows from what is stored.

        Raises:
            FeedError: The store cannot be reached.
        """
        # No function has a $ in front, so no record of an idempotent handler has such a key.
        key = f"$feeds/{self._pace}"
        for _ in range(_RACES):
            row = TurnsRow(**self._stamp(key))
            stored = self._read(row, name)
            turns = following(stored.turns)
            if turns == stored.turns:
                return turns
            changed = replace(row, token=new_token(), turns=turns)
            if self._ask(name, self._store.replace, changed, stored.token):
                return turns
        raise FeedError(name, f"the store refused {_RACES} conditional writes")

    def _read(self, row: K, name: str) -> K:
        """Return the row of a key, or the one that was stored now because there was none."""
        stored: K | None = self._ask(name, self._store.create, row)
        return row if stored is None else stored

    def _stamp(self, key: str, *, expires: int = 0) -> dict[str, Any]:
        written = self._now() // 1_000
        return {
            "key": key,
            "token": new_token(),
            "written": written,
            "expires": expires or written + _LIFETIME_MS,
        }

    @staticmethod
    def _ask(name: str, verb: Callable[..., Any], *arguments: Any) -> Any:
        try:
            return verb(*arguments)
        except Exception as error:
            text = f"the store failed in {verb.__name__}: {type(error).__name__}: {error}"
            raise FeedError(name, text) from error
