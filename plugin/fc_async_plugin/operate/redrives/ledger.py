# SPDX-License-Identifier: MIT
"""Keeps the records of redrives in a store: one of this folder, or one that a user names.

Invariants:

- The rows of the failures are written before the row of the redrive: without it nothing is sent.
- One process sends at a time. A second one takes the redrive over; the first notices at its next
  write, because the row has another token.
"""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, Any, Final, TypeVar

from msgspec.structs import replace

from fc_async_plugin import PluginError
from fc_async_plugin.operate.redrives.record import (
    PART,
    UNKNOWN,
    Counts,
    Head,
    Index,
    MemberState,
    Part,
)
from fc_async_sdk import _project_folder
from fc_async_sdk.stores import MemoryStore, Row, SqliteStore
from fc_async_sdk.stores.rows import new_token

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from fc_async_plugin.operate.redrives.record import (
        Chosen,
        Pacing,
        RedriveState,
        Source,
    )
    from fc_async_sdk.stores import Store

R = TypeVar("R", bound=Row)

_FILE: Final = "redrives.db"
_LIFETIME_MS: Final = 30 * 24 * 60 * 60 * 1000
"""A record is kept so long after its last write."""
_LISTED: Final = 100
_RACES: Final = 100


class Changed(Exception):
    """Another process has paused, stopped or taken over the redrive."""


