# SPDX-License-Identifier: MIT
"""Tasks as a person reads them: a table, and one task with its attempts on a time line."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING

import pytest

from fc_async_plugin.report import tasks
from fc_async_sdk import AsyncTask
from fc_async_sdk.models import AsyncTaskEvent

if TYPE_CHECKING:
    from collections.abc import Iterator

NOW = 1_795_695_888_000  # 2026-11-26 12:24:48 UTC
ID = "1-6b082510-64f1b68f-e263cd095fcb"
LONG_ID = "tuesday-with-a-much-longer-name-2026-11-26-batch-0001"

FAILED = AsyncTask(
    task_id=ID,
    status="Failed",
    started_time=NOW,
    end_time=NOW + 3_010,
    duration_ms=3_010,
    already_retried_times=2,
    destination_status="Succeeded",
    task_error_message="UnhandledInvocationError\nand more",
)
WAITING = AsyncTask(task_id=LONG_ID, status="Enqueued", already_retried_times=0)


@pytest.fixture(autouse=True)
def in_utc(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def step(status: str, after: int = 0, **detail: object) -> AsyncTaskEvent:
    text = json.dumps(detail) if detail else None
    return AsyncTaskEvent(status=status, timestamp=NOW + after, event_detail=text)


def table(width: int | None) -> list[str]:
    due = {LONG_ID: NOW + 180_000}
    return tasks.table([FAILED, WAITING], tasks.Times(NOW, due), width=width)


def test_a_table_at_80_columns_breaks_no_id_and_says_what_is_due() -> None:
    assert table(80) == [
        "task                              status    when          error",
        "1-6b082510-64f1b68f-e263cd095fcb  Failed    12:24:48      UnhandledInvocationEr…",
        LONG_ID,
        "                                  Enqueued  due in 3 min  -",
    ]


def test_a_table_at_120_columns_has_attempts_and_durations_too() -> None:
    head, failed, waiting = table(120)
    assert head.split() == ["task", "status", "when", "attempts", "took", "error"]
    assert failed.split() == [ID, "Failed", "12:24:48", "3", "3.0", "s", "UnhandledInvocationError"]
    assert waiting.startswith(f"{LONG_ID}  Enqueued  due in 3 min ")


def test_a_pipe_gets_one_line_for_each_task_with_all_columns() -> None:
    head, failed, waiting = table(None)
    assert head.split() == [
        "task",
        "status",
        "when",
        "attempts",
        "took",
        "destination",
        "error",
    ]
    assert failed.split()[-2:] == ["Succeeded", "UnhandledInvocationError"]
    assert waiting.startswith(f"{LONG_ID}  Enqueued  due in 3 min ")


def test_a_task_that_waits_has_no_time_where_the_service_does_not_answer_one() -> None:
    assert tasks.table([WAITING], tasks.Times(NOW), width=None)[1].split()[1:3] == ["Enqueued", "-"]


def test_attempts_are_told_on_a_time_line() -> None:
    events = (
        step("Enqueued"),
        step("Dequeued", 1),
        step("Running", 2),
        step(
            "Retrying",
            5,
            Error="UnhandledInvocationError",
            attempt=1,
            errorMessage="no room\nat all",
            durationMs=3,
            nextAttemptAt=NOW + 1_005,
            logTail="x",
        ),
        step("Dequeued", 1_005),
        step("Running", 1_006),
        step("Succeeded", 1_010, attempt=2, durationMs=4),
    )
    assert list(tasks.timeline(events)) == [
        "12:24:48.000  accepted",
        "12:24:48.005  attempt 1 failed after 3 ms, again at 12:24:49.005: no room at all",
        "12:24:49.010  attempt 2 succeeded after 4 ms",
    ]


@pytest.mark.parametrize(
    ("last", "line"),
    [
        (step("Running", 1), "12:24:48.001  Running"),
        (step("Stopped", 1), "12:24:48.001  Stopped"),
        (step("Expired", 1, Error="EventAgeExceeded"), "12:24:48.001  Expired: EventAgeExceeded"),
        (
            step("Failed", 1, attempt=3, Error="E", path=["a", "b"]),
            '12:24:48.001  attempt 3 failed, Failed: E (path=["a", "b"])',
        ),
        (AsyncTaskEvent(status="Invalid", event_detail="text"), "Invalid (detail=text)"),
    ],
)
def test_the_last_step_is_always_told(last: AsyncTaskEvent, line: str) -> None:
    assert list(tasks.timeline([step("Enqueued"), step("Dequeued"), last]))[-1].strip() == line


def test_one_task_has_its_fields_steps_payloads_and_the_log_of_its_last_attempt() -> None:
    task = AsyncTask(
        task_id="order-7",
        status="Failed",
        already_retried_times=1,
        started_time=NOW,
        task_payload='{"id": 7}',
        return_payload='{"errorMessage": "bad order", "errorType": "ValueError"}',
        events=(
            step("Enqueued"),
            step("Retrying", 1, attempt=1, logTail="first\n"),
            step("Failed", 2, attempt=2, logTail="second\nline\n"),
        ),
    )
    shown = list(tasks.detail(task, tasks.Times(NOW), width=80))
    assert [line for line, heading in shown if heading] == [
        "Steps",
        "Payload",
        "Result",
        "Log of attempt 2 (fc-async tasks logs shows all 2)",
    ]
    text = "\n".join(line for line, _ in shown)
    assert "attempts     2\n" in text
    assert 'Payload\n  {"id": 7}\n' in text
    assert "Result\n  ValueError: bad order\n" in text
    assert text.endswith("\n  second\n  line")


DUE = tasks.Times(NOW, {LONG_ID: NOW + 45_000})


def test_a_task_that_waits_says_when_it_is_due() -> None:
    shown = [line for line, _ in tasks.detail(WAITING, DUE, width=80)]
    assert shown == [f"task         {LONG_ID}", "status       Enqueued, due in 45 s"]
