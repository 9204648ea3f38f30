# SPDX-License-Identifier: MIT
"""Output of commands that work on many things at once: rows of a few, counts of many.

Invariants:

- At most :data:`ROWS` lines are about single tasks, events or firings; JSON has all of them.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

from fc_async_plugin.report import terminal
from fc_async_plugin.report.tables import Column

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence, Sized

ROWS: Final = 50
"""Largest number of rows; a person does not read more, and a log keeps them for nothing."""


def has_rows(things: Sized) -> bool:
    """Return whether a command prints a row for each of these things, and not only counts."""
    return len(things) <= ROWS


def print_counts(heading: str, things: str, values: Iterable[str]) -> None:
    """Write how often each value occurs, the most frequent first, to stdout.

    Args:
        heading: Heading of the values.
        things: Heading of the counts.
        values: One value for each thing.
    """
    counts = Counter(values).most_common()
    columns = (Column(heading), Column(things, right=True))
    terminal.print_table(columns, [[value, f"{count:,}"] for value, count in counts])


def print_errors(messages: Sequence[str], write: Callable[[str], None] = terminal.error) -> None:
    """Write messages to stderr; of more than :data:`ROWS`, the first ones and how many follow.

    Args:
        messages: One for each thing that was refused.
        write: Writes one message.
    """
    # 10,000 tasks that are refused would fill a screen and a log.
    for message in messages[:ROWS]:
        write(message)
    more = len(messages) - ROWS
    if more > 0:
        write(f"and {more:,} more like these; -o json lists all")
