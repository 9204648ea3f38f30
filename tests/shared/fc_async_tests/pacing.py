# SPDX-License-Identifier: MIT
"""What tests of paces count."""

from __future__ import annotations

from bisect import bisect_right
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


def most_in_a_window(starts: Iterable[int], length: int) -> int:
    """Return how many starts the fullest window of a length has, both ends included."""
    ordered = sorted(starts)
    return max(
        (bisect_right(ordered, start + length) - index for index, start in enumerate(ordered)),
        default=0,
    )
