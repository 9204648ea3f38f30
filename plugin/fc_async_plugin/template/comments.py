# SPDX-License-Identifier: MIT
"""Comments that suppress findings: ``# fc-async: ignore[FCA011] we drain it by hand``.

At the end of a line, a comment applies to that line; on a line of its own, to the next line that is
not a comment. ``ignore-file[...]`` applies to the whole file.
"""

from __future__ import annotations

import re
from typing import Final

from fc_async_plugin.template.model import Position, Suppression

WHOLE_FILE: Final = 0
"""The line number of a suppression that applies to its whole file."""

_COMMENT: Final = re.compile(
    r"#\s*fc-async:\s*ignore(?P<file>-file)?\[(?P<rules>[A-Za-z0-9, ]*)\]"
    r"[ \t:-]*(?P<reason>[^\r\n]*)"
)


def suppressions(text: str, file: str) -> list[Suppression]:
    """Return the suppressions of a file, in order."""
    if "fc-async:" not in text:
        return []
    lines = text.split("\n")
    found = []
    for index, line in enumerate(lines):
        match = _COMMENT.search(line)
        if match is None:
            continue
        rules = tuple(rule.strip().upper() for rule in match["rules"].split(",") if rule.strip())
        about = index + 1
        if match["file"]:
            about = WHOLE_FILE
        elif not line[: match.start()].strip():
            about = _next_line(lines, index)
        place = Position(file, index + 1, match.start() + 1)
        found.append(Suppression(place, about, rules, match["reason"].strip()))
    return found


def _next_line(lines: list[str], index: int) -> int:
    for later in range(index + 1, len(lines)):
        stripped = lines[later].strip()
        if stripped and not stripped.startswith("#"):
            return later + 1
    return index + 1
