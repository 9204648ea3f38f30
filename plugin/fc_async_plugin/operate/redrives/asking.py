# SPDX-License-Identifier: MIT
"""Asks before failures are sent, and says for which functions nothing recognises a second call."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from fc_async_plugin.operate import task_mode
from fc_async_plugin.report import terminal
from fc_async_plugin.report.moments import plural

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fc_async_plugin.account import Regions
    from fc_async_plugin.operate.redrives.record import Chosen, Source


def confirm(
    chosen: Sequence[Chosen],
    sources: Sequence[Source],
    regions: Regions,
    *,
    target: str,
    yes: bool,
) -> list[bool]:
    """Say which functions do not know what was sent before, and ask.

    Args:
        chosen: The failures.
        sources: What they are read from.
        regions: Clients.
        target: The account or runtime, in words.
        yes: Do not ask.

    Returns:
        For each source, whether the service recognises what was sent before, for all functions.
    """
    names_of_all: set[str] = set()
    recognised: list[bool] = []
    for index, source in enumerate(sources):
        functions: dict[str | None, set[str]] = defaultdict(set)
        if source.to is not None:
            functions[source.qualifier].add(source.to)
        else:
            for failures in chosen:
                if failures.source == index:
                    functions[failures.qualifier].add(failures.function)
        client = regions[source.region]
        known = [
            task_mode.note_if_off(client, names, qualifier)
            for qualifier, names in functions.items()
        ]
        recognised.append(all(known))
        names_of_all.update(*functions.values())
    number = plural(sum(len(failures.ids) for failures in chosen), "failure")
    listed = ", ".join(sorted(filter(None, names_of_all))) or "no function"
    terminal.confirm(f"Send {number} again to {listed} at {target}?", yes=yes)
    return recognised
