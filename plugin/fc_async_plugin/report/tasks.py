# SPDX-License-Identifier: MIT
"""Shows asynchronous tasks: a table of many, one with its attempts on a time line. Pure.

A task in the middle of its life has a due time only on the local runtime; the service does not
answer one.
"""

from __future__ import annotations

import json
import textwrap
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from fc_async_plugin.report import moments, payloads
from fc_async_plugin.report.safe_text import safe
from fc_async_plugin.report.tables import Column, lay_out

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

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
_TIME: Final = 12
_SHOWN_DETAILS: Final = frozenset(
    ("Error", "attempt", "errorMessage", "durationMs", "nextAttemptAt", "logTail")
)


class Times(NamedTuple):
    """The present, and when tasks are due; in milliseconds since the epoch.

    Attributes:
        due: Times of tasks that wait, by task id; none on the service.
    """

    now: int
    due: Mapping[str, int] = {}


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
    rows = (
        [
            *([(task.function_arn or "").rpartition("functions/")[2]] if functions else []),
            task.task_id,
            task.status,
            _when(task, times),
            attempts(task),
            None if task.duration_ms is None else moments.duration(task.duration_ms),
            task.destination_status,
            _first_line(task.task_error_message),
        ]
        for task in tasks
    )
    return lay_out([*([Column("function")] if functions else []), *COLUMNS], rows, width)


def _when(task: AsyncTask, times: Times) -> str | None:
    """Return when a task is due if it waits, otherwise when it started."""
    if task.status in _WAITING and task.task_id in times.due:
        return moments.due(times.due[task.task_id], times.now)
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
    texts = logs(task, printed)
    attempt, log = texts[-1] if texts else (0, "")
    which_attempt = f" of attempt {attempt} (fc-async tasks logs shows all {len(texts)})"
    due = times.due.get(task.task_id) if task.status in _WAITING else None
    waiting = moments.due(due, times.now)
    fields = (
        ("task", task.task_id),
        ("status", f"{task.status}, {waiting}" if waiting else task.status),
        ("request", task.request_id),
        ("started", moments.full_time(task.started_time)),
        ("ended", moments.full_time(task.end_time)),
        ("duration", None if task.duration_ms is None else moments.duration(task.duration_ms)),
        ("attempts", attempts(task)),
        ("destination", task.destination_status),
        ("error", _first_line(task.task_error_message)),
    )
    for name, value in fields:
        if value not in (None, ""):
            yield safe(f"{name:<12} {value}", line=True), False
    sections = (
        ("Steps", _wrapped(timeline(task.events or ()), width)),
        ("Payload", _payload(task.task_payload_bytes, width)),
        ("Result", _payload(task.return_payload_bytes, width)),
        ("Log" + which_attempt * (len(texts) > 1), log.rstrip("\n").splitlines()),
    )
    for title, section in sections:
        if section:
            yield "", False
            yield title, True
            for line in section:
                yield f"{'':<{_INDENT}}{safe(line)}", False


def _wrapped(steps: Iterator[str], width: int | None) -> list[str]:
    """Return steps as lines that fit; the rest of a long one stands below its words."""
    if width is None:
        return list(steps)
    indent = " " * (_TIME + 2)
    room = max(width - _INDENT, 2 * len(indent))
    return [line for step in steps for line in textwrap.wrap(step, room, subsequent_indent=indent)]


def _payload(payload: bytes | None, width: int | None) -> list[str]:
    return payloads.lines(payload or b"", None if width is None else width - _INDENT)


def timeline(events: Sequence[AsyncTaskEvent]) -> Iterator[str]:
    """Yield one line for each step that matters: accepted, each attempt with its outcome, the end.

    The service records two more steps before each attempt (Dequeued, Running). They are shown only
    while the attempt has no outcome.
    """
    for at, event in enumerate(events):
        following = events[at + 1 : at + 2]
        if event.status in ("Dequeued", "Running") and following:
            continue
        time = "" if event.timestamp is None else moments.clock_time(event.timestamp)
        yield f"{time:<{_TIME}}  {_step(event)}"


def _step(event: AsyncTaskEvent) -> str:
    """Return one step in words."""
    details = event.details()
    parts = []
    if "attempt" in details:
        took = details.get("durationMs")
        after = f" after {moments.duration(took)}" if isinstance(took, int) else ""
        verb = "succeeded" if event.status == "Succeeded" else "failed"
        parts.append(f"attempt {details['attempt']} {verb}{after}")
    elif event.status == "Enqueued":
        parts.append("accepted")
    if event.status not in ("Enqueued", "Retrying", "Succeeded") or not parts:
        parts.append(str(event.status))
    reason = details.get("errorMessage") or details.get("Error")
    again = details.get("nextAttemptAt")
    if isinstance(again, int):
        parts.append(f"again at {moments.clock_time(again)}")
    text = ", ".join(parts) + (f": {_first_line(str(reason))}" if reason else "")
    other_details = {name: value for name, value in details.items() if name not in _SHOWN_DETAILS}
    return f"{text} ({_pairs(other_details)})" if other_details else text


def _pairs(details: Mapping[str, Any]) -> str:
    return ", ".join(
        f"{name}={value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)}"
        for name, value in details.items()
    )


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
    running = {number: text for (name, number), text in printed.items() if name == task.task_id}
    return sorted({**running, **ended}.items())


def _number(details: Mapping[str, Any], default: int) -> int:
    number = details.get("attempt")
    return number if isinstance(number, int) else default


def _first_line(text: str | None) -> str | None:
    return text.splitlines()[0] if text else None
