# SPDX-License-Identifier: MIT
"""Converts between text and values as JavaScript does, because ``s`` runs on Node.

From text to a value: plain YAML scalars in YAML 1.2 core as ``js-yaml`` 4 reads it, not YAML 1.1.

``yes`` and ``on`` are strings, ``017`` is 17, ``0o17`` is 15, ``1_000`` is 1000. A number that
JavaScript cannot hold exactly is rounded as in JavaScript. From a value to text, and access to
keys: as expressions show them. No expression is evaluated here.
"""

from __future__ import annotations

import math
import re
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

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


MISSING: Final = object()
"""The result of :func:`lookup` for a missing key."""

_INDEX: Final = re.compile(r"0|[1-9][0-9]{0,15}")
_PLAIN_FROM: Final = 1e-6
_PLAIN_TO: Final = 1e21
_LEADING_INTEGER: Final = re.compile(r"\s*([-+]?\d{1,300})")


def to_text(value: Any) -> str:
    """Return ``String(value)``: lists join with commas, maps are ``[object Object]``."""
    if isinstance(value, str):
        return value
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return ",".join("" if item is None else to_text(item) for item in value)
    if isinstance(value, dict):
        return "[object Object]"
    return _number_text(value)


def _number_text(value: float) -> str:
    """Return ``String(number)``: shortest digits; exponents from 1e21 on and below 1e-6."""
    exact = float(value)
    if math.isnan(exact):
        return "NaN"
    if math.isinf(exact):
        return "Infinity" if exact > 0 else "-Infinity"
    if exact and not _PLAIN_FROM <= abs(exact) < _PLAIN_TO:
        mantissa, _, exponent = repr(exact).partition("e")
        return f"{mantissa.removesuffix('.0')}e{int(exponent):+d}"
    text = format(Decimal(repr(exact)), "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def lookup(value: Any, key: str) -> Any:
    """Return ``value[key]`` of a plain value: map keys, list indices and ``length``."""
    if isinstance(value, dict):
        return value.get(key, MISSING)
    if isinstance(value, list | str):
        if key == "length":
            return len(value)
        place = index(key)
        if place is not None and place < len(value):
            return value[place]
    return MISSING


def index(key: str) -> int | None:
    """Return a key as the index of a list; None if it is not an index."""
    return int(key) if _INDEX.fullmatch(key) else None


def parse_int(text: str) -> int | None:
    """Return ``parseInt(text)``; None for NaN."""
    match = _LEADING_INTEGER.match(text)
    return int(match[1]) if match else None
