# SPDX-License-Identifier: MIT
"""A service that lists tasks, on a clock of its own: handles are tested against it without I/O."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from fc_async_sdk import fanout
from fc_async_sdk.errors import (
    AsyncInvocationStopped,
    AsyncTaskAlreadyExists,
    AsyncTaskNotFound,
    FcAsyncError,
    InvalidArgument,
    TimedOut,
)
from fc_async_sdk.models import TERMINAL_STATUSES, AsyncTask, AsyncTaskPage, TaskStatus
from fc_async_sdk.operations import AcceptedInvocation
from fc_async_sdk.waiters import AsyncPort, Port

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


@dataclass
class Scripted:
    """A task: when it starts and ends, and how."""

    task_id: str
    starts: float = 0.0
    ends: float = 0.0
    outcome: TaskStatus = "Succeeded"
    payload: bytes = b""
    result: str | None = None
    appears: float = 0.0
    vanishes: float = float("inf")


@dataclass
class TaskService:
    """Lists, reads, stops and accepts tasks; counts requests. Time passes by sleeping only.

    A fan-out sends from a thread of its own: the service answers one request at a time.
    """

    now: float = 0.0
    tasks: dict[str, Scripted] = field(default_factory=dict)
    requests: list[str] = field(default_factory=list)
    stopped: set[str] = field(default_factory=set)
    refuse: Mapping[bytes, FcAsyncError] = field(default_factory=dict)
    order: Callable[[Scripted], float] | None = None
    expire_tokens_at: float = float("inf")
    silent_from: float = float("inf")
    silent_until: float = float("inf")
    changing: bool = False
    accept: Callable[[str, bytes], Scripted] = lambda task_id, payload: Scripted(
        task_id, payload=payload
    )

    def add(self, *tasks: Scripted) -> None:
        self.tasks |= {task.task_id: task for task in tasks}
        self.changing = self.changing or any(
            task.appears or task.vanishes < float("inf") for task in tasks
        )
        self._begins: dict[str, list[Scripted]] = {}

    def __post_init__(self) -> None:
        self._one_at_a_time = threading.Lock()
        self.add()

    def begins(self, prefix: str) -> list[Scripted]:
        """Tasks whose ids begin so, remembered: tests list 10,000 of them often."""
        if prefix not in self._begins:
            every = self.tasks.values()
            self._begins[prefix] = [task for task in every if task.task_id.startswith(prefix)]
        return self._begins[prefix]

    def status(self, task: Scripted) -> TaskStatus:
        if task.task_id in self.stopped:
            return "Stopped"
        if self.now >= task.ends:
            return task.outcome
        return "Running" if self.now >= task.starts else "Enqueued"

    def port(self) -> Port:
        return Port(self.perform, self.fan_out, self.sleep, lambda: self.now)

    def async_port(self) -> AsyncPort:
        async def perform(*call, **options):
            return self.perform(*call, **options)

        async def sleep(seconds: float) -> None:
            self.sleep(seconds)

        return AsyncPort(perform, self.async_fan_out, sleep, lambda: self.now)

    def sleep(self, seconds: float) -> None:
        assert seconds > 0
        self.now += seconds

    def perform(self, operation, args, kwargs, *, total_timeout: float | None = None):
        assert total_timeout is None or total_timeout > 0
        operation(*args, **kwargs)  # checks the arguments
        with self._one_at_a_time:
            self.requests.append(operation.__name__)
            if self.silent_from <= self.now < self.silent_until:
                self.now += 1 if total_timeout is None else min(1, total_timeout)
                raise TimedOut("no answer in time; repeating is safe")
            return getattr(self, operation.__name__)(*args, **kwargs)

    # --- operations ---------------------------------------------------------------------------

    def list_async_tasks(
        self, _function: str, *, prefix, status, include_payload, limit, next_token, **_
    ) -> AsyncTaskPage:
        expired = next_token is not None and self.now >= self.expire_tokens_at
        if expired:
            self.expire_tokens_at = float("inf")
            raise InvalidArgument("InvalidArgument", "unknown token", http_status=400)
        found = self.begins(prefix)
        if status is not None:
            found = [task for task in found if self.status(task) == status]
        if self.changing:
            found = [task for task in found if task.appears <= self.now < task.vanishes]
        if self.order is not None:
            found = sorted(found, key=self.order)
        begin = int(next_token or 0)
        page = found[begin : begin + limit]
        more = begin + limit < len(found)
        return AsyncTaskPage(
            tasks=tuple(self.describe(task, payload=bool(include_payload)) for task in page),
            next_token=str(begin + limit) if more else "",
        )

    def get_async_task(self, _function: str, task_id: str, **_) -> AsyncTask:
        task = self.tasks.get(task_id)
        if task is None or not task.appears <= self.now < task.vanishes:
            raise AsyncTaskNotFound("AsyncTaskNotFound", "m", http_status=404)
        return self.describe(task, payload=True)

    def stop_async_task(self, function: str, task_id: str, **_) -> None:
        self.get_async_task(function, task_id)
        if self.status(self.tasks[task_id]) in TERMINAL_STATUSES:
            raise AsyncInvocationStopped("AsyncInvocationStopped", "m", http_status=412)
        self.stopped.add(task_id)

    def invoke_async(
        self, function: str, payload: bytes, *, task_id: str, **_
    ) -> AcceptedInvocation:
        if task_id in self.tasks:
            raise AsyncTaskAlreadyExists("AsyncTaskAlreadyExists", "m", http_status=409)
        self.add(self.accept(task_id, payload))
        return AcceptedInvocation(request_id=f"r-{task_id}", task_id=task_id)

    def describe(self, task: Scripted, *, payload: bool) -> AsyncTask:
        status = self.status(task)
        failed = status == "Failed"
        return AsyncTask(
            task_id=task.task_id,
            request_id=f"r-{task.task_id}",
            status=status,
            already_retried_times=3 if failed else 0,
            task_error_message="UnhandledInvocationError" if failed else None,
            task_payload=task.payload.decode() if payload else None,
            return_payload=task.result if payload and status == "Succeeded" else None,
        )

    # --- many accepts -------------------------------------------------------------------------

    def fan_out(self, function: str, payloads, *, feed=None, **arguments) -> fanout.FanOut:
        assert feed is None, "this service has no handlers that could feed themselves"
        plan = fanout.Plan(function, payloads, **{"resume": None, "delay": None, **arguments})
        return fanout.FanOut(plan, payloads, lambda _: fanout.ThreadSender(self._send, 1))

    def async_fan_out(
        self, function: str, payloads, *, feed=None, **arguments
    ) -> fanout.AsyncFanOut:
        assert feed is None, "this service has no handlers that could feed themselves"
        plan = fanout.Plan(function, payloads, **{"resume": None, "delay": None, **arguments})

        async def send(job: fanout.Job) -> AcceptedInvocation:
            return self._send(job)

        return fanout.AsyncFanOut(plan, payloads, send)

    def _send(self, job: fanout.Job) -> AcceptedInvocation:
        error = self.refuse.get(job.call.body)
        if error is not None:
            raise error
        with self._one_at_a_time:
            return self.invoke_async("f", job.call.body, task_id=job.arguments["task_id"])
