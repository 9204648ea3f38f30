# SPDX-License-Identifier: MIT
"""What tests of paces count."""

from __future__ import annotations

from bisect import bisect_right
from typing import TYPE_CHECKING

from fc_async_sdk.stores import MemoryStore

if TYPE_CHECKING:
    from collections.abc import Iterable

    from fc_async_sdk.stores import Row
    from fc_async_sdk.stores.rows import R


class PlainStore:
    """A user's own store, which has the three verbs that it must have."""

    def __init__(self) -> None:
        self._memory = MemoryStore()

    def create(self, record: R) -> R | None:
        return self._memory.create(record)

    def replace(self, record: Row, expected: str) -> bool:
        return self._memory.replace(record, expected)

    def remove(self, key: str, expected: str) -> bool:
        return self._memory.remove(key, expected)


def most_in_a_window(starts: Iterable[int], length: int) -> int:
    """Return how many starts the fullest window of a length has, both ends included."""
    ordered = sorted(starts)
    return max(
        (bisect_right(ordered, start + length) - index for index, start in enumerate(ordered)),
        default=0,
    )
