# SPDX-License-Identifier: MIT
"""Shows asynchronous tasks: a table of many, one with its attempts on a time line. Pure.

A task in the middle of its life has a due time only on the local runtime; the service does not
answer one.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from fc_async_plugin.report import moments, payloads
from fc_async_plugin.report.safe_text import safe
from fc_async_plugin.report.tables import Column, lay_out, wrapped
from fc_async_sdk.handles.reasons import error_in, reason_of

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from fc_async_sdk import AsyncTask
    from fc_async_sdk.models import AsyncTaskEvent

    Printed = Mapping[tuple[str, int], str]
    """Output of the attempts that run so far, by task and number of the attempt."""

COLUMNS: Final = (
    Column("task"),
    Column("status"),
    Column("when"),
    Column("attempts", optional=2, right=True),
    Column("took", optional=1, right=True),
    Column("destination", optional=3),
    Column("error"),
)
_WAITING: Final = ("Enqueued", "Retrying")
_NOTHING: Final[Printed] = {}
_INDENT: Final = 2
_NAME: Final = 12
_TIME: Final = 12
_SHOWN_DETAILS: Final = frozenset(
    (
        "Error",
        "attempt",
        "refused",
        "errorType",
        "errorMessage",
        "durationMs",
        "nextAttemptAt",
        "logTail",
    )
)


class Times(NamedTuple):
    """The present, and when tasks are due; in milliseconds since the epoch.

    Attributes:
        due: Times of tasks that wait, by task id; none on the service.
        paused: Ids of tasks that wait until their function is resumed.
    """

    now: int
    due: Mapping[str, int] = {}
    paused: Collection[str] = ()

    def of(self, task: AsyncTask) -> str | None:
        """Return when a task that waits is due, in words; None if it does not wait."""
        if task.status not in _WAITING or task.task_id not in self.due:
            return None
        if task.task_id in self.paused:
            return "paused"
        return moments.due(self.due[task.task_id], self.now)


def table(
    tasks: Sequence[AsyncTask], times: Times, *, width: int | None, functions: bool = False
) -> list[str]:
    """Return the lines of a table of tasks.

    Args:
        tasks: The tasks.
        times: Of the tasks.
        width: Columns of the terminal, or None for a pipe.
        functions: Name the function of each task.
    """
    rows = [_row(task, times) for task in tasks]
    if not functions:
        return lay_out(COLUMNS, rows, width)
    columns = [Column("function"), *COLUMNS]
    for task, row in zip(tasks, rows, strict=True):
        arn = task.function_arn or ""
        row.insert(0, arn.rpartition("functions/")[2])
    return lay_out(columns, rows, width)


def _row(task: AsyncTask, times: Times) -> list[object]:
    return [
        task.task_id,
        task.status,
        _when(task, times),
        attempts(task),
        _took(task),
        task.destination_status,
        reason_of(task),
    ]


def _took(task: AsyncTask) -> str | None:
    if task.duration_ms is None:
        return None
    return moments.duration(task.duration_ms)


def _when(task: AsyncTask, times: Times) -> str | None:
    """Return when a task is due if it waits, otherwise when it started."""
    due = times.of(task)
    if due is not None:
        return due
    return moments.short_time(task.started_time, times.now)


def attempts(task: AsyncTask) -> int | None:
    """Return how often the function was called; None if it was not, or that is not known."""
    if task.started_time is None or task.already_retried_times is None:
        return None
    return task.already_retried_times + 1


def detail(
    task: AsyncTask, times: Times, *, width: int | None, printed: Printed = _NOTHING
) -> Iterator[tuple[str, bool]]:
    """Yield the lines of one task with its steps, each with whether it is a heading."""
    for name, value in _fields(task, times):
        if value in (None, ""):
            continue
        line = safe(f"{name:<{_NAME}} {value}", line=True)
        lines = [line] if width is None else wrapped(line, width, " " * (_NAME + 1), whole=False)
        for part in lines:
            yield part, False
    for title, lines in _sections(task, width, printed):
        if not lines:
            continue
        yield "", False
        yield title, True
        for line in lines:
            yield f"{'':<{_INDENT}}{safe(line)}", False


def _fields(task: AsyncTask, times: Times) -> tuple[tuple[str, object], ...]:
    """Return the names and values at the head of a task; a missing value is not shown."""
    waiting = times.of(task)
    status = f"{task.status}, {waiting}" if waiting else task.status
    return (
        ("task", task.task_id),
        ("status", status),
        ("request", task.request_id),
        ("started", moments.full_time(task.started_time)),
        ("ended", moments.full_time(task.end_time)),
        ("duration", _took(task)),
        ("attempts", attempts(task)),
        ("destination", task.destination_status),
        ("error", reason_of(task)),
    )


def _sections(
    task: AsyncTask, width: int | None, printed: Printed
) -> tuple[tuple[str, list[str]], ...]:
    """Return the headings below the fields of a task, each with its lines."""
    log_title = "Log"
    log_lines: list[str] = []
    texts = logs(task, printed)
    if texts:
        attempt, log = texts[-1]
        log_lines = log.rstrip("\n").splitlines()
        if len(texts) > 1:
            hint = f"fc-async tasks logs shows all {len(texts)}"
            log_title = f"Log of attempt {attempt} ({hint})"
    return (
        ("Steps", _wrapped(timeline(task.events or ()), width)),
        ("Payload", _payload(task.task_payload_bytes, width)),
        ("Result", _payload(task.return_payload_bytes, width)),
        (log_title, log_lines),
    )


def _wrapped(steps: Iterator[str], width: int | None) -> list[str]:
    """Return steps as lines that fit; the rest of a long one stands below its words."""
    if width is None:
        return list(steps)
    indent = " " * (_TIME + 2)
    room = max(width - _INDENT, 2 * len(indent))
    lines: list[str] = []
    for step in steps:
        lines += wrapped(step, room, indent, whole=False)
    return lines


def _payload(payload: bytes | None, width: int | None) -> list[str]:
    room = None if width is None else width - _INDENT
    return payloads.lines(payload or b"", room)


def timeline(events: Sequence[AsyncTaskEvent]) -> Iterator[str]:
    """Yield one line for each step that matters: accepted, each attempt with its outcome, the end.

    The service records two more steps before each attempt (Dequeued, Running). They are shown only
    while the attempt has no outcome.
    """
    last = len(events) - 1
    for index, event in enumerate(events):
        has_outcome = index < last
        if has_outcome and event.status in ("Dequeued", "Running"):
            continue
        time = ""
        if event.timestamp is not None:
            time = moments.clock_time(event.timestamp)
        yield f"{time:<{_TIME}}  {_step(event)}"


def _step(event: AsyncTaskEvent) -> str:
    """Return one step in words."""
    details = event.details()
    parts = _words(event, details)
    again = details.get("nextAttemptAt")
    if isinstance(again, int):
        parts.append(f"again at {moments.clock_time(again)}")
    text = ", ".join(parts)
    reason = error_in(details)
    if reason:
        text += f": {reason}"
    other_details = {name: value for name, value in details.items() if name not in _SHOWN_DETAILS}
    if other_details:
        text += f" ({_pairs(other_details)})"
    return text


def _words(event: AsyncTaskEvent, details: Mapping[str, Any]) -> list[str]:
    """Return what happened: the end of an attempt, the acceptance, or a status."""
    words: list[str] = []
    if "refused" in details:
        words.append(f"did not run ({details['refused']})")
    elif "attempt" in details:
        words.append(_attempt(event, details))
    elif event.status == "Enqueued":
        words.append("accepted")
    # These statuses say nothing that the words do not.
    is_said = event.status in ("Enqueued", "Retrying", "Succeeded")
    if not words or not is_said:
        words.append(str(event.status))
    return words


def _attempt(event: AsyncTaskEvent, details: Mapping[str, Any]) -> str:
    verb = "succeeded" if event.status == "Succeeded" else "failed"
    text = f"attempt {details['attempt']} {verb}"
    took = details.get("durationMs")
    if isinstance(took, int):
        text += f" after {moments.duration(took)}"
    return text


def _pairs(details: Mapping[str, Any]) -> str:
    pairs: list[str] = []
    for name, value in details.items():
        text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        pairs.append(f"{name}={text}")
    return ", ".join(pairs)


def logs(task: AsyncTask, printed: Printed = _NOTHING) -> list[tuple[int, str]]:
    """Return what the attempts of a task printed: the number of the attempt, and the text.

    Args:
        task: The task with its steps.
        printed: What attempts that run have printed so far.
    """
    ended: dict[int, str] = {}
    for event in task.events or ():
        details = event.details()
        text = details.get("logTail")
        if isinstance(text, str) and text:
            ended[_number(details, len(ended) + 1)] = text
    # What is recorded of an attempt is whole; what it has printed so far may end anywhere.
    texts: dict[int, str] = {}
    for (task_id, number), text in printed.items():
        if task_id == task.task_id:
            texts[number] = text
    texts.update(ended)
    return sorted(texts.items())


def _number(details: Mapping[str, Any], default: int) -> int:
    number = details.get("attempt")
    return number if isinstance(number, int) else default
