# SPDX-License-Identifier: MIT
"""Runs a redrive: sends what is left of it, step by step, within a pace.

Invariants:

- The failures of a step are written as being sent, sent, written with what became of them, and only
  then removed from their source.
- At most a few seconds of a shared pace are booked ahead: production gets the slots behind these.
"""

from __future__ import annotations

import time
from contextlib import suppress
from itertools import groupby
from typing import TYPE_CHECKING, Final, NamedTuple

from msgspec.structs import replace

from fc_async_plugin.operate.redrives.ledger import Changed
from fc_async_plugin.operate.redrives.record import REFUSED, SENDING, Counts, MemberState, Result
from fc_async_plugin.operate.redrives.sources import Events, Tasks, is_tasks

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from fc_async_plugin.account import Regions
    from fc_async_plugin.operate.redrives.ledger import Ledger
    from fc_async_plugin.operate.redrives.record import Head, Part
    from fc_async_plugin.operate.redrives.sources import Opener, Place
    from fc_async_sdk.events import DestinationEvent
    from fc_async_sdk.pacing import Pace

_LOOK_SECONDS: Final = 0.5
"""Seconds between two looks at the pace and at the record while a redrive waits for slots."""


class Gate(NamedTuple):
    """Limit of how many failures may be sent now.

    Attributes:
        pace: Has the slots; None: all may.
        per_second: Its rate.
        ahead_seconds: How far ahead slots are booked.
    """

    pace: Pace | None
    per_second: float = 0
    ahead_seconds: float = 0

    def open(self, wanted: int, waiting: Callable[[], None]) -> int:
        """Return how many failures may be sent, 1 or more; wait until there is a slot.

        Args:
            wanted: How many there are.
            waiting: Called from time to time while there is no slot; may raise.
        """
        if self.pace is None:
            return wanted
        while True:
            seconds = self.pace.forecast(1).seconds
            room = self.ahead_seconds - seconds
            if room >= 0:
                return max(1, min(wanted, int(room * self.per_second)))
            waiting()
            time.sleep(min(_LOOK_SECONDS, -room))


class Runner:
    """Sends what is left of a redrive.

    Args:
        ledger: Has the record.
        head: The redrive, which this process has begun or taken over.
        regions: Clients.
        opener: Opens the sources of events.
        gate: Says how many may be sent.
        recognised: For each source, whether the service recognises what was sent before.
        show: Is told the numbers after each step.

    Attributes:
        failed: Messages that the service did not accept in this run, with the reason.
    """

    def __init__(
        self,
        ledger: Ledger,
        head: Head,
        regions: Regions,
        opener: Opener,
        gate: Gate,
        recognised: Sequence[bool],
        show: Callable[[Counts], None],
    ) -> None:
        self.failed: list[tuple[str, DestinationEvent, str]] = []
        self._ledger = ledger
        self._head = head
        self._regions = regions
        self._opener = opener
        self._gate = gate
        self._recognised = recognised
        self._show = show
        self._counts = Counts()

    def run(self, opened: Events | None = None) -> Head:
        """Send what is left.

        Args:
            opened: The only source, if it was read already; None: each is opened here.

        Returns:
            The row as it is then; another process may have paused, stopped or taken it over.
        """
        parts = list(self._ledger.parts(self._head))
        for part in parts:
            self._counts = self._counts.plus(part.counts())
        try:
            for index, group in groupby(parts, key=lambda part: part.source):
                self._run_source(index, list(group), opened)
            self._head = replace(self._head, state="ended")
            self._heartbeat()
        except Changed:
            return self._ledger.head(self._head.redrive)
        except BaseException:
            # Ctrl-C, or a source that cannot be read: it may be resumed. A process that is killed
            # leaves "running" behind, and may be resumed as well.
            with suppress(Exception):
                self._ledger.change(self._head.redrive, "paused")
            raise
        return self._head

    def _run_source(self, index: int, parts: list[Part], opened: Events | None) -> None:
        source = self._head.sources[index]
        client = self._regions[source.region]
        if is_tasks(source):
            self._send_parts(Tasks(client), parts)
            return
        if opened is not None:
            self._send_events(opened, parts)
            return
        with self._opener.messages(client, source) as messages:
            # What was accepted by a run that was killed before its messages were removed, too.
            by_function = [(part.function, [*part.open(), *part.accepted()]) for part in parts]
            choice = self._opener.choose(client, source, messages, by_function)
            recognised = self._recognised[index]
            self._send_events(
                Events(client, source, messages, choice, recognised=recognised), parts
            )

    def _send_events(self, events: Events, parts: list[Part]) -> None:
        try:
            with events:
                self._send_parts(events, parts)
        finally:
            self.failed += events.failed

    def _send_parts(self, place: Place, parts: list[Part]) -> None:
        for part in parts:
            try:
                self._send_part(place, part)
            except Changed:
                head = self._ledger.head(self._head.redrive)
                if head.token != self._head.token:
                    raise
                # The process from which this one took over has written what it was sending.
                self._send_part(place, self._ledger.reread(part))
                self._counts = self._ledger.counts(head)

    def _send_part(self, place: Place, part: Part) -> None:
        place.remove(part.accepted())
        unclear = part.being_sent()
        refused = [failure for failure in part.open() if place.refuses(failure)]
        part = self._write(part, dict.fromkeys(refused, REFUSED))
        pending = [failure for failure in part.open() if place.has(failure)]
        while pending:
            count = self._gate.open(min(len(pending), place.at_once), self._heartbeat)
            step = pending[:count]
            del pending[:count]
            part = self._send_step(place, part, step, unclear)
            self._heartbeat()

    def _send_step(self, place: Place, part: Part, step: list[str], unclear: set[str]) -> Part:
        """Send some failures of a part; return it with what became of them.

        Also after Ctrl-C, what was accepted is written, and then removed from its source.
        """
        part = self._write(part, dict.fromkeys(step, SENDING))
        results: dict[str, Result] = {}
        try:
            for failure, result in place.send(part, step, self._gate.pace):
                results[failure] = result
                # This redrive has sent it, in a run that was killed before it noted that.
                if result.state is MemberState.BEFORE and failure in unclear:
                    results[failure] = Result(MemberState.SENT)
        finally:
            part = self._write(part, results)
            place.remove(set(step).intersection(part.accepted()))
        return part

    def _write(self, part: Part, results: dict[str, Result]) -> Part:
        if not results:
            return part
        written = self._ledger.write(part.with_states(results))
        self._counts = self._counts.minus(part.counts()).plus(written.counts())
        return written

    def _heartbeat(self) -> None:
        """Write that this process goes on; show how far it is.

        Raises:
            Changed: It is to stop.
        """
        self._head = self._ledger.update(self._head, self._counts)
        self._show(self._counts)
