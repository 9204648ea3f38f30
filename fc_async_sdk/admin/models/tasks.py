# SPDX-License-Identifier: MIT
"""Steps of invocations, and tasks."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from fc_async_sdk.admin.models.functions import Encoding, Invoke
from fc_async_sdk.models import AnyTaskStatus, AsyncConfig, Model


class Step(Model, frozen=True, kw_only=True):
    """One step of an invocation.

    Attributes:
        number: Counts the steps of this runtime, from 1.
        kind: ``accepted``: it waits. ``started``: an attempt runs. ``printed``: it has printed
            lines. ``ended``: an attempt has ended, or it was decided to make none. ``delivery``: a
            try to reach its destination.
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
        output: What the function printed: at the end of an attempt the newest 64 KiB of all of it.
        told: How many characters at the beginning of ``output`` were in ``printed`` steps before.
        cut: Whether output before it was left out, because it was over 64 KiB at once.
        destination: ARN of the destination; at the end of an invocation, its failure destination.
        event: Which of the two destinations: ``success`` or ``failure``.
        payload: What the function is called with; at the first step of an invocation.
        hops: Through how many functions a destination led here; 0: a caller invoked it.
        task_mode: At the first step of an invocation: whether the service would record it.
    """

    number: int = 0
    kind: Literal["accepted", "started", "printed", "ended", "delivery"]
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
    told: int = 0
    cut: bool = False
    duration_ms: int = 0
    memory_mb: int = 0
    destination: str = ""
    event: str = ""
    payload: bytes = b""
    hops: int = 0
    task_mode: bool = False


class Steps(Model, frozen=True, kw_only=True):
    """Answer to a reader of steps.

    Attributes:
        steps: The steps after the reader's last one, oldest first.
        last: The number of the newest step that the runtime has recorded.
        missed: How many steps were dropped since the reader's last one.
    """

    steps: list[Step]
    last: int
    missed: int


# --- tasks --------------------------------------------------------------------------------------


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
        task_mode: False: the service would not record it, because task mode is off.
        paused: Whether it waits until its function is resumed; it is expired at ``due_time``.
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
    paused: bool = False


class Tasks(Model, frozen=True, kw_only=True):
    """One page of tasks; the last one has no token."""

    tasks: list[Task]
    next_token: str | None = None


class Note(Model, frozen=True, kw_only=True):
    """An entry of a task beside its steps.

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


class TaskName(Model, frozen=True, kw_only=True):
    """Function and id of a task."""

    function: str
    task_id: str


class Caller(TaskName, frozen=True, kw_only=True):
    """A task whose delivery led to another task; ``outcome`` is the one that was sent."""

    outcome: str


class WholeTask(Task, frozen=True, kw_only=True):
    """A task with its steps and payloads.

    Attributes:
        callers: The tasks whose deliveries led here, the latest first; it ends where a function
            is not in task mode, while ``call_path`` has all functions.
        trace: The error document that it returned, as lines; empty without one.
        config: The asynchronous configuration that held at accept.
        http: The request, if one has called an HTTP trigger.
    """

    events: tuple[TaskEvent, ...]
    attempts: int
    system_retries: int
    system_retry_since: int | None
    call_path: list[str]
    callers: list[Caller]
    trace: list[str]
    delay_ms: int
    config: AsyncConfig | None
    http: Target | None
    notes: list[Note]


class TaskCounts(Model, frozen=True, kw_only=True):
    """The numbers of tasks by status; there may be more of a status in ``at_least``."""

    by_status: dict[str, int]
    at_least: list[str]


class TaskActions(Model, frozen=True, kw_only=True):
    """An action on some tasks.

    Attributes:
        action: ``replay`` invokes the function again with the same bytes or the same request.
        tasks: The tasks.
        reason: Is recorded with each task.
        edited: Of a replay: what the function is invoked with instead.
    """

    action: Literal["stop", "run-now", "replay"]
    tasks: Annotated[tuple[TaskName, ...], Meta(min_length=1, max_length=1_000)]
    reason: Annotated[str, Meta(max_length=1_000)] = ""
    edited: Invoke | None = None


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
