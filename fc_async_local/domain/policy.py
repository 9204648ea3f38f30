# SPDX-License-Identifier: MIT
"""Decides about admission, retries, expiry and deliveries. Pure.

Sources: user guide "Asynchronous invocation",
sections "Retry mechanism" and "Handling of failed callbacks":

==================== ===================================== ============== =======================
what went wrong      wait before retry *n* (n = 1, 2 …)    counted        gives up
==================== ===================================== ============== =======================
function error       1 s · 2^(n-1), at most 60 s (ours)    as attempt     after the configured
                                                                          retries (3; 0 is none)
over a limit,        0.5 s · 2^(n-1)                       no             5 h after the first
system error,                                                             failure of the series
lack of resources
destination: 5xx,    0.5 s · 2^(n-1)                       --             30 min of waiting
429, or no answer
destination: other   never                                 --             at once
4xx
==================== ===================================== ============== =======================

The last wait of a span is cut, so that the last try falls on the end of the span. A destination
that throttles answers 429; the guide lists throttling with the errors that are retried ("5xx:
throttling or content errors").

Every retry ends at the deadline (trigger + maximum age). An invocation whose next attempt would be
due at or after the deadline ends at once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from fc_async_local.domain.errors import EXPIRED, RECURSIVE, STOPPED, condition_of
from fc_async_local.domain.invocation import Invocation, Outcome, OutcomeKind, Record
from fc_async_local.domain.states import Status
from fc_async_sdk.spec import limits

if TYPE_CHECKING:
    from collections.abc import Iterable

    from fc_async_local.domain.invocation import CallPath, Job
    from fc_async_local.domain.rules import Rules
    from fc_async_sdk.models import AsyncConfig


EXECUTED: Final = frozenset(
    {OutcomeKind.SUCCESS, OutcomeKind.FUNCTION_ERROR, OutcomeKind.INTERRUPTED}
)
"""Outcomes of attempts in which the function ran: they count."""


_THROTTLED: Final = 429


class Retry(Record, frozen=True):
    """The invocation waits again.

    Attributes:
        at: When the next attempt may begin.
        condition: Why the last one failed.
        system_retries: The number of uncounted retries in this series, with this one; 0 if the
            function ran.
        system_retry_since: When that series began; None if the function ran.
    """

    at: int
    condition: str
    system_retries: int = 0
    system_retry_since: int | None = None


class End(Record, frozen=True):
    """The invocation ends.

    Attributes:
        status: A final status.
        condition: As in :mod:`fc_async_local.domain.errors`.
    """

    status: Status
    condition: str


class Park(Record, frozen=True):
    """The invocation waits because its function is paused.

    Attributes:
        at: When it is too old to run; it is looked at again then.
    """

    at: int


def retries(config: AsyncConfig | None) -> int:
    """Return the number of retries after function errors: as configured, otherwise 3."""
    configured = config.max_async_retry_attempts if config else None
    return limits.RETRY_ATTEMPTS.default if configured is None else configured


def deadline(invocation: Invocation, config: AsyncConfig | None, rules: Rules) -> int:
    """Return the first time at which the invocation is too old to run."""
    configured = config.max_async_event_age_in_seconds if config else None
    age = limits.EVENT_AGE_SECONDS.default if configured is None else configured
    # The user guide counts the age from the trigger, so a delay uses it up unless a rule says not.
    uncounted = 0 if rules.delay_counts_towards_age else invocation.delay_ms
    return invocation.accepted_at + uncounted + age * 1_000


def function_retry_wait(n: int, rules: Rules) -> int:
    """Return the milliseconds before retry ``n`` (from 1) of a function error."""
    doublings = min(n - 1, 63)  # far above the longest wait; a larger shift only costs memory
    return min(rules.function_retry_first_ms << doublings, rules.function_retry_max_ms)


def system_retry_wait(n: int) -> int:
    """Return the milliseconds before retry ``n`` (from 1) of a series that is not counted."""
    return limits.SYSTEM_RETRY_FIRST_MS << (n - 1)


def delivery_retry_wait(n: int) -> int:
    """Return the milliseconds before the next try after ``n`` failed deliveries (from 1)."""
    return limits.DELIVERY_RETRY_FIRST_MS << (n - 1)


def admit(
    invocation: Invocation,
    config: AsyncConfig | None,
    now: int,
    rules: Rules,
    *,
    paused: bool = False,
) -> End | Park | None:
    """Return what becomes of a claimed invocation that must not run; None: it may.

    Args:
        invocation: As it was claimed.
        config: The configuration that applies, None when there is none.
        now: Milliseconds since the epoch.
        rules: The rules of the runtime.
        paused: Whether no attempt of the function begins.
    """
    # First: a stopped invocation is Stopped, even if it would be too old or in a loop as well.
    if invocation.status is Status.STOPPING:
        return End(status=Status.STOPPED, condition=STOPPED)
    if is_loop(invocation.call_path, invocation.function, rules):
        return End(status=Status.FAILED, condition=RECURSIVE)
    if now >= deadline(invocation, config, rules):
        return _too_old(invocation.attempts, invocation.error)
    # The age goes on: what becomes too old in the meantime is expired, as with the service.
    if paused:
        return Park(at=deadline(invocation, config, rules))
    return None


def is_loop(path: CallPath, function: str, rules: Rules) -> bool:
    """Return whether the loop guard refuses another run of a function on a call path."""
    return 0 < rules.max_repeats <= repeats(path, function)


def decide(
    invocation: Invocation,
    outcome: Outcome,
    config: AsyncConfig | None,
    now: int,
    rules: Rules,
) -> Retry | End:
    """Return what follows from an attempt.

    Args:
        invocation: As it was when the attempt began.
        outcome: What came of the attempt.
        config: The configuration that applies, None when there is none.
        now: Milliseconds since the epoch, when the attempt ended.
        rules: The rules of the runtime.
    """
    condition = condition_of(outcome)
    status = _ENDS.get(outcome.kind)
    if status is not None:
        return End(status=status, condition=condition)
    latest = deadline(invocation, config, rules)
    # Only these use up the configured retries: the function ran and failed.
    if outcome.kind is OutcomeKind.FUNCTION_ERROR:
        attempts = invocation.attempts + 1
        if attempts > retries(config):
            return End(status=Status.FAILED, condition=condition)
        retry_at = now + function_retry_wait(attempts, rules)
        return _requeue(Retry(at=retry_at, condition=condition), attempts, latest)
    # The function did not run: the configured retries are not used up by what is not its fault.
    retry = _system_retry(invocation, condition, now)
    if retry is None:
        return End(status=Status.FAILED, condition=condition)
    return _requeue(retry, invocation.attempts, latest)


def _system_retry(invocation: Invocation, condition: str, now: int) -> Retry | None:
    """Return the next retry of a series that is not counted; None after the last one."""
    since = invocation.system_retry_since
    if since is None:
        since = now
    last = since + limits.SYSTEM_RETRY_SPAN_MS
    if now >= last:
        return None
    n = invocation.system_retries + 1
    # Cut, so that the last try falls on the end of the 5 hours. Uncut it fell at 4 h 33 min
    # (docs/decisions/engine.md, 0043).
    at = min(now + system_retry_wait(n), last)
    return Retry(
        at=at,
        condition=condition,
        system_retries=n,
        system_retry_since=since,
    )


_ENDS: Final = {
    OutcomeKind.SUCCESS: Status.SUCCEEDED,
    OutcomeKind.INTERRUPTED: Status.STOPPED,
    OutcomeKind.INVALID: Status.INVALID,
}


def _requeue(again: Retry, attempts: int, limit: int) -> Retry | End:
    """Return a retry, or the end if it would be due too late; all retries pass this check."""
    # Ended now, not at the deadline: that it cannot run again is certain already, and a failure
    # destination is told hours earlier.
    if again.at >= limit:
        return _too_old(attempts, again.condition)
    return again


def _too_old(attempts: int, condition: str) -> End:
    """Return the end of a too old invocation: Expired (API: never executed) or Failed."""
    # One that ran keeps the condition of its last failure: Expired would hide it.
    if attempts == 0:
        return End(status=Status.EXPIRED, condition=EXPIRED)
    return End(status=Status.FAILED, condition=condition)


def is_delivered(status: int) -> bool:
    """Return whether a target that answered with an HTTP status has the event."""
    return 200 <= status < 300  # noqa: PLR2004 -- HTTP's own classes


def delivery_again_at(job: Job, status: int, now: int) -> int | None:
    """Return when a delivery that failed may be tried again; None: it is given up.

    The 30 minutes are the sum of the waits, not wall time: an hour in which the runtime did not run
    does not count. The last wait is cut so that the sum is exactly 30 minutes.

    Args:
        job: The delivery as it was claimed.
        status: How the target answered, an HTTP status.
        now: Milliseconds since the epoch.
    """
    is_server_error = status >= 500  # noqa: PLR2004 -- HTTP's own classes
    if not is_server_error and status != _THROTTLED:
        return None
    n = job.tries + 1
    # By the number of tries, not by time: an hour in which the runtime did not run does not count.
    wait = delivery_retry_wait(n)
    waited = wait - limits.DELIVERY_RETRY_FIRST_MS  # the sum of the waits before this one
    remaining = limits.DELIVERY_RETRY_SPAN_MS - waited
    if remaining <= 0:
        return None
    return now + min(wait, remaining)


def repeats(path: CallPath, function: str) -> int:
    """Return how often a function stands on a call path.

    Two qualifiers of a function are the same function here: a loop through an alias and a version
    is a loop.

    Args:
        path: ARNs of the functions that led to an invocation through destinations and triggers,
            oldest first.
        function: Function name.
    """
    # Repeats, not the length of the path: a pipeline of 17 functions is not a loop, and a real loop
    # grew over the payload limit before a length was reached (docs/decisions/engine.md, 0040).
    return sum(_name(text) == function for text in path)


def nearest_to_limit(paths: Iterable[CallPath], function: str) -> CallPath:
    """Return the call path that is nearest to the limit of the loop guard.

    Several messages can become one invocation, which has one call path. The path with the most
    repeats of the function is taken; of equal ones the longest.

    Args:
        paths: One call path for each message, at least one.
        function: Name of the function that the messages are for.
    """
    # Any other choice would let a loop escape the guard inside of a batch.
    return max(paths, key=lambda path: (repeats(path, function), len(path)))


def call_path_text(path: CallPath) -> str:
    """Return a call path as text for messages."""
    return " -> ".join(path)


def _name(text: str) -> str:
    """Return the function in ``acs:fc:{region}:{account}:functions/{function}[/{qualifier}]``."""
    return text.partition(":functions/")[2].partition("/")[0]
