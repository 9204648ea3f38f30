# SPDX-License-Identifier: MIT
"""Leases of the messages of a key that run, and tickets for their order. Pure.

A row has the leases of the messages that run. With an order, each message has a ticket, a number
that the row gives out once; the row then needs no list of those that wait::

    next     the ticket that is given out next
    turn     the lowest ticket that has not started
    back     tickets that have started and come back: they failed, or asked to run later
    due      when the owner of the turn counts as missing
    lasts    how long runs have lasted, so that a message looks again when it may be its turn

Invariants:

- At most ``limit`` leases are alive at any time. A lease ends when its run ends, or when the
  platform has ended its run for certain: after the timeout of the function and a margin.
- With an order, no ticket starts before a lower one that is expected.
- A ticket whose message does not come is passed over, so that a lost message stops no key.
- A ticket that was passed over may still start: no message is lost.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import msgspec
from msgspec.structs import replace

from fc_async_sdk._decoding import prepare
from fc_async_sdk.stores.rows import Row

LONGEST_WAIT: Final = 60_000
"""Milliseconds between two looks of a message that waits, at most."""
_SHORTEST_WAIT: Final = 1_000
"""The service's shortest delay."""
_UNKNOWN: Final = 1_000
"""Milliseconds that a run lasts, until the first has ended."""
_DOUBLINGS: Final = 16


class Lease(msgspec.Struct, frozen=True, omit_defaults=True):
    """A message that runs, or one that is expected back. Times are milliseconds since the epoch.

    Attributes:
        holder: The request of its delivery, which all attempts share.
        until: When it counts as lost.
        began: When it began to run.
        attempt: The retry count of the attempt that runs.
        ticket: Its ticket; 0 without an order.
    """

    holder: str
    until: int
    began: int = 0
    attempt: int = 0
    ticket: int = 0


class KeyRow(Row, frozen=True, omit_defaults=True, kw_only=True):
    """State of a key of a :class:`~fc_async_sdk.ordering.Concurrency`; see the module."""

    leases: tuple[Lease, ...] = ()
    back: tuple[Lease, ...] = ()
    next: int = 1
    turn: int = 1
    due: int = 0
    lasts: int = 0


prepare(KeyRow)


class Limits(NamedTuple):
    """Rules of a limit.

    Attributes:
        limit: How many messages run at a time.
        order: Whether messages run in the order of their tickets.
        missing_ms: Milliseconds for which the next message in order is waited for.
        newest: Whether a message does not run after one with a higher ticket has begun.
    """

    limit: int
    order: bool
    missing_ms: int
    newest: bool = False

    @property
    def has_tickets(self) -> bool:
        """True if messages have tickets."""
        return self.order or self.newest


class Request(NamedTuple):
    """A delivery that asks to run.

    Attributes:
        holder: Its request id.
        attempt: Its retry count.
        until: When its run has ended for certain, in milliseconds since the epoch.
        ticket: The ticket that it has; 0: none.
    """

    holder: str
    attempt: int
    until: int
    ticket: int = 0


class Busy(NamedTuple):
    """The delivery must wait.

    Attributes:
        ticket: The ticket that it has now; 0 without an order.
        ahead: How many messages are before it, at least 1; 1 without an order.
        until: When a run ends at the latest, or the message before counts as missing.
        running: The messages that run.
    """

    ticket: int
    ahead: int
    until: int
    running: tuple[Lease, ...]


class Superseded(NamedTuple):
    """A later message has begun, and this one does not run any more."""


def take_ticket(row: KeyRow, limits: Limits, now: int) -> tuple[KeyRow, int]:
    """Return the row after a ticket was given out, and the ticket."""
    due = row.due
    # Nothing was expected before: the time of an idle key must not let a later message pass.
    if row.turn == row.next:
        due = max(due, now + limits.missing_ms)
    return replace(row, next=row.next + 1, due=due), row.next


def give_back(row: KeyRow, ticket: int) -> KeyRow:
    """Return the row after a ticket was not used, if none was given out after it."""
    if ticket != row.next - 1 or ticket < row.turn:
        return row
    return replace(row, next=ticket)


def begin(
    row: KeyRow, request: Request, limits: Limits, now: int
) -> tuple[KeyRow, Lease | Busy | Superseded]:
    """Return the row after a delivery has asked to run, and its lease, or why it does not run.

    Args:
        row: The state of the key.
        request: The delivery.
        limits: What is allowed.
        now: Milliseconds since the epoch.
    """
    alive, own = _alive(row, request, now)
    ticket = request.ticket or own.ticket
    if limits.has_tickets and not ticket:
        row, ticket = take_ticket(row, limits, now)
    # The ticket before the turn is that of the last one that has begun: this is a retry of it.
    if limits.newest and ticket < row.turn - 1:
        return row, Superseded()
    others = _expected(row, request, ticket, now)
    row = _passed_over(row, others, limits, len(alive), now)
    first = _first(row, others)
    has_room = len(alive) < limits.limit
    is_in_turn = not limits.order or ticket <= first
    if not (has_room and is_in_turn):
        ends = (*alive, *others) if limits.order else alive
        until = min([lease.until for lease in ends], default=max(row.due, now))
        ahead = max(1, ticket - first + len(alive)) if limits.order else 1
        return row, Busy(ticket, ahead, until, alive)
    lease = Lease(request.holder, request.until, now, request.attempt, ticket)
    turn = max(row.turn, ticket + 1) if limits.has_tickets else row.turn
    changed = replace(row, leases=(*alive, lease), back=others, turn=turn)
    return replace(changed, due=_due(changed, limits, now)), lease


