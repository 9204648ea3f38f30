# SPDX-License-Identifier: MIT
"""The store in memory."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from fc_async_sdk.stores.counters import Counter, advanced
from fc_async_sdk.stores.rows import decode

if TYPE_CHECKING:
    from fc_async_sdk.stores.counters import Step
    from fc_async_sdk.stores.rows import R, Row


class MemoryStore:
    """A :class:`~fc_async_sdk.stores.Store` that ends with its process; it drops nothing.

    It is for tests, and the specification of the other stores.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._texts: dict[str, tuple[str, str]] = {}

    def create(self, record: R) -> R | None:
        """Store a record if its key has none; else return that one."""
        with self._lock:
            written = (record.token, record.encode())
            stored = self._texts.setdefault(record.key, written)
        if stored is written:
            return None
        # Encoded and read again, as in all other stores: no two callers share an object.
        _, text = stored
        return decode(type(record), text)

    def replace(self, record: Row, expected: str) -> bool:
        """Store a record if the stored one has the expected token or its own."""
        with self._lock:
            stored = self._texts.get(record.key)
            if stored is None or stored[0] not in {expected, record.token}:
                return False
            self._texts[record.key] = (record.token, record.encode())
            return True

    def remove(self, key: str, expected: str) -> bool:
        """Delete a record if it has the expected token."""
        with self._lock:
            if self._texts.get(key, ("",))[0] != expected:
                return False
            del self._texts[key]
            return True

    def advance(self, key: str, step: Step) -> int:
        """Move a counter on; see :func:`fc_async_sdk.stores.advanced`."""
        with self._lock:
            stored = self._texts.get(key)
            counter = None if stored is None else decode(Counter, stored[1])
            start, moved = advanced(counter, key, step)
            if moved is not None:
                self._texts[key] = (moved.token, moved.encode())
        return start
