# SPDX-License-Identifier: MIT
"""Verbs of the stores that run the same statements in SQLite and in PostgreSQL."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

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
    from fc_async_local.store.protocol import Change, MetricQuery, Started
    from fc_async_local.store.sql import Transaction, Transactions, Values
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
        self, limit: int, *, now: int, until: int, owner: str, ahead: int = 0
    ) -> Sequence[Invocation]:
        async def job(tables: Transaction) -> Sequence[Invocation]:
            due = await tables.rows("due", (now + ahead, now, limit))
            if not due:
                return []
            befores = [rows.to_invocation(row) for row in due]
            taken = [steps.claimed(each, now=now, until=until, owner=owner) for each in befores]
            await tables.write_back(
                [(row[0], *after) for row, after in zip(due, taken, strict=True)]
            )
            await self._count(tables, steps.newly_held(befores, now), "claim")
            return [after for after, _ in taken]

        return await self._tables.write(job)

    async def extend(self, leases: Collection[Lease], *, until: int) -> Mapping[str, bool]:
        values = {"until": until, "leases": rows.as_json(list(leases))}
        extended = await self._tables.write(lambda tables: tables.rows("prolong", values))
        found: dict[str, str] = dict(extended)
        return {
            lease.key: lease.key in found
            for lease in leases
            if found.get(lease.key) in (None, Status.STOPPING.value)
        }

    async def release(self, owner: str, *, now: int) -> int:
        async def job(tables: Transaction) -> int:
            held = await tables.rows("held", (owner,))
            freed = [(row[0], *steps.released(rows.to_invocation(row), now=now)) for row in held]
            await tables.write_back(freed)
            ended = steps.in_process((after.function for _, after, _ in freed), -1, now)
            await self._count(tables, ended, "release")
            return len(held) + await tables.changed("release_jobs", (now, owner))

        return await self._tables.write(job)

    async def stop(
        self, function: str, task_id: str, *, now: int, until: int, owner: str
    ) -> StopResult | None:
        async def job(tables: Transaction) -> StopResult | None:
            found = await tables.rows("task_for_update", (function, task_id))
            if not found:
                return None
            before = rows.to_invocation(found[0])
            after, its_steps, claimed = steps.stopped(before, now=now, until=until, owner=owner)
            if after is not before:
                await tables.write_back([(found[0][0], after, its_steps)])
            if claimed:
                await self._count(tables, steps.newly_held((before,), now), "stop")
            return StopResult(after, claimed)

        return await self._tables.write(job)

    async def make_due(self, function: str, task_id: str, *, now: int) -> bool:
        return await self._changed("make_due", (now, function, task_id))

    async def get(self, function: str, task_id: str) -> Task | None:
        async def job(tables: Transaction) -> Task | None:
            found = await tables.rows("task", (function, task_id))
            if not found:
                return None
            events = await tables.rows("task_events", found[0][:1])
            return Task(rows.to_invocation(found[0]), tuple(map(rows.to_event, events)))

        return await self._tables.read(job)

    async def notes(self, request_id: str, *, logs: bool = False) -> Sequence[Note]:
        found = await self._tables.rows("task_notes", (request_id, logs))
        return [rows.to_note(row) for row in found]

    async def add_notes(self, notes: Sequence[Note]) -> None:
        values = [rows.from_note(note) for note in notes]
        await self._tables.write(lambda tables: tables.each("insert_note", values))

    async def prune(self, *, ended_before: int) -> int:
        async def job(tables: Transaction) -> int:
            found = await tables.rows("ended", (ended_before, steps.PRUNED_AT_ONCE))
            numbers = rows.as_json([number for _, number, *_ in found])
            await tables.do("delete_events", (numbers,))
            await tables.do("delete_notes", (numbers,))
            await tables.forget([rows.Holder(*row) for row in found])
            return len(found)

        return await steps.prune_all(lambda: self._tables.write(job))

    async def next_due(self) -> int | None:
        return await self._number("next_due")

    async def upcoming(self, limit: int) -> Sequence[Invocation]:
        return [rows.to_invocation(row) for row in await self._tables.rows("upcoming", (limit,))]

    async def stats(self) -> Stats:
        async def job(tables: Transaction) -> Stats:
            return Stats(
                by_status={Status(status): n for status, n in await tables.rows("tally", ())},
                oldest_due_at=await tables.value("oldest_due", ()),
                deliveries_pending=await tables.value("jobs_of_kind", (DELIVERY,)) or 0,
                deliveries_dead=await tables.value("jobs_dead", ()) or 0,
            )

        return await self._tables.read(job)

    async def prune_metrics(self, *, before: int) -> int:
        async def job(tables: Transaction) -> int:
            values = (steps.minute(before), steps.PRUNED_AT_ONCE)
            found = await tables.rows("prune_metrics", values)
            await tables.add(rows.pruned(found), "pruned")
            return len(found)

        return await steps.prune_all(lambda: self._tables.write(job))

    async def add_jobs(self, jobs: Sequence[Job], counts: Sequence[Count] = ()) -> None:
        keys = rows.as_json([job.key for job in jobs])

        async def job(tables: Transaction) -> None:
            if counts and not await tables.value("any_job", (keys,)):
                await self._count(tables, counts, "add")
            await tables.insert_jobs(jobs)

        await self._tables.write(job)

    async def ensure_jobs(self, jobs: Sequence[Job]) -> None:
        await self._tables.write(lambda tables: tables.insert_jobs(jobs, replace=False))

    async def claim_jobs(
        self, kind: str, limit: int, *, now: int, until: int, owner: str
    ) -> Sequence[Job]:
        async def job(tables: Transaction) -> Sequence[Job]:
            due = map(rows.to_job, await tables.rows("due_jobs", (kind, now, limit)))
            taken = [steps.job_claimed(job, until=until, owner=owner) for job in due]
            if taken:
                keys = rows.as_json([job.key for job in taken])
                await tables.do("take_jobs", {"until": until, "owner": owner, "keys": keys})
            return taken

        return await self._tables.write(job)

    async def extend_jobs(self, leases: Collection[Lease], *, until: int) -> None:
        values = {"until": until, "leases": rows.as_json(list(leases))}
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
        values = (*(after or steps.BEFORE_ALL_DEAD), limit)
        return [rows.to_job(row) for row in await self._tables.rows("dead_jobs", values)]

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
        found = await self._tables.rows(statement, rows.asked_metrics(query))
        return [Sample(*row) for row in found]

    async def _count(self, tables: Transaction, counts: Sequence[Count], what: str) -> None:
        await tables.add(rows.sums(counts), f"{what}-{self._writer}")

    async def _changed(self, statement: str, values: Values) -> bool:
        return await self._tables.write(lambda tables: tables.changed(statement, values)) > 0

    async def _number(self, statement: str, values: Values = ()) -> int | None:
        found = await self._tables.rows(statement, values)
        number: int | None = found[0][0] if found else None
        return number


async def start(tables: Transaction, items: Sequence[Start]) -> Sequence[Started]:
    """Mark claimed invocations as running, each if its lease still holds and it may run."""
    asked = {(lease.key, lease.epoch): now for lease, now, _ in items}
    given = [
        {"key": lease.key, "epoch": lease.epoch, "now": now, "instance_id": instance_id}
        for lease, now, instance_id in items
    ]
    values = (rows.as_json(given),)
    begun = await tables.rows("begin", values)
    await tables.record(
        [
            rows.from_event(number, TaskEvent(status=Status.RUNNING, at=asked[key, epoch]))
            for number, key, epoch, task_mode in begun
            if task_mode
        ]
    )
    found = {(key, epoch): Status.RUNNING.value for _, key, epoch, _ in begun}
    if len(found) < len(asked):
        others = await tables.rows("status_of", values)
        found |= {(key, epoch): status for key, epoch, status in others}
    return [steps.start_result(found.get((lease.key, lease.epoch))) for lease, *_ in items]


async def settle(
    tables: Transaction, items: Sequence[Settle], writer: str = ""
) -> Sequence[Settled]:
    """Write what followed from attempts, each if its lease still holds."""
    keys = rows.as_json([item.lease.key for item in items])
    holders = {each.key: each for each in rows.to_holders(await tables.value("holders", (keys,)))}
    results: list[Settled] = []
    done: list[tuple[rows.Holder, Invocation, Settlement]] = []
    for lease, settlement in items:
        after = steps.settled(lease, settlement)
        holder = holders.get(lease.key)
        if holder is None or holder.epoch != lease.epoch:
            results.append(Settled.STALE)
        elif holder.status == Status.STOPPING.value and after.status.waiting:
            results.append(Settled.STOPPING)
        else:
            results.append(Settled.DONE)
            done.append((holders.pop(lease.key), after, settlement))
    ended = [each for each, after, _ in done if after.status.final and not each.task_mode]
    gone = {each.number for each in ended}
    await tables.write_back(
        [(each.number, after, s.events) for each, after, s in done if each.number not in gone]
    )
    await tables.forget(ended)
    await tables.insert_jobs([s.delivery for _, _, s in done if s.delivery is not None])
    await tables.each("insert_note", [rows.from_note(one) for _, _, s in done for one in s.notes])
    counts = itertools.chain.from_iterable(s.counts for _, _, s in done)
    await tables.add(rows.sums(counts), f"settle-{writer}")
    return results


async def settle_jobs(
    tables: Transaction, items: Sequence[tuple[Lease, JobSettlement]], writer: str = ""
) -> Sequence[Settled]:
    """Write what followed from tries of jobs; see :meth:`JobStore.settle_job`."""
    results: list[Settled] = []
    done: list[JobSettlement] = []
    shown: list[tuple[str, str]] = []
    ends = [{"key": one.key, "epoch": one.epoch} for one, after in items if after.job is None]
    finished = set(await tables.rows("finish_jobs", (rows.as_json(ends),)) if ends else ())
    for lease, settlement in items:
        after, right = settlement.job, (lease.key, lease.epoch)
        if after is None:
            held = right in finished
            finished.discard(right)
        else:
            values = (after.due_at, after.tries, after.state, after.error)
            held = bool(await tables.changed("settle_job", (*values, *right)))
        results.append(Settled.DONE if held else Settled.STALE)
        if held:
            done.append(settlement)
            if settlement.destination_status:
                shown.append((settlement.destination_status, lease.key))
    await tables.each("show_destination", shown)
    await tables.insert_jobs([job for each in done for job in each.added])
    counts = itertools.chain.from_iterable(each.counts for each in done)
    await tables.add(rows.sums(counts), f"job-{writer}")
    await tables.each("insert_note", [rows.from_note(one) for each in done for one in each.notes])
    return results


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
            await tables.lock("one_view", ())
            revision = await tables.value("revision", ())
            return int(revision), [Document(*row) for row in await tables.rows("documents", ())]

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

    async def put_blob(self, key: str, data: bytes, *, now: int) -> None:
        async def job(tables: Transaction) -> None:
            # First, for its lock: a transaction that prunes waits for it or leaves the blob out.
            await tables.do("use_blob", (key, now))
            await tables.do("put_blob", (key, data))

        await self._tables.write(job)

    async def prune_blobs(self, in_use: Collection[str], *, now: int, used_before: int) -> int:
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
        found = await self._tables.rows("get_blob", (key,))
        return bytes(found[0][0]) if found else None
