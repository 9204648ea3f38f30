# SPDX-License-Identifier: MIT
"""Meaning of a task that has ended: a result, or an error. Data in, data out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, cast

from fc_async_sdk.errors import (
    ResultNotKept,
    TaskError,
    TaskExpired,
    TaskFailed,
    TaskInvalid,
    TaskStopped,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fc_async_sdk.models import AsyncTask

_ERRORS: Final[Mapping[str, tuple[type[TaskError], str]]] = {
    "Failed": (TaskFailed, "failed"),
    "Stopped": (TaskStopped, "was stopped"),
    "Expired": (TaskExpired, "expired before it was executed"),
    "Invalid": (TaskInvalid, "was not executed"),
}


def error_of(function: str, task: AsyncTask) -> TaskError | None:
    """Return why a task has no result; None if it succeeded or has not ended."""
    if task.succeeded or not task.finished:
        return None
    kind, message = _ERRORS.get(task.status, (TaskError, f"ended as {task.status}"))
    retries = task.already_retried_times or 0
    if kind is TaskFailed and retries:
        message += f" after {retries + 1} attempts"
    return kind(message, **_known(function, task))


def payload_of(function: str, task: AsyncTask) -> bytes:
    """Return what a task that succeeded returned.

    Raises:
        ResultNotKept: The service does not keep results.
    """
    data = task.return_payload_bytes
    if data is None:
        raise ResultNotKept(
            "succeeded, and the service does not say what it returned", **_known(function, task)
        )
    return data


def _known(function: str, task: AsyncTask) -> dict[str, Any]:
    return {
        "function": function,
        "task_id": task.task_id,
        "status": cast("str", task.status),
        "reason": task.task_error_message or "",
        "request_id": task.request_id or "",
    }
