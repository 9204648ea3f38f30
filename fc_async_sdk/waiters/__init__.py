# SPDX-License-Identifier: MIT
"""Wait for a task to finish, or for a function to be ready.

::

    task = client.get_waiter("task_finished").wait("f", "task-1", timeout=600)

When a waiter gives up it raises :class:`~fc_async_sdk.errors.WaiterError`, whose ``last`` is what
it saw last.
"""

from fc_async_sdk.waiters._async_waiters import AsyncFunctionWaiter, AsyncTaskWaiter
from fc_async_sdk.waiters._waiters import FunctionWaiter, TaskWaiter
from fc_async_sdk.waiters.polling import (
    REGISTRATION_SECONDS,
    AsyncPort,
    Polling,
    Port,
    VirtualClockStopped,
    kind_of,
)

__all__ = [
    "REGISTRATION_SECONDS",
    "AsyncFunctionWaiter",
    "AsyncPort",
    "AsyncTaskWaiter",
    "FunctionWaiter",
    "Polling",
    "Port",
    "TaskWaiter",
    "VirtualClockStopped",
    "kind_of",
]
