# SPDX-License-Identifier: MIT
"""Only the last message of a burst, kept in a store that senders and instances share.

Invariants:

- A payload is in the store before its message is sent, or before the message ends that brought it.
- A window is closed only after its run is stored: a kill in between loses no payload.
"""

from __future__ import annotations

import logging
import math
import os
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from msgspec.structs import replace

from fc_async_sdk._ordering import windows
from fc_async_sdk._ordering.arguments import (
    attempt_of,
    check_name,
    check_seconds,
    key_of,
    timeout_ms,
)
from fc_async_sdk._ordering.rows import KEEP_MS, MARGIN_MS, RACES, Rows
from fc_async_sdk._ordering.windows import BurstRow, RunRow
from fc_async_sdk._pacing import gcra
from fc_async_sdk._pacing.clock import PaceClock
from fc_async_sdk.errors import OrderingStoreFailed
from fc_async_sdk.stores import MemoryStore
from fc_async_sdk.stores.rows import check, new_token

if TYPE_CHECKING:
    from collections.abc import Callable

    from fc_async_sdk._payloads.envelopes import Content
    from fc_async_sdk.stores import Store

_LOG: Final = logging.getLogger("fc_async_sdk.ordering")
_LONGEST_SECONDS: Final = 7 * 86_400
_PERIODS: Final = 10
"""The longest wait, in quiet times, if it is not given."""
_LOOK_SECONDS: Final = 60


class _Delivery(NamedTuple):
    """Identity of a delivery, and for how long it may run."""

    holder: str
    attempt: int
    lifetime_ms: int


class Taken(NamedTuple):
    """A window that a delivery runs.

    Attributes:
        run: Its row.
    """

    run: RunRow


class Later(NamedTuple):
    """A window that does not run yet.

    Attributes:
        seconds: After which the message that carries it looks again.
    """

    seconds: int


class Ended(NamedTuple):
    """A window that has run."""


class Burst(NamedTuple):
    """Numbers that are known of a key.

    Attributes:
        waiting: How many messages wait for one run.
        calls: How many messages there were.
        runs: How many runs they have become.
        replaced: How many messages have not run because a later one did.
    """

    waiting: int
    calls: int
    runs: int
    replaced: int


