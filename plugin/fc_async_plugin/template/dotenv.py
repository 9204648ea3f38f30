# SPDX-License-Identifier: MIT
"""Parses ``.env`` files as Node's dotenv and dotenv-expand do."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

_LINE: Final = re.compile(
    r"^[ \t]*(?:export[ \t]+)?(?P<name>[\w.-]+)(?:[ \t]*=[ \t]*|:[ \t]+)"
    r"(?:'(?P<single>(?:\\'|[^'])*)'|\"(?P<double>(?:\\\"|[^\"])*)\"|`(?P<tick>(?:\\`|[^`])*)`"
    r"|(?P<bare>[^#\r\n]*))?",
    re.MULTILINE,
)
_NAME: Final = re.compile(
    r"(?P<escape>\\)?\$(?:\{(?P<braced>\w+)(?::?-(?P<default>[^}]*))?\}|(?P<plain>\w+))"
)
_MAX_ROUNDS: Final = 20
_MAX_VALUE: Final = 64 * 1024


def parse(text: str, environ: Mapping[str, str]) -> dict[str, str]:
    """Parse a ``.env`` file.

    Args:
        text: The text of the file.
        environ: Variables that are already set; they take precedence, also inside of values.

    Returns:
        New names only.
    """
    raw: dict[str, str] = {}
    for match in _LINE.finditer(text):
        raw[match["name"]] = _unquoted(match)
    known = {**raw, **environ}
    return {name: _expanded(value, known) for name, value in raw.items() if name not in environ}


def _unquoted(match: re.Match[str]) -> str:
    if match["double"] is not None:
        return match["double"].replace("\\n", "\n").replace("\\r", "\r")
    for kind in ("single", "tick"):
        if match[kind] is not None:
            return match[kind]
    return (match["bare"] or "").strip()


def _expanded(value: str, known: Mapping[str, str]) -> str:
    def replace(match: re.Match[str]) -> str:
        if match["escape"]:
            return match[0]
        name = match["braced"] or match["plain"]
        return known.get(name) or match["default"] or ""

    for _ in range(_MAX_ROUNDS):
        after = _NAME.sub(replace, value)
        if after == value or len(after) > _MAX_VALUE:
            break
        value = after
    return value.replace("\\$", "$")
