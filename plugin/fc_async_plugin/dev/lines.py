# SPDX-License-Identifier: MIT
"""Turns steps of invocations into lines for a terminal. Pure.

A line has a time, a function, an id and a text. So has each line that a function prints while it
runs; what it prints shortly before its end, and where it failed, stand below the line of the end.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Final, NamedTuple

import msgspec

from fc_async_plugin.report import moments
from fc_async_sdk.events import error_documents
from fc_async_sdk.spec.graph import destination_label

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from fc_async_sdk.admin.models import Step

_RESULT_LENGTH: Final = 200
_ID_LENGTH: Final = 16
_CODE: Final = "/code/"
"""Folder of the code on the service, as tracebacks name it."""
_MARK: Final = re.compile(r"FC (Invoke|Initialize|PreStop) (Start|End) RequestId: \S+(,.*)?$")
_REWRITES: Final = re.compile(r"^\r", re.MULTILINE)
"""Begins a line of a progress bar; it is not the end of an empty line."""
_LOGGED: Final = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z {id} "
_CUT: Final = "older lines are left out: over 64 KB at once"
_FAILED: Final = frozenset({"Failed", "Expired", "Invalid", "Retrying", "dead", "pending"})


class Line(NamedTuple):
    """A line of the output of ``fc-async dev``.

    Attributes:
        text: The text.
        style: ``good``, ``bad``, ``wait``, ``output``, ``frame`` or "" for none.
        at: Its time in milliseconds; None for a line that belongs to the one above.
        function: The function that it is about, "" if none.
        name: The short id of the invocation, "" if none.
    """

    text: str
    style: str = ""
    at: int | None = None
    function: str = ""
    name: str = ""


def failed(step: Step) -> bool:
    """Return whether a step is a failure, which is shown with ``--quiet``, too."""
    return step.status in _FAILED


def lines_of(
    step: Step, folder_of: Callable[[str], str | None], *, follows: bool = True
) -> list[Line]:
    """Return the lines of one step.

    Args:
        step: The step.
        folder_of: Returns the code folder of a function, to name files as an editor finds them;
            None if it is not on this machine.
        follows: Whether the steps before it were shown: their output is not repeated at the end.
    """
    head = Line("", "", step.at, step.function, short_id(step))
    if step.kind == "printed":
        return [head._replace(text=one.text, style=one.style) for one in _output(step, 0)]
    text, style = _HEADS[step.kind](step)
    head = head._replace(text=text, style=style)
    if step.kind != "ended":
        return [head]
    folder = folder_of(step.function)
    return [head, *_output(step, step.told if follows else 0), *_failure(step, folder)]


def short_id(step: Step) -> str:
    """Return a name for the invocation: its task id if it was given one, else the end of its id."""
    if step.task_id and step.task_id != step.request_id:
        name = step.task_id
        return name if len(name) <= _ID_LENGTH else f"{name[: _ID_LENGTH - 1]}…"
    return step.request_id.rpartition("-")[2][-8:]


def _accepted(step: Step) -> tuple[str, str]:
    text = f"accepted {step.request_id}"
    if step.task_id not in {"", step.request_id, short_id(step)}:  # too long for its column
        text += f", task {step.task_id}"
    if step.due_at is not None and step.due_at > step.at:
        text += f", delayed until {moments.clock_time(step.due_at, near=step.at)}"
    return text, "wait"


def _started(step: Step) -> tuple[str, str]:
    if step.sync:
        return f"synchronous call {step.request_id}", ""
    return f"attempt {step.attempt} of {step.attempts}", ""


def _ended(step: Step) -> tuple[str, str]:
    what = "call" if step.sync else f"attempt {step.attempt} of {step.attempts}"
    if step.status == "Succeeded":
        shown = _shown_result(step.result)
        return f"{what} succeeded in {step.duration_ms} ms{shown}", "good"
    again = _again(step)
    if not step.outcome:
        return f"{step.status.lower()} before it ran", "bad"
    if step.status == "Stopped":
        return f"{what} stopped after {step.duration_ms} ms", "wait"
    if step.outcome != "function error":
        return f"{what} did not run: {step.outcome}{again}", "bad"
    dropped = "" if step.destination else "; dropped: no failure destination"
    last = "" if again or step.sync else f", no retry left{dropped}"
    return f"{what} failed after {step.duration_ms} ms{again}{last}", "bad"


def _delivery(step: Step) -> tuple[str, str]:
    text = f"{step.event} event to {destination_label(step.destination)}"
    if step.status == "delivered":
        return text, "good"
    return f"{text}: {step.error}{_again(step) or '; given up'}", "bad"


def _again(step: Step) -> str:
    """Return when it is tried again; "" if that is not planned."""
    due = step.due_at
    return "" if due is None else f", again at {moments.clock_time(due, near=step.at)}"


_HEADS: Final = {
    "accepted": _accepted,
    "started": _started,
    "ended": _ended,
    "delivery": _delivery,
}


def _shown_result(result: str) -> str:
    """Return the result on one line; nothing for none."""
    try:
        decoded = json.loads(result, parse_float=_raw, parse_int=_raw, parse_constant=_raw)
        result = msgspec.json.format(msgspec.json.encode(decoded), indent=0).decode()
    except (ValueError, RecursionError):
        result = " ".join(result.split())
    if result in ("", "null"):
        return ""
    return f": {result if len(result) <= _RESULT_LENGTH else result[:_RESULT_LENGTH] + '…'}"


def _raw(number: str) -> msgspec.Raw:
    """Return a number that is written as it came: 1.10 stays 1.10."""
    return msgspec.Raw(number.encode())


# --- below the line of an attempt -----------------------------------------------------------------


def _output(step: Step, told: int) -> Iterator[Line]:
    """Yield what the function printed, without the runtime's marks and the logged failure.

    Args:
        step: The step.
        told: How many characters at the beginning are left out.
    """
    logged = re.compile(_LOGGED.replace("{id}", re.escape(step.request_id)))
    # A mark stands behind a line that the function has not ended.
    printed = _REWRITES.sub("", step.output[told:]).splitlines()
    lines = [kept for line in printed if (kept := _MARK.sub("", line)) or not line]
    if step.outcome == "function error":
        lines = _without_failure(lines, logged)
    if step.cut:
        yield Line(_CUT, "wait")
    for line in lines:
        yield Line(logged.sub("", line), "output")


def _without_failure(lines: list[str], logged: re.Pattern[str]) -> list[str]:
    """Leave out the failure that the runtime logs last: it is shown from the error document."""
    for number in range(len(lines) - 1, -1, -1):
        found = logged.search(lines[number])
        if found is not None:
            is_error = lines[number][found.end() :].startswith("[ERROR]")
            before = [lines[number][: found.start()]] if found.start() else []
            return [*lines[:number], *before] if is_error else lines
    return lines


def _failure(step: Step, folder: str | None) -> Iterator[Line]:
    """Yield the error and the frames of the function, the innermost last."""
    if step.outcome in ("", "success", "interrupted"):
        return
    message, stack = error_documents.read(step.result.encode())
    if message or step.result:
        yield Line(message or step.result, "bad")
    for frame in stack:
        text = _frame(frame)
        yield Line(text.replace(_CODE, f"{folder}/") if folder else text, "frame")


def _frame(frame: object) -> str:
    """Return a frame of Python (a list of parts) or of Node (a text) as ``file:line`` first."""
    if not isinstance(frame, list):
        return str(frame)
    parts = [str(part) for part in frame]
    match parts:
        case [file, line, *rest] if file.startswith('File "') and line.startswith("line "):
            place = f"{file[6:-1]}:{line[5:]}"
            return "  ".join([place, *rest])
    return "  ".join(parts)
