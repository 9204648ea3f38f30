# SPDX-License-Identifier: MIT
"""Invocations without task mode, as lists show them on this machine.

The store forgets such an invocation when it ends, as the service does. The steps that are left in
the feed are enough to show it.

Invariants:
    Only what the feed has is remembered: its bound in bytes is the bound of this memory.
    The FC API does not ask here, so it answers what the service would.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from msgspec.structs import replace

from fc_async_local.domain.invocation import Invocation, Outcome, OutcomeKind, TaskEvent
from fc_async_local.domain.settlement import after_attempt, step_detail
from fc_async_local.domain.states import Status
from fc_async_local.store.memory import MemoryStore
from fc_async_local.store.protocol import Task

if TYPE_CHECKING:
    from fc_async_local.engine.feed import Feed
    from fc_async_sdk.admin.models import Step

_DELIVERED: Final = {"delivered": "Succeeded", "pending": "Pending", "dead": "Failed"}


class Remembered:
    """The invocations without task mode whose first step the feed has.

    Args:
        feed: The steps of this node.
    """

    def __init__(self, feed: Feed) -> None:
        self._feed = feed
        self._tasks: dict[str, tuple[int, Task]] = {}  # by request id, oldest first
        self._last = 0

    def has(self, request_id: str) -> bool:
        """Return whether an invocation is remembered here and nowhere else."""
        return request_id in self._tasks

    def find(self, function: str, task_id: str) -> Task | None:
        """Return the latest invocation of a task id, which without task mode may be used again."""
        return self._latest().get((function, task_id))

    async def store(self) -> MemoryStore:
        """Return a store that has the latest invocation of each task id, to be asked by queries."""
        found = MemoryStore()
        for task in self._latest().values():
            await found.accept(task.invocation)
        return found

    def _latest(self) -> dict[tuple[str, str], Task]:
        self._catch_up()
        return {
            (task.invocation.function, task.invocation.task_id): task
            for _, task in self._tasks.values()
        }

    def _catch_up(self) -> None:
        for step in self._feed.after(self._last):
            self._last = step.number
            if step.kind == "accepted" and not step.task_mode:
                self._tasks[step.request_id] = (step.number, _accepted(step))
            elif step.request_id in self._tasks:
                number, task = self._tasks[step.request_id]
                self._tasks[step.request_id] = (number, _after(task, step))
        oldest = self._feed.oldest
        for request_id in [one for one, (number, _) in self._tasks.items() if number < oldest]:
            del self._tasks[request_id]


def _accepted(step: Step) -> Task:
    invocation = Invocation(
        request_id=step.request_id,
        task_id=step.task_id,
        function=step.function,
        qualifier=step.qualifier,
        payload=step.payload,
        accepted_at=step.at,
        due_at=step.due_at or step.at,
        delay_ms=(step.due_at or step.at) - step.at,
        task_mode=True,  # shown as if it were
    )
    return Task(invocation, (TaskEvent(status=Status.ENQUEUED, at=step.at),))


def _after(task: Task, step: Step) -> Task:
    """Return an invocation after a step."""
    before = task.invocation
    if step.kind == "delivery":
        sent = replace(before, destination_status=_DELIVERED[step.status])
        return task._replace(invocation=sent)
    if step.kind == "started":
        began = step.at if before.started_at is None else before.started_at
        running = replace(before, status=Status.RUNNING, started_at=began)
        return Task(running, (*task.events, TaskEvent(status=Status.RUNNING, at=step.at)))
    outcome = _outcome(step)
    status = Status(step.status)
    after = replace(
        after_attempt(before, outcome, before.started_at or step.at, keeps=True),
        status=status,
        due_at=before.due_at if step.due_at is None else step.due_at,
        ended_at=step.at if status.final else None,
        error=step.condition,
    )
    detail = step_detail(step.condition, outcome, after)
    if step.due_at is not None:
        detail["nextAttemptAt"] = step.due_at
    return Task(after, (*task.events, TaskEvent(status=status, at=step.at, detail=detail)))


def _outcome(step: Step) -> Outcome | None:
    if not step.outcome:
        return None
    return Outcome(
        kind=OutcomeKind(step.outcome),
        error_type=step.condition,
        payload=step.result.encode(),
        log=step.output.encode(),
        duration_ms=step.duration_ms,
    )
