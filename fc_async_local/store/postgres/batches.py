# SPDX-License-Identifier: MIT
"""The verbs that every invocation needs, for all that wait in one group.

Functions of the database, or of a connection in a transaction, and a list of items; as few round
trips as possible. Rows are locked in the order of their ids, so that nodes don't lock each other
out.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Final

import msgspec

from fc_async_local.domain.invocation import Invocation, Job, Lease
from fc_async_local.domain.states import Status
from fc_async_local.store import rows, steps
from fc_async_local.store.postgres.database import SQL, without_nul
from fc_async_local.store.protocol import DuplicateTask, Settled, Started

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from fc_async_local.domain.invocation import Count, Note, Settlement
    from fc_async_local.store.postgres.database import Connection, PostgresDatabase
    from fc_async_local.store.steps import Accept, Settle, Start
    from fc_async_local.store.transactions import Changed


_COUNTED: Final = ("metric", "function", "minute", "value", "number", "largest")


async def accept(database: PostgresDatabase, items: Sequence[Accept]) -> Sequence[Exception | None]:
    """Keep new invocations in one statement; those whose id is taken fail."""
    # One statement cannot insert a key twice: of equal ids in a group, the first one is inserted.
    first: dict[str, int] = {}
    for place, item in enumerate(items):
        first.setdefault(item.invocation.request_id, place)
    unique = [items[place] for place in first.values()]
    payloads = [item.invocation.payload for item in unique]
    counts = [
        {"place": place, **dict(zip(_COUNTED, counted, strict=True))}
        for place, item in enumerate(unique, 1)
        for counted in rows.sums(rows.counted(item))
    ]
    small = documents(_document(item.invocation) for item in unique)
    # Each kind of write has its own rows of counts: transactions that run at the same time would
    # wait for each other on a shared row.
    source = f"accept-{database.writer_id}"
    kept = await database.ask(SQL["accept"], [small, payloads, source, rows.as_json(counts)])
    places = {first[request_id] for (request_id,) in kept}
    return [
        None if place in places else DuplicateTask(item.invocation.task_id)
        for place, item in enumerate(items)
    ]


async def start(database: PostgresDatabase, items: Sequence[Start]) -> Sequence[Started]:
    """Mark claimed invocations as running, each if its lease still holds and it may run."""
    leases = {item.lease: item for item in items}
    values = [(*_key(lease), item.now, item.instance_id) for lease, item in leases.items()]
    begun = await database.ask(SQL["begin"], columns(values))
    results = {Lease(key=key, epoch=epoch): Started.RUNNING for key, epoch in begun}
    others = [lease for lease in leases if lease not in results]
    if others:
        found = await database.ask(SQL["status_of"], columns([_key(lease) for lease in others]))
        status = {Lease(key=key, epoch=epoch): status for key, epoch, status in found}
        results |= {lease: steps.refused_start(status.get(lease)) for lease in others}
    return [results[item.lease] for item in items]


async def settle(database: PostgresDatabase, items: Sequence[Settle]) -> Sequence[Settled]:
    """Write what followed from attempts, each if its lease still holds."""
    source = f"settle-{database.writer_id}"
    return await database.run(lambda connection: _settle(connection, items, source), pipelined=True)


async def _settle(
    connection: Connection, items: Sequence[Settle], source: str
) -> Sequence[Settled]:
    afters = [steps.settled(item.lease, item.settlement) for item in items]
    keys = rows.as_json([item.lease.key for item in items])
    cursor = await connection.execute(SQL["holders"], [keys])
    held = {row[0]: row[1:] for row in await cursor.fetchall()}
    results: list[Settled] = []
    done: list[tuple[int, Invocation, Settlement]] = []
    forgotten: list[int] = []
    for item, after in zip(items, afters, strict=True):
        number, epoch, status, task_mode = held.get(item.lease.key, (0, None, "", False))
        if epoch != item.lease.epoch:
            results.append(Settled.STALE)
        elif status == Status.STOPPING.value and after.status.waiting:
            results.append(Settled.STOPPING)
        else:
            results.append(Settled.DONE)
            del held[item.lease.key]
            done.append((number, after, item.settlement))
            if after.status.final and not task_mode:
                forgotten.append(number)
    await _write_settled(connection, done, forgotten, source)
    return results


async def _write_settled(
    connection: Connection,
    done: Sequence[tuple[int, Invocation, Settlement]],
    forgotten: Sequence[int],
    source: str,
) -> None:
    gone = set(forgotten)
    kept = [each for each in done if each[0] not in gone]
    deliveries = [s.delivery for _, _, s in done if s.delivery is not None]
    await write_back(connection, [(n, after, s.events) for n, after, s in kept])
    if forgotten:
        await connection.execute(SQL["forget"], [list(forgotten)])
    await insert_jobs(connection, deliveries)
    await note(connection, [note for _, _, s in done for note in s.notes])
    counts = itertools.chain.from_iterable(s.counts for _, _, s in done)
    await count(connection, counts, source)


async def note(connection: Connection, notes: Sequence[Note]) -> None:
    """Write notes of tasks."""
    for one in notes:
        await connection.execute(SQL["insert_note"], rows.from_note(one))


async def insert_jobs(connection: Connection, jobs: Sequence[Job], *, replace: bool = True) -> None:
    """Write jobs; one of the same key is replaced, or stays."""
    if jobs:
        statement = SQL["insert_jobs" if replace else "ensure_jobs"]
        await connection.execute(statement, [documents(map(_document, jobs))])


async def write_back(connection: Connection, changed: Sequence[Changed]) -> None:
    """Replace what may change of invocations; in task mode record their steps."""
    if not changed:
        return
    afters = documents(_document(after) | {"id": number} for number, after, _ in changed)
    await connection.execute(SQL["replace_invocations"], [afters])
    await record(
        connection,
        [
            rows.from_event(number, event)
            for number, after, events in changed
            if after.task_mode
            for event in events
        ],
    )


async def record(connection: Connection, events: Sequence[tuple[object, ...]]) -> None:
    """Record steps of tasks."""
    if events:
        await connection.execute(SQL["insert_events"], columns(events))


async def count(connection: Connection, counts: Iterable[Count], source: str) -> None:
    """Add to the metrics, in rows that only this source writes."""
    await add_sums(connection, rows.sums(counts), source)


async def add_sums(connection: Connection, sums: Sequence[tuple[object, ...]], source: str) -> None:
    """Add what :func:`rows.sums` returned to the metrics."""
    if sums:
        await connection.execute(SQL["count"], columns([(*each, source) for each in sums]))


def documents(records: Iterable[Mapping[str, object]]) -> str:
    """Return rows for ``json_populate_recordset``: far cheaper than an array for each column."""
    return rows.as_json(list(records))


def _document(record: Invocation | Job) -> dict[str, object]:
    """Return the columns of a record; the payload of an invocation goes its own way."""
    values: dict[str, object] = msgspec.structs.asdict(record)
    if isinstance(record, Invocation):
        del values["payload"]
    # Only the error, a message of user code, may hold NULs.
    values["error"] = without_nul(record.error)
    for name, value in values.items():
        if isinstance(value, bytes):
            values[name] = f"\\x{value.hex()}"
    return values


def columns(values: Sequence[tuple[object, ...]]) -> list[list[object]]:
    """Rows as one array for each column, for ``unnest``."""
    return [
        [without_nul(value) if isinstance(value, str) else value for value in column]
        for column in zip(*values, strict=True)
    ]


def _key(lease: Lease) -> tuple[str, int]:
    return lease.key, lease.epoch
