# SPDX-License-Identifier: MIT
"""Shows findings with the lines of the template that they are about. Pure.

The form is that of compilers such as rustc::

    error[FCA012]: maxAsyncRetryAttempts must be a whole number from 0 to 8, got 9
      --> s.yaml:19:30
       |
    19 |       maxAsyncRetryAttempts: 9
       |                              ^
       = fix: write 8, or leave it out for 3

Invariants:

- Only the lines of a finding are shown, not those around them, which may hold secrets.
"""

from __future__ import annotations

import re
import textwrap
from typing import TYPE_CHECKING, Final, NamedTuple

from fc_async_plugin.report.safe_text import safe
from fc_async_plugin.report.tables import cell_width, cut
from fc_async_plugin.rules import pages

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from fc_async_plugin.rules import Finding
    from fc_async_plugin.template import Position

Part = tuple[str, str]
"""A text and its style: ``error``, ``warning``, ``note``, ``frame``, ``bold`` or "". A URL after
the style, separated by a space, makes the text a link."""

_TOKEN: Final = re.compile(r"(?:\$\{[^}]*\}|[^\s,{}\[\]])+")
_QUOTED: Final = re.compile(r"'(?:[^']|'')*'|\"(?:[^\"\\]|\\.)*\"")
_BEFORE: Final = 12
"""Characters that stay in view before the place in a line that is wider than the terminal."""
_PIPE_COLUMNS: Final = 160
"""Columns of a source line in a pipe: generated templates have lines of any length."""


class _Mark(NamedTuple):
    """A place to show.

    Attributes:
        position: Where it is.
        label: Words below the line, or "".
        style: Style of the mark.
    """

    position: Position
    label: str
    style: str


def lines(
    finding: Finding, source: Callable[[str], Sequence[str]], width: int | None
) -> Iterator[list[Part]]:
    """Yield the lines of one finding.

    Args:
        finding: The finding.
        source: Returns the lines of a file by its name; none if it cannot be read.
        width: Columns of the terminal, or None for a pipe.
    """
    head = f"{finding.severity}[{finding.rule}]"
    first, *others = _wrapped(f"{head}: {safe(finding.message)}", width, "  ")
    # A terminal shows the name of the rule as a link to its page.
    yield [(head, f"{finding.severity} {pages.url(finding.rule)}"), (first[len(head) :], "bold")]
    for line in others:
        yield [(line, "bold")]
    marks = _marks(finding)
    gutter = max(len(str(mark.position.line)) for mark in marks)
    for number, mark in enumerate(marks):
        arrow = ":::" if number else "-->"
        place = safe(str(mark.position), line=True)
        yield [(f"{'':<{gutter}}{arrow} ", "frame"), (place, "")]
        yield from _excerpt(mark, source(mark.position.file), gutter, width)
    if finding.fix:
        room = None if width is None else _left(width, gutter + 1)
        for line in _wrapped(f"= fix: {safe(finding.fix)}", room, "       "):
            yield [(f"{'':<{gutter}} {line}", "")]


def _marks(finding: Finding) -> list[_Mark]:
    """Return the places of a finding, each once; its own place comes first."""
    labels: dict[Position, str] = {finding.position: ""}
    for related in finding.related:
        known = labels.get(related.position)
        labels[related.position] = f"{known}; {related.message}" if known else related.message
    return [
        _Mark(position, safe(label, line=True), "frame" if number else finding.severity)
        for number, (position, label) in enumerate(labels.items())
    ]


def _excerpt(
    mark: _Mark, text: Sequence[str], gutter: int, width: int | None
) -> Iterator[list[Part]]:
    """Yield the line of a place with a mark below it, or only the label if there is no line."""
    number, column = mark.position.line, mark.position.column
    bar = (f"{'':<{gutter}} | ", "frame")
    if not 0 < number <= len(text) or not text[number - 1].strip():
        if mark.label:
            yield [bar, (mark.label, "")]
        return
    line = text[number - 1].replace("\t", " ")
    start = min(max(column - 1, 0), len(line))
    length = len(_token(line[start:]))
    before, marked, after = line[:start], line[start : start + length], line[start + length :]
    room = _left(_PIPE_COLUMNS if width is None else width, gutter + 3)
    if cell_width(safe(line)) > room and len(before) > _BEFORE:
        before = "…" + before[-_BEFORE:]
    shown = cut(f"{safe(before)}{safe(marked)}{safe(after)}", room)
    indent = " " * cell_width(safe(before))
    sign = ("^" if mark.style != "frame" else "-") * max(cell_width(safe(marked)), 1)
    sign = sign[: max(room - len(indent), 1)]
    yield [(f"{'':<{gutter}} |", "frame")]
    yield [(f"{number:>{gutter}} | ", "frame"), (shown, "")]
    label = f" {mark.label}" if mark.label else ""
    if width is not None and len(indent) + len(sign) + cell_width(label) > room:
        yield [bar, (f"{indent}{sign}", mark.style)]
        for words in _wrapped(mark.label, room, ""):
            yield [bar, (words, mark.style)]
    else:
        yield [bar, (f"{indent}{sign}{label}", mark.style)]


def _token(rest: str) -> str:
    """Return the value or key that begins a text."""
    quoted = _QUOTED.match(rest)
    if quoted is not None:
        return quoted[0]
    found = _TOKEN.match(rest)
    return found[0].rstrip(":") if found else rest[:1]


def _left(width: int, used: int) -> int:
    return max(width - used, 20)


def _wrapped(text: str, width: int | None, indent: str) -> list[str]:
    """Return a text as lines of at most that width, broken at spaces only."""
    if width is None:
        return text.split("\n")
    return [
        line
        for paragraph in text.split("\n")
        for line in textwrap.wrap(
            paragraph,
            width,
            subsequent_indent=indent,
            break_long_words=False,
            break_on_hyphens=False,
        )
        or [""]
    ]
