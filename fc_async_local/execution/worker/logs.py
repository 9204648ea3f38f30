# SPDX-License-Identifier: MIT
"""Output of user code, in FC's line format and complete when an attempt ends.

Lines of the logger are ``2026-01-02T03:04:05.678Z request-id [LEVEL] message``; printed text is
written as it is. Everything goes to file descriptors 1 and 2, which the runtime reads.
"""

from __future__ import annotations

import contextlib
import contextvars
import logging
import sys
import time
from typing import Final, TextIO

LINE_BYTES: Final = 128 * 1024
"""Built-in Python runtime: a longer line of the logger is cut."""

request_id: contextvars.ContextVar[str] = contextvars.ContextVar("request_id")
latest_request_id = ""
"""For threads that the function has started: they do not inherit the context of a request."""


class _Formatter(logging.Formatter):
    converter = staticmethod(time.gmtime)

    def __init__(self) -> None:
        super().__init__(
            "%(asctime)s.%(msecs)03dZ %(request_id)s [%(levelname)s] %(message)s",
            "%Y-%m-%dT%H:%M:%S",
        )

    def format(self, record: logging.LogRecord) -> str:
        record.request_id = request_id.get(latest_request_id)
        line = super().format(record)
        return line if len(line) <= LINE_BYTES else line[:LINE_BYTES]


class _Handler(logging.StreamHandler):  # type: ignore[type-arg] # generic in typeshed only
    """Writes to the current ``sys.stdout``, which functions may replace."""

    def emit(self, record: logging.LogRecord) -> None:
        self.stream = sys.stdout
        super().emit(record)


def _lines_to(descriptor: int) -> TextIO:
    return open(
        descriptor,
        "w",
        encoding="utf-8",
        errors="backslashreplace",
        closefd=False,
        buffering=1,
    )


def install(level: str) -> None:
    """Open stdout and stderr on the pipe and configure the root logger.

    Args:
        level: Name of a level, from FC_SERVER_LOG_LEVEL.
    """
    # Line buffering, so that output before a crash or a timeout is not lost.
    sys.stdout = _lines_to(1)
    sys.stderr = _lines_to(2)
    handler = _Handler(sys.stdout)
    handler.setFormatter(_Formatter())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    try:
        root.setLevel(level.upper())
    except ValueError:
        root.setLevel(logging.INFO)
        root.warning("FC_SERVER_LOG_LEVEL=%r is not a logging level; INFO is used", level)


def error(text: str) -> None:
    """Write a failure of the function to its log as a line of the logger.

    Args:
        text: The failure with its traceback.
    """
    record = logging.LogRecord("root", logging.ERROR, "", 0, text, None, None)
    with contextlib.suppress(Exception):  # the function may have closed or replaced its stdout
        print(_Formatter().format(record), file=sys.stdout)  # noqa: T201 -- stdout is the log


def flush() -> None:
    """Write everything printed so far to the pipe."""
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(Exception):  # as above
            stream.flush()
