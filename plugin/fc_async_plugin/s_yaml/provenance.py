# SPDX-License-Identifier: MIT
"""Shows the expression of a value in messages, in place of the value. Pure.

A template of a pull request may name any environment variable and any file of the machine that
checks it. What ``env()``, ``config()``, ``secret()`` and ``file()`` return is therefore not shown.

Rules check real values and quote any part of them, escaped or cut, long after they were resolved.
So a value is searched in the finished message. What happens to equal a value is replaced as well,
which a message bears and a command that a user allows does not: :mod:`.masking` is for these.

Invariants:

- A value of four or more characters is not in a masked text, whole, escaped, or cut by ``…``. Of a
  cut value, fewer than four characters may stay.
- A shorter value is not in a masked text in quotes or as the value that a check got.
"""

from __future__ import annotations

import functools
import re
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

Sources = dict[str, str]
"""The texts of values, each with an expression that returned it, such as ``${env('A')}``."""

Span = tuple[int, int]

_SHORT: Final = 4
"""Shorter values, such as ``3``, are in many texts: only what is clearly the value is replaced."""
_LONG: Final = 8
"""Values of this length are replaced also inside of words."""
_CUT: Final = "…"
_QUOTES: Final = "'\""


def record(sources: Sources, value: Any, expression: str) -> None:
    """Add a value that an expression returned, and the values in it."""
    waiting = [value]
    while waiting:
        inner = waiting.pop()
        if isinstance(inner, dict):
            waiting.extend(inner.values())
            continue
        if isinstance(inner, list):
            waiting.extend(inner)
            continue
        if _is_telling(inner):
            # The first expression stays: a composed text contains the value once more.
            sources.setdefault(str(inner), expression)


def _is_telling(value: object) -> bool:
    """Return whether a scalar tells something about a machine: true, null and "" do not."""
    if isinstance(value, bool):
        return False
    return isinstance(value, str | int | float) and value != ""


def relevant(sources: Mapping[str, str], texts: Iterable[str]) -> Sources:
    """Return the values of which something may be in one of some texts.

    :func:`masked` searches each text for each value; a template may have 10,000 of both.
    """
    everything = "\n".join(texts)
    return {
        value: expression for value, expression in sources.items() if _may_have(everything, value)
    }


def _may_have(text: str, value: str) -> bool:
    """Return whether something of a value may be in a text."""
    for form in _forms(value):
        # Of a value that is cut by "…", only the beginning or the end may be there.
        beginning = form[:_SHORT]
        if beginning in text:
            return True
        end = form[-_SHORT:]
        if end in text:
            return True
    return False


def masked(text: str, sources: Mapping[str, str]) -> str:
    """Return a text with expressions in place of their values.

    Args:
        text: A message.
        sources: The values with their expressions.
    """
    taken: dict[Span, str] = {}
    # The longest first: a value may contain another one.
    for value in sorted(sources, key=len, reverse=True):
        for span in _value_spans(text, value):
            if not _overlaps(span, taken):
                taken[span] = sources[value]
    # From the end, so that the positions before a replaced one stay.
    for span, expression in sorted(taken.items(), reverse=True):
        start, end = span
        text = text[:start] + expression + text[end:]
    return text


def _overlaps(span: Span, taken: Iterable[Span]) -> bool:
    first, last = span
    return any(first < end and start < last for start, end in taken)


def _value_spans(text: str, value: str) -> Iterator[Span]:
    for form in _forms(value):
        yield from _spans(text, form)


@functools.lru_cache(maxsize=1024)
def _forms(value: str) -> tuple[str, ...]:
    """Return a value as it is, and as ``repr`` escapes it."""
    escaped = repr(value)[1:-1]
    if escaped == value:
        return (value,)
    return (value, escaped)


def _spans(text: str, form: str) -> Iterator[Span]:
    """Yield where a text has a value, with the quotes around it."""
    for match in re.finditer(_pattern(form), text):
        yield _with_quotes(text, *match.span())
    if len(form) >= _SHORT:
        yield from _cut_spans(text, form)


def _pattern(form: str) -> str:
    """Return an expression that finds a value; the shorter it is, the clearer its place must be."""
    literal = re.escape(form)
    if len(form) < _SHORT:
        in_single = rf"(?<=')\b{literal}\b(?=')"
        in_double = rf"(?<=\")\b{literal}\b(?=\")"
        after_got = rf"(?<=got ){literal}(?!\w)"
        return f"{in_single}|{in_double}|{after_got}"
    if len(form) < _LONG:
        return rf"(?<!\w){literal}(?!\w)"
    return literal


def _with_quotes(text: str, start: int, end: int) -> Span:
    before = text[start - 1 : start]
    if not before or before not in _QUOTES:
        return start, end
    if text[end : end + 1] != before:
        return start, end
    # An expression in the quotes of the value would read as a text.
    return start - 1, end + 1


def _cut_spans(text: str, form: str) -> Iterator[Span]:
    """Yield the parts of a value on both sides of a cut."""
    for cut in re.finditer(_CUT, text):
        start = cut.start()
        head = _longest(form, text[:start])
        if head:
            yield start - head, start
        end = cut.end()
        after = text[end:]
        # The end of a value is the beginning of it backwards.
        tail = _longest(form[::-1], after[::-1])
        if tail:
            yield end, end + tail


def _longest(form: str, before: str) -> int:
    """Return how many first characters of a value stand before a cut; 0 for less than four."""
    longest = min(len(form), len(before))
    for length in range(longest, _SHORT - 1, -1):
        if before.endswith(form[:length]):
            return length
    return 0
