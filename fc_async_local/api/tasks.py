# SPDX-License-Identifier: MIT
"""Operations on asynchronous tasks, and the form in which a task is answered."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final, Literal

from fc_async_local.api.operation import Number, Prefixed, Qualified, page_of, served
from fc_async_local.domain.errors import Rejected
from fc_async_local.domain.states import Status
from fc_async_local.functions import refusals
from fc_async_local.functions.paging import seal_moment, unseal_moment
from fc_async_local.store.protocol import Position, TaskQuery
from fc_async_sdk.events.wire import payload_members
from fc_async_sdk.spec.arn import FunctionArn

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fc_async_local.domain.invocation import Invocation, TaskEvent
    from fc_async_local.engine.engine import Engine
    from fc_async_local.functions import FunctionRegistry
    from fc_async_local.settings import Settings
    from fc_async_local.store.protocol import Store, TaskPage

_LIST: Final = "tasks"


def task_not_found(task_id: str) -> Rejected:
    """Return 404: the task does not exist, was not in task mode, or was deleted after 7 days."""
    return Rejected(
        404,
        "AsyncTaskNotFound",
        f"async task '{task_id}' does not exist: tasks are kept for 7 days, and only when the "
        "configuration has asyncTask on",
    )


class ListTasks(Prefixed, frozen=True, kw_only=True):
    """A page of tasks."""

    qualifier: str = ""
    status: str = ""
    started_time_begin: Number | None = None
    started_time_end: Number | None = None
    sort_order_by_time: Literal["desc", "asc"] = "desc"
    include_payload: bool = False


class TaskOperations:
    """Get, list and stop tasks."""

    def __init__(
        self,
        store: Store,
        registry: FunctionRegistry,
        invoker: Engine,
        settings: Settings,
    ) -> None:
        self._store = store
        self._registry = registry
        self._invoker = invoker
        self._settings = settings

    @served("GetAsyncTask", "GET", "/functions/{name}/async-tasks/{task_id}")
    async def get_async_task(self, name: str, task_id: str, query: Qualified) -> dict[str, Any]:
        """Answer GetAsyncTask."""
        task = await self._store.get(name, task_id)
        if task is None or query.qualifier not in {"", task.invocation.qualifier}:
            await self._registry.functions.get(name)
            raise task_not_found(task_id)
        return describe_task(task.invocation, self._settings, events=task.events, payload=True)

    @served("ListAsyncTasks", "GET", "/functions/{name}/async-tasks")
    async def list_async_tasks(self, name: str, query: ListTasks) -> dict[str, Any]:
        """Answer ListAsyncTasks."""
        page = await self._store.query(task_query(query, name))
        if not page.invocations:
            # Tasks of a deleted function can still be listed; a wrong name is an error.
            await self._registry.functions.get(name)
        tasks = [
            describe_task(i, self._settings, payload=query.include_payload)
            for i in page.invocations
        ]
        return page_of("tasks", tasks, task_token(page))

    @served("StopAsyncTask", "PUT", "/functions/{name}/async-tasks/{task_id}/stop")
    async def stop_async_task(
        self,
        name: str,
        task_id: str,
        query: Qualified,  # noqa: ARG002 -- clients send it
    ) -> None:
        """Answer StopAsyncTask."""
        await self._invoker.stop_task(name, task_id)


def task_query(query: ListTasks, function: str | None) -> TaskQuery:
    """Return what the parameters of ListAsyncTasks ask for.

    Raises:
        Rejected: 400 InvalidArgument.
    """
    status = query.status
    try:
        statuses = {Status(word) for word in status.split(",")} if status else None
    except ValueError:
        raise refusals.invalid_argument(
            f"status must be one of {', '.join(s.value for s in Status)}, got {status!r}"
        ) from None
    return TaskQuery(
        function=function,
        qualifier=query.qualifier or None,
        statuses=statuses,
        prefix=query.prefix,
        started_from=query.started_time_begin,
        started_to=query.started_time_end,
        descending=query.sort_order_by_time == "desc",
        limit=query.limit,
        after=Position(*unseal_moment(_LIST, query.next_token)) if query.next_token else None,
        with_payload=query.include_payload,
    )


def task_token(page: TaskPage) -> str:
    """Return the ``nextToken`` of a page of tasks, "" for the last page."""
    return seal_moment(_LIST, *page.after) if page.after is not None else ""


def describe_task(
    invocation: Invocation,
    settings: Settings,
    *,
    events: Sequence[TaskEvent] | None = None,
    payload: bool,
) -> dict[str, Any]:
    """Return a task as the API answers it, without the members that are not known yet.

    Args:
        invocation: The task.
        settings: Region and account, for its ARN.
        events: Its steps; None: they are left out.
        payload: Whether to include the payload and what the function returned.
    """
    arn = FunctionArn(
        region=settings.account.region,
        account_id=settings.account.account_id,
        function=invocation.function,
    )
    answer: dict[str, Any] = {
        "taskId": invocation.task_id,
        "requestId": invocation.request_id,
        "functionArn": str(arn),
        "qualifier": invocation.qualifier,
        "status": invocation.status.value,
        "alreadyRetriedTimes": max(invocation.attempts - 1, 0),
        **_times(invocation),
    }
    texts = {
        "instanceId": invocation.instance_id,
        "destinationStatus": invocation.destination_status,
        "taskErrorMessage": invocation.error,
    }
    answer |= {name: text for name, text in texts.items() if text}
    if payload:
        answer |= payload_members("taskPayload", invocation.payload)
        if invocation.return_payload is not None:
            answer |= payload_members("returnPayload", invocation.return_payload)
    if events is not None:
        answer["events"] = [_describe_event(n, event) for n, event in enumerate(events, 1)]
    return answer


def _times(invocation: Invocation) -> dict[str, int]:
    started = invocation.started_at
    ended = invocation.ended_at
    times = {"startedTime": started, "endTime": ended}
    if started is not None and ended is not None:
        times["durationMs"] = ended - started
    return {name: value for name, value in times.items() if value is not None}


def _describe_event(number: int, event: TaskEvent) -> dict[str, Any]:
    answer: dict[str, Any] = {
        "eventId": number,
        "status": event.status.value,
        "timestamp": event.at,
    }
    if event.detail:
        answer["eventDetail"] = json.dumps(event.detail, ensure_ascii=False)
    return answer
