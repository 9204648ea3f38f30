# SPDX-License-Identifier: MIT
"""The records of the runtime, from accept to delivery.

Frozen data. :mod:`fc_async_local.domain.policy` decides about them, a store keeps them. All times
are milliseconds since the epoch, all durations are milliseconds.
"""

from __future__ import annotations

import enum
from typing import Final, Literal

import msgspec

from fc_async_local.domain.states import Status
from fc_async_sdk._decoding import prepare
from fc_async_sdk.spec import limits

CallPath = tuple[str, ...]
"""ARNs of the functions that led here through destinations, oldest first; see the loop guard."""


PARKED: Final = "(paused)"
"""Owner of waiting invocations of paused functions; a node's id has no parentheses."""


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """Base of all records."""


class InvokeRequest(msgspec.Struct, frozen=True):
    """A request to invoke a function, before it is checked.

    Attributes:
        function: Function name.
        payload: The bytes that the function gets.
        qualifier: LATEST, an alias or a version; "" stands for LATEST.
        delay_seconds: How long an asynchronous invocation waits before its first attempt.
        task_id: Task id of an asynchronous invocation, "" for the request id.
        request_id: "" for a new one.
        call_path: The functions that led to it through destinations.
        http: What a web function gets besides the payload; None: the payload is an event.
        task_mode: Whether it is a task, also where the configuration has no task mode.
    """

    function: str
    payload: bytes
    qualifier: str = limits.DEFAULT_QUALIFIER
    delay_seconds: int = 0
    task_id: str = ""
    request_id: str = ""
    call_path: CallPath = ()
    http: HttpHead | None = None
    task_mode: bool = False


class HttpHead(Record, frozen=True, kw_only=True):
    """A request to a web function, without its body.

    Attributes:
        target: Path and query as they were sent.
        headers: In the order in which they were sent; names may repeat.
    """

    method: str
    target: str
    headers: tuple[tuple[str, str], ...] = ()

    def __repr__(self) -> str:
        """Return method and target: the headers may have secrets of the client."""
        return f"HttpHead({self.method} {self.target})"


prepare(HttpHead)


class Lease(Record, frozen=True, kw_only=True):
    """The right to settle one claimed invocation or job. A later claim has a later epoch."""

    key: str
    epoch: int


class Invocation(Record, frozen=True, kw_only=True):
    """One accepted asynchronous invocation and its state.

    Attributes:
        request_id: Unique; the same over all attempts.
        task_id: Unique within the function while the invocation is remembered.
        function: Function name.
        qualifier: As the caller requested: LATEST, an alias or a version.
        payload: The bytes that the function gets.
        accepted_at: When it was triggered; its age counts from this time.
        due_at: When the next attempt may begin (delay, then retries).
        task_mode: Whether its steps are recorded and it is kept after its end.
        attempts: How often the function was executed so far.
        system_retries: Retries after throttling, system errors and lack of resources since the
            function last ran; not counted as attempts.
        system_retry_since: When that series began, or None.
        instance_id: The instance of the latest attempt.
        started_at: When the first attempt began.
        ended_at: When it became final.
        error: Condition of the latest failure, such as ``UnhandledInvocationError``, "" if none.
        failure: Type and message of the function's own error, such as ``ValueError: no items``, if
            its latest execution failed; kept in task mode only.
        return_payload: What the last attempt returned; kept in task mode only.
        destination_status: "", "Pending", "Succeeded" or "Failed".
        call_path: The functions that led to it through destinations.
        delay_ms: The delay that the caller requested, 0 if none.
        config: The async configuration (JSON) that held at accept, None if there was none.
            Applies if the settings say so, and if the configuration was deleted since.
        http: The :class:`HttpHead` of a request to a web function (JSON), None for an event.
        epoch: Counts claims.
        lease_until: Until when the claim holds, or None without a claim.
        lease_owner: The node that holds it, "" if none; :data:`PARKED` without a claim: it waits
            until its function is resumed.
        interruptions: Executions of unknown end: the runtime ended meanwhile, or lost its lease,
            or lost the process of the function. Not counted as attempts.
    """

    request_id: str
    task_id: str
    function: str
    qualifier: str
    payload: bytes
    accepted_at: int
    due_at: int
    task_mode: bool
    status: Status = Status.ENQUEUED
    attempts: int = 0
    system_retries: int = 0
    system_retry_since: int | None = None
    instance_id: str = ""
    started_at: int | None = None
    ended_at: int | None = None
    error: str = ""
    failure: str = ""
    return_payload: bytes | None = None
    destination_status: str = ""
    call_path: CallPath = ()
    delay_ms: int = 0
    config: bytes | None = None
    http: bytes | None = None
    epoch: int = 0
    lease_until: int | None = None
    lease_owner: str = ""
    interruptions: int = 0

    @property
    def retry_count(self) -> int:
        """The ``retry_count`` that the function gets: higher than in all executions before."""
        return self.attempts + self.interruptions

    @property
    def is_parked(self) -> bool:
        """True if it waits because its function is paused: it was due, and was put back."""
        return self.lease_owner == PARKED and self.lease_until is None

    @property
    def lease(self) -> Lease:
        """The lease of the latest claim."""
        return Lease(key=self.request_id, epoch=self.epoch)

    @property
    def http_head(self) -> HttpHead | None:
        """The request to a web function, None for an event."""
        return None if self.http is None else msgspec.json.decode(self.http, type=HttpHead)


