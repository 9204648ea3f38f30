# SPDX-License-Identifier: MIT
"""Resolves plain YAML scalars to values: YAML 1.2 core as ``js-yaml`` 4 reads it, not YAML 1.1.

``yes`` and ``on`` are strings, ``017`` is 17, ``0o17`` is 15, ``1_000`` is 1000. A number that
JavaScript cannot hold exactly is rounded as in JavaScript.
"""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from fc_async_plugin.template.nodes import Plain

_FIRST: Final = frozenset("+-.0123456789~nNtTfF")
_WORDS: Final[dict[str, Plain]] = {
    "": None,
    "~": None,
    "null": None,
    "Null": None,
    "NULL": None,
    "true": True,
    "True": True,
    "TRUE": True,
    "false": False,
    "False": False,
    "FALSE": False,
}
_INTEGER: Final = re.compile(
    r"[-+]?(?:0b(?P<bin>[01_]+)|0x(?P<hex>[0-9a-fA-F_]+)|0o(?P<oct>[0-7_]+)|(?P<dec>[0-9][0-9_]*))"
)
_FLOAT: Final = re.compile(
    r"[-+]?[0-9][0-9_]*(?:\.[0-9_]*)?(?:[eE][-+]?[0-9]+)?"
    r"|\.[0-9_]+(?:[eE][-+]?[0-9]+)?"
    r"|[-+]?\.(?:inf|Inf|INF)"
    r"|\.(?:nan|NaN|NAN)"
)
_DATE: Final = re.compile(
    r"\d{4}-\d{2}-\d{2}"
    r"|\d{4}-\d{1,2}-\d{1,2}(?:[Tt]|[ \t]+)\d{1,2}:\d{2}:\d{2}(?:\.\d*)?"
    r"(?:[ \t]*(?:Z|[-+]\d{1,2}(?::\d{2})?))?"
)
_BASES: Final = {"bin": 2, "hex": 16, "oct": 8, "dec": 10}
_EXACT: Final = 2**53
"""JavaScript holds every integer up to this one exactly."""
_MOST_DIGITS: Final = 1100
"""More digits than any number below :data:`_TOO_LARGE` has, in base 2 too."""
_TOO_LARGE: Final = 2**1024 - 2**970
"""JavaScript rounds numbers from here on to Infinity."""


class Date:
    """The type of :data:`DATE`: an unquoted date, which ``s`` turns into an empty map."""


DATE: Final = Date()


def resolve(text: str) -> Plain | Date:
    """Return the value of a plain scalar.

    Returns:
        A string, number, bool or None; :data:`DATE` for a date.
    """
    if text and text[0] not in _FIRST:
        return text
    if text in _WORDS:
        return _WORDS[text]
    if text.endswith("_"):
        return text
    match = _INTEGER.fullmatch(text)
    if match is not None:
        return _integer(match)
    if _FLOAT.fullmatch(text) is not None:
        return number(float(_python_float(text)))
    return DATE if _DATE.fullmatch(text) is not None else text


def number(value: float) -> float:
    """Return a number as JavaScript shows it: whole numbers have no fraction."""
    return int(value) if value.is_integer() else value


def _integer(match: re.Match[str]) -> float:
    group = match.lastgroup or "dec"
    digits = match[group].replace("_", "")
    if not digits:
        return 0
    exact = int(digits, _BASES[group]) if len(digits) <= _MOST_DIGITS else _TOO_LARGE
    sign = -1 if match[0].startswith("-") else 1
    if exact >= _TOO_LARGE:
        return sign * math.inf
    return sign * (exact if exact <= _EXACT else int(float(exact)))


def _python_float(text: str) -> str:
    plain = text.replace("_", "").lower()
    return plain.replace(".inf", "inf").replace(".nan", "nan")
