# SPDX-License-Identifier: MIT
"""Changes of one record by a store, and pages of its list of tasks. Pure.

The same in every store. How records are found and kept is each store's own.
"""

from __future__ import annotations

import heapq
import itertools
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final, NamedTuple

import msgspec
from msgspec.structs import replace

from fc_async_local.domain.invocation import (
    PARKED,
    Count,
    Invocation,
    Lease,
    Settlement,
    TaskEvent,
)
from fc_async_local.domain.metrics import Sample
from fc_async_local.domain.states import Status
from fc_async_local.store.protocol import Position, Started, TaskCounts, TaskPage
from fc_async_sdk._payloads import envelopes
from fc_async_sdk.spec import metrics

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable

    from fc_async_local.domain.invocation import Job
    from fc_async_local.store.protocol import MetricQuery, TaskQuery, WaitingClass

MINUTE_MS: Final = 60_000

PRUNED_MINUTE: Final = -1
"""The minute under which the sum of all pruned ones is kept. It is not a whole minute, so nothing
that happened lies in it, and it comes before all times since the epoch."""

LARGEST_TIME: Final = 2**63 - 1
"""The largest time that a store can hold."""

MOST_AHEAD_MS: Final = 100
"""Largest time before its due time at which an invocation may be claimed."""

BEFORE_ALL_DEAD: Final = (LARGEST_TIME, "")
"""A position before the latest dead job: (created_at, key)."""

REDRIVEN: Final = "Pending"
"""Status of the destination of a task whose delivery was redriven."""

HOP_BEGIN: Final = f'{{"{envelopes.HOP}"'.encode()
"""The first bytes of a payload that is a message of the SDK which waits on."""

PRUNED_AT_ONCE: Final = 1_000
"""Tasks that one transaction deletes: the most that another write waits for."""


def halves(query: TaskQuery, oldest_error: int | None) -> list[TaskQuery]:
    """Return queries that together find the tasks of a query, each task once.

    The tasks whose id begins with a text are found through another index than those whose error
    contains it. A store leaves out the former from a query with ``text``.

    Args:
        query: What is asked for.
        oldest_error: Texts of errors before this time are not searched; None: all are.
    """
    if not query.text:
        return [query]
    starts = [at for at in (oldest_error, query.accepted_from) if at is not None]
    by_error = query._replace(accepted_from=max(starts, default=None))
    longer = max(query.prefix, query.text, key=len)
    if not longer.startswith(query.prefix) or not longer.startswith(query.text):
        return [by_error]  # no id begins with both
    by_id = query._replace(prefix=longer, text="")
    return [by_id, by_error]


def page_of(query: TaskQuery, lists: Iterable[Iterable[Invocation]]) -> TaskPage:
    """Return the first page of lists that are in the order of a query.

    Each list has one task more than a page, if there are so many: it tells whether there is a next
    page.
    """
    merged = heapq.merge(
        *lists,
        key=position_of,
        reverse=query.descending,
    )
    tasks = tuple(itertools.islice(merged, query.limit + 1))
    shown = tasks[: query.limit]
    if not shown or len(shown) == len(tasks):
        return TaskPage(shown, None)
    return TaskPage(shown, position_of(shown[-1]))


def merged(query: TaskQuery, pages: Sequence[TaskPage]) -> TaskPage:
    """Return the page of a query from the pages of several stores."""
    merged_page = page_of(query, [page.invocations for page in pages])
    one_goes_on = any(page.after for page in pages)
    if merged_page.after is None and merged_page.invocations and one_goes_on:
        return merged_page._replace(after=position_of(merged_page.invocations[-1]))
    return merged_page


def added(counts: Sequence[TaskCounts], *, complete: bool) -> TaskCounts:
    """Return the counts of a query from those of its halves.

    Args:
        counts: Of each half.
        complete: Whether the texts of all errors were searched.
    """
    # The halves have no task in common, so their numbers are added.
    numbers: Counter[Status] = Counter()
    at_least: set[Status] = set()
    for half in counts:
        numbers.update(half.by_status)
        at_least |= half.at_least
    if not complete:
        at_least = set(Status)
    return TaskCounts(numbers, frozenset(at_least))


async def prune_all(some: Callable[[], Awaitable[int]]) -> int:
    """Forget :data:`PRUNED_AT_ONCE` at a time until nothing is left; how many there were."""
    forgotten = 0
    while True:
        last = await some()
        forgotten += last
        if last < PRUNED_AT_ONCE:
            return forgotten


def minute(at: int) -> int:
    """Return the minute that a moment lies in: metrics are summed by it."""
    return at - at % MINUTE_MS


