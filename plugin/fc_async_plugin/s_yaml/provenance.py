# SPDX-License-Identifier: MIT
"""Shows the expression of a value in messages, in place of the value. Pure.

A template of a pull request may name any environment variable and any file of the machine that
checks it. What ``env()``, ``config()``, ``secret()`` and ``file()`` return is therefore not shown.

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


def note(sources: Sources, value: Any, expression: str) -> None:
    """Add a value that an expression returned, and the values in it."""
    waiting = [value]
    while waiting:
        inner = waiting.pop()
        if isinstance(inner, dict):
            waiting.extend(inner.values())
        elif isinstance(inner, list):
            waiting.extend(inner)
        elif isinstance(inner, str | int | float) and not isinstance(inner, bool) and inner != "":
            sources.setdefault(str(inner), expression)


def relevant(sources: Mapping[str, str], texts: Iterable[str]) -> Sources:
    """Return the values of which something may be in one of some texts."""
    everything = "\n".join(texts)
    return {
        value: expression
        for value, expression in sources.items()
        if any(_may_have(everything, form) for form in _forms(value))
    }


def _may_have(text: str, form: str) -> bool:
    return form[:_SHORT] in text or form[-_SHORT:] in text


def masked(text: str, sources: Mapping[str, str]) -> str:
    """Return a text with expressions in place of their values.

    Args:
        text: A message.
        sources: The values with their expressions.
    """
    taken: dict[Span, str] = {}
    for value in sorted(sources, key=len, reverse=True):
        for form in _forms(value):
            for span in _spans(text, form):
                if not any(span[0] < end and start < span[1] for start, end in taken):
                    taken[span] = sources[value]
    for (start, end), expression in sorted(taken.items(), reverse=True):
        text = text[:start] + expression + text[end:]
    return text


@functools.lru_cache(maxsize=1024)
def _forms(value: str) -> tuple[str, ...]:
    """Return a value as it is, and as ``repr`` escapes it."""
    escaped = repr(value)[1:-1]
    return (value,) if escaped == value else (value, escaped)


def _spans(text: str, form: str) -> Iterator[Span]:
    """Yield where a text has a value, with the quotes around it."""
    pattern = re.escape(form)
    if len(form) < _SHORT:
        pattern = rf"(?<=')\b{pattern}\b(?=')|(?<=\")\b{pattern}\b(?=\")|(?<=got ){pattern}(?!\w)"
    elif len(form) < _LONG:
        pattern = rf"(?<!\w){pattern}(?!\w)"
    for match in re.finditer(pattern, text):
        yield _with_quotes(text, *match.span())
    if len(form) >= _SHORT:
        yield from _cut_spans(text, form)


def _with_quotes(text: str, start: int, end: int) -> Span:
    before = text[start - 1 : start]
    if before and before in _QUOTES and text[end : end + 1] == before:
        return start - 1, end + 1
    return start, end


def _cut_spans(text: str, form: str) -> Iterator[Span]:
    """Yield the parts of a value on both sides of a cut."""
    for cut in re.finditer(_CUT, text):
        before, after = text[: cut.start()], text[cut.end() :]
        for length in range(min(len(form), len(before)), _SHORT - 1, -1):
            if before.endswith(form[:length]):
                yield cut.start() - length, cut.start()
                break
        for length in range(min(len(form), len(after)), _SHORT - 1, -1):
            if after.startswith(form[-length:]):
                yield cut.end(), cut.end() + length
                break
