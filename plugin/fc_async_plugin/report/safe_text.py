# SPDX-License-Identifier: MIT
r"""Makes text from outside safe to show on a terminal.

The output of functions and the answers of services may have escape sequences that move the cursor,
set the window's title or hide lines, and characters that change the direction of writing. Every
such character is shown as its escape (``\x1b``).
"""

from __future__ import annotations

import json
import re
import unicodedata
from typing import Final

_CONTROL: Final = "\x00-\x08\x0b-\x1f\x7f-\x9f"
_DIRECTION: Final = "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"
_INVISIBLE: Final = "\u2028\u2029\ufff9-\ufffb\U000e0000-\U000e007f"
_SURROGATES: Final = "\ud800-\udfff"
_UNSAFE: Final = re.compile(f"[{_CONTROL}{_DIRECTION}{_INVISIBLE}{_SURROGATES}]")
_NO_LOOK: Final = {"Cc", "Cf", "Cn", "Co", "Cs", "Zl", "Zp", "Zs"}
"""Categories of characters that are controls, formats, unassigned or blank."""
_IGNORABLE: Final = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u3164\uffa0\ufe00-\ufe0f\U000e0100-\U000e01ef]"
)
"""Letters and marks without a look (Unicode, "Default_Ignorable_Code_Point")."""
_BLANKS: Final = re.compile(r"[ \t]{9,}")


def safe(text: str, *, line: bool = False) -> str:
    r"""Return the text with every character that a terminal would obey written as its escape.

    Args:
        text: Any text. Tabs and the ends of lines stay; ``\r\n`` becomes ``\n``.
        line: Whether the result is one line: its ends of lines are escaped, too.
    """
    text = text.replace("\r\n", "\n")
    text = _UNSAFE.sub(_escape, text)
    if line:
        return text.replace("\n", "\\n")
    return text


def _escape(match: re.Match[str]) -> str:
    return ascii(match[0])[1:-1]


def visible(line: str) -> str:
    r"""Return a line of a command in which nothing that runs is out of sight.

    Every character that has no width or no look of its own is written as its escape, also those
    that text of people may have, such as ``\u200b``. Long blanks, which push the rest of a line out
    of a window, are counted: ``[400 blanks]``.

    Args:
        line: Text without ends of lines.
    """
    characters: list[str] = []
    for character in line:
        if _is_invisible(character):
            character = ascii(character)[1:-1]  # noqa: PLW2901 -- its escape takes its place
        characters.append(character)
    shown = "".join(characters)
    return _BLANKS.sub(lambda match: f" [{len(match[0])} blanks] ", shown)


def _is_invisible(character: str) -> bool:
    if character in {" ", "\t"}:
        return False
    if unicodedata.category(character) in _NO_LOOK:
        return True
    return _IGNORABLE.match(character) is not None


def safe_json(text: str) -> str:
    """Return a JSON document with the same characters escaped as JSON does it; it means the same.

    Args:
        text: A JSON document. All but tabs and ends of lines can only be inside its strings.
    """
    return _UNSAFE.sub(lambda match: json.dumps(match[0])[1:-1], text)
