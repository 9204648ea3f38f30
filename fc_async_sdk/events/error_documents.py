# SPDX-License-Identifier: MIT
"""Reads the error document of a function that failed, the payload of its response.

The built-in runtimes answer ``{"errorMessage", "errorType", "stackTrace"}``. A custom runtime may
answer anything.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec

from fc_async_sdk._payloads import JSON_ERRORS

if TYPE_CHECKING:
    from collections.abc import Iterable

_FRAME_PARTS: Final = 4
"""A frame of Python is a list of file, line, function and source."""


def error_lines(payload: bytes) -> list[str]:
    """Return an error document in the form of Python's own tracebacks.

    Returns:
        The lines, the last of which is ``type: message``; empty if the payload is not an error
        document.
    """
    try:
        document = msgspec.json.decode(payload)
    except JSON_ERRORS:
        return []
    if not isinstance(document, dict) or not isinstance(document.get("errorMessage"), str):
        return []
    kind = document.get("errorType")
    message = f"{kind}: {document['errorMessage']}" if kind else document["errorMessage"]
    stack = document.get("stackTrace")
    frames = _frames(stack) if isinstance(stack, list) else []
    head = ["Traceback (most recent call last):"] if frames else []
    return [*head, *frames, *message.split("\n")]


def _frames(stack: Iterable[Any]) -> list[str]:
    """Return the lines of frames: lists of parts from Python, lines of text from Node.js."""
    lines = []
    for frame in stack:
        if isinstance(frame, list) and len(frame) == _FRAME_PARTS:
            *place, source = map(str, frame)
            lines += [f"  {', '.join(place)}", f"    {source}"]
        else:
            lines.append(f"  {frame}".rstrip())
    return lines
