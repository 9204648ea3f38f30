# SPDX-License-Identifier: MIT
"""Event patterns: which events match a rule (pure).

All keys of a pattern must match; one condition of each list is enough. Equality compares the text
of the JSON: ``80`` matches ``"80"``, but ``3.0e2`` does not match ``300``. Edge cases follow the
evaluator in https://github.com/apache/rocketmq-eventbridge; ``contains`` was added to the service
later.
"""

from __future__ import annotations

import ipaddress
import itertools
import json
import math
from collections.abc import Callable, Mapping
from typing import Any, Final

from fc_async_local.domain import json_input
from fc_async_sdk.errors import shorten

ATTRIBUTES: Final = frozenset(
    {
        "specversion",
        "id",
        "source",
        "type",
        "subject",
        "time",
        "datacontenttype",
        "dataschema",
        "aliyunaccountid",
        "aliyunoriginalaccountid",
        "aliyuneventbusname",
        "aliyunpublishaddr",
        "aliyunpublishtime",
        "aliyunregionid",
    }
)
"""Keys of a pattern besides ``data``: attributes of CloudEvents and of the service."""

PATTERN_CHARACTERS: Final = 10_240
_DEPTH: Final = 32
_NUMERIC_LIMIT: Final = 1e9
_TOLERANCE: Final = 1e-7
_MISSING: Final = object()

Test = Callable[[Any], bool]
"""Tests one value of an event that is neither an object nor a list."""
Maker = Callable[[Any, str], Test]
"""Makes the test of an operator from its operand and the path of it in the pattern."""
Comparison = Callable[[float, float], bool]
"""Compares a number with its bound."""


class InvalidPattern(Exception):
    """The pattern is invalid. The message names the place, the value and what is expected."""


class Number(str):
    """A number as written, because patterns compare text."""

    __slots__ = ()


def lexical(text: str | bytes) -> Any:
    """Parse JSON that :func:`json_input.read` accepts; numbers stay as written."""
    # Patterns compare the text: 3.0e2 is not 300 for the service (docs/decisions/services-and-
    # destinations.md, 0030).
    return json.loads(text, parse_int=Number, parse_float=Number)


class Pattern:
    """A parsed pattern; made by :func:`parse`."""

    def __init__(self, fields: Mapping[str, Any]) -> None:
        self._fields = fields

    def matches(self, event: Mapping[str, Any]) -> bool:
        """Return whether an event matches.

        Args:
            event: The CloudEvent, parsed by :func:`lexical`.
        """
        return _matches(self._fields, event)


def parse(text: str) -> Pattern:
    """Parse a pattern.

    Args:
        text: JSON; ``{}`` matches every event.

    Raises:
        InvalidPattern: The text is not a valid pattern.
    """
    if len(text) > PATTERN_CHARACTERS:
        raise InvalidPattern(f"longer than {PATTERN_CHARACTERS} characters")
    try:
        json_input.read(text)
    except json_input.InvalidJson as error:
        raise InvalidPattern(f"not JSON: {error}") from error
    tree = lexical(text)
    if not isinstance(tree, dict):
        raise InvalidPattern(f"$ must be an object, got {shorten(tree)}")
    for key in tree:
        if key != "data" and key not in ATTRIBUTES:
            attributes = ", ".join(sorted(ATTRIBUTES))
            raise InvalidPattern(f"$.{key}: not an attribute of events: data, {attributes}")
    return Pattern(_fields(tree, "$", 0))


def _fields(
    tree: Mapping[str, Any],
    path: str,
    depth: int,
) -> dict[str, Any]:
    # A deeper one would end the recursion of the match, for each event.
    if depth > _DEPTH:
        raise InvalidPattern(f"{path}: nested deeper than {_DEPTH}")
    fields = {}
    for key, value in tree.items():
        fields[key] = _node(value, f"{path}.{key}", depth + 1)
    return fields


def _node(
    value: Any,
    path: str,
    depth: int,
) -> Any:
    if isinstance(value, dict) and value:
        return _fields(value, path, depth)
    if isinstance(value, list) and value:
        conditions = []
        for index, item in enumerate(value):
            conditions.append(_condition(item, f"{path}[{index}]"))
        return conditions
    raise InvalidPattern(
        f"{path} must be a list of conditions or an object, neither empty; got {shorten(value)}"
    )


def _condition(item: Any, path: str) -> Test:
    if isinstance(item, list):
        raise InvalidPattern(f"{path}: a list within a list is not allowed")
    if not isinstance(item, dict):
        return _equals(item)
    if len(item) != 1:
        raise InvalidPattern(f"{path}: expected one operator, got {sorted(item)}")
    ((name, operand),) = item.items()
    make = _OPERATORS.get(name)
    if make is None:
        raise InvalidPattern(f"{path}: {name!r} is none of {', '.join(sorted(_OPERATORS))}")
    return make(operand, f"{path}.{name}")


def _text(value: Any) -> str:
    """Return a scalar as in JSON, strings without quotes."""
    if isinstance(value, bool):
        return str(value).lower()
    return str(value)


def _equals(expected: Any) -> Test:
    if expected is None:
        return lambda value: value is None
    expected_text = _text(expected)

    def test(value: Any) -> bool:
        if value is None or value is _MISSING:
            return False
        return _text(value) == expected_text

    return test


