"""What the two functions exchange."""

from dataclasses import dataclass

MOST_CHARACTERS = 60_000
"""Of a sheet. The payload of an asynchronous invocation has at most 128 KB."""


@dataclass
class Sheet:
    """What a user submits: a table as CSV text, the first line with the names of its columns."""

    title: str
    csv: str


@dataclass
class Column:
    """One column of a sheet. The last three are None if it has other cells than numbers."""

    name: str
    filled: int
    different: int
    total: float | None = None
    lowest: float | None = None
    highest: float | None = None


@dataclass
class Report:
    """What becomes of a sheet."""

    title: str
    rows: int
    columns: list[Column]
