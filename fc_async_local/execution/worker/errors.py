# SPDX-License-Identifier: MIT
"""Encodes the results and the exceptions of functions for their callers.

The forms are those of FC's built-in Python runtime: text and bytes as they are, everything else as
indented JSON with sorted keys; an exception as a document with message, type and stack.
"""

from __future__ import annotations

import datetime as dt
import decimal
import importlib
import itertools
import json
import os
import traceback
from typing import TYPE_CHECKING, Any, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable

_MAX_FRAMES: Final = 200
"""The newest frames are shown; a runaway recursion has thousands."""
_MAX_MESSAGE: Final = 64 * 1024
"""Longer messages are cut after that many characters."""
CODE_ON_SERVICE: Final = "/code"


def folder_of(file: str) -> str:
    """Return the folder of a file, with a separator at the end."""
    return os.path.join(os.path.dirname(os.path.abspath(file)), "")  # noqa: PTH100, PTH118, PTH120 -- pathlib would cost start-up time


_OWN: Final = (folder_of(__file__),)
_OUTER: Final = (
    "<frozen importlib",
    folder_of(importlib.__file__),
    folder_of(json.__file__),
    folder_of(os.__file__) + "concurrent",
)
"""Frames of the standard library when the runtime imports a module, encodes a result or calls a
handler in a thread."""


class Frames(NamedTuple):
    """Choice of the frames of a traceback that are shown, and of the names of their files.

    Attributes:
        code: Code folders with a separator at the end; shown as ``/code/``, as on the service.
        own: Beginnings of the names of the runtime's own files, which are left out.
    """

    code: tuple[str, ...] = ()
    own: tuple[str, ...] = _OWN

    @classmethod
    def of_code(cls, folder: str) -> Frames:
        """Return the frames for code in a folder, which may be reached through links."""
        prefixes = {os.path.join(path, "") for path in (folder, os.path.realpath(folder))}  # noqa: PTH118 -- as above
        return cls(tuple(prefixes))

    def shown(self, text: str) -> str:
        """Return a file name or a message with the code folder of the service."""
        for folder in self.code:
            text = text.replace(folder, CODE_ON_SERVICE + "/")
        return text

    def of_function(self, stack: Iterable[traceback.FrameSummary]) -> list[traceback.FrameSummary]:
        """Return the function's frames, newest last, without those of the runtime."""
        frames = [frame for frame in stack if not frame.filename.startswith(self.own)]
        users = itertools.dropwhile(lambda frame: frame.filename.startswith(_OUTER), frames)
        return [self._renamed(frame) for frame in list(users)[-_MAX_FRAMES:]]

    def _renamed(self, frame: traceback.FrameSummary) -> traceback.FrameSummary:
        name = self.shown(frame.filename)
        if name == frame.filename:
            return frame
        return traceback.FrameSummary(
            name, frame.lineno, frame.name, lookup_line=False, line=frame.line
        )


class LoadFailure(Exception):
    """A handler cannot be loaded.

    Attributes:
        kind: ``errorType`` of the document.
        text: ``errorMessage``.
        cause: The exception that was raised; its stack is the function's.
    """

    def __init__(self, kind: str, text: str, cause: BaseException) -> None:
        super().__init__(text)
        self.kind = kind
        self.text = text
        self.cause = cause


class Failure(NamedTuple):
    """A failure as a document for the caller and as text for the log."""

    document: bytes
    log: str


def encode_result(value: object) -> bytes:
    """Return the bytes of a return value.

    Raises:
        TypeError: JSON cannot express the value.
        ValueError: The value refers to itself.
    """
    if isinstance(value, bytes):
        return value
    if isinstance(value, str):
        return value.encode("utf-8", "surrogatepass")
    return _to_json(value)


