# SPDX-License-Identifier: MIT
"""Invocations, jobs and metrics in the runtime's SQLite file.

The verbs that every invocation needs (accept, start, settle) are batches: all that wait in one
group go through as few statements as possible. The file is this process' alone
(:mod:`fc_async_local.store.sqlite.files`), so ids are numbered here.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Final

from fc_async_local.domain.states import Status
from fc_async_local.store import rows, sql, steps
from fc_async_local.store.protocol import Settled, StopResult
from fc_async_local.store.sqlite import batches, searching
from fc_async_local.store.sqlite.batches import SQL
from fc_async_local.store.sqlite.transactions import SqliteTransactions
from fc_async_local.store.tables import TableStore

if TYPE_CHECKING:
    import sqlite3
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
    from fc_async_local.store.protocol import (
        Started,
        TaskCounts,
        TaskPage,
        TaskQuery,
    )
    from fc_async_local.store.sqlite.database import Database

SCHEMA: Final = sql.schema("store", "fc_async_local.store.sqlite")


class SqliteStore(TableStore):
    """Implements :class:`~fc_async_local.store.protocol.Store`. Make it with :meth:`open`."""

    def __init__(self, database: Database, last_id: int) -> None:
        super().__init__(SqliteTransactions(database, SQL))
        self._database = database
        # Rows are numbered here, so that steps and payloads of a batch can be written without
        # reading ids back. No other process writes to the file.
        self._numbers = itertools.count(last_id + 1)

    @classmethod
    async def open(cls, database: Database) -> SqliteStore:
        """Use a database whose ``SCHEMA`` has been migrated; closing it stays the caller's."""
        (last_id,) = await database.read(lambda c: c.execute(SQL["last_id"]).fetchone())
        return cls(database, last_id)

    async def accept(self, invocation: Invocation, counts: Sequence[Count] = ()) -> None:
        item = steps.Accept(invocation, counts, next(self._numbers))
        await self._database.write_item(batches.accept, item)

    async def claim(
        self, limit: int, *, now: int, until: int, owner: str, ahead: int = 0
    ) -> Sequence[Invocation]:
        def job(connection: sqlite3.Connection) -> Sequence[Invocation]:
            taken: list[tuple[int, Invocation]] = []
            events: list[tuple[object, ...]] = []
            due = connection.execute(SQL["due"], (now + ahead, now, limit)).fetchall()
            befores = [rows.to_invocation(row) for row in due]
            for row, before in zip(due, befores, strict=True):
                after, its_steps = steps.claimed(before, now=now, until=until, owner=owner)
                taken.append((row[0], after))
                if after.task_mode:
                    events.extend(rows.from_event(row[0], step) for step in its_steps)
            changes = [
                (number, after.status.value, after.epoch, after.interruptions)
                for number, after in taken
            ]
            connection.execute(SQL["take"], (until, owner, rows.as_json(changes)))
            connection.executemany(SQL["insert_event"], events)
            batches.count(connection, steps.newly_held(befores, now))
            return [invocation for _, invocation in taken]

        return await self._database.write(job)

    async def start(self, lease: Lease, *, now: int, instance_id: str = "") -> Started:
        return await self._database.write_item(batches.start, steps.Start(lease, now, instance_id))

    async def extend(self, leases: Collection[Lease], *, until: int) -> Mapping[str, bool]:
        def job(connection: sqlite3.Connection) -> Mapping[str, bool]:
            attention: dict[str, bool] = {}
            for lease in leases:
                row = batches.one(connection, "prolong", until, lease.key, lease.epoch)
                if row is None:
                    attention[lease.key] = False
                elif row[0] == Status.STOPPING.value:
                    attention[lease.key] = True
            return attention

        return await self._database.write(job)

    async def settle(self, lease: Lease, settlement: Settlement) -> Settled:
        return await self._database.write_item(batches.settle, steps.Settle(lease, settlement))

    async def release(self, owner: str, *, now: int) -> int:
        def job(connection: sqlite3.Connection) -> int:
            held = connection.execute(SQL["held"], (owner,)).fetchall()
            functions: list[str] = []
            for row in held:
                after, its_steps = steps.released(rows.to_invocation(row), now=now)
                batches.write_back(connection, row[0], after, its_steps)
                functions.append(after.function)
            batches.count(connection, steps.in_process(functions, -1, now))
            return len(held) + connection.execute(SQL["release_jobs"], (now, owner)).rowcount

        return await self._database.write(job)

    async def stop(
        self, function: str, task_id: str, *, now: int, until: int, owner: str
    ) -> StopResult | None:
        def job(connection: sqlite3.Connection) -> StopResult | None:
            row = batches.one(connection, "task", function, task_id)
            if row is None:
                return None
            before = rows.to_invocation(row)
            after, its_steps, claimed = steps.stopped(before, now=now, until=until, owner=owner)
            if after is not before:
                batches.write_back(connection, row[0], after, its_steps)
            if claimed:
                batches.count(connection, steps.newly_held((before,), now))
            return StopResult(after, claimed)

        return await self._database.write(job)

    async def add_notes(self, notes: Sequence[Note]) -> None:
        await self._database.write(lambda connection: batches.note(connection, notes))

    async def query(self, query: TaskQuery) -> TaskPage:
        return await self._database.read(lambda connection: searching.page(connection, query))

    async def count_tasks(self, query: TaskQuery, *, most: int) -> TaskCounts:
        return await self._database.read(
            lambda connection: searching.counts(connection, query, most)
        )

    async def prune(self, *, ended_before: int) -> int:
        def job(connection: sqlite3.Connection) -> int:
            found = connection.execute(SQL["ended"], (ended_before, steps.PRUNED_AT_ONCE))
            ended = [batches.Ended(*row) for row in found]
            numbers = rows.as_json([each.number for each in ended])
            connection.execute(SQL["delete_events"], (numbers,))
            connection.execute(SQL["delete_notes"], (numbers,))
            batches.forget(connection, ended)
            return len(ended)

        return await steps.prune_all(lambda: self._database.write(job))

    async def prune_metrics(self, *, before: int) -> int:
        values = (steps.minute(before), steps.PRUNED_AT_ONCE)

        def job(connection: sqlite3.Connection) -> int:
            found = connection.execute(SQL["prune_metrics"], values).fetchall()
            connection.executemany(SQL["count"], rows.pruned(found))
            return len(found)

        return await steps.prune_all(lambda: self._database.write(job))

    async def add_jobs(self, jobs: Sequence[Job], counts: Sequence[Count] = ()) -> None:
        keys = rows.as_json([job.key for job in jobs])

        def write(connection: sqlite3.Connection) -> None:
            if counts and not batches.value(connection, "any_job", keys):
                batches.count(connection, counts)
            batches.insert_jobs(connection, jobs)

        await self._database.write(write)

    async def ensure_jobs(self, jobs: Sequence[Job]) -> None:
        values = [rows.from_job(job) for job in jobs]
        await self._database.write(
            lambda connection: connection.executemany(SQL["ensure_job"], values)
        )

    async def claim_jobs(
        self, kind: str, limit: int, *, now: int, until: int, owner: str
    ) -> Sequence[Job]:
        def write(connection: sqlite3.Connection) -> Sequence[Job]:
            due = connection.execute(SQL["due_jobs"], (kind, now, limit)).fetchall()
            taken = [
                steps.job_claimed(job, until=until, owner=owner) for job in map(rows.to_job, due)
            ]
            connection.executemany(
                SQL["take_job"], [(job.epoch, until, owner, job.key) for job in taken]
            )
            return taken

        return await self._database.write(write)

    async def extend_jobs(self, leases: Collection[Lease], *, until: int) -> None:
        values = [(until, lease.key, lease.epoch) for lease in leases]
        await self._database.write(
            lambda connection: connection.executemany(SQL["prolong_job"], values)
        )

    async def settle_job(self, lease: Lease, settlement: JobSettlement) -> Settled:
        after, status = settlement.job, settlement.destination_status

        def write(connection: sqlite3.Connection) -> Settled:
            if after is None:
                done = connection.execute(SQL["finish_job"], (lease.key, lease.epoch))
            else:
                values = (after.due_at, after.tries, after.state, after.error)
                done = connection.execute(SQL["settle_job"], (*values, lease.key, lease.epoch))
            if done.rowcount == 0:
                return Settled.STALE
            batches.insert_jobs(connection, settlement.added)
            if status:
                connection.execute(SQL["show_destination"], (status, lease.key))
            batches.count(connection, settlement.counts)
            batches.note(connection, settlement.notes)
            return Settled.DONE

        return await self._database.write(write)

    async def aclose(self) -> None:
        """Do nothing: the caller that opened the database closes it; it may be shared."""
