# SPDX-License-Identifier: MIT
"""Makes request ids in the form of FC 3.0: ``1-{seconds, hex}-{8 hex}-{12 hex}``.

Source: the sample ``1-670648a1-15197d0b-d07710222f9d`` of the user guide.

The second group begins with the milliseconds, so that ids sort by time: ids of the same moment are
on the same pages of a database index, and a commit writes few pages.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import random

_RANDOM_BITS: Final = 22 + 48


def new(now: int, source: random.Random) -> str:
    """Return a new request id.

    Args:
        now: Milliseconds since the epoch.
        source: 70 bits are taken from it.
    """
    seconds, ms = divmod(now, 1_000)
    bits = ms << _RANDOM_BITS | source.getrandbits(_RANDOM_BITS)
    return f"1-{seconds & 0xFFFFFFFF:08x}-{bits >> 48:08x}-{bits & 0xFFFFFFFFFFFF:012x}"