def describe(
    error: BaseException, load: LoadFailure | None = None, frames: Frames | None = None
) -> Failure:
    """Return the document of an exception, and its text for the log with its causes.

    Args:
        error: The exception.
        load: The failure to load a handler that the exception caused, if any.
        frames: Which frames are shown.
    """
    frames = frames or Frames()
    kind = load.kind if load else type(error).__name__
    text = load.text if load else message(error)
    if isinstance(error, ImportError):  # names files
        text = frames.shown(text)
    stack = frames.of_function(traceback.extract_tb(error.__traceback__))
    document = {
        "errorMessage": text,
        "errorType": kind,
        "stackTrace": [_frame(frame) for frame in stack] + _syntax_frame(error, frames),
    }
    last_line = f"{kind}: {text}"
    try:
        log = _log_text(error, last_line, frames)
    except Exception:  # noqa: BLE001 -- reads attributes of the exception, which may be user code
        log = last_line
    return Failure(_to_json(document), log)


def _log_text(error: BaseException, last_line: str, frames: Frames) -> str:
    """Return the traceback of an exception and its causes with another last line."""
    outer = traceback.TracebackException.from_exception(error)
    for cause in _causes(outer):
        cause.stack = traceback.StackSummary.from_list(frames.of_function(cause.stack))
        if getattr(cause, "filename", None):  # of a SyntaxError
            cause.filename = frames.shown(cause.filename)
    if getattr(outer, "exceptions", None):  # of a group: their lines come after its own
        return "".join(outer.format()).rstrip()
    own_lines = list(outer.format_exception_only())
    lines = list(outer.format())[: -len(own_lines)]
    if isinstance(error, SyntaxError):
        # The file, the line and the mark below it stand before the last line.
        lines += own_lines[:-1]
    return "".join([*lines, last_line])


def _causes(outer: traceback.TracebackException) -> Iterable[traceback.TracebackException]:
    """Return a traceback with those of its causes and of the members of groups."""
    # By identity, and each once: exceptions may have each other as their context.
    found = {id(outer): outer}
    waiting = [outer]
    while waiting:
        cause = waiting.pop()
        nearest = [cause.__cause__, cause.__context__, *(getattr(cause, "exceptions", None) or ())]
        for inner in nearest:
            if inner is not None and id(inner) not in found:
                found[id(inner)] = inner
                waiting.append(inner)
    return found.values()


def _syntax_frame(error: BaseException, frames: Frames) -> list[list[str]]:
    """Return where the compiler stopped: a SyntaxError has no frame for it."""
    if not isinstance(error, SyntaxError) or not isinstance(error.filename, str):
        return []
    location = [f'File "{frames.shown(error.filename)}"', f"line {error.lineno}"]
    source = error.text.strip() if isinstance(error.text, str) else ""
    return [[*location, source] if source else location]


def message(error: BaseException) -> str:
    """Return ``str(error)``, also if its class has a faulty ``__str__``."""
    try:
        text = str(error)
    except Exception as broken:  # noqa: BLE001 -- __str__ is user code
        text = f"<unprintable {type(error).__name__}: __str__ raised {type(broken).__name__}>"
    return text if len(text) <= _MAX_MESSAGE else text[:_MAX_MESSAGE] + "…"


def _frame(frame: traceback.FrameSummary) -> list[str]:
    shown = [f'File "{frame.filename}"', f"line {frame.lineno}", f"in {frame.name}"]
    return [*shown, frame.line] if frame.line else shown


def _to_json(value: object) -> bytes:
    return json.dumps(value, indent=4, sort_keys=True, default=_plain).encode(
        "utf-8", "surrogatepass"
    )


def _plain(value: object) -> Any:
    if isinstance(value, decimal.Decimal):
        return float(value)
    if isinstance(value, (dt.date, dt.datetime)):
        return value.isoformat()
    to_json = getattr(value, "to_json", None)
    if callable(to_json):
        return to_json()
    raise TypeError(f"Object of type {type(value).__name__} is not JSON serializable")
