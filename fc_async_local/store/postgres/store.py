# SPDX-License-Identifier: MIT
"""Invocations, jobs and metrics on a PostgreSQL server that several nodes share.

Claims skip what another node is just claiming (``FOR UPDATE SKIP LOCKED``); leases do the rest. The
verbs that every invocation needs are gathered into one transaction for all who wait.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from fc_async_local.domain.states import Status
from fc_async_local.store import rows, sql, steps
from fc_async_local.store.postgres import batches
from fc_async_local.store.postgres.database import SQL
from fc_async_local.store.postgres.transactions import PostgresTransactions
from fc_async_local.store.protocol import (
    ERRORS_SEARCHED,
    Settled,
    StopResult,
    TaskCounts,
    TaskPage,
)
from fc_async_local.store.tables import TableStore

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
    from fc_async_local.store.postgres.database import Connection, PostgresDatabase
    from fc_async_local.store.protocol import Started, TaskQuery

SCHEMA: Final = sql.schema("store", "fc_async_local.store.postgres")

_LISTS: Final = {
    (name, descending): SQL[name]
    .replace(b"{before}", b"<" if descending else b">")
    .replace(b"{order}", b"DESC" if descending else b"ASC")
    for name in ("tasks", "tasks_of_function", "tasks_in_status")
    for descending in (True, False)
}


class PostgresStore(TableStore):
    """Implements :class:`~fc_async_local.store.protocol.Store`. One event loop."""

    def __init__(self, database: PostgresDatabase) -> None:
        """Use a database whose ``SCHEMA`` has been migrated; closing it stays the caller's."""
        super().__init__(PostgresTransactions(database, SQL))
        self._database = database

    async def accept(self, invocation: Invocation, counts: Sequence[Count] = ()) -> None:
        await self._database.in_group(batches.accept, steps.Accept(invocation, counts))

    async def claim(
        self, limit: int, *, now: int, until: int, owner: str, ahead: int = 0
    ) -> Sequence[Invocation]:
        source = f"claim-{self._database.writer_id}"

        async def job(connection: Connection) -> Sequence[Invocation]:
            # Binary: a payload in text form is twice as long.
            values = (now + ahead, now, limit)
            cursor = await connection.execute(SQL["due"], values, binary=True)
            due = await cursor.fetchall()
            if not due:
                return []
            taken: list[tuple[int, Invocation]] = []
            events: list[tuple[object, ...]] = []
            befores = [rows.to_invocation(row) for row in due]
            for row, before in zip(due, befores, strict=True):
                after, its_steps = steps.claimed(before, now=now, until=until, owner=owner)
                taken.append((row[0], after))
                if after.task_mode:
                    events.extend(rows.from_event(row[0], step) for step in its_steps)
            changes = rows.as_json(
                [
                    {
                        "id": id_,
                        "status": each.status,
                        "epoch": each.epoch,
                        "interruptions": each.interruptions,
                    }
                    for id_, each in taken
                ]
            )
            await connection.execute(SQL["take"], (until, owner, changes))
            await batches.record(connection, events)
            await batches.count(connection, steps.newly_held(befores, now), source)
            return [invocation for _, invocation in taken]

        return await self._database.run(job, pipelined=True)

    async def start(self, lease: Lease, *, now: int, instance_id: str = "") -> Started:
        item = steps.Start(lease, now, instance_id)
        return await self._database.in_group(batches.start, item)

    async def extend(self, leases: Collection[Lease], *, until: int) -> Mapping[str, bool]:
        keys = [lease.key for lease in leases]
        values = (keys, [lease.epoch for lease in leases], until)
        extended = dict(await self._rows("prolong", values))
        return {
            key: key in extended
            for key in keys
            if key not in extended or extended[key] == Status.STOPPING.value
        }

    async def settle(self, lease: Lease, settlement: Settlement) -> Settled:
        steps.settled(lease, settlement)  # a mistake is the caller's alone, not its group's
        return await self._database.in_group(batches.settle, steps.Settle(lease, settlement))

    async def release(self, owner: str, *, now: int) -> int:
        source = f"release-{self._database.writer_id}"

        async def job(connection: Connection) -> int:
            held = await (await connection.execute(SQL["held"], (owner,))).fetchall()
            freed = [(row[0], *steps.released(rows.to_invocation(row), now=now)) for row in held]
            await batches.write_back(connection, freed)
            ended = steps.in_process((after.function for _, after, _ in freed), -1, now)
            await batches.count(connection, ended, source)
            jobs = await connection.execute(SQL["release_jobs"], (now, owner))
            return len(held) + jobs.rowcount

        return await self._database.run(job)

    async def stop(
        self, function: str, task_id: str, *, now: int, until: int, owner: str
    ) -> StopResult | None:
        source = f"stop-{self._database.writer_id}"

        async def job(connection: Connection) -> StopResult | None:
            cursor = await connection.execute(SQL["task_for_update"], (function, task_id))
            row = await cursor.fetchone()
            if row is None:
                return None
            before = rows.to_invocation(row)
            after, its_steps, claimed = steps.stopped(before, now=now, until=until, owner=owner)
            if after is not before:
                await batches.write_back(connection, [(row[0], after, its_steps)])
            if claimed:
                await batches.count(connection, steps.newly_held((before,), now), source)
            return StopResult(after, claimed)

        return await self._database.run(job)

    async def add_notes(self, notes: Sequence[Note]) -> None:
        await self._database.run(lambda connection: batches.note(connection, notes))

    async def query(self, query: TaskQuery) -> TaskPage:
        parts, _ = await self._halves(query)
        return steps.merged(query, [await self._page(half) for half in parts])

    async def _halves(self, query: TaskQuery) -> tuple[list[TaskQuery], bool]:
        """Return the halves of a query, and whether they are complete."""
        oldest = await self._value("oldest_error", (ERRORS_SEARCHED,)) if query.text else None
        parts = steps.halves(query)
        return [steps.since_error(half, oldest) if half.text else half for half in parts], (
            oldest is None
        )

    async def _page(self, query: TaskQuery) -> TaskPage:
        values = dict(rows.asked(query))

        async def job(connection: Connection) -> TaskPage:
            if query.statuses is not None:
                kept = await connection.execute(SQL["functions_in"], values, binary=True)
                asked = [
                    ("tasks_in_status", values | {"function": function, "status": status})
                    for function, status in await kept.fetchall()
                ]
            elif query.function is None:
                asked = [("tasks", values)]
            else:
                asked = [("tasks_of_function", values)]
            lists = [
                await (
                    await connection.execute(
                        _LISTS[name, query.descending], its_values, binary=True
                    )
                ).fetchall()
                for name, its_values in asked
            ]
            return steps.page_of(query, [map(rows.to_invocation, each) for each in lists])

        return await self._database.run(job)

    async def count_tasks(self, query: TaskQuery, *, most: int) -> TaskCounts:
        parts, complete = await self._halves(query)
        counts = [await self._counts(half, most) for half in parts]
        return steps.added(counts, complete=complete)

    async def _counts(self, query: TaskQuery, most: int) -> TaskCounts:
        values = {**rows.asked(query), "most": most + 1}
        others = (query.error, query.started_from, query.started_to, query.text or None)
        by_row = query.statuses is None or any(each is not None for each in others)

        async def found(name: str) -> Sequence[Any]:
            async def job(connection: Connection) -> Sequence[Any]:
                return await (await connection.execute(SQL[name], values, binary=True)).fetchall()

            return await self._database.run(job)

        if by_row and not query.is_by_status:
            return rows.to_counts(await found("count_tasks"), most)
        numbers = dict(await found("tally_of_tasks" if query.is_by_status else "count_in_status"))
        return rows.to_counts_by_status(numbers, None if query.is_by_status else most)

    async def prune(self, *, ended_before: int) -> int:
        async def some() -> int:
            ((forgotten,),) = await self._rows("prune", (ended_before, steps.PRUNED_AT_ONCE))
            return int(forgotten)

        return await steps.prune_all(some)

    async def prune_metrics(self, *, before: int) -> int:
        async def job(connection: Connection) -> int:
            values = (steps.minute(before), steps.PRUNED_AT_ONCE)
            found = await (await connection.execute(SQL["prune_metrics"], values)).fetchall()
            await batches.add_sums(connection, rows.pruned(found), "pruned")
            return len(found)

        return await steps.prune_all(lambda: self._database.run(job))

    async def add_jobs(self, jobs: Sequence[Job], counts: Sequence[Count] = ()) -> None:
        keys = [job.key for job in jobs]
        source = f"add-{self._database.writer_id}"

        async def write(connection: Connection) -> None:
            if counts:
                cursor = await connection.execute(SQL["any_job"], (keys,))
                if await cursor.fetchone() != (True,):
                    await batches.count(connection, counts, source)
            await batches.insert_jobs(connection, jobs)

        await self._database.run(write)

    async def ensure_jobs(self, jobs: Sequence[Job]) -> None:
        async def write(connection: Connection) -> None:
            await connection.execute(SQL["ensure_jobs"], [batches.documents(jobs)])

        if jobs:
            await self._database.run(write)

    async def claim_jobs(
        self, kind: str, limit: int, *, now: int, until: int, owner: str
    ) -> Sequence[Job]:
        async def write(connection: Connection) -> Sequence[Job]:
            cursor = await connection.execute(SQL["due_jobs"], (kind, now, limit), binary=True)
            due = map(rows.to_job, await cursor.fetchall())
            taken = [steps.job_claimed(job, until=until, owner=owner) for job in due]
            if taken:
                values = (until, owner, [job.key for job in taken])
                await connection.execute(SQL["take_jobs"], values)
            return taken

        return await self._database.run(write)

    async def extend_jobs(self, leases: Collection[Lease], *, until: int) -> None:
        keys, epochs = [lease.key for lease in leases], [lease.epoch for lease in leases]

        async def write(connection: Connection) -> None:
            await connection.execute(SQL["prolong_jobs"], (keys, epochs, until))

        await self._database.run(write)

    async def settle_job(self, lease: Lease, settlement: JobSettlement) -> Settled:
        item = batches.SettleJob(lease, settlement)
        return await self._database.in_group(batches.settle_jobs, item)

    async def aclose(self) -> None:
        """Do nothing: the caller closes the database, which then writes what waits."""

    async def _rows(self, statement: str, values: Any = ()) -> list[tuple[Any, ...]]:
        return await self._database.ask(SQL[statement], values)

    async def _value(self, statement: str, values: Sequence[object] = ()) -> int | None:
        found = await self._rows(statement, values)
        return found[0][0] if found else None
