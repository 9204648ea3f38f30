# SPDX-License-Identifier: MIT
"""Changes of the rows of a policy: each is one conditional write.

Invariants:

- Of two writers that saw the same state, one writes; the other decides again from what was written.
- A store that cannot be reached is an error. Nothing runs unguarded.
"""

from __future__ import annotations

import random
import time
from typing import TYPE_CHECKING, Any, Final, TypeVar

from msgspec.structs import replace

from fc_async_sdk.errors import InvalidParameter, OrderingStoreFailed
from fc_async_sdk.stores.rows import Row, new_token

if TYPE_CHECKING:
    from collections.abc import Callable

    from fc_async_sdk.stores import Store

KEEP_MS: Final = 8 * 86_400_000
"""Milliseconds for which a row is kept: longer than a message can wait, which is seven days."""
MARGIN_MS: Final = 90_000
"""Milliseconds by which clocks differ, at most."""
RACES: Final = 100
"""Number of changes lost to other instances after which the store counts as broken."""
_PAUSE_SECONDS: Final = 0.01
_KEY_BYTES: Final = 300

R = TypeVar("R", bound=Row)
T = TypeVar("T")


class Rows:
    """The rows of one policy.

    Args:
        store: Where they are.
        kind: Names the kind of policy in keys.
        name: Of the policy.
    """

    def __init__(self, store: Store, kind: str, name: str) -> None:
        self._store = store
        self._kind = kind
        self._name = name

    def key(self, value: object) -> str:
        """Return the key of the row for what the function ``key`` of the policy returned.

        Raises:
            InvalidParameter: It cannot be a key.
        """
        # No function has a $ in front, so no record of an idempotent handler has such a key.
        prefix = f"${self._kind}/{self._name}"
        text = prefix if value is None else f"{prefix}/{value}"
        if len(text.encode()) > _KEY_BYTES or not text.isprintable():
            limit = f"{_KEY_BYTES} bytes with the name of the policy"
            raise InvalidParameter("key", value, f"must be printable, {limit}")
        return text

    def read(self, empty: R, now: int) -> R:
        """Return a row as it is stored; ``empty`` if there is none.

        Args:
            empty: A row with its key.
            now: Milliseconds since the epoch.

        Raises:
            OrderingStoreFailed: The store cannot be reached.
        """
        stored: R | None = self.create(replace(empty, token=new_token(), written=0, expires=1))
        return empty if stored is None or _is_void(stored, now) else stored

    def change(self, empty: R, now: Callable[[], int], step: Callable[[R, int], tuple[R, T]]) -> T:
        """Replace a row by the one that follows from it, and return what else follows.

        Args:
            empty: The row of a key that nothing has used.
            now: Returns milliseconds since the epoch; read for each try.
            step: Returns the row that follows from a row, at a time, and a result. It is called
                once more for each write that another instance has won.

        Raises:
            OrderingStoreFailed: The store cannot be reached, or lets no write win.
        """
        stored: R | None = None
        for race in range(RACES):
            moment = now()
            is_void = stored is None or _is_void(stored, moment)
            before = empty if stored is None or is_void else stored
            after, result = step(before, moment)
            if stored is not None and not is_void and after == stored:
                return result
            written = _written(after, moment)
            if stored is None:
                stored = self.create(written)
                # Its own token: the client library of the store has sent the request again,
                # because the answer was lost.
                if stored is None or stored.token == written.token:
                    return result
            elif self.replace(written, stored.token):
                return result
            else:
                stored = None
                # Many instances write the row of a busy key: those that lost come back apart.
                time.sleep(random.random() * _PAUSE_SECONDS * min(race, 10))  # noqa: S311
        raise OrderingStoreFailed(self._name, f"the store refused {RACES} conditional writes")

    def create(self, row: R) -> R | None:
        """Store a row if its key has none; else return that one.

        Raises:
            OrderingStoreFailed: The store cannot be reached.
        """
        stored: R | None = self._ask(self._store.create, row)
        return stored

    def replace(self, row: Row, expected: str) -> bool:
        """Store a row if the stored one has the expected token.

        Raises:
            OrderingStoreFailed: The store cannot be reached.
        """
        return bool(self._ask(self._store.replace, row, expected))

    def _ask(self, verb: Callable[..., Any], *arguments: Any) -> Any:
        # The store may be the user's own: whatever it raises, nothing is known of the row.
        try:
            return verb(*arguments)
        except Exception as error:
            text = f"the store failed in {verb.__name__}: {type(error).__name__}: {error}"
            raise OrderingStoreFailed(self._name, text) from error


def _is_void(row: Row, now: int) -> bool:
    return now > row.expires + MARGIN_MS


def _written(row: R, now: int) -> R:
    return replace(row, token=new_token(), written=now, expires=now + KEEP_MS)
