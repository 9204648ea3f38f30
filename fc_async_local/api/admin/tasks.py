# SPDX-License-Identifier: MIT
"""Tasks of all functions: list, count, show, run now, stop; each also for many at once."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Annotated, Any, Final

import msgspec
from msgspec import Meta
from starlette.responses import PlainTextResponse

from fc_async_local.api.admin.functions import request_of
from fc_async_local.api.operation import Number, PageSize, Query, local
from fc_async_local.api.tasks import (
    ListTasks,
    describe_task,
    task_not_found,
    task_query,
    task_token,
)
from fc_async_local.domain.errors import Rejected
from fc_async_local.domain.invocation import InvokeRequest, Note
from fc_async_local.domain.states import Status
from fc_async_local.store.steps import added, merged
from fc_async_sdk._pacing import hop
from fc_async_sdk.admin import models
from fc_async_sdk.errors import InvalidPayload
from fc_async_sdk.events.error_documents import error_lines
from fc_async_sdk.events.wire import payload_members
from fc_async_sdk.spec import limits

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator, Sequence

    from fc_async_local.clock import Clock
    from fc_async_local.domain.invocation import Invocation
    from fc_async_local.engine.engine import Engine
    from fc_async_local.engine.feed import Remembered
    from fc_async_local.engine.ports import Accepted
    from fc_async_local.settings import Settings
    from fc_async_local.store.protocol import Store, Task, TaskQuery

_COUNTED: Final = 20_000
"""Largest number of tasks of one status that is counted; a refresh must not take longer."""
_EXISTS: Final = "AsyncTaskAlreadyExists"
_LIVE_BYTES: Final = 64 * 1024
_PLAIN: Final = {"x-content-type-options": "nosniff"}
"""Headers of text that a function printed, which a browser must not take for a page."""


class AllTasks(ListTasks, frozen=True, kw_only=True):
    """A page of tasks of all functions.

    Attributes:
        function: Whose; "" for all functions.
        error: The condition of the latest failure, or the type of the function's error.
        text: Begins the task id, or is contained in type and message of the error.
        accepted_from: Milliseconds since the epoch.
        accepted_to: Likewise.
    """

    function: str = ""
    error: str = ""
    text: str = ""
    accepted_from: Number | None = None
    accepted_to: Number | None = None


class DueQuery(Query, frozen=True, kw_only=True):
    """The number of tasks that are shown."""

    limit: PageSize = limits.PAGE_SIZE.default


class LogQuery(Query, frozen=True, kw_only=True):
    """The number of an attempt."""

    attempt: Annotated[int, Meta(ge=1, le=1_000_000)] = 1


class TaskAdmin:
    """Tasks with everything that is known about them."""

    def __init__(
        self,
        store: Store,
        engine: Engine,
        clock: Clock,
        settings: Settings,
        remembered: Remembered,
    ) -> None:
        self._store = store
        self._remembered = remembered
        self._engine = engine
        self._clock = clock
        self._settings = settings

    @local("GET", "/tasks")
    async def tasks(self, query: AllTasks) -> models.Tasks:
        """List tasks of all functions."""
        payload = query.include_payload
        criteria = _wanted(query)
        remembered = await self._remembered.store()
        page = merged(
            criteria, [await self._store.query(criteria), await remembered.query(criteria)]
        )
        return models.Tasks(
            tasks=[self._shown(invocation, payload=payload) for invocation in page.invocations],
            next_token=task_token(page) or None,
        )

    def _shown(self, invocation: Invocation, *, payload: bool, **more: object) -> models.Task:
        described = describe_task(invocation, self._settings, payload=payload)
        facts = {
            **described,
            **_times(invocation),
            **_failure(invocation),
            **more,
        }
        if self._remembered.has(invocation.request_id):
            facts["taskMode"] = False
        return msgspec.convert(facts, models.Task)

    @local("GET", "/tasks/counts")
    async def counts(self, query: AllTasks) -> models.TaskCounts:
        """Count the tasks of a list by status, on all its pages."""
        criteria = _wanted(query)
        remembered = await self._remembered.store()
        stored = await self._store.count_tasks(criteria, most=_COUNTED)
        # Invocations without task mode are not in the store, only among the latest steps.
        without_mode = await remembered.count_tasks(criteria, most=_COUNTED)
        counts = added([stored, without_mode], complete=True)
        return models.TaskCounts(
            by_status={status.value: n for status, n in counts.by_status.items() if n},
            at_least=sorted(status.value for status in counts.at_least),
        )

    @local("GET", "/due")
    async def due(self, query: DueQuery) -> models.Tasks:
        """List what runs next, the earliest first."""
        upcoming = await self._store.upcoming(query.limit)
        return models.Tasks(
            tasks=[
                self._shown(invocation, payload=False, taskMode=invocation.task_mode)
                for invocation in upcoming
            ]
        )

    @local("POST", "/tasks/actions")
    async def act(self, body: models.TaskActions) -> models.TasksActedOn:
        """Stop, replay or run many tasks, one after the other."""
        outcomes = [await self._try(body, name) for name in body.tasks]
        return models.TasksActedOn(
            done=[outcome for outcome in outcomes if isinstance(outcome, models.TaskDone)],
            refused=[outcome for outcome in outcomes if isinstance(outcome, models.TaskRefused)],
        )

    async def _try(
        self, request: models.TaskActions, name: models.TaskName
    ) -> models.TaskDone | models.TaskRefused:
        function = name.function
        task_id = name.task_id
        try:
            new = await self._act(request, name)
        except Rejected as error:
            return models.TaskRefused(
                function=function,
                task_id=task_id,
                code=error.code,
                message=error.message,
            )
        return models.TaskDone(
            function=function,
            task_id=task_id,
            new_task_id=new,
        )

    async def _act(self, request: models.TaskActions, name: models.TaskName) -> str | None:
        task = await self._find(name.function, name.task_id)
        before = task.invocation
        new: Accepted | None = None
        if request.action == "stop":
            await self.stop(name.function, name.task_id)
        elif request.action == "run-now":
            await self.run_now(name.function, name.task_id)
        else:
            new = await self._send_again(request, before)
        await self._store.add_notes(_notes(request, before, new, now=self._clock.now()))
        return None if new is None else new.task_id

    async def _send_again(self, request: models.TaskActions, before: Invocation) -> Accepted:
        if not request.edited:
            return await self._replay(before)
        return await self._engine.invoke_async(request_of(request.edited, before.function))

    async def _replay(self, before: Invocation) -> Accepted:
        """Send a task again, once: its new id is the one that ``fc-async tasks replay`` gives."""
        from fc_async_sdk.fanout import next_id  # noqa: PLC0415 -- few runtimes need it

        task_id = next_id(before.task_id)
        again = InvokeRequest(
            before.function,
            before.payload,
            qualifier=before.qualifier,
            task_id=task_id,
            http=before.http_head,
        )
        try:
            # An invocation without task mode leaves no row by which the store would know the id.
            if self._remembered.find(before.function, task_id) is None:
                return await self._engine.invoke_async(again)
        except Rejected as error:
            if error.code != _EXISTS:
                raise
        text = f"replayed before as '{task_id}': replay that task, or edit and replay this one"
        raise Rejected(409, _EXISTS, text)

    async def _find(self, function: str, task_id: str) -> Task:
        """Return a task, or an invocation without task mode as if it were one.

        Raises:
            Rejected: 404 AsyncTaskNotFound.
        """
        task = await self._store.get(function, task_id)
        if task is None:
            task = self._remembered.find(function, task_id)
        if task is None:
            raise task_not_found(task_id)
        return task

    @local("GET", "/tasks/{function}/{task_id}")
    async def task(self, function: str, task_id: str) -> models.WholeTask:
        """Return one task with its steps, its payloads and its due time."""
        task = await self._find(function, task_id)
        invocation = task.invocation
        notes = await self._store.notes(invocation.request_id)
        facts = {
            **describe_task(invocation, self._settings, events=task.events, payload=True),
            **_times(invocation),
            **_failure(invocation),
            "attempts": invocation.attempts,
            "systemRetries": invocation.system_retries,
            "systemRetrySince": invocation.system_retry_since,
            "callPath": list(invocation.call_path),
            "callers": [caller async for caller in self._callers(notes, len(invocation.call_path))],
            "trace": error_lines(invocation.return_payload or b""),
            "delayMs": invocation.delay_ms,
            "config": None if invocation.config is None else msgspec.json.decode(invocation.config),
            "http": _describe_request(invocation),
            "notes": [*map(_describe_note, notes), *_chain(invocation)],
            **({"taskMode": False} if self._remembered.has(invocation.request_id) else {}),
        }
        return msgspec.convert(facts, models.WholeTask)

    async def _callers(self, notes: Sequence[Note], most: int) -> AsyncIterator[models.Caller]:
        """Yield the tasks whose deliveries led to the one of these notes, the latest first."""
        for _ in range(most):
            cause = next((note.detail for note in notes if note.kind == "cause"), None)
            if cause is None:
                return
            yield msgspec.convert(cause, models.Caller)
            notes = await self._store.notes(str(cause["requestId"]))

    @local("GET", "/tasks/{function}/{task_id}/log")
    async def log(self, function: str, task_id: str, query: LogQuery) -> PlainTextResponse:
        """Return the log of an attempt; of one that runs, its newest lines."""
        task = await self._find(function, task_id)
        attempt = query.attempt
        whole = [
            note.body or b""
            for note in await self._store.notes(task.invocation.request_id, logs=True)
            if note.detail.get("attempt") == attempt
        ]
        # A short log is in the step alone. The step of a retry has the attempt before it.
        short = [
            str(event.detail.get("logTail", "")).encode()
            for event in task.events
            if event.detail.get("attempt") == attempt
        ]
        logs = whole or short
        runs = task.invocation.status in {Status.RUNNING, Status.STOPPING}
        if not logs and runs and attempt == task.invocation.attempts + 1:
            request_id = task.invocation.request_id
            steps = self._engine.feed.running()
            text = "".join(step.output for step in steps if step.request_id == request_id)
            logs = [text.encode()[-_LIVE_BYTES:]]
        if not logs:
            message = f"async task '{task_id}' has no attempt {attempt} that has begun"
            raise Rejected(404, "AttemptNotFound", message)
        return PlainTextResponse(logs[0], headers=_PLAIN)

    @local("POST", "/tasks/{function}/{task_id}/run-now")
    async def run_now(self, function: str, task_id: str) -> None:
        """Let a waiting task run now instead of when it is due."""
        if await self._engine.make_due(function, task_id):
            return
        if await self._store.get(function, task_id) is None:
            raise task_not_found(task_id)
        raise Rejected(409, "TaskNotWaiting", f"async task '{task_id}' is not waiting")

    @local("POST", "/tasks/{function}/{task_id}/stop")
    async def stop(self, function: str, task_id: str) -> None:
        """Do what StopAsyncTask does, unsigned."""
        await self._engine.stop_task(function, task_id)


def _wanted(query: AllTasks) -> TaskQuery:
    """Return what the parameters of a list ask for.

    Raises:
        Rejected: 400 InvalidArgument.
    """
    return task_query(query, query.function or None)._replace(
        error=query.error or None,
        text=query.text,
        accepted_from=query.accepted_from,
        accepted_to=query.accepted_to,
    )


def _notes(
    request: models.TaskActions,
    before: Invocation,
    new: Accepted | None,
    *,
    now: int,
) -> list[Note]:
    """Return what is recorded of an action: with its task, and with the task that it made."""
    why: dict[str, object] = {"reason": request.reason} if request.reason else {}
    new_task: dict[str, object] = (
        {} if new is None else {"taskId": new.task_id, "requestId": new.request_id}
    )
    detail = {"action": request.action, **why, **new_task}
    notes = [
        Note(
            request_id=before.request_id,
            at=now,
            kind="action",
            detail=detail,
        )
    ]
    if new is not None:
        old = {"taskId": before.task_id, "requestId": before.request_id}
        detail = {"action": "replay-of", **why, **old}
        notes.append(
            Note(
                request_id=new.request_id,
                at=now,
                kind="action",
                detail=detail,
            )
        )
    return notes


def _describe_note(note: Note) -> dict[str, Any]:
    body = {} if note.body is None else payload_members("event", note.body)
    return {
        "at": note.at,
        "kind": note.kind,
        **note.detail,
        **body,
    }


def _chain(invocation: Invocation) -> Iterator[dict[str, Any]]:
    """Yield notes of the messages before and after one that waits for its slot of a pace."""
    why = "it waits for its slot"
    with contextlib.suppress(InvalidPayload):
        message = hop.read(invocation.payload)
        if message is not None and message.count and message.task:
            facts = {
                "action": "replay-of",
                "taskId": message.task,
                "reason": why,
            }
            yield {
                "at": invocation.accepted_at,
                "kind": "action",
                **facts,
            }
    sent = hop.sent(invocation.return_payload)
    if sent is not None and sent.next:
        facts = {
            "action": "replay",
            "taskId": sent.next,
            "reason": sent.reason or why,
        }
        yield {
            "at": invocation.ended_at or invocation.accepted_at,
            "kind": "action",
            **facts,
        }


def _describe_request(invocation: Invocation) -> dict[str, str] | None:
    """Return method and target of a request; its headers may have secrets of the client."""
    head = invocation.http_head
    return None if head is None else {"method": head.method, "target": head.target}


def _failure(invocation: Invocation) -> dict[str, str]:
    """Return type and message of the function's error, if its latest execution failed."""
    kind, _, message = invocation.failure.partition(": ")
    return {"errorType": kind, "errorMessage": message} if invocation.failure else {}


def _times(invocation: Invocation) -> dict[str, Any]:
    return {
        "function": invocation.function,
        "acceptedTime": invocation.accepted_at,
        "dueTime": invocation.due_at,
        "paused": invocation.is_parked,
    }
