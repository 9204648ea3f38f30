"""Makes the report of a sheet. Invoked asynchronously: an exception leads to a retry.

The same sheet always leads to the same report in the same file and nothing else is changed, so a
second execution of one task does no harm.
"""

import csv
import io
import math
from typing import Any

import fc_async_sdk

import reports
from sheets import Column, Report, Sheet


class BadSheet(ValueError):
    """The sheet cannot be read. The message is for the user."""


@fc_async_sdk.handler(Sheet)
def handler(sheet: Sheet, context: Any) -> None:
    """Summarize a sheet, and keep the report or the reason for which there is none."""
    try:
        report = summarize(sheet)
    except BadSheet as error:  # of others the user is told nothing: they may tell secrets
        reports.keep(sheet.name, str(error))
        raise
    reports.keep(sheet.name, report)
    context.getLogger().info("%d rows, %d columns", report.rows, len(report.columns))


def summarize(sheet: Sheet) -> Report:
    """Return the report of a sheet.

    Raises:
        BadSheet: The sheet is empty, or a line has another number of cells than the first one.
    """
    rows = read(sheet.csv)
    names, cells = rows[0], rows[1:]
    columns = [column(name, [row[index] for row in cells]) for index, name in enumerate(names)]
    return Report(sheet.title, len(cells), columns)


def read(text: str) -> list[list[str]]:
    """Return the lines of a CSV text as lists of cells, without empty lines."""
    lines = csv.reader(io.StringIO(text, newline=""))
    rows: list[list[str]] = []
    for row in lines:
        cells = [cell.strip() for cell in row]
        if not any(cells):
            continue
        if rows and len(cells) != len(rows[0]):
            raise BadSheet(f"Line {lines.line_num} has {len(cells)} of {len(rows[0])} cells")
        rows.append(cells)
    if not rows:
        raise BadSheet("The table is empty")
    return rows


def column(name: str, cells: list[str]) -> Column:
    """Return what is to be said about one column."""
    filled = [cell for cell in cells if cell]
    found = Column(name, len(filled), len(set(filled)))
    numbers = [value for cell in filled if (value := number(cell)) is not None]
    if filled and len(numbers) == len(filled):
        found.total = math.fsum(numbers)
        found.lowest, found.highest = min(numbers), max(numbers)
    return found


def number(cell: str) -> float | None:
    """Return the number in a cell; None if the cell has another text."""
    try:
        value = float(cell)
    except ValueError:
        return None
    return value if math.isfinite(value) else None
