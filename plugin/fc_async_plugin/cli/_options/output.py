# SPDX-License-Identifier: MIT
"""Options that say what is printed, how much of it, and whether a command asks."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from fc_async_plugin.cli._options.building import flag
from fc_async_plugin.cli._options.files import existing_file

if TYPE_CHECKING:
    from collections.abc import Callable

    from fc_async_plugin.cli._options.building import F

yes_option = flag("-y", "--yes", "--assume-yes", "yes", help="Do not ask before a change.")

format_option = click.option(
    "--format",
    "-o",
    "output",
    type=click.Choice(["text", "json"]),
    default="text",
    help="Output format. With json, stdout has only JSON; notes go to stderr.",
)

raw_option = flag(
    "--raw", help="Write the output of the function unchanged, escape sequences included."
)

cost_option = flag(
    "--cost",
    help="Show the worst case of one message to each function: (retries + 1) x timeout x memory.",
)

prices_option = existing_file(
    "--prices", help="Prices instead of those of the documentation, as JSON."
)
"""``prices: str | None``."""


def tasks_limit(default: int | None) -> Callable[[F], F]:
    """Add ``--limit`` for tasks with this default; None: all tasks."""
    explanation = "Largest number of tasks, newest first."
    shown = "all" if default is None else True
    return click.option(
        "--limit", type=click.IntRange(min=1), default=default, show_default=shown, help=explanation
    )
