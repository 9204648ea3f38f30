# SPDX-License-Identifier: MIT
"""Rows in the memory of one process: for tests, and the specification of the other stores."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from fc_async_sdk.stores.rows import decode

if TYPE_CHECKING:
    from fc_async_sdk.stores.rows import R, Row


class MemoryStore:
    """A :class:`~fc_async_sdk.stores.Store` that ends with its process; it drops nothing."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._texts: dict[str, tuple[str, str]] = {}

    def create(self, record: R) -> R | None:
        """Store a record if its key has none; else return that one."""
        with self._lock:
            found = self._texts.setdefault(record.key, written := (record.token, record.encode()))
        return None if found is written else decode(type(record), found[1])

    def replace(self, record: Row, expected: str) -> bool:
        """Store a record if the stored one has the expected token or its own."""
        with self._lock:
            found = self._texts.get(record.key)
            if found is None or found[0] not in {expected, record.token}:
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
