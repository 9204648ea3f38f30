# SPDX-License-Identifier: MIT
"""Event patterns: which events match a rule (pure).

All keys of a pattern must match; one condition of each list is enough. Equality compares the text
of the JSON: ``80`` matches ``"80"``, but ``3.0e2`` does not match ``300``. Edge cases follow the
evaluator in https://github.com/apache/rocketmq-eventbridge; ``contains`` was added to the service
later.
"""

from __future__ import annotations

import ipaddress
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


class InvalidPattern(Exception):
    """The pattern is invalid. The message names the place, the value and what is expected."""


class Number(str):
    """A number as written, because patterns compare text."""

    __slots__ = ()


def lexical(text: str | bytes) -> Any:
    """Parse JSON that :func:`json_input.read` accepts; numbers stay as written."""
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
            raise InvalidPattern(
                f"$.{key}: not an attribute of events: data, {', '.join(sorted(ATTRIBUTES))}"
            )
    return Pattern(_fields(tree, "$", 0))


def _fields(tree: Mapping[str, Any], place: str, depth: int) -> dict[str, Any]:
    if depth > _DEPTH:
        raise InvalidPattern(f"{place}: nested deeper than {_DEPTH}")
    return {key: _node(value, f"{place}.{key}", depth + 1) for key, value in tree.items()}


def _node(value: Any, place: str, depth: int) -> Any:
    if isinstance(value, dict) and value:
        return _fields(value, place, depth)
    if isinstance(value, list) and value:
        return [_condition(item, f"{place}[{index}]") for index, item in enumerate(value)]
    raise InvalidPattern(
        f"{place} must be a list of conditions or an object, neither empty; got {shorten(value)}"
    )


def _condition(item: Any, place: str) -> Test:
    if isinstance(item, list):
        raise InvalidPattern(f"{place}: a list within a list is not allowed")
    if not isinstance(item, dict):
        return _equals(item)
    if len(item) != 1:
        raise InvalidPattern(f"{place}: expected one operator, got {sorted(item)}")
    ((name, operand),) = item.items()
    make = _OPERATORS.get(name)
    if make is None:
        raise InvalidPattern(f"{place}: {name!r} is none of {', '.join(sorted(_OPERATORS))}")
    return make(operand, f"{place}.{name}")


def _text(value: Any) -> str:
    """Return a scalar as in JSON, strings without quotes."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def _equals(expected: Any) -> Test:
    if expected is None:
        return lambda value: value is None
    wanted = _text(expected)
    return lambda value: value is not None and value is not _MISSING and _text(value) == wanted


def _is_string(value: Any) -> bool:
    return isinstance(value, str) and not isinstance(value, Number)


def _string_operator(check: Callable[[str, str], bool]) -> Callable[[Any, str], Test]:
    def make(operand: Any, place: str) -> Test:
        if not _is_string(operand) or not operand:
            raise InvalidPattern(f"{place}: expected a non-empty string, got {shorten(operand)}")
        return lambda value: _is_string(value) and check(value, operand)

    return make


def _anything_but(operand: Any, place: str) -> Test:
    if isinstance(operand, dict):
        tests = [_negated_operator(operand, place)]
    else:
        tests = [_equals(item) for item in _scalars(operand, place)]
    return lambda value: value is not _MISSING and not any(test(value) for test in tests)


def _negated_operator(operand: dict[str, Any], place: str) -> Test:
    if len(operand) != 1 or not operand.keys() <= _NEGATABLE:
        raise InvalidPattern(
            f"{place}: expected one of {', '.join(sorted(_NEGATABLE))}, got {shorten(operand)}"
        )
    ((name, inner),) = operand.items()
    return _OPERATORS[name](inner, f"{place}.{name}")


def _scalars(operand: Any, place: str) -> list[Any]:
    listed = operand if isinstance(operand, list) else [operand]
    if not listed or any(isinstance(item, dict | list) for item in listed):
        raise InvalidPattern(f"{place}: expected a value or list of values, got {shorten(operand)}")
    return listed


def _exists(operand: Any, place: str) -> Test:
    if not isinstance(operand, bool):
        raise InvalidPattern(f"{place}: expected true or false, got {shorten(operand)}")
    return lambda value: (value is not _MISSING) is operand


_COMPARISONS: Final[dict[str, Callable[[float, float], bool]]] = {
    "=": lambda value, bound: abs(value - bound) <= _TOLERANCE,
    "!=": lambda value, bound: abs(value - bound) > _TOLERANCE,
    ">": lambda value, bound: value - bound > _TOLERANCE,
    ">=": lambda value, bound: value - bound >= -_TOLERANCE,
    "<": lambda value, bound: bound - value > _TOLERANCE,
    "<=": lambda value, bound: bound - value >= -_TOLERANCE,
}
_NUMERIC_LENGTHS: Final = (2, 4)


def _numeric(operand: Any, place: str) -> Test:
    if not isinstance(operand, list) or len(operand) not in _NUMERIC_LENGTHS:
        raise InvalidPattern(
            f"{place}: expected [operator, number] once or twice, got {shorten(operand)}"
        )
    pairs = list(zip(operand[::2], operand[1::2], strict=True))
    bounds = [(_comparison(name, place), _bound(bound, place)) for name, bound in pairs]

    def test(value: Any) -> bool:
        if not isinstance(value, Number):
            return False
        number = float(value)
        return all(compare(number, bound) for compare, bound in bounds)

    return test


def _comparison(name: Any, place: str) -> Callable[[float, float], bool]:
    if not isinstance(name, str) or name not in _COMPARISONS:
        raise InvalidPattern(f"{place}: {shorten(name)} is none of {', '.join(_COMPARISONS)}")
    return _COMPARISONS[name]


def _bound(value: Any, place: str) -> float:
    if not isinstance(value, Number) or not abs(float(value)) <= _NUMERIC_LIMIT:
        raise InvalidPattern(f"{place}: expected a number from -1e9 to 1e9, got {shorten(value)}")
    bound = float(value)
    assert math.isfinite(bound)
    return bound


def _cidr(operand: Any, place: str) -> Test:
    try:
        network = ipaddress.IPv4Network(str(operand) if _is_string(operand) else "", strict=False)
    except ValueError:
        raise InvalidPattern(
            f"{place}: expected an IPv4 range a.b.c.d/n, got {shorten(operand)}"
        ) from None

    def test(value: Any) -> bool:
        if not _is_string(value):
            return False
        try:
            return ipaddress.IPv4Address(str(value)) in network
        except ValueError:
            return False

    return test


_OPERATORS: Final[dict[str, Callable[[Any, str], Test]]] = {
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
        if not (_matches(node, value) if isinstance(node, dict) else _leaf(node, value)):
            return False
    return True


def _leaf(tests: list[Test], value: Any) -> bool:
    """Return whether one value matches one condition; an object matches nothing."""
    if isinstance(value, dict):
        return False
    values = value if isinstance(value, list) else [value]
    return any(test(item) for item in values if not isinstance(item, dict | list) for test in tests)