class TaskEvent(Record, frozen=True, kw_only=True):
    """One recorded step of a task.

    Attributes:
        detail: Further facts, JSON-able: error, attempt, next attempt, log tail.
    """

    status: Status
    at: int
    detail: dict[str, object] = {}


class Note(Record, frozen=True, kw_only=True):
    """An entry of a task beside its steps: a try of its delivery, an action of a user.

    Notes are this runtime's own: the API of the service does not show them.

    Attributes:
        request_id: Of the task. A note for an invocation that is not kept is dropped.
        kind: ``delivery``: a try of its delivery. ``cause``: the task whose delivery it came from.
            ``action``: what a user did, with the reason. ``log``: the log of an attempt that is
            longer than the end of it that its step has.
        detail: Further facts, JSON-able.
        body: The log, or the event that was sent, byte for byte; None if the note is about none,
            or the note of the first try has it.
    """

    request_id: str
    at: int
    kind: Literal["delivery", "cause", "action", "log"]
    detail: dict[str, object] = {}
    body: bytes | None = None


class OutcomeKind(enum.Enum):
    """The result of one attempt."""

    SUCCESS = "success"
    FUNCTION_ERROR = "function error"
    """The function failed: raised, timed out, crashed, ran out of memory. Counts as an attempt."""
    THROTTLED = "throttled"
    """Over a concurrency limit; the function did not run."""
    SYSTEM_ERROR = "system error"
    RESOURCE_EXHAUSTED = "resource exhausted"
    INVALID = "invalid"
    """It cannot run: the function or qualifier was deleted."""
    INTERRUPTED = "interrupted"
    """Stopped on request while it ran."""

    # Looked up several times for each attempt; Enum's own is a function in Python.
    __hash__ = object.__hash__


class Outcome(Record, frozen=True, kw_only=True):
    """The result of one attempt, with its details.

    Attributes:
        error_type: ``x-fc-error-type``: "" on success.
        timed_out: Whether the function ran into its time limit.
        out_of_memory: Whether the instance exceeded its memory.
        payload: What the function returned, or the error document of its runtime.
        log: The attempt's log, newest part.
        told: How many bytes at the beginning of ``log`` readers were given while it ran.
        duration_ms: Wall time of the execution.
        memory_mb: Peak memory of the instance, 0 if unknown.
        version_id: The version that ran, "" for LATEST.
    """

    kind: OutcomeKind
    error_type: str = ""
    timed_out: bool = False
    out_of_memory: bool = False
    payload: bytes = b""
    log: bytes = b""
    told: int = 0
    instance_id: str = ""
    version_id: str = ""
    duration_ms: int = 0
    memory_mb: int = 0


class Job(Record, frozen=True, kw_only=True):
    """Durable work that is claimed under a lease and retried until it is done or dead.

    Attributes:
        kind: What the work is, such as :data:`DELIVERY`.
        key: Unique among all jobs. The request ID if the job delivers an outcome.
        payload: What the work needs, encoded by its kind.
        scope: What jobs of a kind are counted by, "" if they are not.
        created_at: When the job was written first.
        due_at: When the next try may begin.
        tries: How many tries have failed so far.
        state: A job that is done is deleted. ``dead`` ones are kept until they are redriven or
            discarded.
        error: Why the latest try failed, "" if none has.
        epoch: Counts claims.
        lease_until: Until when the claim holds, or None without a claim.
        lease_owner: The node that holds it, "" if none.
    """

    kind: str
    key: str
    payload: bytes
    scope: str = ""
    created_at: int
    due_at: int
    tries: int = 0
    state: Literal["pending", "dead"] = "pending"
    error: str = ""
    epoch: int = 0
    lease_until: int | None = None
    lease_owner: str = ""

    @property
    def lease(self) -> Lease:
        """The right that the latest claim gave."""
        return Lease(key=self.key, epoch=self.epoch)