def _expected(row: KeyRow, request: Request, ticket: int, now: int) -> tuple[Lease, ...]:
    """Return the messages that come back, without that of the request."""
    return tuple(
        lease
        for lease in row.back
        if lease.until > now and request.holder != lease.holder and ticket != lease.ticket
    )


def _alive(row: KeyRow, request: Request, now: int) -> tuple[tuple[Lease, ...], Lease]:
    """Return the leases of others that are alive, and what the request has had before."""
    alive: list[Lease] = []
    own = Lease(request.holder, 0)
    for lease in (*row.back, *row.leases):
        if lease.holder == request.holder:
            own = lease
    for lease in row.leases:
        # A retry begins only after the attempt before has ended, also if that was killed. A second
        # delivery of the same attempt does not tell that.
        is_retry = lease.holder == request.holder and request.attempt > lease.attempt
        if lease.until > now and not is_retry:
            alive.append(lease)
    return tuple(alive), own


def _passed_over(
    row: KeyRow, back: tuple[Lease, ...], limits: Limits, running: int, now: int
) -> KeyRow:
    """Return the row after the owner of the turn was passed over, if it is missing."""
    has_owner = row.turn < row.next
    if not (limits.order and has_owner) or back or running >= limits.limit or now < row.due:
        return row
    # One at a time: the owner of the next ticket may be on its way.
    return replace(row, turn=row.turn + 1, due=now + limits.missing_ms)


def _first(row: KeyRow, back: tuple[Lease, ...]) -> int:
    """Return the ticket that is to start next."""
    return min([row.turn, *(lease.ticket for lease in back)])


def _due(row: KeyRow, limits: Limits, now: int) -> int:
    """Return when the next message in order counts as missing."""
    has_room = len(row.leases) < limits.limit
    begins = now if has_room else min(lease.until for lease in row.leases)
    # It cannot start before those that come back, and is not missing while it waits for them.
    for lease in row.back:
        begins = max(begins, lease.until)
    return begins + limits.missing_ms


def end(row: KeyRow, lease: Lease, limits: Limits, now: int) -> KeyRow:
    """Return the row after a run has ended for good."""
    lasted = max(1, now - lease.began)
    # A mean in which the newest run counts for a quarter: runs of a key change slowly.
    lasts = (3 * row.lasts + lasted) // 4 if row.lasts else lasted
    freed = replace(row, leases=_without(row, lease), lasts=lasts)
    return replace(freed, due=_due(freed, limits, now))


def send_back(
    row: KeyRow,
    lease: Lease,
    limits: Limits,
    now: int,
    *,
    seconds: int = 0,
) -> KeyRow:
    """Return the row after a run that failed, or whose message comes again later.

    Args:
        row: The state of the key.
        lease: Of the run.
        limits: What is allowed.
        now: Milliseconds since the epoch.
        seconds: After which the message comes again, as far as that is known.
    """
    # It may have lasted for a moment only, so it does not count for how long runs last.
    freed = replace(row, leases=_without(row, lease))
    if limits.has_tickets:
        expected = replace(lease, until=now + seconds * 1_000 + limits.missing_ms)
        freed = replace(freed, back=(*freed.back, expected))
    return replace(freed, due=_due(freed, limits, now))


def drop(row: KeyRow, lease: Lease, limits: Limits, now: int) -> KeyRow:
    """Return the row after the task of a run was stopped."""
    freed = replace(row, leases=_without(row, lease))
    return replace(freed, due=_due(freed, limits, now))


def holds(row: KeyRow, lease: Lease) -> bool:
    """Return whether a run still has its lease: it did not outlive it."""
    return any(_is_same(lease, other) for other in row.leases)


def _without(row: KeyRow, lease: Lease) -> tuple[Lease, ...]:
    return tuple(other for other in row.leases if not _is_same(lease, other))


def _is_same(lease: Lease, other: Lease) -> bool:
    return (other.holder, other.attempt, other.began) == (lease.holder, lease.attempt, lease.began)


def wait(
    busy: Busy,
    lasts: int,
    waits: int,
    now: int,
    chance: float,
) -> int:
    """Return after how many whole seconds a message looks again, 1 or more.

    Args:
        busy: Why it waits.
        lasts: Milliseconds that a run lasts; 0: not known.
        waits: How often the message has waited before.
        now: Milliseconds since the epoch.
        chance: A random number from 0 to 1: messages that wait for the same must not all come
            back at once.
    """
    each = lasts or _UNKNOWN
    # With tickets it is known how many are before. Otherwise the wait doubles.
    is_known = busy.ticket and lasts
    steps = busy.ahead if is_known else 2 ** min(waits, _DOUBLINGS)
    span = min(each * steps, LONGEST_WAIT)
    # What was killed ends with its lease: to look later than that would waste time.
    span = min(span, max(busy.until - now, _SHORTEST_WAIT))
    milliseconds = span * (0.5 + chance / 2)
    return max(1, -int(-milliseconds // 1_000))
