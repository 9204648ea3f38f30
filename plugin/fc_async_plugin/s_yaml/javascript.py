# SPDX-License-Identifier: MIT
"""Plain values as JavaScript has them, because ``s`` runs on Node: numbers, text, keys. Pure."""

from __future__ import annotations

import math
import re
from decimal import Decimal
from typing import Any, Final

MISSING: Final = object()
"""The result of :func:`lookup` for a missing key."""

_INDEX: Final = re.compile(r"0|[1-9][0-9]{0,15}")
_PLAIN_FROM: Final = 1e-6
_PLAIN_TO: Final = 1e21
_LEADING_INTEGER: Final = re.compile(r"\s*([-+]?\d{1,300})")


def number(value: float) -> float:
    """Return a number as JavaScript shows it: whole numbers have no fraction."""
    return int(value) if value.is_integer() else value


def to_text(value: Any) -> str:
    """Return ``String(value)``: lists join with commas, maps are ``[object Object]``."""
    if isinstance(value, str):
        return value
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        texts = ["" if item is None else to_text(item) for item in value]
        return ",".join(texts)
    if isinstance(value, dict):
        return "[object Object]"
    return _number_text(value)


def whole_numbers(value: Any) -> Any:
    """Return a value as ``JSON.stringify`` writes it: JavaScript has no 60.0, which is 60."""
    if isinstance(value, dict):
        return {key: whole_numbers(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [whole_numbers(inner) for inner in value]
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value


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
    if "." not in text:
        return text
    return text.rstrip("0").rstrip(".")


def lookup(value: Any, key: str) -> Any:
    """Return ``value[key]`` of a plain value: map keys, list indices and ``length``."""
    if isinstance(value, dict):
        return value.get(key, MISSING)
    if isinstance(value, list | str):
        if key == "length":
            return len(value)
        position = index(key)
        if position is not None and position < len(value):
            return value[position]
    return MISSING


def index(key: str) -> int | None:
    """Return a key as the index of a list; None if it is not an index."""
    return int(key) if _INDEX.fullmatch(key) else None


def parse_int(text: str) -> int | None:
    """Return ``parseInt(text)``; None for NaN."""
    match = _LEADING_INTEGER.match(text)
    return int(match[1]) if match else None
