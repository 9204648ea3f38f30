# SPDX-License-Identifier: MIT
"""Limits of how many messages of a key run at a time, in a store that all instances share.

Invariants:

- A run begins only after its lease is stored, and gives it back when it ends.
- A lease that is not given back, because its instance was killed, ends by itself.
"""

from __future__ import annotations

import logging
import math
import random
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple, TypedDict

from fc_async_sdk._ordering import leases
from fc_async_sdk._ordering.arguments import (
    attempt_of,
    check_name,
    check_seconds,
    key_of,
    timeout_ms,
)
from fc_async_sdk._ordering.rows import MARGIN_MS, Rows
from fc_async_sdk._pacing import gcra
from fc_async_sdk._pacing.clock import PaceClock
from fc_async_sdk.errors import InvalidParameter, OrderingStoreFailed, WaitedTooLong
from fc_async_sdk.stores import MemoryStore
from fc_async_sdk.stores.rows import check

if TYPE_CHECKING:
    from collections.abc import Callable

    from typing_extensions import Unpack

    from fc_async_sdk.stores import Store

Mode = Literal["wait", "skip", "cancel"]

_LOG: Final = logging.getLogger("fc_async_sdk.ordering")
_MISSING_SECONDS: Final = 120.0
_PATIENCE_SECONDS: Final = 6 * 3_600.0
_WEEK: Final = 7 * 86_400
_SHORTEST_MISSING: Final = (leases.LONGEST_WAIT + MARGIN_MS) // 2_000


class Wait(NamedTuple):
    """A delivery whose turn has not come.

    Attributes:
        seconds: After which it looks again.
        ticket: Its ticket; 0 without an order.
        reason: For logs and results.
        running: The messages that it waits for.
    """

    seconds: int
    ticket: int
    reason: str
    running: tuple[leases.Lease, ...] = ()


class Held(NamedTuple):
    """A delivery that may run.

    Attributes:
        key: Key of its row.
        lease: Its lease.
    """

    key: str
    lease: leases.Lease


class State(NamedTuple):
    """Numbers that are known of a key.

    Attributes:
        running: How many messages run.
        waiting: How many have a ticket and have not begun; 0 without an order.
        seconds: How long a run lasts, on average; 0 if none has ended.
    """

    running: int
    waiting: int
    seconds: float


class WaitOptions(TypedDict, total=False):
    """Options of a :class:`~fc_async_sdk.ordering.Concurrency`, which documents them."""

    patience: float
    missing: float
    timeout: float | None
    clock: Callable[[], float]
    chance: Callable[[], float]


