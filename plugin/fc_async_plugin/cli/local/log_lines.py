# SPDX-License-Identifier: MIT
"""The log of a local runtime on stderr: text, or one JSON object a line."""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING, Final

from fc_async_sdk.spec.times import rfc3339_millis

if TYPE_CHECKING:
    from fc_async_plugin.report import Format

LEVELS: Final = ("debug", "info", "warning", "error")
_LOG_FORMAT: Final = "%(asctime)s %(levelname)s %(name)s: %(message)s"
_STANDARD: Final = frozenset(
    {*vars(logging.makeLogRecord({})), "message", "asctime", "color_message"}
)
"""Attributes of every record; the others are the fields that the caller added."""


def configure(level: str, form: Format) -> None:
    """Send what is logged to stderr, in a form."""
    logging.basicConfig(level=level.upper(), format=_LOG_FORMAT)
    # Its warnings are of requests that ask for HTTP/2, as Java's client does, and get HTTP/1.1.
    logging.getLogger("uvicorn").setLevel(logging.ERROR)
    if form == "json":
        for handler in logging.getLogger().handlers:
            handler.setFormatter(JsonLines())


class JsonLines(logging.Formatter):
    """A formatter: ``time``, ``level``, ``logger``, ``message``, and the fields of the record."""

    def format(self, record: logging.LogRecord) -> str:
        """Return one record as one line."""
        line: dict[str, object] = {
            "time": rfc3339_millis(int(record.created * 1_000)),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        added = {name: value for name, value in vars(record).items() if name not in _STANDARD}
        line |= {name: value for name, value in added.items() if name not in line}
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False, default=str)
