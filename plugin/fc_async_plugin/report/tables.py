# SPDX-License-Identifier: MIT
"""Lays out tables for a terminal of some width, or for a pipe. Pure.

Invariants:

- A cell is one line. Only a cell of the last column is ever cut, and the cut is marked with ``…``.
- Ids are never broken: a column that is not the last keeps its values whole. If a row does not
  fit, columns of little importance are left out, then a long first cell gets a line of its own.
- Without a width (a pipe), no column is left out and no value is cut.
"""

from __future__ import annotations

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
    kept = list(range(len(columns)))
    if width is not None:
        kept = _kept(columns, cells, width)
    shown = [[row[at] for at in kept] for row in [[one.heading for one in columns], *cells]]
    chosen = [columns[at] for at in kept]
    widths = [max(map(cell_width, values)) for values in zip(*shown, strict=True)]
    room = None
    if width is not None and len(widths) > 1:
        last = min(_SHORTEST, widths[-1])
        limit = max(width - sum(widths[1:-1]) - last - len(_GAP) * (len(widths) - 1), 0)
        fitting = [one for row in shown if (one := cell_width(row[0])) <= limit]
        widths[0] = max(fitting, default=0)
        room = max(width - sum(widths[:-1]) - len(_GAP) * (len(widths) - 1), 1)
    return [line for row in shown for line in _lines(chosen, row, widths, room)]


def _kept(columns: Sequence[Column], cells: list[list[str]], width: int) -> list[int]:
    """Return the indices of the columns that fit beside first cells of up to half the width."""
    widths = [
        max([cell_width(column.heading), *(cell_width(row[at]) for row in cells)])
        for at, column in enumerate(columns)
    ]
    short = [one for row in cells if (one := cell_width(row[0])) <= width // 2]
    widths[0] = max([cell_width(columns[0].heading), *short])
    least = [*widths[:-1], min(columns[-1].least, widths[-1])]
    kept = list(range(len(columns)))
    optional = [at for at in kept if columns[at].optional]
    for at in sorted(optional, key=lambda at: -columns[at].optional):
        if sum(least[one] for one in kept) + len(_GAP) * (len(kept) - 1) <= width:
            break
        kept.remove(at)
    return kept


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
    above = [row[0]] if cell_width(row[0]) > widths[0] else []
    *first, last = ["", *row[1:]] if above else row
    parts = [
        padded(cell, width, right=column.right)
        for column, cell, width in zip(columns, first, widths, strict=False)
    ]
    last = last if room is None else cut(last, room)
    if columns[-1].right:
        last = padded(last, widths[-1], right=True)
    return [*above, _GAP.join([*parts, last]).rstrip()]


def _cell(value: object) -> str:
    return "-" if value is None or value == "" else safe(str(value), line=True)


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


def cut(text: str, width: int) -> str:
    """Return a text that takes at most ``width`` columns; a cut is marked with ``…``."""
    if cell_width(text) <= width:
        return text
    kept = text[: max(width - 1, 0)]
    while kept and cell_width(kept) > width - 1:
        kept = kept[:-1]
    return f"{kept.rstrip()}…"