class BaseDebounce:
    """The state of :class:`fc_async_sdk.ordering.Debounce`, which documents it."""

    def __init__(
        self,
        name: str,
        quiet: float,
        *,
        max_wait: float | None = None,
        key: Callable[[Any], object] | None = None,
        store: Store | None = None,
        leading: bool = False,
        timeout: float | None = None,
        clock: Callable[[], float] | None = None,
    ) -> None:
        self.name = check_name(name)
        # The service delays by whole seconds.
        check_seconds("quiet", quiet, low=1, high=_LONGEST_SECONDS)
        if max_wait is None:
            max_wait = min(quiet * _PERIODS, _LONGEST_SECONDS)
        check_seconds("max_wait", max_wait, low=quiet, high=_LONGEST_SECONDS)
        if timeout is not None:
            check_seconds("timeout", timeout, low=0.001, high=86_400)
        if store is None:
            store = MemoryStore()
        else:
            check(store, "Debounce(…, store=SqliteStore(path))")
        self._timeout = timeout
        self._key = key
        self._rules = windows.Rules(round(quiet * 1_000), round(max_wait * 1_000), leading)
        self._bursts = Rows(store, "debounce", name)
        self._runs = Rows(store, "debounce-run", name)
        self._clock = PaceClock(store, clock)

    def key_of(self, payload: object) -> object:
        """Return what a payload is one of; None: all messages are one burst.

        Raises:
            InvalidParameter: The function ``key`` failed.
        """
        return key_of(self._key, payload, self.name)

    def offer(self, key: object, payload: Content, window: str = "") -> windows.Window:
        """Note a message, and return its window.

        Args:
            key: As ``key`` returned it.
            payload: Of the message.
            window: Names the window that it opens; "": a new name.

        Raises:
            OrderingStoreFailed: The store cannot be reached; nothing is noted.
        """
        name = window or os.urandom(8).hex()
        return self._bursts.change(
            self._empty(key),
            self.now,
            lambda row, now: windows.offer(row, payload, name, self._rules, now),
        )

    def confirm(self, key: object, window: windows.Window) -> None:
        """Note that the message that carries a window was accepted. Errors are logged only."""
        try:
            self._bursts.change(
                self._empty(key), self.now, lambda row, _: (windows.confirm(row, window), None)
            )
        except OrderingStoreFailed as error:
            # It is under way: a later message carries the window a second time, which changes
            # nothing.
            _LOG.warning("%s: %s", self.name, error)

    def seconds(self, window: windows.Window) -> int:
        """Return the whole seconds until a window ends; 0: it has ended."""
        return max(0, math.ceil((window.due - self.now()) / 1_000))

    def take(
        self,
        key: object,
        window_id: str,
        carried: Content,
        context: Any,
    ) -> Taken | Later | Ended:
        """Return the run of a window for a delivery that carries it.

        Args:
            key: As ``key`` returned it.
            window_id: Names the window.
            carried: The payload of the message that carries it.
            context: Of the delivery.

        Raises:
            OrderingStoreFailed: The store cannot be reached; the handler must not run.
        """
        delivery = _Delivery(
            str(getattr(context, "request_id", None) or ""),
            attempt_of(context),
            timeout_ms(self._timeout, context) + MARGIN_MS,
        )
        own = ""
        for _ in range(RACES):
            now = self.now()
            row = self._bursts.read(self._empty(key), now)
            window = row.window
            if window is not None and window.id != window_id:
                window = None  # its own has begun to run
            if window is not None and window.due > now:
                return Later(max(1, self.seconds(window)))
            mine = self._run_of(window_id, window, carried, delivery, now)
            standing = self._claim(mine, own, is_open=window is not None)
            if isinstance(standing, (Later, Ended)):
                return standing
            if standing is None:
                continue
            own = standing.token
            if window is None or self._close(row, now):
                return Taken(standing)
            # A message has come meanwhile: the run takes its payload.
        raise OrderingStoreFailed(self.name, f"the store refused {RACES} conditional writes")

    def _run_of(
        self,
        window_id: str,
        window: windows.Window | None,
        carried: Content,
        delivery: _Delivery,
        now: int,
    ) -> RunRow:
        return RunRow(
            key=self._runs.key(window_id),
            token=new_token(),
            written=now,
            expires=now + KEEP_MS,
            payload=carried if window is None else window.payload,
            holder=delivery.holder,
            attempt=delivery.attempt,
            until=now + delivery.lifetime_ms,
            calls=1 if window is None else window.calls,
        )

    def _claim(self, mine: RunRow, own: str, *, is_open: bool) -> RunRow | Later | Ended | None:
        """Store a run, or return why it does not begin; None: another delivery has written."""
        stored = self._runs.create(mine)
        if stored is None or stored.token == mine.token:
            if not is_open:
                # The store has lost it, or it was sent again after a week. It runs with what it
                # carries: no message ends in silence.
                _LOG.warning("%s: the store knows no window %s", self.name, mine.key)
            return mine
        if stored.done:
            return Ended()
        is_own = stored.token == own
        if not is_own and not windows.is_free(stored, mine.holder, mine.attempt, mine.written):
            left = math.ceil((stored.until - mine.written) / 1_000)
            return Later(min(max(1, left), _LOOK_SECONDS))
        if not is_open:
            mine = replace(mine, payload=stored.payload, calls=stored.calls)
        return mine if self._runs.replace(mine, stored.token) else None

    def end(self, taken: Taken) -> None:
        """Note that a run has ended. What fails here is logged: the work is done."""
        done = replace(taken.run, token=new_token(), done=True)
        try:
            self._runs.replace(done, taken.run.token)
        except OrderingStoreFailed as error:
            _LOG.warning("%s: the end of a run is not noted: %s", self.name, error)

    def state(self, key: object = None) -> Burst:
        """Return what is known of a key.

        Args:
            key: As ``key`` returned it; None if all messages are one burst.

        Raises:
            OrderingStoreFailed: The store cannot be reached.
        """
        row = self._bursts.read(self._empty(key), self.now())
        waiting = 0 if row.window is None else row.window.calls
        return Burst(waiting, row.calls, row.runs, row.calls - waiting - row.runs)

    def now(self) -> int:
        """Return milliseconds since the epoch, by the clock that senders and instances share."""
        return self._clock.now() * 1_000 // gcra.SECOND

    def _close(self, row: BurstRow, now: int) -> bool:
        """Close the window of a row; False if a message has come meanwhile."""
        closed = replace(windows.close(row), token=new_token(), written=now, expires=now + KEEP_MS)
        return self._bursts.replace(closed, row.token)

    def _empty(self, key: object) -> BurstRow:
        return BurstRow(key=self._bursts.key(key), token="", written=0, expires=0)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name}>"
