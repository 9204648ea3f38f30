# SPDX-License-Identifier: MIT
"""Sends chosen events again: asks, calls the functions, and removes the messages."""

from __future__ import annotations

import sys
from collections import defaultdict
from typing import TYPE_CHECKING, Final, NamedTuple

from fc_async_plugin.account import connection
from fc_async_plugin.operate import task_mode
from fc_async_plugin.report import terminal
from fc_async_plugin.report.moments import plural

if TYPE_CHECKING:
    from collections.abc import Iterable

    from fc_async_plugin.account.connection import Where
    from fc_async_plugin.operate.events.selection import Choice
    from fc_async_plugin.operate.events.sources import Source
    from fc_async_sdk import Client
    from fc_async_sdk.fanout import Outcome
    from fc_async_sdk.pacing import Pace

_CONCURRENCY: Final = 32
"""Calls on the wire at a time, where the service recognises an event that is sent again."""


class EventReplay(NamedTuple):
    """One replay: its events, and where they go.

    Attributes:
        choice: The events.
        function: The function that is called; None: those of the events.
        where: Account and qualifier.
        pace: Decides when the calls start.
    """

    choice: Choice
    function: str | None
    where: Where
    pace: Pace | None

    def send(
        self,
        client: Client,
        source: Source,
        outcomes: list[Outcome],
        *,
        yes: bool,
        shown: bool,
    ) -> None:
        """Ask, send the events, and remove the messages of those that were accepted.

        Args:
            client: A client of the functions' region.
            source: Has the messages.
            outcomes: Gets the outcomes.
            yes: Do not ask.
            shown: Show the progress on a terminal.
        """
        if not self.choice.chosen:
            return
        recognised = _confirm(self.choice, self.function, self.where, client, yes=yes)
        concurrency = _CONCURRENCY
        if source.removes and not recognised:
            # The service would run an event twice if the command were killed between the call and
            # the removal of its message: one call at a time keeps that to the last two events.
            source.remove_at_once()
            concurrency = 1
        run = client.replay_events(
            [event for _, event in self.choice.chosen],
            to=self.function,
            qualifier=self.where.qualifier,
            concurrency=concurrency,
            progress=True if shown and sys.stderr.isatty() else None,
            pace=self.pace,
        )
        _send(run, self.choice, source, outcomes)


def _confirm(
    choice: Choice, function: str | None, where: Where, client: Client, *, yes: bool
) -> bool:
    """Say which functions do not know what was sent before, and ask.

    Returns:
        Whether the service recognises what was sent before, for all functions.
    """
    functions = _functions_by_qualifier(choice, function, where.qualifier)
    recognised = True
    for qualifier, names in functions.items():
        if not task_mode.note_if_off(client, names, qualifier):
            recognised = False
    number = plural(len(choice.chosen), "event")
    names_of_all = set[str]().union(*functions.values())
    listed = ", ".join(sorted(filter(None, names_of_all))) or "no function"
    target = connection.target_of(where.account)
    terminal.confirm(f"Send {number} again to {listed} at {target}?", yes=yes)
    return recognised


def _functions_by_qualifier(
    choice: Choice, function: str | None, qualifier: str | None
) -> dict[str | None, set[str]]:
    """Return the functions that a replay calls, by the version or alias of the call.

    Args:
        choice: The events.
        function: The function that gets all events; None: each the function that failed.
        qualifier: Version or alias of that function.
    """
    if function:
        return {qualifier: {function}}
    functions: dict[str | None, set[str]] = defaultdict(set)
    for _, event in choice.chosen:
        own_qualifier = event.arn.qualifier if event.arn else None
        functions[own_qualifier].add(event.function)
    return functions


def _send(run: Iterable[Outcome], choice: Choice, source: Source, outcomes: list[Outcome]) -> None:
    """Send the events and note the outcomes; remove the messages of those that were accepted."""
    try:
        for outcome in run:
            outcomes.append(outcome)
            if outcome.accepted is not None:
                source.accepted(choice.chosen[outcome.index][0])
    except KeyboardInterrupt:
        done = plural(sum(outcome.accepted is not None for outcome in outcomes), "event")
        terminal.note(f"Interrupted after {done}: run the same command again to go on.")
        raise
    finally:
        source.finish()
