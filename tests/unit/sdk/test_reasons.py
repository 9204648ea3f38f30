# SPDX-License-Identifier: MIT
"""The reason of a failure is the same wherever it is looked for."""

from __future__ import annotations

import json
from typing import Any

import pytest

from fc_async_plugin.report import tasks as report
from fc_async_sdk import AsyncTask
from fc_async_sdk.errors import TaskError
from fc_async_sdk.handles.members import error_of
from fc_async_sdk.models import AsyncTaskEvent

STOCK = {
    "errorMessage": "仓库 7 has 0 of 茶",
    "errorType": "StockError",
    "stackTrace": [['File "/code/index.py"', "line 5", "in handler", "raise StockError(…)"]],
}


def task(status: str, *steps: dict[str, Any], answer: Any = None, error: str = "") -> AsyncTask:
    events = [
        AsyncTaskEvent(event_id=number, status="Retrying", event_detail=json.dumps(step))
        for number, step in enumerate(steps, 1)
    ]
    return AsyncTask(
        task_id="t",
        status=status,  # type: ignore[arg-type]
        task_error_message=error or "UnhandledInvocationError",
        return_payload=None if answer is None else json.dumps(answer),
        events=tuple(events),
        started_time=1,
        already_retried_times=0,
    )


THROTTLED = {"Error": "FunctionResourceExhausted", "refused": "throttled", "errorMessage": "full"}
EXPIRED = "AsyncEventAgeExceeded"
TIMEOUT = {"errorMessage": "Function timed out after 3 seconds"}
KEY_ERROR = {"attempt": 1, "errorType": "KeyError", "errorMessage": "'items'"}
REASONS = [
    (task("Failed", answer=STOCK), "StockError: 仓库 7 has 0 of 茶 (code/index.py:5, in handler)"),
    (task("Failed", answer=TIMEOUT), "Function timed out after 3 seconds"),
    (task("Failed", KEY_ERROR), "KeyError: 'items'"),
    (task("Failed", {"attempt": 1, "errorMessage": "two\nlines"}), "two lines"),
    (task("Expired", *[THROTTLED] * 7, error=EXPIRED), "throttled 7 times, never ran"),
    (task("Expired", THROTTLED), "throttled once, never ran"),
    (task("Stopped", {"Error": "AsyncTaskStopped"}, error="AsyncTaskStopped"), "AsyncTaskStopped"),
    (task("Failed", answer="not an error document"), "UnhandledInvocationError"),
]


@pytest.mark.parametrize(("failed", "reason"), REASONS)
def test_an_error_of_the_sdk_says_why(failed: AsyncTask, reason: str) -> None:
    error = error_of("price", failed)
    assert isinstance(error, TaskError)
    assert reason in str(error)


@pytest.mark.parametrize(("failed", "reason"), REASONS)
def test_a_list_and_a_task_of_the_command_say_the_same(failed: AsyncTask, reason: str) -> None:
    times = report.Times(now=0)
    assert reason in "\n".join(report.table([failed], times, width=None))
    assert reason in "\n".join(line for line, _ in report.detail(failed, times, width=None))


def test_a_step_names_the_type_of_its_error_and_what_did_not_run() -> None:
    steps = task("Failed", THROTTLED, {**KEY_ERROR, "Error": "UnhandledInvocationError"}).events
    lines = list(report.timeline(steps or ()))
    assert "did not run (throttled)" in lines[0]
    assert "attempt 1 failed" in lines[1]
    assert lines[1].endswith(": KeyError: 'items'")
