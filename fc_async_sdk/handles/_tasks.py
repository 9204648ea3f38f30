# SPDX-License-Identifier: MIT
# Written by .ci/unasync.py from _async_tasks.py: change that module.
"""Handles of single tasks."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any, TypeVar

from fc_async_sdk import operations, waiters
from fc_async_sdk._payloads import claims
from fc_async_sdk.errors import TaskLost
from fc_async_sdk.handles import calls
from fc_async_sdk.handles._base import BaseTask
from fc_async_sdk.handles.scan import Listing

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fc_async_sdk.handles.calls import Target
    from fc_async_sdk.models import AsyncTask, AsyncTaskPage, TaskStatus
    from fc_async_sdk.waiters import Port

R = TypeVar("R")


class TaskHandle(BaseTask[R]):
    """One task, which returns ``R``. Made by ``spawn``, ``client.task`` and groups.

    Attributes:
        id: Its id.
        function: Name of the function.
        qualifier: Version or alias; None is LATEST.
        request_id: Of the invocation, "" if it is not known.
        index: In a group, the index of its payload; else None.
        task: What was read of it last, or None.
        error: Why it has no result, or None if it has, or is not known to have ended.
    """

    _port: Port

    def status(self) -> TaskStatus:
        """Read the status from the service and return it.

        Raises:
            AsyncTaskNotFound: There is no such task, or not yet.
        """
        return (self._latest()).status

    def wait(self, timeout: float | None = 300.0, *, interval: float | None = None) -> AsyncTask:
        """Wait until the task has ended, and return it.

        Args:
            timeout: Seconds after which to give up; None never does.
            interval: Seconds between two requests; None asks often first, then every 5 s.

        Raises:
            WaiterError: It took too long; ``.last`` is the task.
            AsyncTaskNotFound: There is no such task, also not some seconds later.
            TransportError: The service could not be asked.
        """
        if self.task is not None and self.task.finished:
            return self.task
        waiter = waiters.TaskWaiter(self._port, waiters.kind_of("task_finished"))
        began = self._port.monotonic()
        remaining = timeout
        while True:
            task = self._seen(
                waiter.wait(
                    self.function,
                    self._snapshot.message_id,
                    qualifier=self.qualifier,
                    timeout=remaining,
                    interval=interval,
                )
            )
            if not self._follow(task):
                return task
            if timeout is not None:
                remaining = max(0.0, timeout - (self._port.monotonic() - began))

    def result(self, timeout: float | None = 300.0, *, interval: float | None = None) -> R:
        """Wait until the task has ended, and return what the function returned.

        Args:
            timeout: Seconds after which to give up; None never does.
            interval: Seconds between two requests; None asks often first, then every 5 s.

        Raises:
            TaskError: It did not succeed: TaskFailed, TaskStopped, TaskExpired, TaskInvalid.
            ResultNotKept: It succeeded, and the service does not keep results.
            InvalidPayload: The result does not fit the type.
            LargePayloadError: The result is a claim that cannot be read.
            WaiterError: It took too long; ``.last`` is the task.
            AsyncTaskNotFound: There is no such task, also not some seconds later.
            TransportError: The service could not be asked.
        """
        if self.error is not None:
            raise self.error
        task = self.wait(timeout, interval=interval)
        # The task came from a list, and a list does not hold what was returned.
        if self._snapshot.incomplete:
            task = self._seen(self._read())
            if self._follow(task):
                return self.result(timeout, interval=interval)
        return claims.call(self._target.large, self._result, task)

    def stop(self) -> None:
        """Request a stop of the task: it becomes ``Stopping``, then ``Stopped``.

        Raises:
            AsyncTaskNotFound: There is no such task.
        """
        if self._chained:
            self._latest()
        arguments = {"qualifier": self.qualifier}
        message_id = self._snapshot.message_id
        self._port.perform(operations.stop_async_task, (self.function, message_id), arguments)

    def replay(self, *, task_id: str | None = None) -> TaskHandle[R]:
        """Call the function again with the same payload, and return the new task.

        Args:
            task_id: Id of the new task; None makes one. That of a group's task is found by the
                group.

        Raises:
            AsyncTaskAlreadyExists: This task id was taken before.
            TaskLost: The service does not list the task, or not its payload.
        """
        # The next number of the group, so that a group in another process finds the replay, too.
        chosen = self._replay_id(task_id)
        arguments = {"task_id": chosen, "qualifier": self.qualifier}
        accepted = self._port.perform(
            operations.invoke_async, (self.function, self._sent()), arguments
        )
        if self._group is not None:
            self._group.send_again(chosen)
        return TaskHandle(
            self._port, self._target, chosen, request_id=accepted.request_id, group=self._group
        )

    def _read(self) -> AsyncTask:
        arguments = {"qualifier": self.qualifier}
        task: AsyncTask = self._port.perform(
            operations.get_async_task, (self.function, self._snapshot.message_id), arguments
        )
        return task

    def _latest(self) -> AsyncTask:
        """Read the task, or the last message that followed it."""
        task = self._seen(self._read())
        while self._follow(task):
            task = self._seen(self._read())
        return task

    def _follow(self, task: AsyncTask) -> bool:
        """Go on to the message that follows the task; return whether there is one."""
        payload: bytes | None = None
        if self._chained and task.succeeded and task.return_payload is None:
            # Without a kept result, only the payload tells whether its slot had not come.
            with contextlib.suppress(TaskLost):  # its payload is not listed
                payload = self._sent()
        return self._go_on(task, payload)

    def _sent(self) -> bytes:
        """Return the payload: only a list says what a task was called with."""
        message_id = self._snapshot.message_id
        for page in pages(self._port, self._target, Listing(message_id, None), payload=True):
            payload = calls.payload_of(self._target, message_id, page)
            if payload is not None:
                return payload
        raise TaskLost("is not listed", function=self.function, task_id=self.id)


def pages(
    port: Port, target: Target[Any], listing: Listing, *, payload: bool = False
) -> Iterator[AsyncTaskPage]:
    """Yield all pages of a list."""
    while True:
        arguments = target.listing(listing, payload=payload, page_size=calls.page_size(None))
        page = port.perform(operations.list_async_tasks, (target.function,), arguments)
        yield page
        if not page.next_token:
            return
        listing = listing._replace(token=page.next_token)
