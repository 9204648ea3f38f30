# SPDX-License-Identifier: MIT
"""Explains why asynchronous calls of a function wait, and when they will have run. Pure.

:func:`explain` turns the facts about a function into an :class:`Explanation`. The command line,
the console and ``fc-async metrics`` show the same one. The facts come from a local runtime, or from
CloudMonitor and the API of an account.

Invariants:

- A fact that is not known is None and named in ``unknown``; nothing is derived from a guess.
- Deliveries that only send a message on (hops) are not counted as arrivals, ends or executions.
"""

from __future__ import annotations

import math
import statistics
from typing import TYPE_CHECKING, Final, Literal, NamedTuple

import msgspec

if TYPE_CHECKING:
    from collections.abc import Sequence

MINUTE: Final = 60
MINUTE_MS: Final = 60_000

CauseName = Literal[
    "paused",
    "draining",
    "blocked",
    "instance-concurrency",
    "reserved",
    "quota",
    "in-flight",
    "system-errors",
    "back-off",
    "errors",
    "sent-back",
    "pace",
    "delayed",
]


class Cause(NamedTuple):
    """Something that holds waiting calls.

    Attributes:
        what: What it is, in words.
        setting: What to change, in words.
    """

    what: str
    setting: str


CAUSES: Final[dict[CauseName, Cause]] = {
    "paused": Cause(
        "the function is paused",
        "fc-async resume FUNCTION; with --at RATE, they start at that rate",
    ),
    "draining": Cause(
        "they waited for the end of a pause, and start at the rate of the resume",
        "fc-async resume FUNCTION, without --at, starts them at once",
    ),
    "blocked": Cause(
        "its reserved concurrency is 0, so no attempt runs",
        "raise or delete reservedConcurrency",
    ),
    "instance-concurrency": Cause(
        "the arrivals need more instances than the account has",
        "raise instanceConcurrency, so that an instance runs more calls, or the account's quota",
    ),
    "reserved": Cause(
        "all instances that are reserved for it are busy",
        "raise reservedConcurrency or instanceConcurrency",
    ),
    "quota": Cause(
        "the account has no instance left",
        "raise instanceConcurrency or the account's quota, or reserve instances for it",
    ),
    "in-flight": Cause(
        "this runtime runs as many calls as it may at a time",
        "start the runtime with a larger max_in_flight",
    ),
    "system-errors": Cause(
        "attempts end in system errors and wait for their next try",
        "find the error in tasks list; waits double up to five hours",
    ),
    "back-off": Cause(
        "attempts were refused some time ago, and they wait for their next try",
        "run them now, or wait: each wait is twice the one before, up to five hours in all",
    ),
    "errors": Cause(
        "attempts have failed and wait for their next try",
        "mend the function, or lower maxAsyncRetryAttempts",
    ),
    "sent-back": Cause(
        "the handler has sent them back (RetryLater), for the reasons that it gave",
        "see the reasons; a key that is taken or a pace that is held ends by itself",
    ),
    "pace": Cause(
        "they wait for their slot of a Pace",
        "raise the rate of the Pace; a priority needs a Pace of its own",
    ),
    "delayed": Cause(
        "the sender has asked for a later start, itself or by a Pace",
        "send with a shorter delay, or raise the rate of the Pace",
    ),
}
"""All causes; in this order of two that hold equally many calls."""


NO_DURATIONS: Final = "durations: no execution has ended in this time"
NO_HOPS: Final = "hops: messages that a Pace or RetryLater sends on are in the arrivals"
NO_CLASSES: Final = "how many of the waiting calls are delayed, paced or wait for a retry"
NO_CAUSE: Final = "what holds the waiting calls: they are due, and no limit is reached"
NOT_ALL: Final = "the causes of all: only those that are due first were looked at"
UNKNOWN: Final = (NO_DURATIONS, NO_HOPS, NO_CLASSES, NO_CAUSE, NOT_ALL)
"""Sentences about what no fact tells."""


