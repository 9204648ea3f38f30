# SPDX-License-Identifier: MIT
"""Verbs of the stores that run the same statements in SQLite and in PostgreSQL."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fc_async_local.domain.invocation import DELIVERY
from fc_async_local.domain.metrics import Sample
from fc_async_local.domain.states import Status
from fc_async_local.store import rows, steps
from fc_async_local.store.protocol import EVERYTHING, ChangeRefused, Document, Stats, Task

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fc_async_local.domain.invocation import Invocation, Job, Note
    from fc_async_local.store.protocol import Change, MetricQuery
    from fc_async_local.store.transactions import Transaction, Transactions, Values


class TableStore:
    """A part of :class:`~fc_async_local.store.protocol.Store`.

    Args:
        tables: Where its statements run.
    """

    def __init__(self, tables: Transactions) -> None:
        self._tables = tables

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

    async def next_job_due(self, kind: str) -> int | None:
        """See :meth:`JobStore.next_job_due`."""
        return await self._number("next_job_due", (kind,))

    async def jobs_pending(self, kind: str, scope: str) -> int:
        """See :meth:`JobStore.jobs_pending`."""
        return await self._number("jobs_of_scope", (kind, scope)) or 0

    async def dead_jobs(
        self, *, limit: int = 100, after: tuple[int, str] | None = None
    ) -> Sequence[Job]:
        """See :meth:`JobStore.dead_jobs`."""
        values = (*(after or steps.BEFORE_ALL_DEAD), limit)
        return [rows.to_job(row) for row in await self._tables.rows("dead_jobs", values)]

    async def redrive(self, key: str, *, now: int) -> bool:
        """See :meth:`JobStore.redrive`."""

        async def job(tables: Transaction) -> bool:
            if not await tables.changed("redrive", (now, key)):
                return False
            await tables.do("show_destination", (steps.REDRIVEN, key))
            return True

        return await self._tables.write(job)

    async def discard_dead(self, key: str) -> bool:
        """See :meth:`JobStore.discard_dead`."""
        return await self._changed("discard_dead", (key,))

    async def metrics(self, query: MetricQuery = EVERYTHING) -> Sequence[Sample]:
        statement = "metrics" if query.metrics is None else "metrics_by_name"
        found = await self._tables.rows(statement, rows.asked_metrics(query))
        return [Sample(*row) for row in found]

    async def _changed(self, statement: str, values: Values) -> bool:
        return await self._tables.write(lambda tables: tables.changed(statement, values)) > 0

    async def _number(self, statement: str, values: Values = ()) -> int | None:
        found = await self._tables.rows(statement, values)
        number: int | None = found[0][0] if found else None
        return number


class TableDocuments:
    """Implements :class:`~fc_async_local.store.protocol.DocumentStore`.

    Args:
        tables: Where its statements run.
    """

    def __init__(self, tables: Transactions) -> None:
        self._tables = tables

    async def revision(self) -> int:
        """See :meth:`DocumentStore.revision`."""
        ((revision,),) = await self._tables.rows("revision", ())
        return int(revision)

    async def load(self) -> tuple[int, Sequence[Document]]:
        """See :meth:`DocumentStore.load`."""

        async def job(tables: Transaction) -> tuple[int, Sequence[Document]]:
            await tables.lock("one_view", ())
            revision = await tables.value("revision", ())
            return int(revision), [Document(*row) for row in await tables.rows("documents", ())]

        return await self._tables.read(job)

    async def write(self, changes: Sequence[Change]) -> int:
        """See :meth:`DocumentStore.write`."""

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
