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
        style: ``good``, ``bad``, ``wait``, ``note``, ``output``, ``frame`` or "" for none.
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
    if step.kind == "printed":
        return [_with_head(line, step) for line in _output(step, 0)]
    headline = _HEADS[step.kind](step)
    head = _with_head(headline, step)
    if step.kind != "ended":
        return [head]
    # What a function printed while it ran was a step of its own; its end has all of it again.
    skipped = step.told if follows else 0
    lines = [head]
    lines += _output(step, skipped)
    lines += _failure(step, folder_of(step.function))
    return lines


def _with_head(line: Line, step: Step) -> Line:
    """Return a line with time, function and id of a step."""
    return Line(line.text, line.style, step.at, step.function, short_id(step))


def short_id(step: Step) -> str:
    """Return a name for the invocation: its task id if it was given one, else the end of its id."""
    has_own_name = step.task_id and step.task_id != step.request_id
    if not has_own_name:
        return step.request_id.rpartition("-")[2][-8:]
    if len(step.task_id) <= _ID_LENGTH:
        return step.task_id
    return f"{step.task_id[: _ID_LENGTH - 1]}…"


def _accepted(step: Step) -> Line:
    text = f"accepted {step.request_id}"
    is_shown = step.task_id in {"", step.request_id, short_id(step)}
    if not is_shown:  # too long for its column
        text += f", task {step.task_id}"
    if step.due_at is not None and step.due_at > step.at:
        due = moments.clock_time(step.due_at, near=step.at)
        text += f", delayed until {due}"
    return Line(text, "wait")


def _started(step: Step) -> Line:
    if step.sync:
        return Line(f"synchronous call {step.request_id}")
    return Line(_name_of(step))


def _name_of(step: Step) -> str:
    if step.sync:
        return "call"
    return f"attempt {step.attempt} of {step.attempts}"


def _ended(step: Step) -> Line:
    run = _name_of(step)
    if step.status == "Succeeded":
        result = _shown_result(step.result)
        return Line(f"{run} succeeded in {step.duration_ms} ms{result}", "good")
    if not step.outcome:
        return Line(f"{step.status.lower()} before it ran", "bad")
    if step.status == "Stopped":
        return Line(f"{run} stopped after {step.duration_ms} ms", "wait")
    again = _again(step)
    # The service had no instance, or none in time: the code of the function has not failed.
    if step.outcome != "function error":
        following = again or _unrun(step)
        return Line(f"{run} did not run: {step.outcome}{following}", "bad")
    following = again or _last(step)
    return Line(f"{run} failed after {step.duration_ms} ms{following}", "bad")


def _unrun(step: Step) -> str:
    """Return how the task of an attempt that did not run has ended."""
    if step.sync:
        return ""
    text = f", {step.status.lower()}"
    if step.status == "Expired":
        text += ": it is older than its maximum age"
    if not step.destination:
        text += "; dropped: no failure destination"
    return text


def _last(step: Step) -> str:
    """Return that no attempt follows one that failed, and whether its event is lost."""
    if step.sync:
        return ""  # the caller has the error
    text = ", no retry left"
    if not step.destination:
        text += "; dropped: no failure destination"
    return text


def _delivery(step: Step) -> Line:
    text = f"{step.event} event to {destination_label(step.destination)}"
    if step.status == "delivered":
        return Line(text, "good")
    following = _again(step) or "; given up"
    return Line(f"{text}: {step.error}{following}", "bad")


def _again(step: Step) -> str:
    """Return when it is tried again; "" if that is not planned."""
    if step.due_at is None:
        return ""
    due = moments.clock_time(step.due_at, near=step.at)
    return f", again at {due}"


_HEADS: Final = {
    "accepted": _accepted,
    "started": _started,
    "ended": _ended,
    "delivery": _delivery,
}


def _shown_result(result: str) -> str:
    """Return the result on one line; nothing for none."""
    try:
        # msgspec refuses NaN, and a number of 40 digits would be another one: both stay as text.
        decoded = json.loads(result, parse_float=_raw, parse_int=_raw, parse_constant=_raw)
        document = msgspec.json.encode(decoded)
        result = msgspec.json.format(document, indent=0).decode()
    except (ValueError, RecursionError):
        result = " ".join(result.split())
    if result in ("", "null"):
        return ""
    if len(result) > _RESULT_LENGTH:
        result = f"{result[:_RESULT_LENGTH]}…"
    return f": {result}"


def _raw(number: str) -> msgspec.Raw:
    """Return a number that is written as it came: 1.10 stays 1.10."""
    return msgspec.Raw(number.encode())


# --- below the line of an attempt -----------------------------------------------------------------


def _output(step: Step, skipped: int) -> Iterator[Line]:
    """Yield what the function printed, without the runtime's marks and the logged failure.

    Args:
        step: The step.
        skipped: How many characters at the beginning are left out.
    """
    request_id = re.escape(step.request_id)
    logged = re.compile(_LOGGED.replace("{id}", request_id))
    printed = _REWRITES.sub("", step.output[skipped:])
    lines: list[str] = []
    # A mark stands behind a line that the function has not ended.
    for line in printed.splitlines():
        unmarked = _MARK.sub("", line)
        # A line that was only a mark goes; an empty line that the function printed stays.
        if unmarked or not line:
            lines.append(unmarked)
    if step.outcome == "function error":
        lines = _without_failure(lines, logged)
    if step.cut:
        yield Line(_CUT, "wait")
    for line in lines:
        yield Line(logged.sub("", line), "output")


def _without_failure(lines: list[str], logged: re.Pattern[str]) -> list[str]:
    """Leave out the failure that the runtime logs last: it is shown from the error document."""
    for number in range(len(lines) - 1, -1, -1):
        line = lines[number]
        match = logged.search(line)
        if match is None:
            continue
        # The last line that was logged: below it are only the lines of its traceback.
        if not line[match.end() :].startswith("[ERROR]"):
            return lines
        remaining = lines[:number]
        printed_before = line[: match.start()]
        if printed_before:
            remaining.append(printed_before)
        return remaining
    return lines


def _failure(step: Step, folder: str | None) -> Iterator[Line]:
    """Yield the error and the frames of the function, the innermost last."""
    if step.outcome in ("", "success", "interrupted"):
        return
    message, stack = error_documents.read(step.result.encode())
    # A custom runtime may answer with any text: it is shown as it is.
    message = message or step.result
    if message:
        yield Line(message, "bad")
    for frame in stack:
        text = _frame(frame)
        # The path on this machine, so that a terminal opens the file at a click.
        if folder:
            text = text.replace(_CODE, f"{folder}/")
        yield Line(text, "frame")


def _frame(frame: object) -> str:
    """Return a frame of Python (a list of parts) or of Node (a text) as ``file:line`` first."""
    if not isinstance(frame, list):
        return str(frame)
    parts = [str(part) for part in frame]
    match parts:
        case [file, line, *rest] if file.startswith('File "') and line.startswith("line "):
            # As editors and terminals link it: 'File "/code/a.py"', "line 3" is /code/a.py:3.
            name = file.removeprefix('File "').removesuffix('"')
            number = line.removeprefix("line ")
            return "  ".join([f"{name}:{number}", *rest])
    return "  ".join(parts)
