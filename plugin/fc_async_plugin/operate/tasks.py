# SPDX-License-Identifier: MIT
"""The tasks of one function: list, stop, wait, replay."""

from __future__ import annotations

import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, nullcontext, suppress
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeVar

import msgspec

from fc_async_plugin.account import WORKERS, connection, lists, stored_payloads, suggestions
from fc_async_plugin.report import terminal
from fc_async_plugin.report.tasks import Times
from fc_async_sdk import _endpoint
from fc_async_sdk.admin import operations as admin
from fc_async_sdk.errors import (
    AsyncTaskAlreadyExists,
    AsyncTaskNotFound,
    FcAsyncError,
    FunctionNotFound,
)
from fc_async_sdk.events.error_documents import error_lines, error_type
from fc_async_sdk.fanout import is_replay, next_id
from fc_async_sdk.handles.reasons import reason_of
from fc_async_sdk.models import AsyncTask
from fc_async_sdk.spec import limits

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from fc_async_plugin.account.connection import Where
    from fc_async_plugin.operate.selection import Selection
    from fc_async_sdk import Client
    from fc_async_sdk.admin.models import Task
    from fc_async_sdk.models import TaskStatus
    from fc_async_sdk.operations.call import Call
    from fc_async_sdk.pacing import Pace

T = TypeVar("T")
U = TypeVar("U")

UNRECORDED: Final = "not recorded in the cloud: task mode is off"
_WITHOUT_ERROR: Final = frozenset(("Enqueued", "Dequeued", "Running", "Succeeded"))


class Replayed(NamedTuple):
    """The result of replaying one task.

    Attributes:
        task_id: Id of the task that was replayed.
        replayed_as: Id of the new task, "" if the service did not accept it.
        error: The reason why it was not accepted, "" if it was.
        before: Id of an earlier replay with the same number, which is why it was not accepted.
        gone: Whether it was not accepted because the task does not exist any more.
    """

    task_id: str
    replayed_as: str = ""
    error: str = ""
    before: str = ""
    gone: bool = False


class Chosen(NamedTuple):
    """Tasks that filters choose, the newest first.

    Attributes:
        tasks: The tasks.
        more: Whether there are more than the limit.
        replays: Ids of replays that were left out.
    """

    tasks: list[AsyncTask]
    more: bool
    replays: list[str]