class BaseConcurrency:
    """The state of :class:`fc_async_sdk.ordering.Concurrency`, which documents it."""

    def __init__(
        self,
        name: str,
        limit: int = 1,
        *,
        key: Callable[[Any], object] | None = None,
        store: Store | None = None,
        order: bool = False,
        mode: Mode = "wait",
        **options: Unpack[WaitOptions],
    ) -> None:
        patience = options.get("patience", _PATIENCE_SECONDS)
        missing = options.get("missing", _MISSING_SECONDS)
        timeout = options.get("timeout")
        unknown = options.keys() - WaitOptions.__annotations__.keys()
        if unknown:
            raise TypeError(f"Concurrency() has no argument {min(unknown)!r}")
        self.name = check_name(name)
        if type(limit) is not int or limit < 1:
            raise InvalidParameter("limit", limit, "must be a whole number, 1 or more")
        if mode not in {"wait", "skip", "cancel"}:
            raise InvalidParameter("mode", mode, "must be wait, skip or cancel")
        if order and mode != "wait":
            raise InvalidParameter("order", order, "needs mode='wait': not all of them run")
        if mode == "cancel" and limit != 1:
            raise InvalidParameter("limit", limit, "must be 1: the newest message cancels the one")
        check_seconds("patience", patience, low=1, high=_WEEK)
        # A message that waits looks again after a minute at the latest.
        check_seconds("missing", missing, low=_SHORTEST_MISSING, high=_WEEK)
        if timeout is not None:
            check_seconds("timeout", timeout, low=0.001, high=86_400)
        if store is None:
            store = MemoryStore()
        else:
            check(store, "Concurrency(…, store=SqliteStore(path))")
        self.mode = mode
        self._patience = patience
        self._timeout = timeout
        self._key = key
        self._limits = leases.Limits(limit, order, round(missing * 1_000), mode == "cancel")
        self._rows = Rows(store, "concurrency", name)
        self._clock = PaceClock(store, options.get("clock"))
        self._chance = options.get("chance", random.random)

    @property
    def has_tickets(self) -> bool:
        """True if senders give messages a ticket."""
        return self._limits.has_tickets

    @property
    def order(self) -> bool:
        """True if messages of a key start in order."""
        return self._limits.order

    def key_of(self, payload: object) -> object:
        """Return what a payload waits for; None: for all messages.

        Raises:
            InvalidParameter: The function ``key`` failed.
        """
        return key_of(self._key, payload, self.name)

    def take_ticket(self, key: object = None) -> int:
        """Return the next number of a key, for a message that is sent now.

        Raises:
            OrderingStoreFailed: The store cannot be reached.
        """
        return self._rows.change(
            self._empty(self._rows.key(key)),
            self.now,
            lambda row, now: leases.take_ticket(row, self._limits, now),
        )

    def give_back(self, key: object, ticket: int) -> None:
        """Take back a ticket whose message was refused. What fails here is logged."""
        try:
            self._rows.change(
                self._empty(self._rows.key(key)),
                self.now,
                lambda row, _: (leases.give_back(row, ticket), None),
            )
        except OrderingStoreFailed as error:
            # The messages behind it wait until it counts as missing.
            _LOG.warning("%s: ticket %d is lost: %s", self.name, ticket, error)

    def enter(
        self,
        key: object,
        context: Any,
        *,
        ticket: int = 0,
        waits: int = 0,
        since: float = 0,
    ) -> Held | Wait | leases.Superseded:
        """Return the lease of a delivery, how long it waits, or that a later one has begun.

        Args:
            key: As ``key`` returned it.
            context: Of the delivery.
            ticket: What the message has; 0: none.
            waits: How often it has waited.
            since: When it began to wait, in seconds since the epoch; 0: it has not.

        Raises:
            OrderingStoreFailed: The store cannot be reached; the handler must not run.
            WaitedTooLong: It has waited for as long as it may.
        """
        row_key = self._rows.key(key)
        holder = str(getattr(context, "request_id", None) or "")
        attempt = attempt_of(context)
        lifetime = timeout_ms(self._timeout, context) + MARGIN_MS

        def step(
            row: leases.KeyRow, now: int
        ) -> tuple[leases.KeyRow, tuple[leases.Lease | leases.Busy | leases.Superseded, int]]:
            request = leases.Request(holder, attempt, now + lifetime, ticket)
            after, standing = leases.begin(row, request, self._limits, now)
            return after, (standing, row.lasts)

        standing, lasts = self._rows.change(self._empty(row_key), self.now, step)
        if isinstance(standing, leases.Lease):
            return Held(row_key, standing)
        if isinstance(standing, leases.Superseded):
            return standing
        now = self.now()
        waited = now / 1_000 - since if since else 0
        if self.mode != "skip" and waited >= self._patience:
            raise WaitedTooLong(self.name, key, waited)
        seconds = leases.wait(standing, lasts, waits, now, self._chance())
        if self.mode == "cancel":
            seconds = 1  # until the other one has been stopped
        if self.mode == "wait":
            seconds = min(seconds, math.ceil(self._patience - waited))
        return Wait(seconds, standing.ticket, self._reason(standing), standing.running)

    def drop(self, key: object, lease: leases.Lease) -> None:
        """End the lease of a message whose task was stopped.

        Raises:
            OrderingStoreFailed: The store cannot be reached.
        """
        self._rows.change(
            self._empty(self._rows.key(key)),
            self.now,
            lambda row, now: (leases.drop(row, lease, self._limits, now), None),
        )

    def leave(self, held: Held) -> None:
        """Give a lease back after its run. What fails here is logged: the work is done."""
        self._leave(held, leases.end)

    def send_back(self, held: Held, seconds: int = 0) -> None:
        """Give a lease back after a run that failed, or whose message comes again.

        Args:
            held: The lease.
            seconds: After which the message comes again, as far as that is known.
        """

        def step(
            row: leases.KeyRow, lease: leases.Lease, limits: leases.Limits, now: int
        ) -> leases.KeyRow:
            return leases.send_back(row, lease, limits, now, seconds=seconds)

        self._leave(held, step)

    def state(self, key: object = None) -> State:
        """Return what is known of a key.

        Args:
            key: As ``key`` returned it; None if all messages share the limit.

        Raises:
            OrderingStoreFailed: The store cannot be reached.
        """
        now = self.now()
        row = self._rows.read(self._empty(self._rows.key(key)), now)
        running = [lease for lease in row.leases if lease.until > now]
        return State(len(running), row.next - row.turn + len(row.back), row.lasts / 1_000)

    def now(self) -> int:
        """Return milliseconds since the epoch, by the clock that instances share."""
        return self._clock.now() * 1_000 // gcra.SECOND

    def _leave(
        self,
        held: Held,
        decide: Callable[[leases.KeyRow, leases.Lease, leases.Limits, int], leases.KeyRow],
    ) -> None:
        had_lease = True

        def step(row: leases.KeyRow, now: int) -> tuple[leases.KeyRow, None]:
            nonlocal had_lease
            had_lease = leases.holds(row, held.lease)
            if not had_lease:
                return row, None
            return decide(row, held.lease, self._limits, now), None

        try:
            self._rows.change(self._empty(held.key), self.now, step)
        except OrderingStoreFailed as error:
            # A failed attempt would repeat the work. The lease ends by itself.
            _LOG.warning("%s is not given back: %s", held.key, error)
        if not had_lease:
            _LOG.warning("%s: this run has outlived its lease, and others may have run", held.key)

    def _empty(self, row_key: str) -> leases.KeyRow:
        return leases.KeyRow(key=row_key, token="", written=0, expires=0)

    def _reason(self, busy: leases.Busy) -> str:
        if self.order and busy.ahead > 1:
            return f"{self.name}: {busy.ahead} messages are before it"
        return f"{self.name}: {self._limits.limit} at a time"

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name}>"