class Delivery(Record, frozen=True, kw_only=True):
    """One final outcome for one destination: the payload of a job of the kind ``delivery``.

    Attributes:
        request_id: Of the invocation, or the key of an event that belongs to no invocation.
        outcome: Which of the two destinations; ``event``: none of them, an event of a trigger, a
            rule or a subscription that was given up.
        destination: ARN, with region and account filled in.
        document: The event as JSON, before any envelope or encoding.
    """

    request_id: str
    task_id: str
    function: str
    qualifier: str
    outcome: Literal["success", "failure", "event"]
    destination: str
    document: bytes
    call_path: CallPath


class DeadEvent(Record, frozen=True, kw_only=True):
    """An event of a trigger, a rule or a subscription that was given up.

    Attributes:
        key: Unique; the same if the same event is given up again.
        destination: ARN of the intended receiver (region and account may be empty), or a URL.
        document: The event.
        error: Why it was given up.
        function: The function that is the receiver, "" if none.
        qualifier: Of that function, "" if none.
        call_path: Call path that led to the event.
    """

    key: str
    destination: str
    document: bytes
    error: str
    function: str = ""
    qualifier: str = ""
    call_path: CallPath = ()


class Count(Record, frozen=True, kw_only=True):
    """One addition to a metric.

    Attributes:
        metric: The service's name, such as ``FunctionDestinationErrors``.
        at: When it happened; metrics are summed by minute.
    """

    metric: str
    function: str
    at: int
    value: int = 1


class Settlement(Record, frozen=True, kw_only=True):
    """Everything that follows from one attempt, committed in one transaction.

    Attributes:
        invocation: The invocation as it stands afterwards; waiting again or final.
        events: Steps to record (task mode only).
        delivery: The job that tells a destination of a final outcome, or None.
        counts: Metrics.
        notes: What is recorded beside the steps (task mode only).
    """

    invocation: Invocation
    events: tuple[TaskEvent, ...] = ()
    delivery: Job | None = None
    counts: tuple[Count, ...] = ()
    notes: tuple[Note, ...] = ()


class JobSettlement(Record, frozen=True, kw_only=True):
    """Everything that follows from one try of a job, committed in one transaction.

    Attributes:
        job: The job as it stands afterwards, pending again or dead; None when it is done.
        destination_status: What the task whose request ID is the job's key shows from now on;
            "" changes nothing.
        added: Jobs that follow from it.
        counts: Metrics.
        notes: What is recorded of the try.
    """

    job: Job | None
    destination_status: str = ""
    added: tuple[Job, ...] = ()
    counts: tuple[Count, ...] = ()
    notes: tuple[Note, ...] = ()


DELIVERY: Final = "delivery"
"""Tells a destination of a final outcome, or redrives an event that was given up."""
TOPIC_PUSH: Final = "mns.push"
"""Pushes a message of an MNS topic to a subscription."""
EVENT_PUSH: Final = "eventbridge.push"
"""Pushes an event to a target of a rule."""
TRIGGER: Final = "trigger"
"""Fires a trigger again for messages whose function could not be invoked."""
TIMER: Final = "timer"
"""Fires a timer trigger at its next moment."""

# MessagePack keeps the document byte for byte, without an encoding as text.
_encode: Final = msgspec.msgpack.Encoder().encode
_decode: Final = msgspec.msgpack.Decoder(Delivery).decode


def delivery_job(delivery: Delivery, *, now: int, error: str = "") -> Job:
    """Return the job of a delivery.

    Args:
        delivery: What to tell, and whom.
        now: Milliseconds since the epoch; the job is due at once.
        error: Why it can never be delivered: the job is dead from the start. "" if it can.
    """
    return Job(
        kind=DELIVERY,
        key=delivery.request_id,
        payload=_encode(delivery),
        created_at=now,
        due_at=now,
        state="dead" if error else "pending",
        error=error,
    )


def delivery_of(job: Job) -> Delivery:
    """Return what a job of the kind :data:`DELIVERY` delivers."""
    return _decode(job.payload)