def sampled(count: Count) -> Sample:
    """Return one addition to a metric as the sample of its minute."""
    return Sample(count.metric, count.function, minute(count.at), count.value, 1, count.value)


def merged_samples(samples: Iterable[Sample]) -> list[Sample]:
    """Return one sample for each metric, function and period, in this order.

    Stores lock rows in this order: transactions that lock the same rows in one order do not wait
    for each other in a circle.
    """
    totals: dict[tuple[str, str, int], Sample] = {}
    for sample in samples:
        key = sample[:3]
        total = totals.get(key)
        totals[key] = sample if total is None else total.plus(sample)
    return sorted(totals.values())


def periods(query: MetricQuery) -> tuple[int, int, int]:
    """Return the first minute that is asked for, the end, and the length of the periods."""
    end = LARGEST_TIME if query.end is None else query.end
    if query.step_ms is None:
        # One sum: with what was pruned if it has no beginning, else a counter would fall.
        start = PRUNED_MINUTE if query.start is None else minute(query.start)
        return start, end, LARGEST_TIME
    start = 0 if query.start is None else query.start - query.start % query.step_ms
    return start, end, query.step_ms


def in_process(
    functions: Iterable[str],
    change: int,
    at: int,
) -> list[Count]:
    """Return how claims (1) or their ends (-1) change the number of invocations in process.

    Args:
        functions: The function of each claim.
        change: What each of them adds.
        at: When.
    """
    return [
        Count(
            metric=metrics.IN_PROCESS,
            function=function,
            at=at,
            value=change * number,
        )
        for function, number in Counter(functions).items()
    ]


def newly_held(before: Iterable[Invocation], at: int) -> list[Count]:
    """Return how the claim of invocations, given as they were before, changes that number."""
    # An invocation whose lease has ended was counted when that lease was made.
    free = [invocation for invocation in before if invocation.lease_until is None]
    return in_process((invocation.function for invocation in free), 1, at)


def ready_at(invocation: Invocation) -> int | None:
    """Return the time at which it can be claimed; None when it is final."""
    if invocation.lease_until is not None:
        return invocation.lease_until
    return None if invocation.status.final else invocation.due_at


def waiting_class(invocation: Invocation, now: int) -> WaitingClass | None:
    """Return what an invocation waits for; None if it is held or final."""
    if not invocation.status.waiting or invocation.lease_until is not None:
        return None
    if invocation.is_parked:
        return "paused"
    if invocation.system_retries > 0:
        return "throttled"
    if invocation.due_at <= now:
        return "due"
    if invocation.attempts > 0:
        return "errors"
    return "hops" if invocation.payload.startswith(HOP_BEGIN) else "delayed"


def can_be_early(invocation: Invocation) -> bool:
    """Return whether it may be claimed early: it waits, and its steps are not recorded."""
    return invocation.lease_until is None and not invocation.task_mode


def held(record: Invocation | Job, lease: Lease) -> bool:
    """Return whether the lease still gives the right to settle."""
    return record.lease_until is not None and record.epoch == lease.epoch


def waiting_status(invocation: Invocation) -> Status:
    """Return the waiting state that a held invocation falls back to."""
    return Status.RETRYING if invocation.attempts > 0 else Status.ENQUEUED


def claimed(
    invocation: Invocation,
    *,
    now: int,
    until: int,
    owner: str,
) -> tuple[Invocation, tuple[TaskEvent, ...]]:
    """Return a due invocation with its new holder, and the steps that led there."""
    status = invocation.status
    steps: list[Status] = []
    if status is not Status.STOPPING:
        if not status.waiting:
            # A lease that ended: it waited again before it was taken.
            steps.append(waiting_status(invocation))
        steps.append(Status.DEQUEUED)
        status = Status.DEQUEUED
    taken = replace(
        invocation,
        status=status,
        epoch=invocation.epoch + 1,
        lease_until=until,
        lease_owner=owner,
        interruptions=invocation.interruptions + _may_have_begun(invocation),
    )
    return taken, tuple(TaskEvent(status=step, at=now) for step in steps)


def started(
    invocation: Invocation,
    *,
    now: int,
    instance_id: str,
) -> tuple[Invocation, tuple[TaskEvent, ...]]:
    """Return a claimed invocation that runs."""
    running = replace(
        invocation,
        status=Status.RUNNING,
        instance_id=instance_id,
        started_at=now if invocation.started_at is None else invocation.started_at,
    )
    return running, (TaskEvent(status=Status.RUNNING, at=now),)


