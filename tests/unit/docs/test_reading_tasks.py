# SPDX-License-Identifier: MIT
"""The recordings on the page about tasks are what the command line prints.

``python tests/unit/docs/test_reading_tasks.py`` writes them anew.
"""

from __future__ import annotations

import json
import os
import re
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from fc_async_plugin.report import tasks
from fc_async_sdk import AsyncTask
from fc_async_sdk.models import AsyncTaskEvent

if TYPE_CHECKING:
    from collections.abc import Iterator

PAGE = Path(__file__).parents[3] / "docs" / "how-to" / "reading-tasks.md"
RECORDING = re.compile(r"<!-- (tasks \w+) (\d+) -->\n```text\n(.*?)```", re.DOTALL)
NOW = 1_795_695_888_000  # 2026-11-26 12:24:48 UTC
ERROR = {
    "errorMessage": "the card of customer 7 was declined",
    "errorType": "ValueError",
    "stackTrace": [['File "/code/index.py"', "line 12", "in handler", "charge(order)"]],
}


def step(status: str, after: int, **detail: object) -> AsyncTaskEvent:
    text = json.dumps(detail) if detail else None
    return AsyncTaskEvent(status=status, timestamp=NOW + after, event_detail=text)


def attempt(status: str, after: int, number: int, **detail: object) -> AsyncTaskEvent:
    message = {"errorMessage": ERROR["errorMessage"], "durationMs": 83}
    return step(status, after, attempt=number, **message, **detail)


FAILED = AsyncTask(
    task_id="order-2026-11-26-0007",
    status="Failed",
    request_id="1-6b082510-64f1b68f-e263cd095fcb",
    started_time=NOW + 3,
    end_time=NOW + 3_098,
    duration_ms=3_095,
    already_retried_times=2,
    destination_status="Succeeded",
    task_error_message="UnhandledInvocationError",
    task_payload='{"order":7,"items":[{"price":3,"count":2},{"price":12.50,"count":1}],"card":"…1111"}',
    return_payload=json.dumps(ERROR),
    events=(
        step("Enqueued", 0),
        step("Dequeued", 1),
        step("Running", 3),
        attempt("Retrying", 86, 1, nextAttemptAt=NOW + 1_086),
        step("Dequeued", 1_086),
        step("Running", 1_087),
        attempt("Retrying", 1_170, 2, nextAttemptAt=NOW + 3_170),
        step("Dequeued", 3_170),
        step("Running", 3_171),
        attempt("Failed", 3_254, 3, logTail="charging 18.5\nthe bank said no\n"),
    ),
)
LISTED = (
    AsyncTask(task_id="order-2026-11-26-0009", status="Enqueued", already_retried_times=0),
    AsyncTask(
        task_id="order-2026-11-26-0008",
        status="Running",
        started_time=NOW - 2_000,
        already_retried_times=0,
    ),
    FAILED,
    AsyncTask(
        task_id="1-6b06c1a0-24f1b68f-a01b44095f03",
        status="Succeeded",
        started_time=NOW - 93_600_000,
        duration_ms=83,
        already_retried_times=0,
        destination_status="Succeeded",
    ),
)
DUE = {"order-2026-11-26-0009": NOW + 180_000}


def recorded(command: str, width: int) -> str:
    """Return what a command prints on a terminal of a width."""
    if command == "tasks list":
        lines = tasks.table(LISTED, tasks.Times(NOW, DUE), width=width)
    else:
        shown = tasks.detail(FAILED, tasks.Times(NOW), width=width)
        lines = [line for line, _ in shown]
    return "".join(f"{line}\n" for line in lines)


@pytest.fixture(autouse=True)
def in_utc(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def test_the_recordings_are_what_is_printed() -> None:
    found = RECORDING.findall(PAGE.read_text("utf-8"))
    assert len(found) == 3
    for command, width, text in found:
        assert text == recorded(command, int(width)), f"run: python {__file__}"


def test_no_recorded_line_is_wider_than_its_terminal() -> None:
    for command, width, text in RECORDING.findall(PAGE.read_text("utf-8")):
        assert max(map(len, text.splitlines())) <= int(width), command


if __name__ == "__main__":
    os.environ["TZ"] = "UTC"
    time.tzset()
    page = PAGE.read_text("utf-8")
    PAGE.write_text(
        RECORDING.sub(
            lambda one: f"<!-- {one[1]} {one[2]} -->\n```text\n{recorded(one[1], int(one[2]))}```",
            page,
        ),
        encoding="utf-8",
    )
