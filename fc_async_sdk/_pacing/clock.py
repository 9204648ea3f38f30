# SPDX-License-Identifier: MIT
"""The clock of a pace, which its senders share as far as their store has one."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

from fc_async_sdk._pacing import gcra, hosting

if TYPE_CHECKING:
    from collections.abc import Callable

    from fc_async_sdk.stores import Store

_ASK_AGAIN_SECONDS: Final = 60
"""Seconds after which the clock of the store is read again."""


class PaceClock:
    """The clock that a pace was given; on ``fc_local``, virtual time; or else that of the store.

    A store without a clock leaves that of this machine.

    Args:
        store: The store of the pace.
        seconds: Returns seconds since the epoch, instead of all others; None: no such function.
    """

    def __init__(self, store: Store, seconds: Callable[[], float] | None) -> None:
        self._store = store
        self._seconds = seconds
        self._ahead = 0  # of this machine's, in microseconds, as measured last
        self._ask_again = float("-inf")

    def now(self) -> int:
        """Return the time in microseconds since the epoch."""
        host = hosting.current()
        clock = self._seconds or (host and host.clock)
        if clock is not None:
            return round(clock() * gcra.SECOND)
        local_time = time.time_ns() // 1_000
        self._measure()
        return local_time + self._ahead

    def _measure(self) -> None:
        """Measure by how much the clock of the store is ahead of this machine's, if it is time.

        Senders whose clocks differ share the clock of the store, if it has one.
        """
        ask = getattr(self._store, "time", None)
        before = time.monotonic()
        if ask is None or before < self._ask_again:
            return
        # Set before the request, so that a store without a clock is not asked at each booking.
        self._ask_again = before + _ASK_AGAIN_SECONDS
        try:
            store_seconds = ask()
        except Exception:  # noqa: BLE001 -- the booking that follows tells that the store is away
            return
        if store_seconds is None:
            return
        # The store has read its clock at some time between request and answer: halfway, as NTP
        # assumes.
        duration = time.monotonic() - before
        middle = time.time() - duration / 2
        self._ahead = round((store_seconds - middle) * gcra.SECOND)
