# SPDX-License-Identifier: MIT
"""The reason why a task has no result, in one line: the same for the SDK and for commands. Pure.

The service says little in its lists (``UnhandledInvocationError``). What the function answered, and
what the steps of the task say, is more: the first of them that says something is the reason.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fc_async_sdk.events.error_documents import error_summary

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from fc_async_sdk.models import AsyncTask


def reason_of(task: AsyncTask) -> str:
    """Return why a task has no result.

    Args:
        task: As it was read. One of a list has neither payloads nor steps, so its reason is that of
            the list.

    Returns:
        Such as ``KeyError: 'items' (code/index.py:7, in handler)``, or ``throttled 7 times, never
        ran``; "" if nothing is known.
    """
    summary = error_summary(task.return_payload_bytes or b"")
    if summary:
        return summary
    steps = [event.details() for event in task.events or ()]
    condition = (task.task_error_message or "").partition("\n")[0]
    return refusals(steps) or _last_error(steps) or condition


def refusals(steps: Sequence[Mapping[str, Any]]) -> str:
    """Return how often a task was refused, if it never ran; "" if it ran, or was not refused.

    Args:
        steps: The details of its steps.
    """
    refused = [step["refused"] for step in steps if "refused" in step]
    has_run = any("attempt" in step for step in steps)
    if not refused or has_run:
        return ""
    times = "once" if len(refused) == 1 else f"{len(refused)} times"
    return f"{refused[-1]} {times}, never ran"


def error_in(step: Mapping[str, Any]) -> str:
    """Return the error of one step, "" if it has none.

    Args:
        step: The details of the step.
    """
    message = step.get("errorMessage")
    if not message:
        return str(step.get("Error") or "")
    text = " ".join(str(message).split())
    error_type = step.get("errorType")
    return f"{error_type}: {text}" if error_type else text


def _last_error(steps: Sequence[Mapping[str, Any]]) -> str:
    for step in reversed(steps):
        if step.get("errorMessage"):
            return error_in(step)
    return ""
