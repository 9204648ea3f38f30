# SPDX-License-Identifier: MIT
"""Writes log records as JSON, one object a line, for programs that read logs."""

from __future__ import annotations

import json
import logging
from datetime import datetime, timezone
from typing import Final

_STANDARD: Final = frozenset(
    {*vars(logging.makeLogRecord({})), "message", "asctime", "color_message"}
)
"""Attributes of every record; the others are the fields that the caller added."""


class JsonLines(logging.Formatter):
    """A formatter: ``time``, ``level``, ``logger``, ``message``, and the fields of the record."""

    def format(self, record: logging.LogRecord) -> str:
        """Return one record as one line."""
        moment = datetime.fromtimestamp(record.created, timezone.utc)
        line: dict[str, object] = {
            "time": moment.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        added = {name: value for name, value in vars(record).items() if name not in _STANDARD}
        line |= {name: value for name, value in added.items() if name not in line}
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False, default=str)
