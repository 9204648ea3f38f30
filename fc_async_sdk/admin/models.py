# SPDX-License-Identifier: MIT
"""The answers of the admin API as frozen, typed structs. Times are milliseconds since the epoch.

The runtime encodes these structs, clients decode them, and its OpenAPI document describes them.

Invariants:

- An attribute without a default is in each answer. One with a default is left out if it has it.
"""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from fc_async_sdk._decoding import prepare
from fc_async_sdk._drawing import Scene
from fc_async_sdk.events.triggers import EMPTY_MD5
from fc_async_sdk.models import AnyTaskStatus, AsyncConfig, Model
from fc_async_sdk.spec import limits, metrics, oss
from fc_async_sdk.spec.async_config import Outcome

Encoding = Literal["", "base64"]

PREFIX: Final = "/_local"
"""What the paths of the admin API begin with."""

# --- the runtime ------------------------------------------------------------------------------


class Addresses(msgspec.Struct, frozen=True, kw_only=True):
    """The URLs of a runtime, with its account, region, data folder and process."""

    fc: str
    console: str
    mns: str
    rocketmq: str
    eventbridge: str
    account_id: str
    region: str
    data: str
    pid: int


class Health(Addresses, frozen=True, kw_only=True):
    """The answer of a runtime whose store answers."""

    status: str


class Stats(msgspec.Struct, frozen=True, kw_only=True):
    """How many invocations and deliveries there are.

    Attributes:
        by_status: Invocations by status.
        oldest_due_at: When the first invocation that waits is due; None: none waits.
        deliveries_pending: Deliveries that wait.
        deliveries_dead: Deliveries that were given up.
        now: The time of the runtime.
    """

    by_status: dict[str, int]
    oldest_due_at: int | None
    deliveries_pending: int
    deliveries_dead: int
    now: int


class Run(Model, frozen=True, kw_only=True):
    """One run of a runtime.

    Attributes:
        run: Names it; a restart has another name.
        refused: Why the state that was imported before it could not be opened, else "".
    """

    run: str
    refused: str = ""


# --- time -------------------------------------------------------------------------------------


class Clock(Model, frozen=True, kw_only=True):
    """The time of the runtime, and whether it stands still until it is moved."""

    now: int
    virtual: bool


class Idle(Clock, frozen=True, kw_only=True):
    """The time at which nothing waits and nothing runs.

    Attributes:
        passed: How much time passed, in milliseconds.
    """

    passed: int


# --- metrics ----------------------------------------------------------------------------------


def _one_of(*words: str) -> Meta:
    """Return the words for the description; a newer runtime may have others."""
    return Meta(extra_json_schema={"enum": list(words)})


_Metric = Annotated[str, _one_of(*metrics.ALL)]
_Unit = Annotated[str, _one_of("count", "ms")]
_Statistic = Annotated[str, _one_of("Sum", "Average", "Maximum", "Value")]


class MetricPoint(msgspec.Struct, frozen=True):
    """The value of the period that begins at a time."""

    timestamp: int
    value: int | float


class Series(Model, frozen=True, kw_only=True):
    """One metric of one function over a span of time.

    Attributes:
        metric: A name of :data:`fc_async_sdk.spec.metrics.METRICS`.
        value: The sum, average or maximum of the whole span; of a level, the last one.
        points: By period, oldest first, if a period was asked for. A period without a point had
            the value 0, or nothing to measure.
    """

    metric: _Metric
    function: str
    meaning: str
    unit: _Unit
    statistic: _Statistic
    value: int | float
    points: tuple[MetricPoint, ...] | None = None


class Metrics(Model, frozen=True, kw_only=True):
    """What was counted from a time up to another, in periods of so many seconds."""

    start: int
    end: int
    metrics: list[Series]
    period: int | None = None


# --- the graph of destinations ----------------------------------------------------------------


class Node(Model, frozen=True, kw_only=True):
    """A node: ``function/qualifier``, or the ARN of anything else."""

    name: str
    kind: str


