# SPDX-License-Identifier: MIT
"""Verbs of the stores that run the same statements in SQLite and in PostgreSQL."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, NamedTuple

from fc_async_local.domain.invocation import DELIVERY, TaskEvent
from fc_async_local.domain.metrics import Sample
from fc_async_local.domain.states import Status
from fc_async_local.store import rows, steps
from fc_async_local.store.protocol import (
    EVERYTHING,
    ChangeRefused,
    Document,
    Settled,
    Stats,
    StopResult,
    Task,
    WaitingCount,
)

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
    from fc_async_local.store.protocol import Change, MetricQuery, Started, WaitingClass
    from fc_async_local.store.sql import Row, Transaction, Transactions, Values
    from fc_async_local.store.steps import Settle, Start


class TableStore:
    """A part of :class:`~fc_async_local.store.protocol.Store`.

    Args:
        tables: Where its statements run.
        writer: Names this object among all that write to the database.
    """

    def __init__(self, tables: Transactions, writer: str = "") -> None:
        self._tables = tables
        self._writer = writer

    async def claim(
        self,
        limit: int,
        *,
        now: int,
        until: int,
        owner: str,
        ahead: int = 0,
    ) -> Sequence[Invocation]:
        async def job(tables: Transaction) -> Sequence[Invocation]:
            due = await tables.rows("due", (now + ahead, now, limit))
            if not due:
                return []
            befores = [rows.to_invocation(row) for row in due]
            claimed = []
            changed = []
            for (number, *_), before in zip(due, befores, strict=True):
                after, events = steps.claimed(
                    before,
                    now=now,
                    until=until,
                    owner=owner,
                )
                claimed.append(after)
                changed.append((number, after, events))
            await tables.write_back(changed)
            await self._count(tables, steps.newly_held(befores, now), "claim")
            return claimed

        return await self._tables.write(job)

    async def extend(self, leases: Collection[Lease], *, until: int) -> Mapping[str, bool]:
        values = {
            "until": until,
            "leases": rows.as_json(list(leases)),
        }
        extended = await self._tables.write(lambda tables: tables.rows("prolong", values))
        statuses: dict[str, str] = dict(extended)
        attention: dict[str, bool] = {}
        for lease in leases:
            status = statuses.get(lease.key)
            if status is None:
                attention[lease.key] = False  # the lease was lost
            elif status == Status.STOPPING.value:
                attention[lease.key] = True
        return attention

    async def release(self, owner: str, *, now: int) -> int:
        async def job(tables: Transaction) -> int:
            freed = []
            for row in await tables.rows("held", (owner,)):
                after, events = steps.released(rows.to_invocation(row), now=now)
                freed.append((row[0], after, events))
            await tables.write_back(freed)
            functions = [after.function for _, after, _ in freed]
            ended = steps.in_process(functions, -1, now)
            await self._count(tables, ended, "release")
            return len(freed) + await tables.changed("release_jobs", (now, owner))

        return await self._tables.write(job)

    async def stop(
        self,
        function: str,
        task_id: str,
        *,
        now: int,
        until: int,
        owner: str,
    ) -> StopResult | None:
        async def job(tables: Transaction) -> StopResult | None:
            result = await tables.rows("task_for_update", (function, task_id))
            if not result:
                return None
            before = rows.to_invocation(result[0])
            after, events, claimed = steps.stopped(
                before,
                now=now,
                until=until,
                owner=owner,
            )
            if after is not before:
                await tables.write_back([(result[0][0], after, events)])
            if claimed:
                await self._count(tables, steps.newly_held((before,), now), "stop")
            return StopResult(after, claimed)

        return await self._tables.write(job)

    async def make_due(
        self,
        function: str,
        task_id: str,
        *,
        now: int,
    ) -> bool:
        return await self._changed("make_due", (now, function, task_id))

    async def get(self, function: str, task_id: str) -> Task | None:
        async def job(tables: Transaction) -> Task | None:
            result = await tables.rows("task", (function, task_id))
            if not result:
                return None
            events = await tables.rows("task_events", result[0][:1])
            return Task(rows.to_invocation(result[0]), tuple(map(rows.to_event, events)))

        return await self._tables.read(job)

    async def notes(self, request_id: str, *, logs: bool = False) -> Sequence[Note]:
        note_rows = await self._tables.rows("task_notes", (request_id, logs))
        return [rows.to_note(row) for row in note_rows]

    async def add_notes(self, notes: Sequence[Note]) -> None:
        values = [rows.from_note(note) for note in notes]
        await self._tables.write(lambda tables: tables.each("insert_note", values))

    async def prune(self, *, ended_before: int) -> int:
        async def job(tables: Transaction) -> int:
            # A thousand at a time: in one transaction half a million would hold up every accept
            # for seconds, and on PostgreSQL run into the statement's time limit for ever.
            ended = await tables.rows("ended", (ended_before, steps.PRUNED_AT_ONCE))
            numbers = rows.as_json([number for _, number, *_ in ended])
            await tables.do("delete_events", (numbers,))
            await tables.do("delete_notes", (numbers,))
            await tables.forget([rows.Holder(*row) for row in ended])
            return len(ended)

        return await steps.prune_all(lambda: self._tables.write(job))

    async def next_due(self) -> int | None:
        return await self._number("next_due")

    async def upcoming(self, limit: int) -> Sequence[Invocation]:
        waiting = await self._tables.rows("upcoming", (limit,))
        return [rows.to_invocation(row) for row in waiting]

    async def waiting(
        self,
        function: str,
        *,
        now: int,
        most: int,
    ) -> Mapping[WaitingClass, WaitingCount]:
        values = {
            "function": function,
            "now": now,
            "most": most,
            "hop": steps.HOP_BEGIN,
            "length": len(steps.HOP_BEGIN),
        }
        counted = await self._tables.rows("waiting", values)
        return {kind: WaitingCount(number, last) for kind, number, last in counted}

    async def parked(self) -> Sequence[str]:
        return [name for (name,) in await self._tables.rows("parked", ())]

    async def unpark(
        self,
        function: str,
        number: int,
        *,
        now: int,
        spread_ms: int,
    ) -> int:
        values = {
            "function": function,
            "number": number,
            "now": now,
            "spread": spread_ms,
        }
        return await self._tables.write(lambda tables: tables.changed("unpark", values))

    async def stats(self) -> Stats:
        async def job(tables: Transaction) -> Stats:
            by_status = {}
            for status, number in await tables.rows("tally", ()):
                by_status[Status(status)] = number
            pending = await tables.value("jobs_of_kind", (DELIVERY,))
            dead = await tables.value("jobs_dead", ())
            return Stats(
                by_status=by_status,
                oldest_due_at=await tables.value("oldest_due", ()),
                deliveries_pending=pending or 0,
                deliveries_dead=dead or 0,
            )

        return await self._tables.read(job)

    async def prune_metrics(self, *, before: int) -> int:
        async def job(tables: Transaction) -> int:
            values = (steps.minute(before), steps.PRUNED_AT_ONCE)
            minutes = await tables.rows("prune_metrics", values)
            await tables.add(rows.pruned(minutes), "pruned")
            return len(minutes)

        return await steps.prune_all(lambda: self._tables.write(job))

    async def add_jobs(self, jobs: Sequence[Job], counts: Sequence[Count] = ()) -> None:
        # As JSON: an array for each column is dear to write, element by element.
        keys = rows.as_json([job.key for job in jobs])

        async def job(tables: Transaction) -> None:
            # A caller that repeats this after an outage has counted already, if a job is there.
            if counts and not await tables.value("any_job", (keys,)):
                await self._count(tables, counts, "add")
            await tables.insert_jobs(jobs)

        await self._tables.write(job)

    async def ensure_jobs(self, jobs: Sequence[Job]) -> None:
        await self._tables.write(lambda tables: tables.insert_jobs(jobs, replace=False))

    async def claim_jobs(
        self,
        kind: str,
        limit: int,
        *,
        now: int,
        until: int,
        owner: str,
    ) -> Sequence[Job]:
        async def job(tables: Transaction) -> Sequence[Job]:
            taken = []
            for row in await tables.rows("due_jobs", (kind, now, limit)):
                due = rows.to_job(row)
                taken.append(steps.job_claimed(due, until=until, owner=owner))
            if taken:
                keys = rows.as_json([job.key for job in taken])
                await tables.do(
                    "take_jobs",
                    {
                        "until": until,
                        "owner": owner,
                        "keys": keys,
                    },
                )
            return taken

        return await self._tables.write(job)

    async def extend_jobs(self, leases: Collection[Lease], *, until: int) -> None:
        values = {
            "until": until,
            "leases": rows.as_json(list(leases)),
        }
        await self._tables.write(lambda tables: tables.do("prolong_jobs", values))

    async def settle_job(self, lease: Lease, settlement: JobSettlement) -> Settled:
        items = [(lease, settlement)]
        (settled,) = await self._tables.write(lambda tables: settle_jobs(tables, items))
        return settled

    async def next_job_due(self, kind: str) -> int | None:
        return await self._number("next_job_due", (kind,))

    async def jobs_pending(self, kind: str, scope: str) -> int:
        return await self._number("jobs_of_scope", (kind, scope)) or 0

    async def dead_jobs(
        self, *, limit: int = 100, after: tuple[int, str] | None = None
    ) -> Sequence[Job]:
        created_at, key = after or steps.BEFORE_ALL_DEAD
        dead = await self._tables.rows("dead_jobs", (created_at, key, limit))
        return [rows.to_job(row) for row in dead]

    async def redrive(self, key: str, *, now: int) -> bool:
        async def job(tables: Transaction) -> bool:
            if not await tables.changed("redrive", (now, key)):
                return False
            await tables.do("show_destination", (steps.REDRIVEN, key))
            return True

        return await self._tables.write(job)

    async def discard_dead(self, key: str) -> bool:
        return await self._changed("discard_dead", (key,))

    async def metrics(self, query: MetricQuery = EVERYTHING) -> Sequence[Sample]:
        statement = "metrics" if query.metrics is None else "metrics_by_name"
        samples = await self._tables.rows(statement, rows.asked_metrics(query))
        return [Sample(*row) for row in samples]

    async def _count(
        self,
        tables: Transaction,
        counts: Sequence[Count],
        verb: str,
    ) -> None:
        await tables.add(rows.sums(counts), f"{verb}-{self._writer}")

    async def _changed(self, statement: str, values: Values) -> bool:
        return await self._tables.write(lambda tables: tables.changed(statement, values)) > 0

    async def _number(self, statement: str, values: Values = ()) -> int | None:
        result = await self._tables.rows(statement, values)
        number: int | None = result[0][0] if result else None
        return number


async def start(tables: Transaction, items: Sequence[Start]) -> Sequence[Started]:
    """Mark claimed invocations as running, each if its lease still holds and it may run."""
    begins_at = {}
    leases = []
    for lease, now, instance_id in items:
        begins_at[lease.key, lease.epoch] = now
        leases.append(
            {
                "key": lease.key,
                "epoch": lease.epoch,
                "now": now,
                "instance_id": instance_id,
            }
        )
    values = (rows.as_json(leases),)
    statuses = {}
    recorded = []
    for number, key, epoch, task_mode in await tables.rows("begin", values):
        statuses[key, epoch] = Status.RUNNING.value
        if task_mode:
            event = TaskEvent(status=Status.RUNNING, at=begins_at[key, epoch])
            recorded.append(rows.from_event(number, event))
    await tables.record(recorded)
    # A renewed or lost lease is not a request to stop: which of them it was is read here.
    if len(statuses) < len(begins_at):
        for key, epoch, status in await tables.rows("status_of", values):
            statuses[key, epoch] = status
    results: list[Started] = []
    for lease, _, _ in items:
        status = statuses.get((lease.key, lease.epoch))
        results.append(steps.start_result(status))
    return results


class _Ended(NamedTuple):
    """An attempt whose settlement is written.

    Attributes:
        holder: The row of its invocation.
        after: The invocation after it.
    """

    holder: rows.Holder
    after: Invocation
    settlement: Settlement

    @property
    def is_forgotten(self) -> bool:
        """Return whether the row goes: only tasks are shown after their end."""
        return self.after.status.final and not self.holder.task_mode


async def settle(
    tables: Transaction,
    items: Sequence[Settle],
    writer: str = "",
) -> Sequence[Settled]:
    """Write what followed from attempts, each if its lease still holds."""
    keys = rows.as_json([item.lease.key for item in items])
    holders = rows.to_holders(await tables.value("holders", (keys,)))
    holders_by_key = {holder.key: holder for holder in holders}
    results: list[Settled] = []
    done: list[_Ended] = []
    for lease, settlement in items:
        after = steps.settled(lease, settlement)
        holder = holders_by_key.get(lease.key)
        if holder is None or holder.epoch != lease.epoch:
            results.append(Settled.STALE)
        elif holder.status == Status.STOPPING.value and after.status.waiting:
            results.append(Settled.STOPPING)
        else:
            results.append(Settled.DONE)
            done.append(_Ended(holder, after, settlement))
            # A second settlement of it in this group is stale: the row may be gone by then.
            del holders_by_key[lease.key]
    await _write_ends(tables, done)
    counts = itertools.chain.from_iterable(end.settlement.counts for end in done)
    # Each kind of write has rows of its own in the metrics, so that none waits for another.
    await tables.add(rows.sums(counts), f"settle-{writer}")
    return results


async def _write_ends(tables: Transaction, done: Sequence[_Ended]) -> None:
    changed: list[tuple[int, Invocation, Sequence[TaskEvent]]] = []
    forgotten: list[rows.Holder] = []
    deliveries: list[Job] = []
    notes: list[Row] = []
    for end in done:
        if end.is_forgotten:
            forgotten.append(end.holder)
        else:
            changed.append((end.holder.number, end.after, end.settlement.events))
        if end.settlement.delivery is not None:
            deliveries.append(end.settlement.delivery)
        notes.extend(map(rows.from_note, end.settlement.notes))
    await tables.write_back(changed)
    await tables.forget(forgotten)
    await tables.insert_jobs(deliveries)
    await tables.each("insert_note", notes)


async def settle_jobs(
    tables: Transaction,
    items: Sequence[tuple[Lease, JobSettlement]],
    writer: str = "",
) -> Sequence[Settled]:
    """Write what followed from tries of jobs; see :meth:`JobStore.settle_job`."""
    # Jobs that are done are deleted in one statement: one for each was three times slower on
    # PostgreSQL.
    leases = [lease for lease, settlement in items if settlement.job is None]
    finished = await _finish_jobs(tables, leases)
    results: list[Settled] = []
    statuses: list[tuple[str, str]] = []
    jobs: list[Job] = []
    counts: list[Count] = []
    notes: list[Row] = []
    for lease, settlement in items:
        if settlement.job is None:
            # Each deletion answers one settlement: a second one of the group is stale.
            held = (lease.key, lease.epoch) in finished
            finished.discard((lease.key, lease.epoch))
        else:
            held = await _put_job_back(tables, lease, settlement.job)
        if not held:
            results.append(Settled.STALE)
            continue
        results.append(Settled.DONE)
        if settlement.destination_status:
            statuses.append((settlement.destination_status, lease.key))
        jobs.extend(settlement.added)
        counts.extend(settlement.counts)
        notes.extend(map(rows.from_note, settlement.notes))
    await tables.each("show_destination", statuses)
    # After the deletions: the job that follows may have the key of the one that is done.
    await tables.insert_jobs(jobs)
    await tables.add(rows.sums(counts), f"job-{writer}")
    await tables.each("insert_note", notes)
    return results


async def _finish_jobs(tables: Transaction, leases: Sequence[Lease]) -> set[Row]:
    """Delete jobs whose lease holds; return key and epoch of each."""
    if not leases:
        return set()
    keys = [
        {
            "key": lease.key,
            "epoch": lease.epoch,
        }
        for lease in leases
    ]
    return set(await tables.rows("finish_jobs", (rows.as_json(keys),)))


async def _put_job_back(
    tables: Transaction,
    lease: Lease,
    job: Job,
) -> bool:
    """Write a job for its next try; return whether the lease holds."""
    values = (job.due_at, job.tries, job.state, job.error, lease.key, lease.epoch)
    return await tables.changed("settle_job", values) > 0


class TableDocuments:
    """Implements :class:`~fc_async_local.store.protocol.DocumentStore`.

    Args:
        tables: Where its statements run.
    """

    def __init__(self, tables: Transactions) -> None:
        self._tables = tables

    async def revision(self) -> int:
        ((revision,),) = await self._tables.rows("revision", ())
        return int(revision)

    async def load(self) -> tuple[int, Sequence[Document]]:
        async def job(tables: Transaction) -> tuple[int, Sequence[Document]]:
            # Both reads see the same commits: a document newer than the revision would be loaded
            # and never again.
            await tables.lock("one_view", ())
            revision = await tables.value("revision", ())
            documents = await tables.rows("documents", ())
            return int(revision), [Document(*row) for row in documents]

        return await self._tables.read(job)

    async def write(self, changes: Sequence[Change]) -> int:
        async def job(tables: Transaction) -> int:
            # One writer at a time, so an expectation holds until the commit.
            await tables.lock("lock_documents", ())
            for change in changes:
                await _apply(tables, change)
            return int(await tables.value("next_revision", ()))

        return await self._tables.write(job)


async def _apply(tables: Transaction, change: Change) -> None:
    name = (change.kind, change.key)
    if change.expect != "any":
        exists = bool(await tables.value("document_exists", name))
        if exists != (change.expect == "present"):
            raise ChangeRefused(f"{change.kind} {change.key} is not {change.expect}")
    if change.body is None:
        await tables.do("delete_document", name)
    else:
        await tables.do("put_document", (*name, change.body))


class TableBlobs:
    """Implements :class:`~fc_async_local.store.protocol.BlobStore`.

    Args:
        tables: Where its statements run.
    """

    def __init__(self, tables: Transactions) -> None:
        self._tables = tables

    async def put_blob(
        self,
        key: str,
        data: bytes,
        *,
        now: int,
    ) -> None:
        async def job(tables: Transaction) -> None:
            # First, for its lock: a transaction that prunes waits for it or leaves the blob out.
            await tables.do("use_blob", (key, now))
            await tables.do("put_blob", (key, data))

        await self._tables.write(job)

    async def prune_blobs(
        self,
        in_use: Collection[str],
        *,
        now: int,
        used_before: int,
    ) -> int:
        async def forget_one(tables: Transaction) -> bool:
            key = await tables.value("end_use", (used_before,))
            if key is not None:
                await tables.do("delete_blob", (key,))
            return key is not None

        keys = rows.as_json(sorted(in_use))
        await self._tables.write(lambda tables: tables.do("blobs_in_use", (now, keys)))
        forgotten = 0
        # An archive may be large. With one in each transaction, other writers need not wait long.
        while await self._tables.write(forget_one):
            forgotten += 1
        return forgotten

    async def get_blob(self, key: str) -> bytes | None:
        result = await self._tables.rows("get_blob", (key,))
        return bytes(result[0][0]) if result else None
