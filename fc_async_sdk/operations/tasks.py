# SPDX-License-Identifier: MIT
"""GetAsyncTask, ListAsyncTasks, StopAsyncTask. They need task mode (``async_task=True``)."""

from __future__ import annotations

from typing import Final, Literal, get_args

from fc_async_sdk.errors import InvalidParameter
from fc_async_sdk.models import AsyncTask, AsyncTaskPage, TaskStatus
from fc_async_sdk.operations import checks
from fc_async_sdk.operations.call import Call, get_call, of_function, page, qualified, read_nothing

Order = Literal["asc", "desc"]

_STATUSES: Final[tuple[str, ...]] = get_args(TaskStatus)
_ORDERS: Final[tuple[str, ...]] = get_args(Order)


def get_async_task(function: str, task_id: str, *, qualifier: str | None = None) -> Call[AsyncTask]:
    """Read one task with its recorded steps.

    Args:
        function: Name of the function.
        task_id: Id that was given or made when the invocation was accepted.
        qualifier: Version or alias it was called by; None is LATEST.

    Raises:
        AsyncTaskNotFound: No such task: never accepted, older than 7 days, or without task mode.
            Right after an accept it may take some seconds to appear.
    """
    return get_call("GetAsyncTask", _path(function, task_id), AsyncTask, qualified(qualifier))


def list_async_tasks(
    function: str,
    *,
    qualifier: str | None = None,
    status: TaskStatus | None = None,
    prefix: str | None = None,
    started_time_begin: int | None = None,
    started_time_end: int | None = None,
    sort_order_by_time: Order | None = None,
    include_payload: bool | None = None,
    limit: int | None = None,
    next_token: str | None = None,
) -> Call[AsyncTaskPage]:
    """List tasks, one page.

    Args:
        function: Name of the function.
        qualifier: Only those called by this version or alias.
        status: Only those in this status.
        prefix: Only those whose id begins with this.
        started_time_begin: Only those started at or after, milliseconds since the epoch.
        started_time_end: Only those started at or before, milliseconds since the epoch.
        sort_order_by_time: ``asc`` or ``desc``.
        include_payload: True to get what each was called with.
        limit: Tasks per page, 1-100 (API); 20 when None.
        next_token: Where the page before ended.
    """
    return get_call(
        "ListAsyncTasks",
        of_function(function, "async-tasks"),
        AsyncTaskPage,
        page(
            limit,
            next_token,
            qualifier=checks.qualifier(qualifier),
            status=checks.choice("status", status, _STATUSES),
            prefix=prefix,
            startedTimeBegin=_time("started_time_begin", started_time_begin),
            startedTimeEnd=_time("started_time_end", started_time_end),
            sortOrderByTime=checks.choice("sort_order_by_time", sort_order_by_time, _ORDERS),
            includePayload=checks.flag("include_payload", include_payload),
        ),
    )


def stop_async_task(function: str, task_id: str, *, qualifier: str | None = None) -> Call[None]:
    """Request a stop of a task. It becomes ``Stopping``, then ``Stopped``.

    Args:
        function: Name of the function.
        task_id: Id of the task.
        qualifier: Version or alias it was called by; None is LATEST.

    Raises:
        AsyncTaskNotFound: No such task.
    """
    return Call(
        operation="StopAsyncTask",
        method="PUT",
        path=f"{_path(function, task_id)}/stop",
        query=qualified(qualifier),
        read=read_nothing,
    )


def _path(function: str, task_id: str) -> str:
    return of_function(function, "async-tasks", checks.segment("task_id", task_id))


def _time(name: str, value: object) -> int | None:
    if value is None:
        return None
    if type(value) is not int or value < 0:
        raise InvalidParameter(name, value, "must be whole milliseconds since the epoch")
    return value
