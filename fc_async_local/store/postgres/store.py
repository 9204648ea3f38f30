# SPDX-License-Identifier: MIT
"""Invocations, deliveries and metrics on a PostgreSQL server that several nodes share.

Claims skip what another node is just claiming (``FOR UPDATE SKIP LOCKED``); leases do the rest. The
verbs that every invocation needs are gathered into one transaction for all who wait.
"""

from __future__ import annotations

import heapq
import itertools
from typing import TYPE_CHECKING, Any, Final

from msgspec.structs import replace

from fc_async_local.domain.states import Status
from fc_async_local.store import paging, rows, sql, steps
from fc_async_local.store.postgres import batches
from fc_async_local.store.postgres.database import SQL
from fc_async_local.store.protocol import Settled, Stats, StopResult, Task, TaskPage

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from fc_async_local.domain.invocation import (
        Count,
        Delivery,
        DeliverySettlement,
        Invocation,
        Lease,
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


class PostgresStore:
    """Implements :class:`~fc_async_local.store.protocol.Store`. One event loop."""

    def __init__(self, database: PostgresDatabase) -> None:
        """Use a database whose ``SCHEMA`` has been migrated; closing it stays the caller's."""
        self._database = database

    async def accept(self, invocation: Invocation, counts: Sequence[Count] = ()) -> None:
        """See :meth:`Store.accept`."""
        await self._database.in_group(batches.accept, batches.Accept(invocation, counts))

    async def claim(
        self, limit: int, *, now: int, until: int, owner: str, ahead: int = 0
    ) -> Sequence[Invocation]:
        """See :meth:`Store.claim`."""

        async def job(connection: Connection) -> Sequence[Invocation]:
            # Binary: a payload in text form is twice as long.
            values = (now + ahead, now, limit)
            cursor = await connection.execute(SQL["due"], values, binary=True)
            due = await cursor.fetchall()
            if not due:
                return []
            taken: list[tuple[int, Invocation]] = []
            events: list[tuple[object, ...]] = []
            for row in due:
                before = rows.to_invocation(row)
                after, its_steps = steps.claimed(before, now=now, until=until, owner=owner)
                taken.append((row[0], after))
                if after.task_mode:
                    events.extend(rows.from_event(row[0], step) for step in its_steps)
            changes = rows.as_json(
                [{"id": id_, "status": each.status, "epoch": each.epoch} for id_, each in taken]
            )
            await connection.execute(SQL["take"], (until, owner, changes))
            await batches.record(connection, events)
            return [invocation for _, invocation in taken]

        return await self._database.run(job, pipelined=True)

    async def start(self, lease: Lease, *, now: int, instance_id: str = "") -> Started:
        """See :meth:`Store.start`."""
        item = batches.Start(lease, now, instance_id)
        return await self._database.in_group(batches.start, item)

    async def extend(self, leases: Collection[Lease], *, until: int) -> Mapping[str, bool]:
        """See :meth:`Store.extend`."""
        keys = [lease.key for lease in leases]
        values = (keys, [lease.epoch for lease in leases], until)
        extended = dict(await self._rows("prolong", values))
        return {
            key: key in extended
            for key in keys
            if key not in extended or extended[key] == Status.STOPPING.value
        }

    async def settle(self, lease: Lease, settlement: Settlement) -> Settled:
        """See :meth:`Store.settle`."""
        steps.settled(lease, settlement)  # a mistake is the caller's alone, not its group's
        return await self._database.in_group(batches.settle, batches.Settle(lease, settlement))

    async def release(self, owner: str, *, now: int) -> int:
        """See :meth:`Store.release`."""

        async def job(connection: Connection) -> int:
            held = await (await connection.execute(SQL["held"], (owner,))).fetchall()
            freed = [(row[0], *steps.released(rows.to_invocation(row), now=now)) for row in held]
            await batches.write_back(connection, freed)
            deliveries = await connection.execute(SQL["release_deliveries"], (now, owner))
            return len(held) + deliveries.rowcount

        return await self._database.run(job)

    async def stop(
        self, function: str, task_id: str, *, now: int, until: int, owner: str
    ) -> StopResult | None:
        """See :meth:`Store.stop`."""

        async def job(connection: Connection) -> StopResult | None:
            cursor = await connection.execute(SQL["task_for_update"], (function, task_id))
            row = await cursor.fetchone()
            if row is None:
                return None
            before = rows.to_invocation(row)
            after, its_steps, claimed = steps.stopped(before, now=now, until=until, owner=owner)
            if after is not before:
                await batches.write_back(connection, [(row[0], after, its_steps)])
            return StopResult(after, claimed)

        return await self._database.run(job)

    async def make_due(self, function: str, task_id: str, *, now: int) -> bool:
        """See :meth:`Store.make_due`."""
        return await self._change("make_due", (now, function, task_id))

    async def get(self, function: str, task_id: str) -> Task | None:
        """See :meth:`Store.get`."""

        async def job(connection: Connection) -> Task | None:
            cursor = await connection.execute(SQL["task"], (function, task_id))
            row = await cursor.fetchone()
            if row is None:
                return None
            events = await (await connection.execute(SQL["task_events"], row[:1])).fetchall()
            return Task(rows.to_invocation(row), tuple(rows.to_event(event) for event in events))

        return await self._database.run(job)

    async def query(self, query: TaskQuery) -> TaskPage:
        """See :meth:`Store.query`."""
        values = dict(rows.asked(query))

        async def job(connection: Connection) -> list[Invocation]:
            if query.function is None:
                asked = [("tasks", values)]
            elif query.statuses is None:
                asked = [("tasks_of_function", values)]
            else:
                asked = [
                    ("tasks_in_status", values | {"status": status.value})
                    for status in query.statuses
                ]
            lists = [
                await (
                    await connection.execute(
                        _LISTS[name, query.descending], its_values, binary=True
                    )
                ).fetchall()
                for name, its_values in asked
            ]
            found = heapq.merge(
                *[map(rows.to_invocation, each) for each in lists],
                key=paging.place,
                reverse=query.descending,
            )
            return list(itertools.islice(found, query.limit + 1))

        found = await self._database.run(job)
        page = tuple(found[: query.limit])
        more = len(found) > len(page) and page
        return TaskPage(page, paging.encode(paging.place(page[-1])) if more else None)

    async def next_due(self) -> int | None:
        """See :meth:`Store.next_due`."""
        return await self._value("next_due")

    async def next_delivery_due(self) -> int | None:
        """See :meth:`Store.next_delivery_due`."""
        return await self._value("next_delivery_due")

    async def stats(self) -> Stats:
        """See :meth:`Store.stats`."""
        return Stats(
            by_status={Status(status): number for status, number in await self._rows("tally")},
            oldest_due_at=await self._value("oldest_due"),
            deliveries_pending=await self._value("deliveries_pending") or 0,
            deliveries_dead=await self._value("deliveries_dead") or 0,
        )

    async def prune(self, *, ended_before: int) -> int:
        """See :meth:`Store.prune`."""

        async def some() -> int:
            ((forgotten,),) = await self._rows("prune", (ended_before, steps.PRUNED_AT_ONCE))
            return int(forgotten)

        return await steps.prune_all(some)

    async def prune_metrics(self, *, before: int) -> int:
        """See :meth:`Store.prune_metrics`."""

        async def some() -> int:
            values = (steps.minute(before), steps.PRUNED_AT_ONCE)
            ((forgotten,),) = await self._rows("prune_metrics", values)
            return int(forgotten)

        return await steps.prune_all(some)

    async def claim_deliveries(
        self, limit: int, *, now: int, until: int, owner: str
    ) -> Sequence[Delivery]:
        """See :meth:`Store.claim_deliveries`."""

        async def job(connection: Connection) -> Sequence[Delivery]:
            cursor = await connection.execute(SQL["due_deliveries"], (now, limit), binary=True)
            due = await cursor.fetchall()
            taken = [
                replace(delivery, epoch=delivery.epoch + 1, lease_until=until, lease_owner=owner)
                for delivery in map(rows.to_delivery, due)
            ]
            if taken:
                keys = [delivery.request_id for delivery in taken]
                await connection.execute(SQL["take_deliveries"], (until, owner, keys))
            return taken

        return await self._database.run(job)

    async def settle_delivery(self, lease: Lease, settlement: DeliverySettlement) -> Settled:
        """See :meth:`Store.settle_delivery`."""
        item = batches.SettleDelivery(lease, settlement)
        return await self._database.in_group(batches.settle_deliveries, item)

    async def keep_dead(self, delivery: Delivery, counts: Sequence[Count] = ()) -> None:
        """See :meth:`Store.keep_dead`."""

        async def job(connection: Connection) -> None:
            cursor = await connection.execute(SQL["delivery_exists"], (delivery.request_id,))
            row = await cursor.fetchone()
            if row is None or not row[0]:
                await batches.count(connection, counts, f"dead-{self._database.writer_id}")
            await connection.execute(SQL["insert_deliveries"], [batches.documents([delivery])])

        await self._database.run(job)

    async def dead_deliveries(
        self, *, limit: int = 100, after: tuple[int, str] | None = None
    ) -> Sequence[Delivery]:
        """See :meth:`Store.dead_deliveries`."""
        values = (*(after or steps.BEFORE_ALL_DEAD), limit)
        return [rows.to_delivery(row) for row in await self._rows("dead_deliveries", values)]

    async def redrive(self, request_id: str, *, now: int) -> bool:
        """See :meth:`Store.redrive`."""

        async def job(connection: Connection) -> bool:
            if (await connection.execute(SQL["redrive"], (now, request_id))).rowcount == 0:
                return False
            await connection.execute(SQL["mark_destination"], ("Pending", request_id))
            return True

        return await self._database.run(job)

    async def discard_dead(self, request_id: str) -> bool:
        """See :meth:`Store.discard_dead`."""
        return await self._change("discard_dead", (request_id,))

    async def metrics(
        self, *, function: str | None = None, since: int = 0
    ) -> Mapping[tuple[str, str], int]:
        """See :meth:`Store.metrics`."""
        values = {"since": steps.minute(since), "function": function}
        return {(metric, of): value for metric, of, value in await self._rows("metrics", values)}

    async def aclose(self) -> None:
        """No-op: the caller closes the database, which then writes what waits."""

    async def _rows(self, statement: str, values: Any = ()) -> list[tuple[Any, ...]]:
        return await self._database.ask(SQL[statement], values)

    async def _value(self, statement: str) -> int | None:
        found = await self._rows(statement)
        return found[0][0] if found else None

    async def _change(self, statement: str, values: Sequence[object]) -> bool:
        async def job(connection: Connection) -> bool:
            return (await connection.execute(SQL[statement], values)).rowcount > 0

        return await self._database.run(job)
