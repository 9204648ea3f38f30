# SPDX-License-Identifier: MIT
"""Turns a decision into what is written because of it in one transaction. Pure.

That is the new state, the recorded steps, the job for a destination and the metrics. All decisions
are those of :mod:`fc_async_local.domain.policy`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Literal

from msgspec.structs import replace

from fc_async_local.domain import json_input, policy
from fc_async_local.domain.errors import RECURSIVE, status_code
from fc_async_local.domain.invocation import (
    PARKED,
    Count,
    Delivery,
    Invocation,
    Job,
    JobSettlement,
    Note,
    Outcome,
    OutcomeKind,
    Record,
    Settlement,
    TaskEvent,
    delivery_job,
    delivery_of,
)
from fc_async_local.domain.metrics import DeliveryRoute
from fc_async_local.domain.policy import call_path_text
from fc_async_local.domain.states import Status
from fc_async_sdk.errors import InvalidArn
from fc_async_sdk.events import wire
from fc_async_sdk.models import AsyncConfig  # noqa: TC001 -- a struct's field
from fc_async_sdk.spec import arn, metrics

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fc_async_local.domain.invocation import CallPath, DeadEvent
    from fc_async_local.domain.rules import Account, Rules

_ATTEMPT_METRICS: Final[dict[OutcomeKind, tuple[str, ...]]] = {
    OutcomeKind.SUCCESS: (metrics.INVOCATIONS,),
    OutcomeKind.FUNCTION_ERROR: (metrics.INVOCATIONS, metrics.FUNCTION_ERRORS),
    OutcomeKind.INTERRUPTED: (metrics.INVOCATIONS,),
    OutcomeKind.THROTTLED: (metrics.THROTTLES,),
    OutcomeKind.RESOURCE_EXHAUSTED: (metrics.RESOURCE_THROTTLES,),
    OutcomeKind.SYSTEM_ERROR: (metrics.SERVER_ERRORS,),
    OutcomeKind.INVALID: (),
}
_DELIVERY_METRICS: Final = {
    (False, True): (metrics.DESTINATION_SUCCEEDED,),
    (False, False): (metrics.DESTINATION_ERRORS,),
    (True, True): (),
    (True, False): (metrics.EVENTS_DEAD,),
}
"""Metrics by whether the event is that of a service, and whether it was delivered."""

FAILURE_CHARACTERS: Final = 500
"""Characters of type and message of a function's error that are kept for lists and searches."""

_LOG_TAIL_CHARACTERS: Final = 4_096
_LOG_TAIL_BYTES: Final = 4 * _LOG_TAIL_CHARACTERS + 3
"""These contain that many characters, also if they begin within one: UTF-8 has at most 4 bytes."""


class Decided(Record, frozen=True):
    """The result of an attempt and the decision about it, not written yet.

    Attributes:
        decision: What :mod:`fc_async_local.domain.policy` said.
        outcome: The result of the attempt; None if none was made.
        config: The configuration that applies.
        began: When the attempt began, or when it was decided to make none.
    """

    decision: policy.Retry | policy.End | policy.Park
    outcome: Outcome | None
    config: AsyncConfig | None
    began: int