class FunctionTasks(NamedTuple):
    """The tasks of one function, called by one qualifier.

    Attributes:
        client: A client of the function's region.
        function: Name of the function.
        qualifier: Version or alias by which the tasks were called; None is LATEST.
    """

    client: Client
    function: str
    qualifier: str | None

    def all(self, **conditions: Any) -> Iterator[AsyncTask]:
        """Yield the tasks, newest first, page by page.

        Args:
            conditions: Parameters of ListAsyncTasks that select tasks, such as ``status``.
        """
        pages = self.client.get_paginator("list_async_tasks").paginate(
            self.function,
            qualifier=self.qualifier,
            sort_order_by_time="desc",
            limit=limits.PAGE_SIZE.high,
            **conditions,
        )
        return pages.items()

    def get(self, task_id: str) -> AsyncTask:
        """Return one task with its steps."""
        return self.client.get_async_task(self.function, task_id, qualifier=self.qualifier)

    def unrecorded(
        self, limit: int, *, status: str | None = None, prefix: str | None = None
    ) -> list[AsyncTask]:
        """Return the newest invocations without task mode, which only a local runtime remembers."""
        call = admin.list_tasks(self.function, status=status, limit=100)
        page = _of_runtime(self.client, call)
        if page is None:
            return []
        unrecorded = [task for task in page.tasks if task.task_mode is False]
        chosen = [task for task in unrecorded if task.task_id.startswith(prefix or "")]
        return [msgspec.convert(task.to_dict(), AsyncTask) for task in chosen[:limit]]

    def find(self, task_id: str) -> AsyncTask:
        """Return one task with its steps; of one without task mode, say so on stderr.

        Raises:
            AsyncTaskNotFound: There is neither.
        """
        try:
            return self.get(task_id)
        except AsyncTaskNotFound:
            # An invocation without task mode has no task: only a local runtime remembers it, by its
            # id.
            if not self.unrecorded(1, prefix=task_id):
                raise
            task = self.client.send(admin.get_task(self.function, task_id))
        terminal.note(f"{task_id} is {UNRECORDED}")
        return msgspec.convert(task.to_dict(), AsyncTask)

    def printed(self) -> dict[tuple[str, int], str]:
        """Return what attempts that run have printed so far, which only a local runtime knows.

        Returns:
            The text by task and number of the attempt; … stands for lines that are left out.
        """
        texts: dict[tuple[str, int], str] = {}
        page = _of_runtime(self.client, admin.get_steps())
        if page is None:
            return {}
        for step in page.steps:
            if step.function != self.function:
                continue
            key = step.task_id or step.request_id, step.attempt
            cut = "…\n" if step.cut else ""
            texts[key] = texts.get(key, "") + cut + step.output
        return texts

    def with_error(self, task: AsyncTask) -> AsyncTask:
        """Return a listed task with what its function has answered, if the task has failed.

        A list has the condition only, such as ``UnhandledInvocationError``.
        """
        if task.status in _WITHOUT_ERROR:
            return task
        try:
            return self.get(task.task_id)
        except AsyncTaskNotFound:
            return task  # it was deleted meanwhile, or is not in task mode

    def with_steps(self, newest_first: list[AsyncTask]) -> Iterator[AsyncTask]:
        """Yield listed tasks with their steps, which a list does not have, the oldest first."""
        for task in reversed(newest_first):
            yield self.get(task.task_id)

    def wait(self, task_id: str, *, timeout: float | None = None) -> AsyncTask:
        """Wait until a task has ended.

        Args:
            task_id: Id of the task.
            timeout: Seconds to wait; None: as long as the service keeps the task.

        Raises:
            WaiterError: The task has not ended in time.
            AsyncTaskNotFound: The task does not exist.
        """
        patience = limits.TASK_RETENTION_SECONDS if timeout is None else timeout
        return self.client.get_waiter("task_finished").wait(
            self.function, task_id, qualifier=self.qualifier, timeout=patience
        )

    def times(self, task_id: str | None = None) -> Times:
        """Return when the function's tasks are due; see :func:`times_of`."""
        return times_of(self.client, self.function, task_id)

    def choose(
        self,
        statuses: Sequence[TaskStatus | None],
        limit: int | None,
        selection: Selection,
        *,
        replays: bool = True,
        **conditions: Any,
    ) -> Chosen:
        """Return the newest tasks that filters choose.

        Args:
            statuses: Their statuses; None: any.
            limit: The largest number of tasks; None: all.
            selection: The filters that the service does not have.
            replays: Whether replays count, too.
            conditions: Parameters of ListAsyncTasks.
        """
        by_id: dict[str, AsyncTask] = {}
        left_out: list[str] = []
        for status in statuses:
            chosen: list[AsyncTask] = []
            for task in self.all(status=status, **conditions):
                # No limit by default: stop and replay ended at 10,000 with exit code 0 while as
                # many others waited.
                if not selection.admits(_ListedTask(self, task)):
                    continue
                # A replay that failed is not replayed again: its original is in the list, too.
                if not replays and is_replay(task.task_id):
                    left_out.append(task.task_id)
                    continue
                # One more than the limit shows that there are more.
                if limit is not None and len(chosen) > limit:
                    break
                chosen.append(task)
            # A task whose status changes in the meantime is listed twice.
            by_id |= {task.task_id: task for task in chosen}
        tasks = list(by_id.values())
        if len(statuses) > 1:  # what has not started is the newest
            tasks.sort(key=lambda task: -(task.started_time or sys.maxsize))
        more = limit is not None and len(tasks) > limit
        return Chosen(tasks[:limit], more, left_out)

    def why_none(self) -> str:
        """Return why a function without any task has none, "" if it may get some.

        Raises:
            FcAsyncError: The tasks or the configuration cannot be read.
        """
        if next(self.all(), None) is not None:
            return ""
        if lists.in_task_mode(self.client, self.function, self.qualifier):
            return ""
        name = "/".join(filter(None, (self.function, self.qualifier)))
        return (
            f"{name} is not in task mode, so its invocations are not kept: set asyncTask: true in"
            " asyncInvokeConfig"
        )

    def replay(self, task_id: str, pace: Pace | None = None) -> Replayed:
        """Invoke the function again with the payload of a task that has ended, byte for byte.

        The id of the new task is made from the old one, so that the service refuses a second
        replay with the same number.

        Args:
            task_id: Id of the task.
            pace: Decides when the call starts.
        """
        try:
            task = self.get(task_id)
            if not task.finished:
                return Replayed(task_id, error=f"it is {task.status}: wait for its end, or stop it")
            payload = task.task_payload_bytes
            if payload is None:
                return Replayed(task_id, error="the service did not keep its payload")
            stored = stored_payloads.look_up(payload)
            # The function would get a claim that it cannot read, and fail once more.
            if stored is not None and stored.gone:
                return Replayed(task_id, error=f"its payload is gone: {stored.note}")
            accepted = self.client.invoke_async(
                self.function,
                payload,
                task_id=next_id(task_id),
                qualifier=self.qualifier,
                pace=pace,
            )
        except AsyncTaskAlreadyExists as error:
            return Replayed(task_id, error=str(error), before=next_id(task_id))
        except FcAsyncError as error:
            gone = isinstance(error, AsyncTaskNotFound)
            return Replayed(task_id, error=str(error), gone=gone)
        return Replayed(task_id, replayed_as=accepted.task_id)


