# SPDX-License-Identifier: MIT
"""Runs the durable jobs of one kind: claims, tries, holds the lease, writes what follows.

Invariants:
    A job is tried at least once. While its node can renew the lease, no other node tries it.
    A try that this node has under way is not made a second time by it: when the lease has ended
    and this node claims the job again, the try goes on under the new lease.
    What follows from a try is written again and again while the store is unavailable.
"""

from __future__ import annotations

import dataclasses
import logging
from typing import TYPE_CHECKING, Final, Generic, TypeVar

from msgspec.structs import replace

from fc_async_local.background import start_task
from fc_async_local.domain.invocation import Job, JobSettlement
from fc_async_local.store.loops import Claims, Loop, write_under_lease
from fc_async_local.store.protocol import Settled, StoreUnavailable
from fc_async_sdk._cancellation import end_tasks

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Awaitable, Callable

    from fc_async_local.clock import Clock
    from fc_async_local.store.protocol import JobStore
    from fc_async_local.wakeups import Wakeups

logger = logging.getLogger(__name__)

R = TypeVar("R")

_RENEWALS_PER_LEASE: Final = 3
_AFTER_A_FAILURE_MS: Final = 10_000
"""Milliseconds before the next try of a job whose try broke off without a result."""


def topic_of(kind: str) -> str:
    """Return the topic of wake-ups that a runner of a kind of jobs waits for."""
    return f"jobs {kind}"


@dataclasses.dataclass(frozen=True)
class JobNode:
    """A node that claims jobs, and what it works through.

    Attributes:
        node_id: The owner of the claims.
        lease_ms: How long a claim holds without a renewal. A node looks for jobs of other nodes at
            least once in this time.
        wakeups: Wakes the runners of a node and of others.
    """

    store: JobStore
    wakeups: Wakeups
    node_id: str
    lease_ms: int

    @property
    def clock(self) -> Clock:
        """The clock of the node."""
        return self.wakeups.clock


@dataclasses.dataclass(frozen=True)
class JobKind(Generic[R]):
    """Handling of the jobs of one kind.

    Attributes:
        name: Of the kind, see :mod:`fc_async_local.domain.invocation`.
        at_a_time: The most tries that one node makes at the same time.
        attempt: Makes one try. An error that it raises is not a result: the job is tried again.
        policy: Decides what follows from the job, the result and the time. Pure.
        describe: Names the job in the log.
    """

    name: str
    at_a_time: int
    attempt: Callable[[Job], Awaitable[R]]
    policy: Callable[[Job, R, int], JobSettlement]
    describe: Callable[[Job], str]