def _is_string(value: Any) -> bool:
    return isinstance(value, str) and not isinstance(value, Number)


def _string_operator(check: Callable[[str, str], bool]) -> Maker:
    def make(operand: Any, path: str) -> Test:
        if not _is_string(operand) or not operand:
            raise InvalidPattern(f"{path}: expected a non-empty string, got {shorten(operand)}")
        return lambda value: _is_string(value) and check(value, operand)

    return make


def _anything_but(operand: Any, path: str) -> Test:
    if isinstance(operand, dict):
        tests = [_negated_operator(operand, path)]
    else:
        tests = [_equals(item) for item in _scalars(operand, path)]

    def test_none(value: Any) -> bool:
        # A key that is absent is not "anything but": the reference evaluator refuses it, too.
        if value is _MISSING:
            return False
        return not any(test(value) for test in tests)

    return test_none


def _negated_operator(operand: dict[str, Any], path: str) -> Test:
    if len(operand) != 1 or not operand.keys() <= _NEGATABLE:
        operators = ", ".join(sorted(_NEGATABLE))
        raise InvalidPattern(f"{path}: expected one of {operators}, got {shorten(operand)}")
    ((name, inner),) = operand.items()
    return _OPERATORS[name](inner, f"{path}.{name}")


def _scalars(operand: Any, path: str) -> list[Any]:
    values = operand if isinstance(operand, list) else [operand]
    if not values or any(isinstance(value, dict | list) for value in values):
        raise InvalidPattern(f"{path}: expected a value or list of values, got {shorten(operand)}")
    return values


def _exists(operand: Any, path: str) -> Test:
    if not isinstance(operand, bool):
        raise InvalidPattern(f"{path}: expected true or false, got {shorten(operand)}")
    return lambda value: (value is not _MISSING) is operand


_COMPARISONS: Final[dict[str, Comparison]] = {
    "=": lambda value, bound: abs(value - bound) <= _TOLERANCE,
    "!=": lambda value, bound: abs(value - bound) > _TOLERANCE,
    ">": lambda value, bound: value - bound > _TOLERANCE,
    ">=": lambda value, bound: value - bound >= -_TOLERANCE,
    "<": lambda value, bound: bound - value > _TOLERANCE,
    "<=": lambda value, bound: bound - value >= -_TOLERANCE,
}
_NUMERIC_LENGTHS: Final = (2, 4)


def _numeric(operand: Any, path: str) -> Test:
    if not isinstance(operand, list) or len(operand) not in _NUMERIC_LENGTHS:
        raise InvalidPattern(
            f"{path}: expected [operator, number] once or twice, got {shorten(operand)}"
        )
    operators = operand[::2]
    numbers = operand[1::2]
    bounds = []
    for name, bound in zip(operators, numbers, strict=True):
        bounds.append((_comparison(name, path), _bound(bound, path)))

    def test(value: Any) -> bool:
        if not isinstance(value, Number):
            return False
        number = float(value)
        return all(compare(number, bound) for compare, bound in bounds)

    return test


def _comparison(name: Any, path: str) -> Comparison:
    if not isinstance(name, str) or name not in _COMPARISONS:
        raise InvalidPattern(f"{path}: {shorten(name)} is none of {', '.join(_COMPARISONS)}")
    return _COMPARISONS[name]


def _bound(value: Any, path: str) -> float:
    if not isinstance(value, Number) or not abs(float(value)) <= _NUMERIC_LIMIT:
        raise InvalidPattern(f"{path}: expected a number from -1e9 to 1e9, got {shorten(value)}")
    bound = float(value)
    assert math.isfinite(bound)
    return bound


def _cidr(operand: Any, path: str) -> Test:
    text = str(operand) if _is_string(operand) else ""
    try:
        network = ipaddress.IPv4Network(text, strict=False)
    except ValueError:
        raise InvalidPattern(
            f"{path}: expected an IPv4 range a.b.c.d/n, got {shorten(operand)}"
        ) from None

    def test(value: Any) -> bool:
        if not _is_string(value):
            return False
        try:
            return ipaddress.IPv4Address(str(value)) in network
        except ValueError:
            return False

    return test


_OPERATORS: Final[dict[str, Maker]] = {
    "prefix": _string_operator(str.startswith),
    "suffix": _string_operator(str.endswith),
    "contains": _string_operator(lambda value, part: part in value),
    "anything-but": _anything_but,
    "exists": _exists,
    "numeric": _numeric,
    "cidr": _cidr,
}
_NEGATABLE: Final = frozenset({"prefix", "suffix", "contains"})


def _matches(fields: Mapping[str, Any], event: Any) -> bool:
    for key, node in fields.items():
        value = event.get(key, _MISSING) if isinstance(event, Mapping) else _MISSING
        if isinstance(node, dict):
            if not _matches(node, value):
                return False
        elif not _matches_any(node, value):
            return False
    return True


def _matches_any(tests: list[Test], value: Any) -> bool:
    """Return whether one value matches one condition; an object matches nothing."""
    values = value if isinstance(value, list) else [value]
    scalars = [scalar for scalar in values if not isinstance(scalar, dict | list)]
    return any(test(scalar) for scalar, test in itertools.product(scalars, tests))