class Settler:
    """Returns what is to be written, under the rules of one runtime.

    Args:
        rules: Which ends go to the failure destination, and the bound of the loop guard.
        account: Region and account of ARNs that leave theirs out.
    """

    def __init__(self, rules: Rules, account: Account) -> None:
        self._rules = rules
        self._account = account

    def settle(self, invocation: Invocation, decided: Decided, now: int) -> Settlement:
        """Return everything that follows from a decision.

        Args:
            invocation: As it was when the attempt began.
            decided: The decision, and what it was made on.
            now: Milliseconds since the epoch.
        """
        keeps = invocation.task_mode and self._rules.keep_results
        # Whatever was decided: the lease ends, and an execution is counted.
        after = after_attempt(invocation, decided.outcome, decided.began, keeps=keeps)
        counts = _attempt_counts(invocation, decided, now)
        if isinstance(decided.decision, policy.Retry):
            settled = _wait_again(after, decided.decision, decided.outcome, counts, now)
        elif isinstance(decided.decision, policy.Park):
            settled = _park(after, decided.decision, counts, now)
        else:
            settled = self._end(after, decided.decision, decided, counts, now)
        notes = _log_notes(after, decided.outcome, now)
        if not notes:
            return settled
        return replace(settled, notes=notes)

    def give_up(self, event: DeadEvent, now: int) -> JobSettlement:
        """Return what follows when a service gives up an event: a dead delivery, counted."""
        delivery = Delivery(
            request_id=event.key,
            task_id=event.key,
            function=event.function,
            qualifier=event.qualifier,
            outcome="event",
            destination=self._filled_in(event.destination)[0],
            document=event.document,
            call_path=event.call_path,
        )
        return JobSettlement(
            job=None,
            added=(delivery_job(delivery, now=now, error=event.error),),
            counts=_counts((metrics.EVENTS_DEAD,), event.function, now),
        )

    def _end(
        self,
        after: Invocation,
        end: policy.End,
        decided: Decided,
        counts: tuple[Count, ...],
        now: int,
    ) -> Settlement:
        delivery = self._delivery(after, end, decided, now)
        final = replace(
            after,
            status=end.status,
            ended_at=now,
            error=end.condition,
            destination_status=DESTINATION_STATUS[delivery.state] if delivery else "",
        )
        events: tuple[TaskEvent, ...] = ()
        if after.task_mode:
            detail = step_detail(end.condition, decided.outcome, after)
            if end.condition == RECURSIVE:
                function_arn = self._account.function_arn(after.function, after.qualifier)
                detail["path"] = [*after.call_path, function_arn]
            events = (TaskEvent(status=end.status, at=now, detail=detail),)
        return Settlement(
            invocation=final,
            events=events,
            delivery=delivery,
            counts=counts + _end_counts(after.function, end, delivery, now),
        )

    def _delivery(
        self,
        after: Invocation,
        end: policy.End,
        decided: Decided,
        now: int,
    ) -> Job | None:
        """Return the job that follows, dead from the start when it cannot be delivered."""
        configured = self._destination(end, decided.config)
        if configured is None:
            return None
        outcome, text = configured
        function_arn = self._account.function_arn(after.function, after.qualifier)
        # Without a guard the path is not kept: it would grow with each function, for nothing.
        call_path = (*after.call_path, function_arn) if self._rules.max_repeats else ()
        destination, error = self._resolve(text, end, call_path)
        delivery = Delivery(
            request_id=after.request_id,
            task_id=after.task_id,
            function=after.function,
            qualifier=after.qualifier,
            outcome=outcome,
            destination=destination,
            document=_document(after, end, decided, function_arn),
            call_path=call_path,
        )
        return delivery_job(delivery, now=now, error=error)

    def _destination(
        self, end: policy.End, config: AsyncConfig | None
    ) -> tuple[Literal["success", "failure"], str] | None:
        """Return the destination that an end goes to, if any is configured."""
        if config is None:
            return None
        # The documents are silent about expired invocations, and a best-practice page says that a
        # stopped one calls its destination: both are rules of the runtime.
        if end.status is Status.EXPIRED and not self._rules.expiry_calls_destination:
            return None
        if end.status is Status.STOPPED and not self._rules.stop_calls_destination:
            return None
        outcome = "success" if end.status is Status.SUCCEEDED else "failure"
        for destination in config.destinations:
            if destination[0] == outcome:
                return destination
        return None

    def _resolve(self, text: str, end: policy.End, call_path: CallPath) -> tuple[str, str]:
        """Return a destination with region and account, and why it cannot be served ("")."""
        destination, target = self._filled_in(text)
        if isinstance(target, InvalidArn):
            return destination, str(target)
        # An end by the loop guard goes to a function only if the guard lets that function run.
        # Otherwise two functions that are each other's failure destination would end each other
        # for ever.
        if end.condition != RECURSIVE or not isinstance(target, arn.FunctionArn):
            return destination, ""
        if policy.is_loop(call_path, target.function, self._rules):
            path = call_path_text((*call_path, destination))
            return destination, f"{RECURSIVE}: {path}"
        return destination, ""

    def _filled_in(self, text: str) -> tuple[str, arn.DestinationArn | InvalidArn]:
        """Return a destination with region and account; unchanged if it is not an ARN."""
        account = self._account
        try:
            target = arn.parse(text).resolve(region=account.region, account_id=account.account_id)
        except InvalidArn as error:
            return text, error
        return str(target), target


