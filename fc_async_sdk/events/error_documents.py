# SPDX-License-Identifier: MIT
"""Reads the error document of a function that failed, the payload of its response.

The built-in runtimes answer ``{"errorMessage", "errorType", "stackTrace"}``. A custom runtime may
answer anything.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final, TypeGuard

import msgspec

from fc_async_sdk._decoding import JSON_ERRORS

if TYPE_CHECKING:
    from collections.abc import Iterable

_FRAME_PARTS: Final = 4
"""A frame of Python is a list of file, line, function and source."""
_PLACE: Final = re.compile(r'File "(?P<file>.+)", line (?P<line>[0-9]+), in (?P<function>.+)')
_LONGEST: Final = 500
"""Characters of a message that a summary keeps."""


def error_lines(payload: bytes) -> list[str]:
    """Return an error document in the form of Python's own tracebacks.

    Returns:
        The lines, the last of which is ``type: message``; empty if the payload is not an error
        document.
    """
    message, stack = read(payload)
    if not message:
        return []
    frames = _frames(stack)
    head = ["Traceback (most recent call last):"] if frames else []
    return [*head, *frames, *message.split("\n")]


def error_summary(payload: bytes) -> str:
    """Return an error document on one line, with the place of its last frame in Python code.

    Returns:
        Such as ``KeyError: 'items' (code/place.py:7, in handler)``; "" if the payload is not an
        error document.
    """
    message, stack = read(payload)
    # A message of several lines would break the one line of a log or of a table.
    text = " ".join(message.split())
    if len(text) > _LONGEST:
        text = f"{text[:_LONGEST]}…"
    frame = stack[-1] if stack else None
    if not _is_python(frame):
        return text
    *location, _ = map(str, frame)
    match = _PLACE.fullmatch(", ".join(location))
    if match is None:
        return text
    # The folder of the file tells code/index.py from a package's; the rest of the path is long.
    file = "/".join(match["file"].split("/")[-2:])
    return f"{text} ({file.lstrip('/')}:{match['line']}, in {match['function']})"


def read(payload: bytes) -> tuple[str, list[Any]]:
    """Return ``type: message`` and the stack; "" if the payload is not an error document."""
    try:
        document = msgspec.json.decode(payload)
    except JSON_ERRORS:
        return "", []
    if not isinstance(document, dict):
        return "", []
    message = document.get("errorMessage")
    if not isinstance(message, str):
        return "", []
    kind = document.get("errorType")
    if kind:
        message = f"{kind}: {message}"
    stack = document.get("stackTrace")
    return message, stack if isinstance(stack, list) else []


def error_type(payload: bytes) -> str:
    """Return the type of an error, as its document names it; "" if it names none."""
    try:
        document = msgspec.json.decode(payload)
    except JSON_ERRORS:
        return ""
    kind = document.get("errorType") if isinstance(document, dict) else None
    return kind if isinstance(kind, str) else ""


def _is_python(frame: object) -> TypeGuard[list[Any]]:
    return isinstance(frame, list) and len(frame) == _FRAME_PARTS


def _frames(stack: Iterable[Any]) -> list[str]:
    """Return the lines of frames: lists of parts from Python, lines of text from Node.js."""
    lines = []
    for frame in stack:
        if _is_python(frame):
            *location, source = map(str, frame)
            lines += [f"  {', '.join(location)}", f"    {source}"]
        else:
            lines.append(f"  {frame}".rstrip())
    return lines