def start_result(status: str | None) -> Started:
    """Return the answer to the start of an attempt.

    Args:
        status: Of the invocation under the given lease, afterwards; None when the lease was lost.
    """
    if status == Status.RUNNING.value:
        return Started.RUNNING
    return Started.STOPPING if status == Status.STOPPING.value else Started.STALE


def released(invocation: Invocation, *, now: int) -> tuple[Invocation, tuple[TaskEvent, ...]]:
    """Return a held invocation that was given back."""
    status = invocation.status
    steps: tuple[TaskEvent, ...] = ()
    if status is not Status.STOPPING:
        status = waiting_status(invocation)
        steps = (TaskEvent(status=status, at=now),)
    # One that was claimed ahead stays due when it was: it must not run early elsewhere. Due later
    # than it may have been claimed ahead: the clock was set back since.
    ahead = not invocation.task_mode and invocation.due_at <= now + MOST_AHEAD_MS
    due_at = invocation.due_at if ahead else min(invocation.due_at, now)
    free = replace(
        invocation,
        status=status,
        due_at=due_at,
        lease_until=None,
        lease_owner="",
        interruptions=invocation.interruptions + _may_have_begun(invocation),
    )
    return free, steps


def _may_have_begun(invocation: Invocation) -> bool:
    """Return whether its holder, which is gone, may have run the function.

    Without task mode the start of an attempt is not written.
    """
    # Counted apart from attempts: an idempotent handler that gets retry_count 0 a second time would
    # take it for a second delivery of a live attempt, and raise AlreadyRunning until the end.
    if invocation.lease_until is None:
        return False
    return invocation.status is Status.RUNNING or not invocation.task_mode


def stopped(
    invocation: Invocation,
    *,
    now: int,
    until: int,
    owner: str,
) -> tuple[Invocation, tuple[TaskEvent, ...], bool]:
    """Return an invocation with a request to stop, its new steps, and whether the asker holds it.

    One that no node holds is claimed by the asker, which ends it itself.
    """
    # Asked again, or too late: nothing changes, and the caller sees the status.
    if invocation.status.final:
        return invocation, (), False
    events: tuple[TaskEvent, ...] = ()
    if invocation.status is not Status.STOPPING:
        events = (TaskEvent(status=Status.STOPPING, at=now),)
    stopping = replace(invocation, status=Status.STOPPING)
    if invocation.lease_until is not None and invocation.lease_until > now:
        return stopping, events, False
    taken = replace(
        stopping,
        epoch=invocation.epoch + 1,
        lease_until=until,
        lease_owner=owner,
    )
    return taken, events, True


def settled(lease: Lease, settlement: Settlement) -> Invocation:
    """Return the invocation that replaces the settled one, without a lease.

    Raises:
        ValueError: The settlement leaves it held; only a claim does that.
    """
    after = settlement.invocation
    # A row without a lease that is neither would never be claimed again.
    if not (after.status.final or after.status.waiting):
        raise ValueError(f"a settlement ends an attempt, but {after.status.value} is held")
    return replace(
        after,
        epoch=lease.epoch,
        lease_until=None,
        lease_owner=PARKED if after.is_parked else "",
    )


def unparked(
    invocation: Invocation,
    place: int,
    number: int,
    *,
    now: int,
    spread_ms: int,
) -> Invocation:
    """Return a parked invocation that may start: the one at a place among a number of them."""
    return replace(
        invocation,
        due_at=now + place * spread_ms // number,
        lease_owner="",
    )


def job_ready_at(job: Job) -> int | None:
    """Return when a job can be claimed; None when it was given up."""
    if job.state != "pending":
        return None
    return job.due_at if job.lease_until is None else job.lease_until


def job_claimed(
    job: Job,
    *,
    until: int,
    owner: str,
) -> Job:
    """Return a job under a new lease."""
    return replace(
        job,
        epoch=job.epoch + 1,
        lease_until=until,
        lease_owner=owner,
    )


class Accept(msgspec.Struct, frozen=True):
    """A new invocation, as an item of a group.

    Attributes:
        counts: What the caller counts.
        number: The number that its row will have; 0: the store numbers it.
    """

    invocation: Invocation
    counts: Sequence[Count]
    number: int = 0


class Start(NamedTuple):
    """An attempt that begins, as an item of a group."""

    lease: Lease
    now: int
    instance_id: str


class Settle(NamedTuple):
    """An attempt that ended and what follows from it, as an item of a group."""

    lease: Lease
    settlement: Settlement


def position_of(invocation: Invocation) -> Position:
    """Return the position of a task."""
    return Position(invocation.accepted_at, invocation.request_id)
