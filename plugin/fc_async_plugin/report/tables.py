# SPDX-License-Identifier: MIT
"""Lays out tables for a terminal of some width, or for a pipe. Pure.

Invariants:

- A cell is one line. Only a cell of the last column is ever cut, and the cut is marked with ``…``.
- Ids are never broken: a column that is not the last keeps its values whole. If a row does not
  fit, columns of little importance are left out, then a long first cell gets a line of its own.
- Without a width (a pipe), no column is left out and no value is cut.
"""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Final, NamedTuple

from fc_async_plugin.report.safe_text import safe

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_GAP: Final = "  "
_SHORTEST: Final = 12
"""Width of the last column below which a long first cell gets a line of its own."""


class Column(NamedTuple):
    """A column.

    Attributes:
        heading: Its heading.
        optional: Order in which columns are left out where the width does not suffice: the
            largest first. 0: never.
        right: Whether values are aligned to the right, as numbers are.
        least: Of the last column: width that it gets before optional columns are left out.
    """

    heading: str
    optional: int = 0
    right: bool = False
    least: int = 20


def lay_out(
    columns: Sequence[Column], rows: Iterable[Sequence[object]], width: int | None
) -> list[str]:
    """Return the lines of a table, the headings first.

    Args:
        columns: The columns.
        rows: The values; a missing one (None or "") is shown as a dash.
        width: Columns of the terminal, or None for a pipe.
    """
    cells = [[_cell(value) for value in row] for row in rows]
    if width is None:
        return _rows(columns, cells, _widths(columns, cells), None)
    indices = _indices_that_fit(columns, cells, width)
    columns = [columns[index] for index in indices]
    cells = [[row[index] for index in indices] for row in cells]
    widths = _widths(columns, cells)
    if len(widths) == 1:
        return _rows(columns, cells, widths, None)
    gaps = len(_GAP) * (len(widths) - 1)
    middle = sum(widths[1:-1])
    last = min(_SHORTEST, widths[-1])
    # A first cell that leaves the last column less than this width gets a line of its own.
    limit = width - middle - last - gaps
    widths[0] = _widest_first_cell(columns, cells, max(limit, 0))
    room = width - widths[0] - middle - gaps
    return _rows(columns, cells, widths, max(room, 1))


def _rows(
    columns: Sequence[Column],
    cells: Sequence[Sequence[str]],
    widths: Sequence[int],
    room: int | None,
) -> list[str]:
    """Return the lines of a table; see :func:`_lines`."""
    headings = [column.heading for column in columns]
    lines: list[str] = []
    for row in (headings, *cells):
        lines += _lines(columns, row, widths, room)
    return lines


def _widths(columns: Sequence[Column], cells: Sequence[Sequence[str]]) -> list[int]:
    """Return the width of each column: that of its heading or of its widest cell."""
    widths: list[int] = []
    for index, column in enumerate(columns):
        width = cell_width(column.heading)
        for row in cells:
            width = max(width, cell_width(row[index]))
        widths.append(width)
    return widths


def _widest_first_cell(
    columns: Sequence[Column], cells: Sequence[Sequence[str]], limit: int
) -> int:
    """Return the width of the first column, without cells (and a heading) over a limit."""
    widest = 0
    first_cells = [row[0] for row in cells]
    for text in (columns[0].heading, *first_cells):
        width = cell_width(text)
        if width <= limit:
            widest = max(widest, width)
    return widest


def _indices_that_fit(
    columns: Sequence[Column], cells: Sequence[Sequence[str]], width: int
) -> list[int]:
    """Return the indices of the columns that fit beside first cells of up to half the width."""
    least = _widths(columns, cells)
    heading = cell_width(columns[0].heading)
    half = width // 2
    # Longer first cells get a line of their own: one long id must not cost all others a column.
    widest = _widest_first_cell(columns, cells, half)
    least[0] = max(heading, widest)
    last = columns[-1]
    least[-1] = min(last.least, least[-1])
    indices = list(range(len(columns)))
    optional = [index for index in indices if columns[index].optional]
    optional.sort(key=lambda index: -columns[index].optional)
    for index in optional:
        needed = sum(least[fitting] for fitting in indices)
        gaps = len(_GAP) * (len(indices) - 1)
        if needed + gaps <= width:
            break
        indices.remove(index)
    return indices


def _lines(
    columns: Sequence[Column], row: Sequence[str], widths: Sequence[int], room: int | None
) -> list[str]:
    """Return one row, with a line of its own for a first cell that is wider than its column.

    Args:
        columns: The columns.
        row: The cells.
        widths: Widths of the columns.
        room: Width to which the last cell is cut; None: it is not cut.
    """
    above: list[str] = []
    cells = list(row)
    if cell_width(cells[0]) > widths[0]:
        above = [cells[0]]
        cells[0] = ""
    last = cells.pop()
    if room is not None:
        last = cut(last, room)
    if columns[-1].right:
        last = padded(last, widths[-1], right=True)
    # The last column has no padding: spaces at the end of a line would wrap it.
    parts = [
        padded(cell, width, right=column.right)
        for column, cell, width in zip(columns, cells, widths, strict=False)
    ]
    parts.append(last)
    return [*above, _GAP.join(parts).rstrip()]


def _cell(value: object) -> str:
    if value is None or value == "":
        return "-"
    return safe(str(value), line=True)


def cell_width(text: str) -> int:
    """Return the columns that a text takes on a terminal: a Chinese character takes two."""
    if text.isascii():
        return len(text)
    from rich.cells import cell_len  # noqa: PLC0415 -- 0.02 s, for texts that are not ASCII only

    return cell_len(text)


def padded(text: str, width: int, *, right: bool = False) -> str:
    """Return a text with spaces up to a width, at its end or, with ``right``, before it."""
    spaces = " " * (width - cell_width(text))
    return spaces + text if right else text + spaces


def wrapped(text: str, width: int | None, indent: str = "", *, whole: bool = True) -> list[str]:
    """Return a text as lines for a terminal, broken at spaces; a text of several lines keeps them.

    Args:
        text: The text.
        width: Columns of a line; None for a pipe: nothing is broken.
        indent: Stands before each line after the first.
        whole: Whether words stay whole, as ids, paths and commands must that a user copies.
            Otherwise they are broken after hyphens, and where one is wider than a line.
    """
    if width is None:
        return text.split("\n")
    lines: list[str] = []
    for paragraph in text.split("\n"):
        parts = textwrap.wrap(
            paragraph,
            width,
            subsequent_indent=indent,
            break_long_words=not whole,
            break_on_hyphens=not whole,
        )
        lines += parts or [""]  # wrap() has no line for an empty paragraph
    return lines


def cut(text: str, width: int) -> str:
    """Return a text that takes at most ``width`` columns; a cut is marked with ``…``."""
    if cell_width(text) <= width:
        return text
    room = max(width - 1, 0)  # "…" takes one column
    shortened = text[:room]
    # A Chinese character takes two columns, so this many characters may be too wide.
    while shortened and cell_width(shortened) > width - 1:
        shortened = shortened[:-1]
    return f"{shortened.rstrip()}…"
