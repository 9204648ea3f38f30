# SPDX-License-Identifier: MIT
r"""Makes text from outside safe to show on a terminal.

The output of functions and the answers of services may have escape sequences that move the cursor,
set the window's title or hide lines, and characters that change the direction of writing. Every
such character is shown as its escape (``\x1b``).
"""

from __future__ import annotations

import json
import re
from typing import Final

_CONTROL: Final = "\x00-\x08\x0b-\x1f\x7f-\x9f"
_DIRECTION: Final = "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"
_INVISIBLE: Final = "\u2028\u2029\ufff9-\ufffb\U000e0000-\U000e007f"
_SURROGATES: Final = "\ud800-\udfff"
_UNSAFE: Final = re.compile(f"[{_CONTROL}{_DIRECTION}{_INVISIBLE}{_SURROGATES}]")


def safe(text: str, *, line: bool = False) -> str:
    r"""Return the text with every character that a terminal would obey written as its escape.

    Args:
        text: Any text. Tabs and the ends of lines stay; ``\r\n`` becomes ``\n``.
        line: Whether the result is one line: its ends of lines are escaped, too.
    """
    text = _UNSAFE.sub(lambda found: ascii(found[0])[1:-1], text.replace("\r\n", "\n"))
    return text.replace("\n", "\\n") if line else text


def safe_json(text: str) -> str:
    """Return a JSON document with the same characters escaped as JSON does it; it means the same.

    Args:
        text: A JSON document. All but tabs and ends of lines can only be inside its strings.
    """
    return _UNSAFE.sub(lambda found: json.dumps(found[0])[1:-1], text)