def after_attempt(
    invocation: Invocation,
    outcome: Outcome | None,
    began: int,
    *,
    keeps: bool,
) -> Invocation:
    """Return what the attempt itself changes, whatever was decided."""
    released = replace(invocation, lease_until=None, lease_owner="")
    if outcome is None:
        return released
    instance_id = outcome.instance_id or invocation.instance_id
    if outcome.kind not in policy.EXECUTED:
        # An instance had it: the function may have begun. Such executions raise the retry count
        # that the function gets, but use up no configured retry: with an equal count an idempotent
        # handler took the second one for a duplicate of a living one (docs/decisions/engine.md,
        # 0105).
        lost = outcome.kind is OutcomeKind.SYSTEM_ERROR and outcome.instance_id != ""
        interruptions = invocation.interruptions + lost
        return replace(
            released,
            instance_id=instance_id,
            interruptions=interruptions,
        )
    started_at = began if invocation.started_at is None else invocation.started_at
    # Only tasks are listed and searched by their error.
    failure = _failure(outcome) if invocation.task_mode else ""
    return_payload = outcome.payload if keeps else invocation.return_payload
    return replace(
        released,
        instance_id=instance_id,
        attempts=invocation.attempts + 1,
        # The function ran, so the series of retries that are not counted is over.
        system_retries=0,
        system_retry_since=None,
        started_at=started_at,
        failure=failure,
        return_payload=return_payload,
    )


def _wait_again(
    after: Invocation,
    retry: policy.Retry,
    outcome: Outcome | None,
    counts: tuple[Count, ...],
    now: int,
) -> Settlement:
    waiting = replace(
        after,
        status=Status.RETRYING,
        due_at=retry.at,
        error=retry.condition,
        system_retries=retry.system_retries,
        system_retry_since=retry.system_retry_since,
    )
    events: tuple[TaskEvent, ...] = ()
    if after.task_mode:
        detail = step_detail(retry.condition, outcome, after)
        detail["nextAttemptAt"] = retry.at
        events = (TaskEvent(status=Status.RETRYING, at=now, detail=detail),)
    return Settlement(
        invocation=waiting,
        events=events,
        counts=counts,
    )


def _park(
    after: Invocation,
    park: policy.Park,
    counts: tuple[Count, ...],
    now: int,
) -> Settlement:
    status = Status.RETRYING if after.attempts > 0 else Status.ENQUEUED
    events: tuple[TaskEvent, ...] = ()
    if after.task_mode:
        events = (TaskEvent(status=status, at=now, detail={"paused": True}),)
    parked = replace(
        after,
        status=status,
        due_at=park.at,
        lease_owner=PARKED,
    )
    return Settlement(invocation=parked, events=events, counts=counts)


DESTINATION_STATUS: Final = {
    "pending": "Pending",
    "dead": "Failed",
    "delivered": "Succeeded",
}
"""``destination_status`` of a task, by the state of the job; one that is done is deleted."""


def step_detail(condition: str, outcome: Outcome | None, after: Invocation) -> dict[str, object]:
    """Return the details of a step: ``Error`` as in the API's sample, and those of this runtime."""
    detail: dict[str, object] = {}
    if condition:
        detail["Error"] = condition
    if outcome is None:
        return detail
    if was_refused(outcome):
        detail["refused"] = outcome.kind.value
    else:
        detail["attempt"] = after.attempts
    if condition and outcome.payload:
        error_type, message = error_of(outcome.payload)
        if error_type:
            detail["errorType"] = error_type[:_LOG_TAIL_CHARACTERS]
        detail["errorMessage"] = message[:_LOG_TAIL_CHARACTERS]
    if outcome.log:
        # Cut before it is decoded: a log has up to 1 MiB, and each attempt has one.
        end = outcome.log[-_LOG_TAIL_BYTES:]
        detail["logTail"] = end.decode(errors="replace")[-_LOG_TAIL_CHARACTERS:]
    if len(outcome.log) > _LOG_TAIL_CHARACTERS:
        detail["logBytes"] = len(outcome.log)
    if outcome.duration_ms:
        detail["durationMs"] = outcome.duration_ms
    return detail