class _ListedTask:
    """A task of a list, as a :class:`~fc_async_plugin.operate.selection.Candidate`.

    A list has the condition of an error only: for its type and text the task is read.
    """

    def __init__(self, tasks: FunctionTasks, task: AsyncTask) -> None:
        self._tasks = tasks
        self._task = task
        self._whole: AsyncTask | None = None
        self.id = task.task_id
        self.function = tasks.function
        self.condition = _condition_of(task)
        self.time = task.started_time

    def error_type(self) -> str:
        """Return the type that the error document names, else the condition; "" without error."""
        whole = self._read()
        return "" if whole is None else _type_of(whole)

    def error_text(self) -> str:
        """Return what the task and its attempts say of their errors; "" without error."""
        whole = self._read()
        return "" if whole is None else _error_text(whole)

    def field(self, path: str) -> str | None:
        """Return None: only events have fields."""
        del path
        return None

    def _read(self) -> AsyncTask | None:
        """Return the task with its steps; None if its status is not that of an error."""
        if self._task.status in _WITHOUT_ERROR:
            return None
        if self._whole is None:
            self._whole = self._tasks.get(self.id)
        return self._whole


def _condition_of(task: AsyncTask) -> str:
    """Return why a task failed, in the service's words; "" if it did not."""
    return (task.task_error_message or "").partition(":")[0]


def _type_of(task: AsyncTask) -> str:
    """Return the type of a task's error: that of its error document, else the condition."""
    return error_type(task.return_payload_bytes or b"") or _condition_of(task)


def _error_text(task: AsyncTask) -> str:
    """Return what a task and its attempts say of their errors, a line for each."""
    errors: list[object] = [task.task_error_message]
    for event in task.events or ():
        details = event.details()
        errors += map(details.get, ("Error", "errorType", "errorMessage"))
    errors += error_lines(task.return_payload_bytes or b"")[-1:]  # "KeyError: 'items'"
    return "\n".join(map(str, filter(None, errors)))


