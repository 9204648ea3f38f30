# SPDX-License-Identifier: MIT
"""Tasks of all functions: list, show, run now, stop."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from fc_async_local.api import admin
from fc_async_local.api.operation import page_of, query_flag
from fc_async_local.api.tasks import describe_task, task_not_found, task_query, task_token
from fc_async_local.domain.errors import Rejected

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.routing import Route

    from fc_async_local.domain.invocation import Invocation
    from fc_async_local.settings import Settings
    from fc_async_local.store.protocol import Store


class TaskControl(Protocol):
    """What the engine does with tasks."""

    async def make_due(self, function: str, task_id: str) -> bool:
        """Let a waiting task run now; return False if it does not wait."""
        ...

    async def stop_task(self, function: str, task_id: str) -> Invocation:
        """Stop a task.

        Raises:
            Rejected: 404 AsyncTaskNotFound; 412 AsyncInvocationStopped when it is final.
        """
        ...


class TaskAdmin:
    """Tasks with everything that is known about them."""

    def __init__(self, store: Store, engine: TaskControl, settings: Settings) -> None:
        self._store = store
        self._engine = engine
        self._settings = settings

    def routes(self) -> list[Route]:
        """Return the routes of these operations."""
        one = "/tasks/{function}/{task_id}"
        return admin.routes(
            [
                ("GET", "/tasks", self.tasks),
                ("GET", one, self.task),
                ("POST", f"{one}/run-now", self.run_now),
                ("POST", f"{one}/stop", self.stop),
            ]
        )

    async def tasks(self, request: Request) -> dict[str, Any]:
        """List tasks of all functions, or of ``function``; otherwise like ListAsyncTasks."""
        query = request.query_params
        page = await self._store.query(task_query(query, query.get("function") or None))
        payload = query_flag(query, "includePayload")
        shown = [
            describe_task(invocation, self._settings, payload=payload) | _times(invocation)
            for invocation in page.invocations
        ]
        return page_of("tasks", shown, task_token(page))

    async def task(self, _: Request, function: str, task_id: str) -> dict[str, Any]:
        """Return one task with its steps, its payloads and its due time."""
        task = await self._store.get(function, task_id)
        if task is None:
            raise task_not_found(task_id)
        invocation = task.invocation
        return {
            **describe_task(invocation, self._settings, events=task.events, payload=True),
            **_times(invocation),
            "attempts": invocation.attempts,
            "systemRetries": invocation.system_retries,
            "callPath": list(invocation.call_path),
        }

    async def run_now(self, _: Request, function: str, task_id: str) -> None:
        """Let a waiting task run now instead of when it is due."""
        if await self._engine.make_due(function, task_id):
            return
        if await self._store.get(function, task_id) is None:
            raise task_not_found(task_id)
        raise Rejected(409, "TaskNotWaiting", f"async task '{task_id}' is not waiting")

    async def stop(self, _: Request, function: str, task_id: str) -> None:
        """Do what StopAsyncTask does, unsigned."""
        await self._engine.stop_task(function, task_id)


def _times(invocation: Invocation) -> dict[str, Any]:
    return {
        "function": invocation.function,
        "acceptedTime": invocation.accepted_at,
        "dueTime": invocation.due_at,
    }
