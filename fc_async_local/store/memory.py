# SPDX-License-Identifier: MIT
"""The stores in memory: the executable specification of the ports.

Plain and short, so that it can be read to learn what a verb does; every other store is compared
with it by the contract suite. Everything is lost with the process: it must never stand behind a
202 that is meant to last.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from msgspec.structs import replace

from fc_async_local.domain.invocation import DELIVERY, TaskEvent
from fc_async_local.domain.states import Status
from fc_async_local.store import steps
from fc_async_local.store.protocol import (
    EVERYTHING,
    ChangeRefused,
    Document,
    DuplicateTask,
    Settled,
    Started,
    Stats,
    StopResult,
    Task,
    TaskCounts,
    TaskPage,
    TaskQuery,
    WaitingCount,
)
from fc_async_local.store.steps import page_of, position_of

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from fc_async_local.domain.invocation import (
        Count,
        Invocation,
        Job,
        JobSettlement,
        Lease,
        Note,
        Settlement,
    )
    from fc_async_local.domain.metrics import Sample
    from fc_async_local.store.protocol import Change, MetricQuery, WaitingClass


class MemoryStore:
    """Implements :class:`~fc_async_local.store.protocol.Store`. One event loop, no waiting."""

    def __init__(self) -> None:
        self._invocations: dict[str, Invocation] = {}  # in order of acceptance
        self._request_ids: dict[tuple[str, str], str] = {}  # by function and task id
        self._events: dict[str, tuple[TaskEvent, ...]] = {}
        self._notes: dict[str, list[Note]] = {}
        self._jobs: dict[str, Job] = {}  # in the order in which they were written
        self._metrics: dict[tuple[str, str, int], Sample] = {}

    async def accept(self, invocation: Invocation, counts: Sequence[Count] = ()) -> None:
        name = (invocation.function, invocation.task_id)
        is_taken = name in self._request_ids
        if is_taken or invocation.request_id in self._invocations:
            raise DuplicateTask(invocation.task_id)
        self._request_ids[name] = invocation.request_id
        enqueued = TaskEvent(status=Status.ENQUEUED, at=invocation.accepted_at)
        self._put(invocation, (enqueued,))
        self._count(counts)
        if invocation.lease_until is not None:
            self._count(steps.in_process((invocation.function,), 1, invocation.accepted_at))

    async def claim(
        self,
        limit: int,
        *,
        now: int,
        until: int,
        owner: str,
        ahead: int = 0,
    ) -> Sequence[Invocation]:
        due: list[tuple[int, Invocation]] = []
        for invocation in self._invocations.values():
            ready_at = steps.ready_at(invocation)
            latest = now + ahead if steps.can_be_early(invocation) else now
            if ready_at is not None and ready_at <= latest:
                due.append((ready_at, invocation))
        due.sort(key=lambda pair: pair[0])
        befores = [invocation for _, invocation in due[:limit]]
        taken: list[Invocation] = []
        for invocation in befores:
            after, events = steps.claimed(
                invocation,
                now=now,
                until=until,
                owner=owner,
            )
            self._put(after, events)
            taken.append(after)
        self._count(steps.newly_held(befores, now))
        return taken

    async def start(
        self,
        lease: Lease,
        *,
        now: int,
        instance_id: str = "",
    ) -> Started:
        invocation = self._invocations.get(lease.key)
        if invocation is None or not steps.held(invocation, lease):
            return Started.STALE
        if invocation.status is Status.STOPPING:
            return Started.STOPPING
        if invocation.status is Status.DEQUEUED:
            running, events = steps.started(
                invocation,
                now=now,
                instance_id=instance_id,
            )
            self._put(running, events)
        return Started.RUNNING

    async def extend(self, leases: Collection[Lease], *, until: int) -> Mapping[str, bool]:
        # Only what needs attention is answered: a heartbeat of thousands of leases is nearly always
        # empty.
        attention: dict[str, bool] = {}
        for lease in leases:
            invocation = self._invocations.get(lease.key)
            if invocation is None or not steps.held(invocation, lease):
                attention[lease.key] = False
                continue
            self._put(replace(invocation, lease_until=until))
            if invocation.status is Status.STOPPING:
                attention[lease.key] = True
        return attention

    async def settle(self, lease: Lease, settlement: Settlement) -> Settled:
        before = self._invocations.get(lease.key)
        if before is None or not steps.held(before, lease):
            return Settled.STALE
        after = steps.settled(lease, settlement)
        # A retry would undo the stop that was requested meanwhile: the caller settles it as
        # Stopped.
        if before.status is Status.STOPPING and after.status.waiting:
            return Settled.STOPPING
        self._put(after, settlement.events)
        await self.add_notes(settlement.notes)
        # As on the service: without task mode nothing is left of an invocation after its end.
        if after.status.final and not after.task_mode:
            self._forget(after)
        if settlement.delivery is not None:
            self._write_jobs((settlement.delivery,))
        self._count(settlement.counts)
        return Settled.DONE

    async def release(self, owner: str, *, now: int) -> int:
        invocations = [
            invocation for invocation in self._invocations.values() if _holds(owner, invocation)
        ]
        jobs = [job for job in self._jobs.values() if _holds(owner, job)]
        for invocation in invocations:
            self._put(*steps.released(invocation, now=now))
        functions = [invocation.function for invocation in invocations]
        self._count(steps.in_process(functions, -1, now))
        for job in jobs:
            due_at = min(job.due_at, now)
            self._jobs[job.key] = replace(
                job,
                due_at=due_at,
                lease_until=None,
                lease_owner="",
            )
        return len(invocations) + len(jobs)

    async def stop(
        self,
        function: str,
        task_id: str,
        *,
        now: int,
        until: int,
        owner: str,
    ) -> StopResult | None:
        task = await self.get(function, task_id)
        if task is None:
            return None
        # One that no node holds is claimed for the caller, who then writes its end under that
        # lease.
        after, events, claimed = steps.stopped(
            task.invocation,
            now=now,
            until=until,
            owner=owner,
        )
        self._put(after, events)
        if claimed:
            self._count(steps.newly_held((task.invocation,), now))
        return StopResult(after, claimed)

    async def make_due(
        self,
        function: str,
        task_id: str,
        *,
        now: int,
    ) -> bool:
        task = await self.get(function, task_id)
        if task is None or not task.invocation.status.waiting:
            return False
        due_at = min(task.invocation.due_at, now)
        self._put(replace(task.invocation, due_at=due_at))
        return True

    async def get(self, function: str, task_id: str) -> Task | None:
        request_id = self._request_ids.get((function, task_id))
        if request_id is None or not self._invocations[request_id].task_mode:
            return None
        return Task(self._invocations[request_id], self._events[request_id])

    async def notes(self, request_id: str, *, logs: bool = False) -> Sequence[Note]:
        notes = self._notes.get(request_id, [])
        return [note for note in notes if (note.kind == "log") == logs]

    async def add_notes(self, notes: Sequence[Note]) -> None:
        for note in notes:
            task = self._invocations.get(note.request_id)
            if task is not None and task.task_mode:
                self._notes.setdefault(note.request_id, []).append(note)

    async def query(self, query: TaskQuery) -> TaskPage:
        tasks = self._matching(query)
        tasks.sort(key=position_of, reverse=query.descending)
        last = query.after
        if last is not None and query.descending:
            tasks = [task for task in tasks if position_of(task) < last]
        elif last is not None:
            tasks = [task for task in tasks if position_of(task) > last]
        page = page_of(query, [tasks])
        if query.with_payload:
            return page
        bare = [replace(task, payload=b"", return_payload=None) for task in page.invocations]
        return page._replace(invocations=tuple(bare))

    def _matching(self, query: TaskQuery) -> list[Invocation]:
        tasks = [task for task in self._invocations.values() if task.task_mode]
        return [task for task in tasks if _matches(query, task)]

    async def count_tasks(self, query: TaskQuery, *, most: int) -> TaskCounts:
        by_status = Counter(task.status for task in self._matching(query))
        if query.is_by_status:
            return TaskCounts(by_status)
        bounded = {status: min(number, most) for status, number in by_status.items()}
        at_least = [status for status, number in by_status.items() if number > most]
        return TaskCounts(bounded, frozenset(at_least))

    async def next_due(self) -> int | None:
        invocations = self._invocations.values()
        ready = [steps.ready_at(invocation) for invocation in invocations]
        times = [at for at in ready if at is not None]
        return min(times, default=None)

    async def upcoming(self, limit: int) -> Sequence[Invocation]:
        waiting: list[tuple[int, Invocation]] = []
        for invocation in self._invocations.values():
            ready_at = steps.ready_at(invocation)
            if ready_at is not None:
                waiting.append((ready_at, invocation))
        waiting.sort(key=lambda pair: pair[0])
        nearest = [invocation for _, invocation in waiting[:limit]]
        return [replace(invocation, payload=b"") for invocation in nearest]

    async def waiting(
        self,
        function: str,
        *,
        now: int,
        most: int,
    ) -> Mapping[WaitingClass, WaitingCount]:
        nearest: list[tuple[int, Invocation]] = []
        for invocation in self._invocations.values():
            ready_at = steps.ready_at(invocation)
            if ready_at is not None and invocation.function == function:
                nearest.append((ready_at, invocation))
        nearest.sort(key=lambda pair: pair[0])
        counts: dict[WaitingClass, WaitingCount] = {}
        for due_at, invocation in nearest[:most]:
            kind = steps.waiting_class(invocation, now)
            if kind is not None:
                before = counts.get(kind, WaitingCount(0, 0))
                counts[kind] = WaitingCount(before.number + 1, max(before.last_due_at, due_at))
        return counts

    async def parked(self) -> Sequence[str]:
        invocations = self._invocations.values()
        return sorted({each.function for each in invocations if each.is_parked})

    async def unpark(
        self,
        function: str,
        number: int,
        *,
        now: int,
        spread_ms: int,
    ) -> int:
        invocations = self._invocations.values()
        parked = [each for each in invocations if each.is_parked and each.function == function]
        for place, invocation in enumerate(parked[:number]):
            self._put(
                steps.unparked(
                    invocation,
                    place,
                    number,
                    now=now,
                    spread_ms=spread_ms,
                )
            )
        return min(number, len(parked))

    async def stats(self) -> Stats:
        invocations = self._invocations.values()
        dead = [job for job in self._jobs.values() if job.state == "dead"]
        waiting = [invocation for invocation in invocations if invocation.status.waiting]
        due = [invocation.due_at for invocation in waiting]
        return Stats(
            by_status=Counter(invocation.status for invocation in invocations),
            oldest_due_at=min(due, default=None),
            deliveries_pending=len(self._ready_jobs(DELIVERY)),
            deliveries_dead=len(dead),
        )

    async def prune(self, *, ended_before: int) -> int:
        invocations = self._invocations.values()
        ended = [invocation for invocation in invocations if invocation.status.final]
        old = [invocation for invocation in ended if _ended_before(invocation, ended_before)]
        for invocation in old:
            self._forget(invocation)
        return len(old)

    async def prune_metrics(self, *, before: int) -> int:
        end = steps.minute(before)
        minutes = [key for key in self._metrics if key[2] != steps.PRUNED_MINUTE]
        old = [key for key in minutes if key[2] < end]
        for key in old:
            # Their sum stays: Prometheus takes a counter that falls for a restart.
            sample = self._metrics.pop(key)
            self._add(sample._replace(at=steps.PRUNED_MINUTE))
        return len(old)

    async def add_jobs(self, jobs: Sequence[Job], counts: Sequence[Count] = ()) -> None:
        # A caller that repeats this after an outage has counted already, if a job is there.
        are_new = all(job.key not in self._jobs for job in jobs)
        if are_new:
            self._count(counts)
        self._write_jobs(jobs)

    async def ensure_jobs(self, jobs: Sequence[Job]) -> None:
        new = [job for job in jobs if job.key not in self._jobs]
        self._write_jobs(new)

    async def claim_jobs(
        self,
        kind: str,
        limit: int,
        *,
        now: int,
        until: int,
        owner: str,
    ) -> Sequence[Job]:
        ready = self._ready_jobs(kind)
        due = [(ready_at, job) for ready_at, job in ready if ready_at <= now]
        due.sort(key=lambda pair: pair[0])
        taken = []
        for _, job in due[:limit]:
            claimed = steps.job_claimed(
                job,
                until=until,
                owner=owner,
            )
            taken.append(claimed)
        self._jobs.update({job.key: job for job in taken})
        return taken

    async def extend_jobs(self, leases: Collection[Lease], *, until: int) -> None:
        for lease in leases:
            job = self._jobs.get(lease.key)
            if job is not None and steps.held(job, lease):
                self._jobs[job.key] = replace(job, lease_until=until)

    async def settle_job(self, lease: Lease, settlement: JobSettlement) -> Settled:
        before = self._jobs.get(lease.key)
        if before is None or not steps.held(before, lease):
            return Settled.STALE
        if settlement.job is None:
            del self._jobs[lease.key]
        else:
            self._jobs[lease.key] = replace(
                settlement.job,
                epoch=lease.epoch,
                lease_until=None,
                lease_owner="",
            )
        # After the deletion: the job that follows may have the key of the one that is done.
        self._write_jobs(settlement.added)
        if settlement.destination_status:
            self._show_destination(lease.key, settlement.destination_status)
        self._count(settlement.counts)
        await self.add_notes(settlement.notes)
        return Settled.DONE

    async def next_job_due(self, kind: str) -> int | None:
        times = [ready_at for ready_at, _ in self._ready_jobs(kind)]
        return min(times, default=None)

    async def jobs_pending(self, kind: str, scope: str) -> int:
        jobs = [job for _, job in self._ready_jobs(kind)]
        return len([job for job in jobs if job.scope == scope])

    async def dead_jobs(
        self, *, limit: int = 100, after: tuple[int, str] | None = None
    ) -> Sequence[Job]:
        dead = [job for job in self._jobs.values() if job.state == "dead"]
        dead.sort(key=lambda job: (job.created_at, job.key), reverse=True)
        if after is not None:
            dead = [job for job in dead if (job.created_at, job.key) < after]
        return dead[:limit]

    async def redrive(self, key: str, *, now: int) -> bool:
        job = self._jobs.get(key)
        if job is None or job.state != "dead":
            return False
        self._jobs[key] = replace(
            job,
            state="pending",
            due_at=now,
            tries=0,
        )
        self._show_destination(key, steps.REDRIVEN)
        return True

    async def discard_dead(self, key: str) -> bool:
        job = self._jobs.get(key)
        if job is None or job.state != "dead":
            return False
        del self._jobs[key]
        return True

    async def metrics(self, query: MetricQuery = EVERYTHING) -> Sequence[Sample]:
        start, end, step = steps.periods(query)
        samples: list[Sample] = []
        for sample in self._metrics.values():
            if not start <= sample.at < end:
                continue
            if query.function not in (None, sample.function):
                continue
            if query.metrics is not None and sample.metric not in query.metrics:
                continue
            period = 0
            if query.step_ms is not None:
                period = sample.at - sample.at % step
            samples.append(sample._replace(at=period))
        return steps.merged_samples(samples)

    def _put(self, invocation: Invocation, events: Sequence[TaskEvent] = ()) -> None:
        self._invocations[invocation.request_id] = invocation
        events_before = self._events.get(invocation.request_id, ())
        recorded = tuple(events) if invocation.task_mode else ()
        self._events[invocation.request_id] = events_before + recorded

    def _forget(self, invocation: Invocation) -> None:
        del self._invocations[invocation.request_id]
        del self._events[invocation.request_id]
        self._notes.pop(invocation.request_id, None)
        del self._request_ids[invocation.function, invocation.task_id]

    def _write_jobs(self, jobs: Sequence[Job]) -> None:
        for job in jobs:
            before = self._jobs.get(job.key)
            # The epochs of a key never go back: a lease of the job that is replaced must not hold
            # for the new one.
            epoch = job.epoch if before is None else before.epoch
            self._jobs[job.key] = replace(job, epoch=epoch)

    def _ready_jobs(self, kind: str) -> list[tuple[int, Job]]:
        ready: list[tuple[int, Job]] = []
        for job in self._jobs.values():
            ready_at = steps.job_ready_at(job)
            if job.kind == kind and ready_at is not None:
                ready.append((ready_at, job))
        return ready

    def _show_destination(self, request_id: str, status: str) -> None:
        task = self._invocations.get(request_id)
        if task is not None:
            self._put(replace(task, destination_status=status))

    def _count(self, counts: Sequence[Count]) -> None:
        for count in counts:
            self._add(steps.sampled(count))

    def _add(self, sample: Sample) -> None:
        key = sample[:3]
        before = self._metrics.get(key)
        self._metrics[key] = sample if before is None else before.plus(sample)


def _holds(owner: str, record: Invocation | Job) -> bool:
    return record.lease_until is not None and record.lease_owner == owner


def _ended_before(invocation: Invocation, moment: int) -> bool:
    return invocation.ended_at is not None and invocation.ended_at < moment


def _matches(query: TaskQuery, task: Invocation) -> bool:
    started_at = task.accepted_at if task.started_at is None else task.started_at
    if query.statuses is not None and task.status not in query.statuses:
        return False
    return (
        query.function in (None, task.function)
        and query.qualifier in (None, task.qualifier)
        and task.task_id.startswith(query.prefix)
        and _is_within(started_at, query.started_from, query.started_to)
        and _is_within(task.accepted_at, query.accepted_from, query.accepted_to)
        and _has_error(task, query.error)
        and _has_text(task, query.text)
    )


def _is_within(
    at: int,
    first: int | None,
    last: int | None,
) -> bool:
    if first is not None and at < first:
        return False
    return last is None or at <= last


def _has_error(task: Invocation, error: str | None) -> bool:
    """Return whether it is the condition of the latest failure, or the type of its error."""
    error_type, _, _message = task.failure.partition(":")
    return error in (None, task.error, error_type)


def _has_text(task: Invocation, text: str) -> bool:
    if task.task_id.startswith(text):
        return True
    # As bytes: SQL folds the case of ASCII letters only, too.
    return text.encode().lower() in task.failure.encode().lower()


class MemoryDocuments:
    """Implements :class:`~fc_async_local.store.protocol.DocumentStore`."""

    def __init__(self) -> None:
        self._bodies: dict[tuple[str, str], bytes] = {}
        self._revision = 0

    async def revision(self) -> int:
        return self._revision

    async def load(self) -> tuple[int, Sequence[Document]]:
        documents = []
        for (kind, key), body in sorted(self._bodies.items()):
            documents.append(Document(kind, key, body))
        return self._revision, documents

    async def write(self, changes: Sequence[Change]) -> int:
        # On a copy, so that a change that is refused leaves none of the others behind.
        bodies = dict(self._bodies)
        for change in changes:
            name = (change.kind, change.key)
            exists = name in bodies
            if change.expect != "any" and exists != (change.expect == "present"):
                raise ChangeRefused(f"{change.kind} {change.key} is not {change.expect}")
            if change.body is None:
                bodies.pop(name, None)
            else:
                bodies[name] = change.body
        self._bodies = bodies
        self._revision += 1
        return self._revision


class MemoryBlobs:
    """Implements :class:`~fc_async_local.store.protocol.BlobStore`."""

    def __init__(self) -> None:
        self._blobs: dict[str, bytes] = {}
        self._used_at: dict[str, int] = {}

    async def put_blob(
        self,
        key: str,
        data: bytes,
        *,
        now: int,
    ) -> None:
        self._blobs[key] = data
        self._use(key, now)

    async def prune_blobs(
        self,
        in_use: Collection[str],
        *,
        now: int,
        used_before: int,
    ) -> int:
        for key in self._blobs.keys() & set(in_use):
            self._use(key, now)
        unused = [key for key, used_at in self._used_at.items() if used_at < used_before]
        for key in unused:
            del self._blobs[key], self._used_at[key]
        return len(unused)

    def _use(self, key: str, now: int) -> None:
        used_at = self._used_at.get(key, now)
        self._used_at[key] = max(now, used_at)

    async def get_blob(self, key: str) -> bytes | None:
        return self._blobs.get(key)
