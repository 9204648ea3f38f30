# SPDX-License-Identifier: MIT
"""Finds the replay of a failure, by the id that is derived from the id of the failure.

So a failure is recognised that another machine, the console or a program has sent again. It needs
task mode, and the seven days for which the service keeps tasks.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from fc_async_sdk.errors import FcAsyncError, NoCredentials
from fc_async_sdk.fanout import next_id

if TYPE_CHECKING:
    from collections.abc import Iterable

    from fc_async_plugin.operate.tasks import FunctionTasks
    from fc_async_sdk.models import AsyncTask


class SentAgain(msgspec.Struct, frozen=True, rename="camel"):
    """The last replay of a failure.

    Attributes:
        task_id: Its id.
        status: Its status, such as ``Succeeded``.
        time: When it began, in milliseconds since the epoch; 0 if it has not.
    """

    task_id: str
    status: str
    time: int

    @property
    def cures(self) -> bool:
        """True if the failure is cured: its replay has succeeded."""
        return self.status == "Succeeded"


def last_replay(tasks: FunctionTasks, ids: Iterable[str]) -> SentAgain | None:
    """Return the last replay of a failure; None: it was not sent again, or that is not known.

    Args:
        tasks: The tasks of the function that failed.
        ids: Its task id and its request id: a replay of the task has the first, a replay of its
            event the second.
    """
    last: AsyncTask | None = None
    for first in dict.fromkeys(filter(None, ids)):
        replay = _task(tasks, next_id(first))
        while replay is not None:
            if last is None or (replay.started_time or 0) >= (last.started_time or 0):
                last = replay
            replay = _task(tasks, next_id(replay.task_id)) if _has_failed(replay) else None
    if last is None:
        return None
    return SentAgain(last.task_id, last.status, last.started_time or 0)


def _has_failed(task: AsyncTask) -> bool:
    return task.finished and task.status != "Succeeded"


def _task(tasks: FunctionTasks, task_id: str) -> AsyncTask | None:
    try:
        return tasks.get(task_id)
    except NoCredentials:
        raise
    except FcAsyncError:
        return None