class Edge(Model, frozen=True, kw_only=True):
    """One destination.

    Attributes:
        source: Name of the node that has it.
        target: Name of the node that it leads to.
        cyclic: Whether it is part of a destination cycle.
        cut: Whether it is one of the edges without which there is no cycle.
        written: Where a template has it (``file:line:column``); "" if no deployment said so.
        destination: The ARN with region and account filled in.
        delivered: How many events reached the destination.
        lost: How many did not.
    """

    source: str
    target: str
    outcome: str
    cyclic: bool
    cut: bool
    written: str
    destination: str
    delivered: int
    lost: int


class Graph(Model, frozen=True, kw_only=True):
    """Where results go.

    Attributes:
        scene: Coordinates of boxes and routes, in the order of nodes and edges; None without the
            layout engine.
    """

    nodes: list[Node]
    edges: list[Edge]
    scene: Scene | None


class WrittenAt(Model, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where a template has a destination.

    Attributes:
        function: The function that has it.
        qualifier: Of its configuration; "" for LATEST.
        outcome: The outcome that is sent.
        destination: Its ARN as it was deployed.
        place: File, line and column, as in ``s.yaml:12:9``.
    """

    function: str
    qualifier: str = ""
    outcome: Outcome
    destination: str
    place: Annotated[str, Meta(min_length=1, max_length=4_096)]


class Places(Model, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where a template has the destinations that were deployed."""

    places: tuple[WrittenAt, ...]


class KnownPlaces(Model, frozen=True, kw_only=True):
    """How many of these destinations the runtime has."""

    known: int


# --- invocations ------------------------------------------------------------------------------


class Invoke(Model, frozen=True, kw_only=True):
    """How a function is invoked.

    Attributes:
        delay: Seconds, 0 to 3599.
        task_id: Of an asynchronous invocation; "": the runtime makes one.
    """

    payload: str = ""
    payload_encoding: Encoding = ""
    qualifier: str = limits.DEFAULT_QUALIFIER
    delay: Annotated[int, Meta(extra_json_schema={"minimum": 0, "maximum": 3_599})] = 0
    task_id: str = ""
    type: Literal["Async", "Sync"] = "Async"


class Invoked(Model, frozen=True, kw_only=True):
    """An invocation that was accepted, or the result of a synchronous one.

    Attributes:
        task_id: Of an asynchronous invocation; the other attributes are of a synchronous one.
        error_type: Type of the function's error, "" after a success.
        log: What the function printed.
    """

    request_id: str
    task_id: str | None = None
    error_type: str | None = None
    payload: str | None = None
    payload_encoding: Encoding = ""
    log: str | None = None
    duration_ms: int | None = None


class Step(Model, frozen=True, kw_only=True):
    """One step of an invocation.

    Attributes:
        number: Counts the steps of this runtime, from 1.
        kind: ``accepted``: it waits. ``started``: an attempt runs. ``ended``: an attempt has
            ended, or it was decided to make none. ``delivery``: a try to reach its destination.
        at: When, on the runtime's clock, in milliseconds since the epoch.
        sync: Whether a caller waits for the result; such a call has no task and no retries.
        attempt: Which attempt it is, from 1; 0 for a step that belongs to none.
        attempts: How many there are at most if the function fails each time; 0 if not known.
        due_at: When what comes next may begin: the first attempt, a retry, another try.
        status: The state of the invocation afterwards; for a delivery ``delivered``, ``pending``
            or ``dead``.
        outcome: How the attempt ended, in words; "" if none was made.
        condition: Why the invocation waits again or has failed.
        error: Why a delivery failed.
        result: What the function returned, or the error document of its runtime.
        output: What the function printed.
        destination: ARN of the destination.
        event: Which of the two destinations: ``success`` or ``failure``.
        payload: What the function is called with; at the first step of an invocation.
        hops: Through how many functions a destination led here; 0: a caller invoked it.
    """

    number: int = 0
    kind: Literal["accepted", "started", "ended", "delivery"]
    at: int
    function: str
    qualifier: str = ""
    request_id: str
    task_id: str = ""
    sync: bool = False
    attempt: int = 0
    attempts: int = 0
    due_at: int | None = None
    status: str = ""
    outcome: str = ""
    condition: str = ""
    error: str = ""
    result: str = ""
    output: str = ""
    duration_ms: int = 0
    memory_mb: int = 0
    destination: str = ""
    event: str = ""
    payload: bytes = b""
    hops: int = 0


class Steps(Model, frozen=True, kw_only=True):
    """What a reader of steps gets.

    Attributes:
        steps: The steps after the reader's last one, oldest first.
        last: The number of the newest step that the runtime has recorded.
        missed: How many steps were dropped since the reader's last one.
    """

    steps: list[Step]
    last: int
    missed: int


# --- tasks ------------------------------------------------------------------------------------


class TaskEvent(Model, frozen=True, kw_only=True):
    """A step of a task that was recorded; its detail is JSON."""

    event_id: int
    status: AnyTaskStatus
    timestamp: int
    event_detail: str | None = None


class Task(Model, frozen=True, kw_only=True):
    """A task: :class:`fc_async_sdk.models.AsyncTask`, and what the service does not show of it.

    Attributes:
        error_type: Type of the function's error, if its latest execution failed.
        error_message: Message of the function's error, likewise.
        task_mode: In a list of what runs next: whether its steps are recorded.
    """

    task_id: str
    request_id: str
    function: str
    function_arn: str
    qualifier: str
    status: AnyTaskStatus
    already_retried_times: int
    accepted_time: int
    due_time: int
    started_time: int | None = None
    end_time: int | None = None
    duration_ms: int | None = None
    instance_id: str | None = None
    destination_status: str | None = None
    task_error_message: str | None = None
    task_payload: str | None = None
    task_payload_encoding: Encoding = ""
    return_payload: str | None = None
    return_payload_encoding: Encoding = ""
    error_type: str | None = None
    error_message: str | None = None
    task_mode: bool | None = None


class Tasks(Model, frozen=True, kw_only=True):
    """One page of tasks; the last one has no token."""

    tasks: list[Task]
    next_token: str | None = None


class Note(Model, frozen=True, kw_only=True):
    """What happened to a task beside its steps.

    Attributes:
        kind: ``delivery``: a try of its delivery. ``cause``: the task whose delivery it came
            from. ``action``: what a user did, with the reason.
        try_: Of a delivery, from 1.
        status: What the destination answered, with ``code``, ``message`` and ``reference``.
        event: The event that was sent, with the first try.
        request_id: Of the other task, like ``function`` and ``task_id``.
    """

    at: int
    kind: Literal["delivery", "cause", "action", "log"]
    outcome: str | None = None
    destination: str | None = None
    try_: int | None = msgspec.field(default=None, name="try")
    status: int | None = None
    code: str | None = None
    message: str | None = None
    reference: str | None = None
    due_at: int | None = None
    next_try_at: int | None = None
    event: str | None = None
    event_encoding: Encoding = ""
    action: str | None = None
    reason: str | None = None
    request_id: str | None = None
    function: str | None = None
    task_id: str | None = None


class Target(Model, frozen=True, kw_only=True):
    """Method and target of a request; its headers may have secrets."""

    method: str
    target: str


class WholeTask(Task, frozen=True, kw_only=True):
    """A task with its steps and payloads.

    Attributes:
        config: The asynchronous configuration that held at accept.
        http: The request, if one has called an HTTP trigger.
    """

    events: tuple[TaskEvent, ...]
    attempts: int
    system_retries: int
    system_retry_since: int | None
    call_path: list[str]
    delay_ms: int
    config: AsyncConfig | None
    http: Target | None
    notes: list[Note]


class TaskCounts(Model, frozen=True, kw_only=True):
    """The numbers of tasks by status; there may be more of a status in ``at_least``."""

    by_status: dict[str, int]
    at_least: list[str]


class TaskName(Model, frozen=True, kw_only=True):
    """Function and id of a task."""

    function: str
    task_id: str


class TaskActions(Model, frozen=True, kw_only=True):
    """What to do with some tasks.

    Attributes:
        action: ``replay`` invokes the function again with the same bytes or the same request.
        tasks: The tasks.
        reason: Is recorded with each task.
    """

    action: Literal["stop", "run-now", "replay"]
    tasks: Annotated[tuple[TaskName, ...], Meta(min_length=1, max_length=1_000)]
    reason: Annotated[str, Meta(max_length=1_000)] = ""


class TaskDone(TaskName, frozen=True, kw_only=True):
    """An action that was done; ``new_task_id`` is that of a replay."""

    new_task_id: str | None = None


class TaskRefused(TaskName, frozen=True, kw_only=True):
    """An action that was refused, and why."""

    code: str
    message: str


class TasksActedOn(Model, frozen=True, kw_only=True):
    """The outcomes of an action, in the order of the tasks."""

    done: list[TaskDone]
    refused: list[TaskRefused]


# --- dead events ------------------------------------------------------------------------------


class DeadEvent(Model, frozen=True, kw_only=True):
    """A delivery that was given up.

    Attributes:
        event: The event document, as text or as base64.
        tries: How often it was tried.
        error: Why the latest try failed.
    """

    request_id: str
    task_id: str
    function: str
    qualifier: str
    outcome: str
    destination: str
    event: str
    event_encoding: Encoding = ""
    created_time: int
    tries: int
    error: str


class DeadEvents(Model, frozen=True, kw_only=True):
    """One page of dead events, newest first, and how many there are in all."""

    deliveries: list[DeadEvent]
    total: int
    next_token: str | None = None


class Redriven(Model, frozen=True, kw_only=True):
    """How many dead events are delivered again."""

    redriven: int


class Purged(Model, frozen=True, kw_only=True):
    """How many dead events or messages were deleted."""

    purged: int


# --- queues, topics and buses -----------------------------------------------------------------


class Channel(Model, frozen=True, kw_only=True):
    """A queue, a topic or a bus.

    Attributes:
        kind: ``queue``, ``topic``, ``rocketmq`` or ``bus``.
        instance: Of RocketMQ, else "".
        messages: How many messages it has, or how many of the latest ones are shown.
        facts: Further numbers by name.
    """

    kind: str
    name: str
    instance: str
    messages: int
    facts: dict[str, int]


class Channels(Model, frozen=True, kw_only=True):
    """All queues, topics and buses."""

    channels: list[Channel]


class Message(Model, frozen=True, kw_only=True):
    """A message as it is.

    Attributes:
        attributes: What the protocol says of it, by name.
        summary: Facts of the destination event in the body, or of another event of a bus.
        event: The document of the destination event, if the body has it in another form.
    """

    id: str
    at: int
    body: str
    attributes: dict[str, Any]
    summary: dict[str, str | int] | None = None
    event: str | None = None


class Messages(Model, frozen=True, kw_only=True):
    """The messages of a queue, or the latest ones of a topic or a bus."""

    messages: list[Message]


class SendMessage(Model, frozen=True, kw_only=True):
    """A message to send; for a bus the body is an event of JSON.

    Attributes:
        tag: For topics.
        keys: For topics of RocketMQ.
    """

    body: str
    tag: str = ""
    keys: str = ""


class Sent(Model, frozen=True, kw_only=True):
    """The id of a message that was sent."""

    message_id: str


# --- faults -----------------------------------------------------------------------------------


class SetFault(Model, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A destination or a function that shall fail.

    Attributes:
        destination: A kind, an ARN, or an ARN with ``*`` in it, with ``status`` or ``timeout``.
        function: A name, which may hold ``*``, with ``error``.
        times: For how many tries.
        seconds: For how long.
    """

    destination: str | UnsetType = UNSET
    status: Annotated[int, Meta(extra_json_schema={"minimum": 400, "maximum": 599})] | UnsetType = (
        UNSET
    )
    timeout: bool | UnsetType = UNSET
    function: str | UnsetType = UNSET
    error: Literal["throttled", "no resources", "system error"] | UnsetType = UNSET
    times: Annotated[int, Meta(extra_json_schema={"minimum": 1})] | None = None
    seconds: Annotated[float, Meta(extra_json_schema={"exclusiveMinimum": 0})] | None = None

    def given(self, *names: str) -> dict[str, Any]:
        """Return the attributes of these names that are set."""
        fields = msgspec.structs.asdict(self)
        return {name: fields[name] for name in names if fields[name] is not UNSET}


class Fault(Model, frozen=True, kw_only=True):
    """A fault in force, of a destination or of a function.

    Attributes:
        times: For how many more tries; None: no limit.
        until: Until when; None: no limit.
    """

    id: int
    times: int | None
    until: int | None
    destination: str | None = None
    status: int | None = None
    timeout: bool | None = None
    function: str | None = None
    error: str | None = None


class Faults(Model, frozen=True, kw_only=True):
    """The faults in force."""

    faults: list[Fault]


class FaultSet(Model, frozen=True, kw_only=True):
    """The fault that was set."""

    fault: Fault


# --- debuggers --------------------------------------------------------------------------------


class Debug(Model, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How a function is debugged.

    Attributes:
        folder: Its code on this machine.
        port: Where the debugger listens; 0: any.
    """

    folder: Annotated[str, Meta(min_length=1, max_length=4_096, pattern=r"\A[^\0]*\Z")]
    port: Annotated[int, Meta(ge=0, le=65_535)] = 0


class Debugger(Model, frozen=True, kw_only=True):
    """Where a client finds the debugger of a function, and whether one is connected."""

    function: str
    port: int
    attached: bool


class Debuggers(Model, frozen=True, kw_only=True):
    """The functions that run with a debugger."""

    debuggers: list[Debugger]


# --- triggers ---------------------------------------------------------------------------------


class HttpUrls(Model, frozen=True, kw_only=True):
    """The URLs of an HTTP trigger."""

    url_internet: str
    url_intranet: str


class TriggerState(Model, frozen=True, kw_only=True):
    """A trigger as it is now.

    Attributes:
        state: ``active``, ``disabled``, ``invalid``, or ``unsupported``: the runtime has no source
            of this kind, and the trigger can be fired by hand.
        source: What fires it, in words.
        asynchronous: How the function is invoked; None: the caller decides.
        next_firings: The next moments of an active timer.
        fired: How often it fired since the runtime started.
        last_error: "" after a success.
        consecutive_errors: Since the latest success.
        trigger_config: As the API keeps it, like ``qualifier``, ``source_arn`` and
            ``description``.
    """

    function: str
    trigger_name: str
    trigger_type: str
    state: str
    source: str
    asynchronous: bool | None
    next_firings: tuple[int, ...]
    fired: int
    last_fired_time: int | None
    last_request_id: str
    last_error: str
    last_error_time: int | None
    consecutive_errors: int
    qualifier: str | None = None
    source_arn: str | None = None
    trigger_config: str | None = None
    description: str | None = None
    http_trigger: HttpUrls | None = None


class Triggers(Model, frozen=True, kw_only=True):
    """The triggers of a runtime, and its time, which may be virtual."""

    triggers: list[TriggerState]
    now: int


class TriggerSamples(Model, frozen=True, kw_only=True):
    """An event of each kind of trigger."""

    samples: dict[str, Any]


class Fire(Model, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """With what a trigger is fired.

    Attributes:
        payload: What the function gets; None: the event that the trigger would make.
        payload_encoding: ``base64``, or "" for text.
    """

    payload: str | None = None
    payload_encoding: Encoding = ""


class FiredNow(Model, frozen=True, kw_only=True):
    """The request that firing a trigger has made, and what the function got."""

    request_id: str
    payload: str
    payload_encoding: Encoding = ""


_Text = Annotated[str, Meta(max_length=1_024)]


class ObjectEvent(Model, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An event of an object in OSS.

    Attributes:
        event: One of :data:`fc_async_sdk.spec.oss.NAMES`, with or without ``oss:``.
        size: Of the object, in bytes, up to 48.8 TB.
        content_type: Of the object, "" if unknown.
    """

    bucket: _Text
    key: _Text
    event: _Text = oss.CREATED
    size: Annotated[int, Meta(ge=0, le=48_800_000_000_000)] = 0
    etag: _Text = EMPTY_MD5
    content_type: _Text = ""


class FiredTrigger(Model, frozen=True, kw_only=True):
    """The result of firing one trigger with an event.

    Attributes:
        request_id: Of the invocation, "" if it was refused.
        error: Why it was refused, else ""; the event is then a dead event.
    """

    function: str
    trigger: str
    request_id: str
    error: str


class FiredTriggers(Model, frozen=True, kw_only=True):
    """The triggers that match an event."""

    fired: list[FiredTrigger]


prepare(
    Health,
    Stats,
    Idle,
    WholeTask,
    *(one for one in Model.__subclasses__() if one.__module__ == __name__),
)
