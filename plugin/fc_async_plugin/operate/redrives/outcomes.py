# SPDX-License-Identifier: MIT
"""Looks at what became of failures after they were sent again, by the ids of their replays."""

from __future__ import annotations

import functools
from contextlib import suppress
from typing import TYPE_CHECKING

from msgspec.structs import replace

from fc_async_plugin.operate.redrives.ledger import Changed
from fc_async_plugin.operate.redrives.record import FAILED_AGAIN, SUCCEEDED_AGAIN, Counts
from fc_async_plugin.operate.redrives.telling import Ran
from fc_async_plugin.operate.tasks import FunctionTasks, each
from fc_async_sdk.errors import FcAsyncError
from fc_async_sdk.fanout import next_id

if TYPE_CHECKING:
    from fc_async_plugin.account import Regions
    from fc_async_plugin.operate.redrives.ledger import Ledger
    from fc_async_plugin.operate.redrives.record import Head, Part


def look(ledger: Ledger, head: Head, regions: Regions) -> Ran:
    """Return a redrive after a look at what it has sent and whose end was not known."""
    counts = Counts()
    errors: dict[str, str] = {}
    for part in ledger.parts(head):
        looked = _look_at(part, head, regions)
        # A process that sends would take the write for that of one that has taken it over.
        if looked.ends != part.ends and head.state != "running":
            with suppress(Changed):
                looked = ledger.write(looked)
        counts = counts.plus(looked.counts())
        errors.update(looked.errors)
    return Ran(replace(head, counts=counts), counts, errors)


def is_over(ran: Ran) -> bool:
    """Return whether a redrive is not sending, and all that it has sent has ended."""
    counts = ran.counts
    is_sending = ran.head is not None and ran.head.state == "running"
    return not is_sending and counts.accepted == counts.succeeded_again + counts.failed_again


def _look_at(part: Part, head: Head, regions: Regions) -> Part:
    source = head.sources[part.source]
    function = part.function
    qualifier = part.qualifier
    if source.to is not None:
        function = source.to
        qualifier = source.qualifier
    tasks = FunctionTasks(regions[source.region], function, qualifier)
    running = part.running()
    ends = zip(running, each(functools.partial(end_of, tasks), running), strict=True)
    return part.with_ends({failure: end for failure, end in ends if end})


def end_of(tasks: FunctionTasks, failure: str) -> str:
    """Return the letter of what became of the replay of a failure; "" if that is not known."""
    try:
        task = tasks.get(next_id(failure))
    except FcAsyncError:
        return ""  # not in task mode, or not kept any more
    if not task.finished:
        return ""
    return SUCCEEDED_AGAIN if task.status == "Succeeded" else FAILED_AGAIN