class Ledger:
    """The records of redrives in a store.

    Args:
        store: The store.
        now: Returns milliseconds since the epoch.
    """

    def __init__(
        self, store: Store, now: Callable[[], int] = lambda: time.time_ns() // 1_000_000
    ) -> None:
        self._store = store
        self._now = now

    def begin(
        self,
        chosen: Sequence[Chosen],
        sources: Sequence[Source],
        *,
        target: str,
        pacing: Pacing | None,
        reader: str | None,
    ) -> Head:
        """Write the record of a new redrive; this process sends its failures."""
        redrive = f"rd-{os.urandom(4).hex()}"
        number = 0
        for failures in chosen:
            for first in range(0, len(failures.ids), PART):
                ids = failures.ids[first : first + PART]
                part = Part(
                    **self._row(_part_key(redrive, number)),
                    source=failures.source,
                    function=failures.function,
                    qualifier=failures.qualifier,
                    ids=ids,
                    states=MemberState.CHOSEN.value * len(ids),
                    ends=UNKNOWN * len(ids),
                )
                self._ask(self._store.create, part)
                number += 1
        total = sum(len(failures.ids) for failures in chosen)
        head = Head(
            **self._row(_key(redrive)),
            redrive=redrive,
            target=target,
            created=self._now(),
            state="running",
            runner=new_token(),
            sources=list(sources),
            parts=number,
            pacing=pacing,
            reader=reader,
            counts=Counts(chosen=total, left=total),
        )
        self._ask(self._store.create, head)
        self._list(redrive)
        return head

    def ids(self) -> list[str]:
        """Return the ids of the redrives of this store, the newest first."""
        index = self._read(Index(**self._row(_INDEX), redrives=[]))
        return [] if index is None else index.redrives

    def head(self, redrive: str | None) -> Head:
        """Return the row of a redrive; None: of the newest one.

        Raises:
            PluginError: There is none.
        """
        ids = self.ids()
        if redrive is None:
            if not ids:
                raise PluginError("there is no redrive here: fc-async replay begins one")
            redrive = ids[0]
        head = self.find(redrive)
        if head is None:
            known = ", ".join(ids) or "none"
            raise PluginError(f"there is no redrive {redrive}; the newest first: {known}")
        return head

    def find(self, redrive: str) -> Head | None:
        """Return the row of a redrive; None if there is none, or not any more."""
        blank = Head(
            **self._row(_key(redrive)),
            redrive=redrive,
            target="",
            created=0,
            state="stopped",
            runner="",
            sources=[],
            parts=0,
        )
        return self._read(blank)

    def parts(self, head: Head) -> Iterator[Part]:
        """Yield the failures of a redrive, part by part."""
        for number in range(head.parts):
            row = self._row(_part_key(head.redrive, number))
            blank = Part(**row, source=0, function="", qualifier=None, ids=[], states="", ends="")
            part = self._read(blank)
            if part is not None:
                yield part

    def reread(self, part: Part) -> Part:
        """Return a part as it is now.

        Raises:
            Changed: It is not there any more.
        """
        stored = self._read(self._stamped(part))
        if stored is None:
            raise Changed
        return stored

    def counts(self, head: Head) -> Counts:
        """Return the numbers of failures as the rows of the failures have them."""
        total = Counts()
        for part in self.parts(head):
            total = total.plus(part.counts())
        return total

    def write(self, part: Part) -> Part:
        """Replace a part that was read or written before.

        Raises:
            Changed: Another process has written it.
        """
        written: Part = self._stamped(part)
        if not self._ask(self._store.replace, written, part.token):
            raise Changed
        return written

    def update(self, head: Head, counts: Counts) -> Head:
        """Write the numbers of a redrive that this process runs: the sign that it does.

        Raises:
            Changed: Another process has paused, stopped or taken over the redrive.
        """
        written: Head = self._stamped(replace(head, counts=counts))
        if not self._ask(self._store.replace, written, head.token):
            raise Changed
        return written

    def change(self, redrive: str, state: RedriveState) -> Head:
        """Pause, stop, end or take over a redrive; the process that runs it notices.

        Args:
            redrive: Its id.
            state: The new state; with ``running`` this process sends from now on.

        Raises:
            PluginError: There is no such redrive, or the store lets no write win.
        """
        for _ in range(_RACES):
            head = self.head(redrive)
            runner = new_token() if state == "running" else head.runner
            written: Head = self._stamped(replace(head, state=state, runner=runner))
            if self._ask(self._store.replace, written, head.token):
                return written
        raise PluginError(f"the store refused {_RACES} conditional writes of {redrive}")

    def _list(self, redrive: str) -> None:
        """Add a redrive to the list."""
        for _ in range(_RACES):
            first = Index(**self._row(_INDEX), redrives=[redrive])
            index = self._ask(self._store.create, first)
            if index is None:
                return
            following = replace(first, redrives=[redrive, *index.redrives][:_LISTED])
            if self._ask(self._store.replace, following, index.token):
                return
        raise PluginError(f"the store refused {_RACES} conditional writes of its list")

    def _read(self, blank: R) -> R | None:
        """Return the row that a key has; a store has no verb for it but ``create``."""
        row: R | None = self._ask(self._store.create, blank)
        if row is None:
            self._ask(self._store.remove, blank.key, blank.token)
        return row

    def _ask(self, verb: Callable[..., Any], *arguments: Any) -> Any:
        """Return what the store answers.

        Raises:
            PluginError: It cannot be reached.
        """
        try:
            return verb(*arguments)
        except Exception as error:
            name = type(error).__name__
            raise PluginError(f"the store of the redrives failed: {name}: {error}") from error

    def _row(self, key: str) -> dict[str, Any]:
        written = self._now()
        return {
            "key": key,
            "token": new_token(),
            "written": written,
            "expires": written + _LIFETIME_MS,
        }

    def _stamped(self, row: R) -> R:
        """Return a row with a new token and the time of its next write."""
        return replace(row, **self._row(row.key))


_INDEX: Final = "fc-async-redrives"


def _key(redrive: str) -> str:
    return f"fc-async-redrive/{redrive}"


def _part_key(redrive: str, number: int) -> str:
    return f"fc-async-redrive/{redrive}/{number}"


def of_folder(*, begins: bool = True) -> Ledger:
    """Return the records of this folder, for this user alone.

    Args:
        begins: A redrive is begun; otherwise a folder without records stays without.

    Raises:
        ForeignFolder: The folder is not this user's.
        OSError: It cannot be written.
    """
    file = _project_folder.REDRIVES / _FILE
    if not begins:
        _project_folder.check(_project_folder.REDRIVES)
        if not file.exists():
            return Ledger(MemoryStore())
    _project_folder.make_private(_project_folder.REDRIVES)
    return Ledger(SqliteStore(file))