_NEVER_RAN: Final = frozenset(
    {OutcomeKind.THROTTLED, OutcomeKind.RESOURCE_EXHAUSTED, OutcomeKind.INVALID}
)


def was_refused(outcome: Outcome) -> bool:
    """Return whether an attempt ended before the function ran."""
    if outcome.kind in _NEVER_RAN:
        return True
    # The service may fail before the function starts, or lose its instance while it runs.
    is_system_error = outcome.kind is OutcomeKind.SYSTEM_ERROR
    return is_system_error and not outcome.duration_ms and not outcome.log


def _log_notes(after: Invocation, outcome: Outcome | None, now: int) -> tuple[Note, ...]:
    """Return the whole log if the step has only the end of it."""
    if outcome is None or not after.task_mode:
        return ()
    if len(outcome.log) <= _LOG_TAIL_CHARACTERS:
        return ()
    note = Note(
        request_id=after.request_id,
        at=now,
        kind="log",
        detail={"attempt": after.attempts},
        body=outcome.log,
    )
    return (note,)


def error_of(payload: bytes) -> tuple[str, str]:
    """Return type and message of a runtime's error document; of another payload "" and its text."""
    try:
        body: Any = json_input.read(payload)
    except json_input.InvalidJson:
        body = None
    document = body if isinstance(body, dict) else {}
    # Custom runtimes answer what they like: each field is checked by itself.
    error_type = document.get("errorType")
    message = document.get("errorMessage")
    return (
        error_type if isinstance(error_type, str) else "",
        message if isinstance(message, str) else payload.decode(errors="replace"),
    )


def _failure(outcome: Outcome) -> str:
    """Return type and message of a function's error in one text, "" if it did not fail."""
    if outcome.kind is OutcomeKind.SUCCESS:
        return ""
    error_type, message = error_of(outcome.payload)
    parts = [error_type or outcome.error_type, message]
    text = ": ".join(part for part in parts if part)[:FAILURE_CHARACTERS]
    # PostgreSQL keeps no NUL, and UTF-8 no half of a pair.
    return text.replace("\0", "\ufffd").encode(errors="replace").decode()


def _attempt_counts(before: Invocation, decided: Decided, now: int) -> tuple[Count, ...]:
    """Return what an attempt, or the decision to make none, counts: its claim ends with it."""
    function = before.function
    outcome = decided.outcome
    released = Count(
        metric=metrics.IN_PROCESS,
        function=function,
        at=now,
        value=-1,
    )
    if outcome is None:
        return (released,)
    counts = _counts(_ATTEMPT_METRICS[outcome.kind], function, now)
    is_first_execution = before.attempts == 0 and outcome.kind in policy.EXECUTED
    if not is_first_execution:
        return (*counts, released)
    # The wait before the first execution. A delay that the caller asked for is not part of it.
    wait = max(0, decided.began - before.accepted_at - before.delay_ms)
    latency = Count(
        metric=metrics.LATENCY_AVERAGE,
        function=function,
        at=decided.began,
        value=wait,
    )
    return (*counts, latency, released)


def _end_counts(
    function: str,
    end: policy.End,
    delivery: Job | None,
    now: int,
) -> tuple[Count, ...]:
    # CloudMonitor's metric of what has left the queue, whatever came of it; the backlog is computed
    # from it.
    names = [metrics.DEQUEUED]
    if end.status is Status.EXPIRED:
        names.append(metrics.EXPIRED)
    if end.condition == RECURSIVE:
        names.append(metrics.RECURSIVE_DROPPED)
    if delivery and delivery.state == "dead":
        return (*_counts(names, function, now), *_delivery_counts(delivery, now, done=False))
    return _counts(names, function, now)