def with_errors(functions: Sequence[FunctionTasks], tasks: Sequence[AsyncTask]) -> list[AsyncTask]:
    """Return listed tasks, those that have failed with what their functions have answered.

    Args:
        functions: The functions of the tasks.
        tasks: Of lists of these functions.
    """
    by_name = {tasks_of_one.function: tasks_of_one for tasks_of_one in functions}

    def read(task: AsyncTask) -> AsyncTask:
        function = (task.function_arn or "").rpartition("functions/")[2]
        owner = by_name.get(function)
        return task if owner is None else owner.with_error(task)

    return each(read, tasks)


def error_fields(task: AsyncTask) -> dict[str, str]:
    """Return the type of a failed task's error and its reason, as JSON has them; {} of another."""
    if task.status in _WITHOUT_ERROR:
        return {}
    return {"errorType": _type_of(task), "errorMessage": reason_of(task)}


def each(work: Callable[[U], T], tasks: Sequence[U]) -> list[T]:
    """Return what a function returns for each task; several are worked on at a time."""
    pool = ThreadPoolExecutor(WORKERS)
    try:
        return list(pool.map(work, tasks))
    finally:
        # Ctrl-C ends after the requests that are out, not after all ids.
        pool.shutdown(cancel_futures=True)


def newest(
    tasks: Sequence[FunctionTasks], limit: int, choose: Callable[[FunctionTasks], list[AsyncTask]]
) -> list[AsyncTask]:
    """Return the newest tasks of functions; those that wait for their first attempt come first.

    Args:
        tasks: The functions. One that does not exist has no tasks, if there are others.
        limit: Largest number of tasks.
        choose: Returns the newest tasks of a function.
    """
    chosen: list[AsyncTask] = []
    for function_tasks in tasks:
        # A template may name functions that are not deployed yet.
        with suppress(FunctionNotFound) if len(tasks) > 1 else nullcontext():
            chosen += choose(function_tasks)
    if len(tasks) > 1:
        chosen.sort(key=lambda task: task.started_time or sys.maxsize, reverse=True)
    return chosen[:limit]


@contextmanager
def listed(name: str | None, where: Where) -> Iterator[list[FunctionTasks]]:
    """Yield the tasks of the function that a command names; without a name, of all functions."""
    if name is not None:
        with tasks_of(name, where) as tasks:
            yield [tasks]
        return
    with connection.functions(where) as functions:
        yield [FunctionTasks(client, name, where.qualifier) for client, name in functions]


@contextmanager
def tasks_of(name: str, where: Where) -> Iterator[FunctionTasks]:
    """Yield the tasks of the function that a command names; close the connections at the end."""
    named = connection.NamedFunction(name, where)
    with named.client as client, suggestions.for_function(name, named.names, client):
        yield FunctionTasks(client, named.function, where.qualifier)


def times_of(client: Client, function: str | None, task_id: str | None = None) -> Times:
    """Return when the tasks of a function are due, which only the local runtime answers.

    Args:
        client: The client; for the service, the machine's time and no due times are returned.
        function: Name of the function; None: all.
        task_id: One task, or None: the newest ones that wait.
    """
    clock = _of_runtime(client, admin.get_clock())
    if clock is None:
        return Times(time.time_ns() // 1_000_000)
    if function is not None and task_id is not None:
        task = _of_runtime(client, admin.get_task(function, task_id))
        tasks: Sequence[Task] = [task] if task else []
    else:
        call = admin.list_tasks(function, status="Enqueued,Retrying", limit=100)
        page = _of_runtime(client, call)
        tasks = page.tasks if page else []
    due = {task.task_id: task.due_time for task in tasks}
    return Times(clock.now, due, {task.task_id for task in tasks if task.paused})


def _of_runtime(client: Client, call: Call[T]) -> T | None:
    """Return an answer of a local runtime; None: it is the cloud, or a proxy here."""
    if not _endpoint.parse(client.endpoint_url).loopback:
        return None
    try:
        return client.send(call)
    except FcAsyncError:
        return None
