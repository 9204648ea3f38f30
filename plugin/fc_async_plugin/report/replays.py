# SPDX-License-Identifier: MIT
"""Shows what a replay of events would send, and what it sent. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from fc_async_plugin.report import moments
from fc_async_plugin.report.moments import plural
from fc_async_plugin.report.tables import Column, lay_out

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_COLUMNS: Final = (
    Column("function"),
    Column("condition"),
    Column("events", right=True),
    Column("oldest", optional=2),
    Column("newest", optional=1),
    Column("request id of the newest"),
)
_REASONS: Final = {
    "succeeded": "of invocations that succeeded",
    "filtered": "that the filters leave out",
    "unreadable": "without a destination event",
}


def table(
    groups: Iterable[tuple[str, str, int, int | None, int | None, str]],
    *,
    now: int,
    width: int | None,
) -> list[str]:
    """Return the lines of a table of events by function and condition.

    Args:
        groups: Function, condition, number, times of the oldest and the newest in milliseconds
            since the epoch, request id of the newest.
        now: The present, for the ages.
        width: Columns of the terminal, or None for a pipe.
    """
    rows = (
        [function, condition, number, _age(oldest, now), _age(newest, now), example]
        for function, condition, number, oldest, newest, example in groups
    )
    return lay_out(_COLUMNS, rows, width)


def _age(at: int | None, now: int) -> str | None:
    if at is None:
        return None
    shown = moments.duration(max(now - at, 0) // 1_000 * 1_000)
    return f"{' '.join(shown.split()[:2])} ago"  # the largest unit


def left_out(counts: Mapping[str, int]) -> list[str]:
    """Return a sentence for each kind of message that is not sent."""
    return [
        f"Left out: {plural(count, 'message')} {_REASONS[reason]}."
        for reason, count in counts.items()
        if count
    ]


def summary(total: int | str, accepted: int, before: int, failed: int = 0) -> str:
    """Return the sentence at the end of many calls."""
    again = f", {before} of them before" if before else ""
    end = f"; {failed} failed" if failed else ""
    return f"Accepted: {accepted} of {total}{again}{end}."
