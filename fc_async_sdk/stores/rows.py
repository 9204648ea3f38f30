# SPDX-License-Identifier: MIT
"""The row of one key, and the interface of the store that keeps it.

Invariants:

- Every write gives the row a new token. A write names the token that it replaces, so a writer
  that has not seen the last write changes nothing (optimistic locking).
- A verb may be repeated after a lost answer: a row that already has the new token counts as
  written.
"""

from __future__ import annotations

import functools
import os
import threading
from typing import Any, Protocol, TypeVar

import msgspec

from fc_async_sdk.errors import InvalidParameter


class Row(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """State of a key; what is kept of it is a subclass. Times are milliseconds since the epoch.

    Attributes:
        key: Identifies the state.
        token: Changes with every write.
        written: When this was written, by the writer's clock.
        expires: When the row is void.
    """

    key: str
    token: str
    written: int
    expires: int

    @property
    def lifetime_ms(self) -> int:
        """Milliseconds that a store must keep it: a duration is the same on all clocks."""
        return max(1, self.expires - self.written)

    def encode(self) -> str:
        """Return the text that stores keep."""
        return msgspec.json.encode(self).decode()


R = TypeVar("R", bound=Row)


# Two threads that make the first decoder of a Struct at the same time end the process, see
# fc_async_sdk._decoding. Users' rows are not prepared when their module is imported.
_first_use = threading.Lock()


@functools.cache
def _decoder(kind: Any) -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(kind)


def decode(kind: type[R], text: str | bytes) -> R:
    """Read what :meth:`Row.encode` wrote.

    Raises:
        ValueError: It is not a row of this kind.
    """
    with _first_use:
        decoder = _decoder(kind)
    try:
        row: R = decoder.decode(text)
    except msgspec.DecodeError as error:
        raise ValueError(f"the stored record cannot be read: {error}") from error
    return row


def check(store: object, example: str) -> None:
    """Check that an argument is a store.

    Args:
        store: The argument.
        example: Shows how it is given, in the error.

    Raises:
        InvalidParameter: It is something else.
    """
    if not all(callable(getattr(store, verb, None)) for verb in ("create", "replace", "remove")):
        raise InvalidParameter("store", store, f"must be a store: {example}")


def new_token() -> str:
    """Return a token that no other write has."""
    return os.urandom(16).hex()


class Store(Protocol):
    """Keeps rows, with three conditional writes. Must be thread-safe.

    A store decides nothing; any error of it counts as a store that cannot be reached. A row must
    be kept for :attr:`Row.lifetime_ms`, and may be dropped after that. What a store returns is of
    the type that it was given: ``decode(type(record), text)``. A store whose server has a clock
    may have a method ``time()`` that returns seconds since the epoch: paces then use this clock.

    A store may have a verb ``advance(key, step)``, which does :func:`fc_async_sdk.stores.advanced`
    in one step under its own lock. Without it paces use ``create`` and ``replace``, where the more
    senders write to a row, the fewer of them win.
    """

    def create(self, record: R) -> R | None:
        """Store a record if its key has none.

        Returns:
            None if it was stored; otherwise the record that the key has.
        """
        ...

    def replace(self, record: Row, expected: str) -> bool:
        """Store a record if the stored one has the expected token or already that of the record.

        Returns:
            Whether the record is stored now.
        """
        ...

    def remove(self, key: str, expected: str) -> bool:
        """Delete the record of a key if it has the expected token.

        Returns:
            Whether it was deleted.
        """
        ...