class Waiting(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """The calls that wait, each in one class; None: the source does not tell the classes apart.

    Attributes:
        total: All of them.
        due: Nothing keeps them but a limit: they may start now.
        delayed: They start later because the sender said so.
        hops: Messages that this SDK has sent on (``Pace``, ``RetryLater``).
        errors: They wait for a retry after an error of the function.
        throttled: They wait for a retry after throttling, a system error or lack of resources.
        paused: They were due, and the function is paused.
        last_due_at: When the last of them may start, in milliseconds since the epoch.
        bounded: Whether the classes are those of a part of them, because there are so many.
    """

    total: int
    due: int | None = None
    delayed: int | None = None
    hops: int | None = None
    errors: int | None = None
    throttled: int | None = None
    paused: int | None = None
    last_due_at: int | None = None
    bounded: bool = False


class Traffic(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Counts of the latest time.

    Attributes:
        seconds: The length of that time.
        arrivals: Calls that were accepted.
        ends: Calls that ended.
        hops: Deliveries that only sent the message on; None: not known.
        throttles: Attempts over a concurrency limit.
        resource_throttles: Attempts for which there was no instance.
        system_errors: Attempts that ended in a system error.
        reasons: Why handlers sent messages back, the most frequent reason first.
    """

    seconds: int
    arrivals: int
    ends: int
    hops: int | None = None
    throttles: int = 0
    resource_throttles: int = 0
    system_errors: int = 0
    reasons: tuple[str, ...] = ()


class Durations(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Durations of executions in milliseconds; None: not known."""

    mean_ms: float
    median_ms: float | None = None
    p90_ms: float | None = None


def durations_of(durations: Sequence[int]) -> Durations | None:
    """Return mean, median and 90th percentile of durations in milliseconds; None without any."""
    if not durations:
        return None
    ordered = sorted(durations)
    # The nearest rank: a value that was measured, also among few.
    rank = math.ceil(len(ordered) * 9 / 10)
    return Durations(
        mean_ms=statistics.fmean(ordered),
        median_ms=statistics.median(ordered),
        p90_ms=ordered[rank - 1],
    )


class Ceilings(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """The limits of a function.

    Attributes:
        instance_concurrency: Calls that one instance runs at a time.
        reserved: Its reserved concurrency, in instances; None: it has none.
        quota: Instances of all functions of the account in the region; None: not known.
        in_flight: Calls that a local runtime runs at a time; None: it is not one.
    """

    instance_concurrency: int = 1
    reserved: int | None = None
    quota: int | None = None
    in_flight: int | None = None


class Backlog(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Facts about the backlog of a function.

    Attributes:
        function: Function name.
        now: Milliseconds since the epoch.
        running: Calls that are being processed; None: not known.
        waiting: Calls that wait; None: not known.
        traffic: The latest time; None: not known.
        durations: None: nothing ran, or not known.
        ceilings: None: not known.
        paused_since: When the function was paused; None: it is not.
        unknown: Facts that could not be read, each with the reason.
    """

    function: str
    now: int
    running: int | None = None
    waiting: Waiting | None = None
    traffic: Traffic | None = None
    durations: Durations | None = None
    ceilings: Ceilings | None = None
    paused_since: int | None = None
    unknown: tuple[str, ...] = ()


class Held(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, rename="camel"):
    """A cause that holds calls now.

    Attributes:
        cause: A name of :data:`CAUSES`.
        what: What it is.
        setting: What to change.
        calls: How many calls it holds; None: not known.
        limit: The limit that is reached, in instances or calls; None: it is none of these.
        detail: What was given as the reason, "" if nothing.
    """

    cause: CauseName
    what: str
    setting: str
    calls: int | None = None
    limit: int | None = None
    detail: str = ""


class Explanation(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Reasons why calls of a function wait; numbers that are not known are None.

    Attributes:
        function: Function name.
        waiting: Calls that wait.
        running: Calls that are being processed.
        arrivals_per_minute: Without hops, if these are known.
        ends_per_minute: Likewise.
        hops_per_minute: Deliveries that only sent a message on.
        mean_ms: Mean duration of an execution.
        median_ms: Half of them took no longer.
        p90_ms: Nine of ten took no longer.
        capacity_per_minute: Calls a minute that its limits allow, by Little's law.
        instances_needed: Instances that the arrivals keep busy, by Little's law.
        drain_seconds: Time until what waits has begun, if arrivals and durations stay as they are;
            None: not known, or it does not end.
        grows: Whether more calls arrive than its limits allow, and nothing stops all of them.
        paused_since: When it was paused, in milliseconds since the epoch; None: it is not.
        held_by: What holds the waiting calls, the most important first.
        unknown: What is not known, and why.
    """

    function: str
    waiting: int | None
    running: int | None
    arrivals_per_minute: float | None
    ends_per_minute: float | None
    hops_per_minute: float | None
    mean_ms: float | None
    median_ms: float | None
    p90_ms: float | None
    capacity_per_minute: float | None
    instances_needed: int | None
    drain_seconds: int | None
    grows: bool
    paused_since: int | None
    held_by: tuple[Held, ...]
    unknown: tuple[str, ...]


def explain(backlog: Backlog) -> Explanation:
    """Return why the calls of a function wait.

    Capacity follows from Little's law: what is running on average is the rate of arrivals times
    the mean duration, so n places that are always taken end n / duration calls in a time.
    """
    durations = backlog.durations
    rates = _rates(backlog.traffic)
    capacity = _capacity(backlog)
    held = _held_by(backlog, _instances_needed(backlog, rates.arrivals))
    is_stopped = any(cause.cause in ("paused", "blocked") for cause in held)
    grows = False
    drain = None
    if not is_stopped:
        grows = (rates.arrivals or 0) > (math.inf if capacity is None else capacity)
    if not is_stopped and not grows:
        drain = _drain_seconds(backlog, capacity, rates.arrivals)
    return Explanation(
        function=backlog.function,
        waiting=None if backlog.waiting is None else backlog.waiting.total,
        running=backlog.running,
        arrivals_per_minute=rates.arrivals,
        ends_per_minute=rates.ends,
        hops_per_minute=rates.hops,
        mean_ms=None if durations is None else round(durations.mean_ms, 1),
        median_ms=None if durations is None else durations.median_ms,
        p90_ms=None if durations is None else durations.p90_ms,
        capacity_per_minute=capacity,
        instances_needed=_instances_needed(backlog, rates.arrivals),
        drain_seconds=drain,
        grows=grows,
        paused_since=backlog.paused_since,
        held_by=tuple(held),
        unknown=(*backlog.unknown, *_not_known(backlog, held)),
    )


class _Rates(NamedTuple):
    """Numbers a minute, without hops; None: not known."""

    arrivals: float | None = None
    ends: float | None = None
    hops: float | None = None


def _rates(traffic: Traffic | None) -> _Rates:
    if traffic is None or traffic.seconds <= 0:
        return _Rates()

    def a_minute(number: int) -> float:
        return round(max(0, number) * MINUTE / traffic.seconds, 2)

    # A hop is a delivery that ends and a message that arrives: neither is work of the function.
    hops = traffic.hops or 0
    return _Rates(
        arrivals=a_minute(traffic.arrivals - hops),
        ends=a_minute(traffic.ends - hops),
        hops=None if traffic.hops is None else a_minute(traffic.hops),
    )


def _places(ceilings: Ceilings | None) -> int | None:
    """Return how many calls may run at a time; None: not known."""
    if ceilings is None:
        return None
    instances = ceilings.quota if ceilings.reserved is None else ceilings.reserved
    places = None if instances is None else instances * ceilings.instance_concurrency
    if ceilings.in_flight is None:
        return places
    return ceilings.in_flight if places is None else min(places, ceilings.in_flight)


def _capacity(backlog: Backlog) -> float | None:
    """Return the calls a minute that the limits allow; None: limits or durations are not known."""
    places = _places(backlog.ceilings)
    if places == 0:
        return 0.0
    durations = backlog.durations
    if places is None or durations is None or durations.mean_ms <= 0:
        return None
    return round(places * MINUTE_MS / durations.mean_ms, 2)


def _instances_needed(backlog: Backlog, arrivals: float | None) -> int | None:
    """Return how many instances the arrivals keep busy; None: not known."""
    durations = backlog.durations
    if arrivals is None or durations is None or backlog.ceilings is None:
        return None
    calls = arrivals * durations.mean_ms / MINUTE_MS
    return math.ceil(calls / backlog.ceilings.instance_concurrency)


def _drain_seconds(backlog: Backlog, capacity: float | None, arrivals: float | None) -> int | None:
    """Return how long it takes until what waits has begun; None: not known."""
    waiting = backlog.waiting
    if waiting is None:
        return None
    if waiting.total == 0:
        return 0
    # What may not start before a time does not start sooner because there is room for it.
    until_last = 0.0
    if waiting.last_due_at is not None:
        until_last = (waiting.last_due_at - backlog.now) / 1_000
    if capacity is None or arrivals is None or capacity <= arrivals:
        # Where nothing waits for room, the time of the last start is all that is needed.
        is_later = waiting.due == 0 and waiting.throttled == 0
        return math.ceil(until_last) if is_later and until_last > 0 else None
    return math.ceil(max(waiting.total * MINUTE / (capacity - arrivals), until_last))


def _held_by(backlog: Backlog, needed: int | None) -> list[Held]:
    """Return what holds the waiting calls, the most important cause first."""
    waiting = backlog.waiting
    if backlog.paused_since is not None:
        paused = None if waiting is None else waiting.paused
        causes = [_held("paused", paused)]
    else:
        causes = []
    if waiting is None or waiting.total == 0:
        return causes
    limited = _limited(backlog, waiting, needed)
    if limited is not None:
        causes.append(limited)
    detail = "; ".join(backlog.traffic.reasons) if backlog.traffic is not None else ""
    # A message on its way to a slot and one that was sent back look alike while they wait. What
    # handlers have sent back lately tells them apart.
    on_its_way: CauseName = "sent-back" if detail else "pace"
    draining = waiting.paused if backlog.paused_since is None else None
    later = [
        _held("draining", draining),
        _held("errors", waiting.errors),
        _held(on_its_way, waiting.hops, detail=detail),
        _held("delayed", waiting.delayed),
    ]
    causes += [cause for cause in later if cause.calls]
    order = list(CAUSES)
    causes.sort(key=lambda cause: (-(cause.calls or 0), order.index(cause.cause)))
    # What stops everything comes first, however few calls it has kept so far.
    causes.sort(key=lambda cause: cause.cause not in ("paused", "blocked"))
    return causes


def _held(
    cause: CauseName,
    calls: int | None,
    *,
    limit: int | None = None,
    detail: str = "",
) -> Held:
    words = CAUSES[cause]
    return Held(
        cause=cause,
        what=words.what,
        setting=words.setting,
        calls=calls,
        limit=limit,
        detail=detail,
    )


def _limited(backlog: Backlog, waiting: Waiting, needed: int | None) -> Held | None:
    """Return what keeps calls from running that are due; None: nothing is known to."""
    calls = None
    if waiting.due is not None and waiting.throttled is not None:
        calls = waiting.due + waiting.throttled
        if calls == 0:
            return None
    ceilings = backlog.ceilings or Ceilings()
    if ceilings.reserved == 0:
        return _held("blocked", calls, limit=0)
    # More instances cannot be had, so only more calls for each of them help.
    quota = ceilings.quota
    if ceilings.reserved is None and quota is not None and (needed or 0) > quota:
        return _held("instance-concurrency", calls, limit=quota)
    traffic = backlog.traffic or Traffic(seconds=0, arrivals=0, ends=0)
    is_refused = traffic.throttles + traffic.resource_throttles > 0
    if is_refused or _is_full(backlog, ceilings):
        if ceilings.reserved is None:
            return _held("quota", calls, limit=quota)
        return _held("reserved", calls, limit=ceilings.reserved)
    return _not_limited(backlog, waiting, calls)


def _not_limited(backlog: Backlog, waiting: Waiting, calls: int | None) -> Held | None:
    """Return what keeps them waiting if no limit of the service is reached; None: not known."""
    in_flight = None if backlog.ceilings is None else backlog.ceilings.in_flight
    if in_flight is not None and (backlog.running or 0) >= in_flight:
        return _held("in-flight", calls, limit=in_flight)
    if backlog.traffic is not None and backlog.traffic.system_errors:
        return _held("system-errors", waiting.throttled)
    if waiting.throttled:
        return _held("back-off", waiting.throttled)
    return None


def _is_full(backlog: Backlog, ceilings: Ceilings) -> bool:
    """Return whether as many calls run as its instances can."""
    instances = ceilings.quota if ceilings.reserved is None else ceilings.reserved
    if instances is None or backlog.running is None:
        return False
    return backlog.running >= instances * ceilings.instance_concurrency


def _not_known(backlog: Backlog, held: list[Held]) -> list[str]:
    """Return what no fact tells, in words."""
    unknown = []
    if backlog.durations is None:
        unknown.append(NO_DURATIONS)
    if backlog.traffic is not None and backlog.traffic.hops is None:
        unknown.append(NO_HOPS)
    waiting = backlog.waiting
    if waiting is None:
        return unknown
    if waiting.due is None and waiting.total:
        unknown.append(NO_CLASSES)
    elif waiting.total and not held:
        unknown.append(NO_CAUSE)
    if waiting.bounded:
        unknown.append(NOT_ALL)
    return unknown