def _delivery_counts(job: Job, now: int, *, done: bool) -> tuple[Count, ...]:
    """Return what the end of a delivery counts: by function, and by destination."""
    delivery = delivery_of(job)
    names = _DELIVERY_METRICS[delivery.outcome == "event", done]
    if delivery.outcome == "event":
        return _counts(names, delivery.function, now)
    # Twice: CloudMonitor's metric of the function, and ours of the route, which graphs show.
    route = _route(delivery)
    names_of_route = [route.name(name) for name in names]
    return _counts([*names, *names_of_route], delivery.function, now)


def _route(delivery: Delivery) -> DeliveryRoute:
    return DeliveryRoute(
        delivery.function, delivery.qualifier, delivery.outcome, delivery.destination
    )


def _counts(names: Sequence[str], function: str, now: int) -> tuple[Count, ...]:
    return tuple([Count(metric=name, function=function, at=now) for name in names])


def _document(
    after: Invocation,
    end: policy.End,
    decided: Decided,
    function_arn: str,
) -> bytes:
    outcome = decided.outcome
    # An attempt that did not run has only the runtime's own message. The event has what the
    # function returned last.
    response_payload = after.return_payload or b""
    if outcome is not None and outcome.kind in policy.EXECUTED:
        response_payload = outcome.payload
    document = wire.document(
        timestamp=decided.began,
        request_id=after.request_id,
        function_arn=function_arn,
        condition=end.condition,
        attempts=_tries(after, end, outcome),
        request_payload=after.payload,
        status_code=status_code(outcome),
        function_error=end.condition if _function_failed(end, outcome) else "",
        response_payload=response_payload,
    )
    return wire.encode(document)


def _function_failed(end: policy.End, outcome: Outcome | None) -> bool:
    if outcome is not None:
        return outcome.kind is OutcomeKind.FUNCTION_ERROR
    return end.status is Status.FAILED and end.condition != RECURSIVE


def _tries(after: Invocation, end: policy.End, outcome: Outcome | None) -> int:
    """Return ``approximateInvokeCount``: executions, and tries without an execution.

    The latter count only if the invocation failed for that reason: the user guide's sample has 3
    for ``FunctionResourceExhausted``.
    """
    # Tries without an execution are not counted as attempts, so they are added here.
    unexecuted = outcome is not None and outcome.kind not in policy.EXECUTED
    if end.status is Status.FAILED and unexecuted:
        return after.attempts + after.system_retries + 1
    return after.attempts


def settle_delivery(
    job: Job,
    status: int,
    *,
    error: str,
    now: int,
) -> JobSettlement:
    """Return everything that follows from a try of a delivery.

    Args:
        job: As it was claimed.
        status: How the target answered, an HTTP status.
        error: Why the try failed, "" if it did not.
        now: Milliseconds since the epoch.
    """
    redriven = _redriven_counts(job, now)
    if policy.is_delivered(status):
        return JobSettlement(
            job=None,
            destination_status=DESTINATION_STATUS["delivered"],
            counts=(*redriven, *_delivery_counts(job, now, done=True)),
        )
    again_at = policy.delivery_again_at(job, status, now)
    if again_at is not None:
        return JobSettlement(job=tried(job, again_at=again_at, error=error), counts=redriven)
    dead = replace(tried(job, again_at=job.due_at, error=error), state="dead")
    return JobSettlement(
        job=dead,
        destination_status=DESTINATION_STATUS["dead"],
        counts=(*redriven, *_delivery_counts(job, now, done=False)),
    )


def _redriven_counts(job: Job, now: int) -> tuple[Count, ...]:
    """Return what takes back the count of a lost event, at the first try after a redrive.

    Such a job has an error though it has no tries. Only the count of the route is taken back: the
    metrics of the service are sums of what happened, which never fall.
    """
    # Without this, an event that was sent again and given up again was two lost events in graphs.
    delivery = delivery_of(job)
    is_redriven = job.tries == 0 and job.error != ""
    if not is_redriven or delivery.outcome == "event":
        return ()
    name = _route(delivery).name(metrics.DESTINATION_ERRORS)
    return (Count(metric=name, function=delivery.function, at=now, value=-1),)


def tried(job: Job, *, again_at: int, error: str) -> Job:
    """Return a job after a try that failed, due again at a moment."""
    return replace(
        job,
        tries=job.tries + 1,
        due_at=again_at,
        error=error,
    )
