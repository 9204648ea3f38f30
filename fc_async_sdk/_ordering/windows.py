# SPDX-License-Identifier: MIT
"""Windows of messages of which the last one runs. Pure.

The first message of a key opens a window and is sent: it carries the window. Those that follow
replace its payload in the row and move the time at which it ends::

    due = min(now + quiet, first + max_wait)

The message that carries the window is delivered, waits on until ``due``, and runs with the payload
of the last. A run has a row of its own from then on, because the next message opens another window.

Invariants:

- One message is under way for each window, unless one is late: then a second one carries it.
- A window runs once, whichever of its deliveries comes first; a retry runs with the same payload.
- A window that is open ends at ``first + max_wait`` at the latest, however many messages come.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import msgspec
from msgspec.structs import replace

from fc_async_sdk._decoding import prepare
from fc_async_sdk._payloads.envelopes import Content
from fc_async_sdk.stores.rows import Row

LATE_MS: Final = 600_000
"""Milliseconds after the end of a window at which the message that carries it counts as late."""


class Window(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """Messages that become one run. Times are milliseconds since the epoch.

    Attributes:
        id: Names it; for a message that was sent without a window, its request id.
        first: When it was opened.
        due: When it ends.
        payload: That of the last message.
        calls: How many messages it has.
        carrier: How many messages have carried it before, and were late.
        sent: Whether the message that carries it is known to be accepted.
    """

    id: str
    first: int
    due: int
    payload: Content
    calls: int = 1
    carrier: int = 0
    sent: bool = False

    @property
    def task_id(self) -> str:
        """Task id of the message that carries it."""
        return f"debounce_{self.id}_{self.carrier}"


class BurstRow(Row, frozen=True, omit_defaults=True, kw_only=True):
    """State of a key of a :class:`~fc_async_sdk.ordering.Debounce`.

    Attributes:
        window: The one that is open.
        last: When the last message came.
        calls: How many messages there were.
        runs: How many runs they have become.
    """

    window: Window | None = None
    last: int = 0
    calls: int = 0
    runs: int = 0


class RunRow(Row, frozen=True, omit_defaults=True, kw_only=True):
    """The run of a window.

    Attributes:
        payload: What it runs with.
        holder: The request of the delivery that runs it.
        attempt: Its retry count.
        until: When its run has ended for certain.
        calls: How many messages it stands for.
        done: Whether it has ended.
    """

    payload: Content
    holder: str
    until: int
    attempt: int = 0
    calls: int = 1
    done: bool = False


prepare(BurstRow, RunRow)


class Rules(NamedTuple):
    """Times of a debounce, in milliseconds.

    Attributes:
        quiet: How long no message may come before the last one runs.
        longest: How long a window is open, at most.
        leading: Whether the first message after a quiet time runs at once.
    """

    quiet: int
    longest: int
    leading: bool


def offer(
    row: BurstRow,
    payload: Content,
    name: str,
    rules: Rules,
    now: int,
) -> tuple[BurstRow, Window]:
    """Return the row after a message has come, and its window.

    Args:
        row: The state of the key.
        payload: Of the message.
        name: Names the window that it opens.
        rules: Times.
        now: Milliseconds since the epoch.
    """
    window = row.window
    # Another attempt of the delivery that has opened it.
    if window is not None and window.id == name:
        return row, window
    if window is None:
        is_first = rules.leading and now - row.last >= rules.quiet
        due = now if is_first else now + rules.quiet
        window = Window(id=name, first=now, due=due, payload=payload)
    else:
        due = min(now + rules.quiet, window.first + rules.longest)
        # The window of a leading message ends as it begins.
        if window.due <= window.first:
            due = window.due
        is_late = now > window.due + LATE_MS
        window = replace(
            window,
            due=due,
            payload=payload,
            calls=window.calls + 1,
            carrier=window.carrier + is_late,
            sent=window.sent and not is_late,
        )
    return replace(row, window=window, last=now, calls=row.calls + 1), window


def confirm(row: BurstRow, window: Window) -> BurstRow:
    """Return the row after the message that carries a window was accepted."""
    current = row.window
    is_same = current is not None and current.task_id == window.task_id
    if current is None or not is_same or current.sent:
        return row
    return replace(row, window=replace(current, sent=True))


def close(row: BurstRow) -> BurstRow:
    """Return the row after the run of its window has begun."""
    return replace(row, window=None, runs=row.runs + 1)


def is_free(run: RunRow, holder: str, attempt: int, now: int) -> bool:
    """Return whether a delivery may run a window that another has begun to run.

    A retry begins only after the attempt before has ended. Any other delivery waits until that run
    has ended for certain: it may have been killed, and may also still run.
    """
    is_retry = run.holder == holder and attempt > run.attempt
    return is_retry or now >= run.until