class JobRunner(Loop, Generic[R]):
    """The loop that runs the jobs of one kind.

    Args:
        node: Claims the jobs.
        kind: Says how they are done.
    """

    def __init__(self, node: JobNode, kind: JobKind[R]) -> None:
        topic = topic_of(kind.name)
        super().__init__(topic, node.wakeups, self._advance, survey_ms=node.lease_ms)
        self._node = node
        self._kind = kind
        self._held: dict[str, Job] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._claims = Claims(node.clock)
        self._renew_at = 0

    @property
    def in_flight(self) -> int:
        """Number of jobs that are being tried."""
        return len(self._tasks)

    async def aclose(self) -> None:
        """Claim no more and break off what is being tried: it is tried again after a restart."""
        await super().aclose()
        await end_tasks(*self._tasks)

    async def _advance(self) -> int | None:
        """Renew leases and begin what is due; return when to do so again."""
        await self._renew()
        due = await self._begin_due()
        if not self._held:
            return due
        return self._renew_at if due is None else min(due, self._renew_at)

    async def _renew(self) -> None:
        node = self._node
        now = node.clock.now()
        if not self._held or now < self._renew_at:
            return
        leases = [job.lease for job in self._held.values()]
        await node.store.extend_jobs(leases, until=now + node.lease_ms)
        self._renew_at = now + node.lease_ms // _RENEWALS_PER_LEASE

    async def _begin_due(self) -> int | None:
        node = self._node
        name = self._kind.name
        free = self._free()
        if not free:
            return None  # the next try that ends wakes this loop
        now = node.clock.now()
        # Nothing was held, so no renewal is planned: the first one follows from this claim.
        if not self._held:
            self._renew_at = now + node.lease_ms // _RENEWALS_PER_LEASE
        with self._claims.under_way():
            claimed = await node.store.claim_jobs(
                name,
                free,
                now=now,
                until=now + node.lease_ms,
                owner=node.node_id,
            )
            for job in claimed:
                self._hold(job)
        if len(claimed) == free:
            # There may be more: look again now, or when a try ends and wakes this loop. A job that
            # this node had under way already took no new try.
            return now if self._free() else None
        return await node.store.next_job_due(name)

    def _free(self) -> int:
        return max(self._kind.at_a_time - len(self._tasks), 0)

    def _hold(self, job: Job) -> None:
        """Begin a try, or let the one that is under way go on under the new lease."""
        under_way = job.key in self._held
        self._held[job.key] = job
        if not under_way:
            # A task of its own: a slow target must not hold up the claims of the others.
            task = start_task(f"{job.kind} {job.key}", self._work(job))
            self._tasks.add(task)
            task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        was_full = not self._free()
        self._tasks.discard(task)
        if was_full:
            self.wake()

    async def _work(self, job: Job) -> None:
        with self._node.clock.work():
            try:
                await self._settle(job, await self._try(job))
            finally:
                del self._held[job.key]

    async def _try(self, job: Job) -> JobSettlement:
        clock = self._node.clock
        kind = self._kind
        try:
            result = await kind.attempt(job)
            return kind.policy(job, result, clock.now())
        except StoreUnavailable as error:
            reason = f"the store is unavailable: {error}"
            logger.warning("%s: %s", kind.describe(job), reason)
        except Exception as error:
            reason = f"{type(error).__name__}: {error}"
            logger.exception("%s: the try broke off", job.key, extra={"request_id": job.key})
        # Without a result it is not counted as a try: the fault may be this program's.
        again = replace(
            job,
            due_at=clock.now() + _AFTER_A_FAILURE_MS,
            error=reason,
        )
        return JobSettlement(job=again)

    async def _settle(self, job: Job, settlement: JobSettlement) -> None:
        # Repeated until the store answers: what follows from a try is written at least once.
        settled = await write_under_lease(
            self._node.clock,
            lambda: self._held[job.key].lease,
            lambda lease: self._node.store.settle_job(lease, settlement),
            stale=Settled.STALE,
            claims=self._claims,
        )
        level, outcome = _outcome(settlement, settled)
        if logger.isEnabledFor(level):  # a description costs more than the rest
            description = self._kind.describe(job)
            extra = {"request_id": job.key}
            logger.log(level, "%s, try %d -> %s", description, job.tries + 1, outcome, extra=extra)
        if settled is Settled.STALE:
            # It may have been written by an earlier try whose answer was lost: look again.
            self.wake()
            return
        jobs = settlement.added if settlement.job is None else (settlement.job, *settlement.added)
        for following in jobs:
            if following.state == "pending" and following.kind == job.kind:
                self.wake(following.due_at)


def _outcome(settlement: JobSettlement, settled: Settled) -> tuple[int, str]:
    """Return the level and the wording of a try's line in the log."""
    job = settlement.job
    if settled is Settled.STALE:
        return logging.INFO, "dropped, the lease was lost"
    if job is not None and job.state == "pending":
        return logging.WARNING, f"{job.error}; again at {job.due_at}"
    jobs = list(settlement.added)
    if job is not None:
        jobs.insert(0, job)
    dead = [given_up for given_up in jobs if given_up.state == "dead"]
    if dead:
        return logging.ERROR, f"{dead[0].error}; given up and kept as a dead event"
    return logging.INFO, "done"
