# SPDX-License-Identifier: MIT
"""Begins, runs and resumes redrives for commands, with their progress and Ctrl-C."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, NamedTuple

from fc_async_plugin.operate.redrives.record import Chosen, Counts
from fc_async_plugin.operate.redrives.running import Gate, Runner
from fc_async_plugin.operate.redrives.sources import Opener, is_tasks
from fc_async_plugin.operate.redrives.telling import Ran, summary
from fc_async_plugin.report import terminal

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fc_async_plugin.account import Regions
    from fc_async_plugin.operate.redrives.ledger import Ledger
    from fc_async_plugin.operate.redrives.record import Head, Source
    from fc_async_plugin.operate.redrives.sources import Events
    from fc_async_sdk.events import DestinationEvent


class Operation(NamedTuple):
    """Parts that a redrive is run with.

    Attributes:
        ledger: Has its record.
        regions: Clients.
        opener: Opens the sources of events.
        gate: Says how many failures may be sent.
    """

    ledger: Ledger
    regions: Regions
    opener: Opener
    gate: Gate

    def run(
        self, head: Head, recognised: Sequence[bool], opened: Events | None = None
    ) -> tuple[Ran, list[tuple[str, DestinationEvent, str]]]:
        """Send what is left of a redrive that this process has begun or taken over.

        Args:
            head: The redrive.
            recognised: For each source, whether the service recognises what was sent before.
            opened: The only source, if it was read already.

        Returns:
            The redrive, and the messages that were not accepted in this run, with the reason.
        """
        begin = time.monotonic()
        with terminal.progress() as progress:

            def show(counts: Counts) -> None:
                progress(time.monotonic() - begin, f"{summary(counts)} {head.redrive}")

            runner = Runner(
                self.ledger, head, self.regions, self.opener, self.gate, recognised, show
            )
            try:
                head = runner.run(opened)
            except KeyboardInterrupt:
                terminal.note(
                    f"Interrupted: {summary(self.ledger.counts(head))} Go on with:"
                    f" fc-async redrives resume {head.redrive}"
                )
                raise
        return self.read(head), runner.failed

    def read(self, head: Head) -> Ran:
        """Return a redrive with its numbers and errors, as its rows have them."""
        counts = Counts()
        errors: dict[str, str] = {}
        for part in self.ledger.parts(head):
            counts = counts.plus(part.counts())
            errors.update(part.errors)
        return Ran(head, counts, errors)

    def look(self, chosen: Sequence[Chosen], sources: Sequence[Source]) -> Counts:
        """Return what is known of failures without sending them."""
        total = Counts(chosen=sum(len(failures.ids) for failures in chosen))
        for index, source in enumerate(sources):
            of_source = [failures for failures in chosen if failures.source == index]
            if is_tasks(source):
                continue
            client = self.regions[source.region]
            by_function = [(failures.function, failures.ids) for failures in of_source]
            with self.opener.messages(client, source) as messages:
                choice = self.opener.choose(client, source, messages, by_function)
            present = {event.request_id for _, event in choice.chosen}
            refused = choice.refused_ids - present
            number = sum(len(failures.ids) for failures in of_source)
            left = number - len(present) - len(refused)
            total = total.plus(Counts(refused=len(refused), left=left))
        return total


def chosen_of(head: Head, ledger: Ledger) -> list[Chosen]:
    """Return the failures of a redrive that a run sends, by function and source."""
    ids: dict[tuple[int, str, str | None], list[str]] = {}
    for part in ledger.parts(head):
        if part.open():
            ids.setdefault((part.source, part.function, part.qualifier), []).extend(part.open())
    return [Chosen(*key, failures) for key, failures in ids.items()]
