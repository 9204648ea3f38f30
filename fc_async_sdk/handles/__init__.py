# SPDX-License-Identifier: MIT
"""Handles: a function that is called with one type and returns another, its tasks, and groups.

::

    resize = client.function("resize", payload=Order, result=Thumbnail)
    task = resize.spawn(Order("a.png"))
    thumbnail = task.result(timeout=60)

    group = resize.map(orders, task_ids="batch-7")
    for task in group:
        print(task.id, task.error or task.result())

A task is known by function and id, a group by function and prefix: ``client.task("resize", id)``
and ``client.group("resize", "batch-7")`` find them again, also in another process. Handles need
task mode (``async_task=True``).
"""

from fc_async_sdk.handles._async_feeds import AsyncFeed
from fc_async_sdk.handles._async_functions import AsyncFunctionHandle
from fc_async_sdk.handles._async_groups import AsyncTaskGroup
from fc_async_sdk.handles._async_tasks import AsyncTaskHandle
from fc_async_sdk.handles._feeds import Feed
from fc_async_sdk.handles._functions import FunctionHandle
from fc_async_sdk.handles._groups import TaskGroup
from fc_async_sdk.handles._tasks import TaskHandle
from fc_async_sdk.handles.calls import Target

__all__ = [
    "AsyncFeed",
    "AsyncFunctionHandle",
    "AsyncTaskGroup",
    "AsyncTaskHandle",
    "Feed",
    "FunctionHandle",
    "Target",
    "TaskGroup",
    "TaskHandle",
]
