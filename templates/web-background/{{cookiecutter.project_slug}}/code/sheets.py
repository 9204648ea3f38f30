"""What the two functions exchange."""

import re
from dataclasses import dataclass

NAME = re.compile(r"[a-z0-9-]{1,80}")
"""Of a report. It is in the address of its page, in the id of its task, and names its file."""
MOST_CHARACTERS = 60_000
"""Of a sheet. The payload of an asynchronous invocation has at most 128 KB."""


@dataclass
class Sheet:
    """What a user submits: a table as CSV text, the first line with the names of its columns.

    `name` is that of the report.
    """

    title: str
    csv: str
    name: str = ""


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
