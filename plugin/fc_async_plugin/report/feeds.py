# SPDX-License-Identifier: MIT
"""Shows how far a feed is: a batch that a function sends to itself."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from fc_async_plugin.report import terminal

if TYPE_CHECKING:
    from fc_async_sdk.feeding import FeedStatus


def as_data(status: FeedStatus) -> dict[str, object]:
    """Return how far a feed is, for programs."""
    return {
        "function": status.function,
        "name": status.name,
        "state": status.state,
        "chosen": status.chosen,
        "sent": status.sent,
        "refused": status.refused,
        "left": status.left,
        "priority": status.priority,
        "remainingMs": round(status.seconds * 1_000),
        "problem": status.problem or None,
    }


def tell(status: FeedStatus) -> None:
    """Print how far a feed is."""
    counts = f"{status.sent:,} of {status.chosen:,} sent, {status.left:,} left"
    if status.refused:
        counts += f", {status.refused:,} left out"
    terminal.print_text(f"{status.name} of {status.function} is {status.state}: {counts}.")
    if status.seconds and status.state == "running":
        duration = timedelta(seconds=round(status.seconds))
        terminal.print_text(f"At the pace as it is, the last message starts in {duration}.")
    if status.problem:
        terminal.note(f"The last step could not send: {status.problem}")
