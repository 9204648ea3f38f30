# SPDX-License-Identifier: MIT
"""The verbs that every invocation needs, for all that wait in one group of the writer.

:meth:`~fc_async_local.store.sqlite.database.Database.write_item` calls these functions with the
connection and a list of items. They write all items in as few steps of SQLite as possible: each
step releases the interpreter's lock, and the thread that takes it delays the whole group.

Invariants:
    Nothing is written for an item whose answer is a failure.
"""

from __future__ import annotations

import functools
import itertools
from collections import Counter
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeAlias

import msgspec

from fc_async_local.domain.invocation import Count, Invocation, Job, TaskEvent
from fc_async_local.domain.states import Status
from fc_async_local.store import rows, sql, steps
from fc_async_local.store.protocol import DuplicateTask, Settled, Started
from fc_async_local.store.sqlite.database import Failure

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from fc_async_local.domain.invocation import Note
    from fc_async_local.store.steps import Accept, Settle, Start


SQL: Final = sql.statements(
    "fc_async_local.store.sqlite",
    parts={
        **rows.PARTS,
        "row": ", ".join("?" * (len(rows.PARTS["columns"].split()) + 2)),
        "changes": ", ".join(f"{name} = ?" for name in rows.CHANGING),
        "job_row": ", ".join("?" * len(Job.__struct_fields__)),
    },
)

_Kind: TypeAlias = tuple[str, bool, str]
"""Key of the counted invocations: function, whether in task mode, status."""

_ROWS: Final = 64
"""In one statement at most: a power of two, and far from SQLite's limit of 32,766 values."""


class Holder(msgspec.Struct, array_like=True):
    """A held invocation, as the statement ``holders`` tells of it, and what became of it."""

    key: str
    number: int
    epoch: int
    function: str
    status: str
    task_mode: bool
    settled: bool = False
    forgotten: bool = False


class Ended(NamedTuple):
    """An invocation that is remembered no longer."""

    number: int
    function: str
    status: str
    task_mode: bool


_holders: Final = msgspec.json.Decoder(list[Holder], strict=False).decode


def accept(connection: sqlite3.Connection, items: Sequence[Accept]) -> Sequence[Failure | None]:
    """Keep new invocations; those whose id is taken fail."""
    given = [rows.from_invocation(item.number, item.invocation) for item in items]
    kept = items
    results: list[Failure | None] = [None] * len(items)
    # The INSERT ignores ids that are taken. Which ones these were is asked for only in this rare
    # case.
    if insert(connection, "insert_invocation", given) < len(items):
        span = (min(item.number for item in items), max(item.number for item in items))
        present = {number for (number,) in connection.execute(SQL["numbers"], span)}
        kept = [item for item in items if item.number in present]
        results = [
            None if item.number in present else Failure(DuplicateTask(item.invocation.task_id))
            for item in items
        ]
    invocations = [item.invocation for item in kept]
    payloads = [(item.number, item.invocation.payload) for item in kept]
    insert(connection, "insert_payload", payloads)
    connection.executemany(
        SQL["insert_event"],
        [
            (item.number, Status.ENQUEUED.value, item.invocation.accepted_at, "{}")
            for item in kept
            if item.invocation.task_mode
        ],
    )
    tally(
        connection,
        Counter((each.function, each.task_mode, each.status.value) for each in invocations),
    )
    count(connection, itertools.chain.from_iterable(rows.counted(item) for item in kept))
    return results


def start(connection: sqlite3.Connection, items: Sequence[Start]) -> Sequence[Started]:
    """Mark claimed invocations as running, each if its lease still holds and it may run."""
    results: list[Started] = []
    for item in items:
        lease, now = item.lease, item.now
        row = one(connection, "begin", item.instance_id, now, lease.key, lease.epoch)
        if row is None:
            holder = one(connection, "holder", lease.key, lease.epoch)
            results.append(steps.refused_start(None if holder is None else holder[1]))
            continue
        if row[1]:
            event = TaskEvent(status=Status.RUNNING, at=now)
            connection.execute(SQL["insert_event"], rows.from_event(row[0], event))
        results.append(Started.RUNNING)
    return results


def settle(connection: sqlite3.Connection, items: Sequence[Settle]) -> Sequence[Settled]:
    """Write what followed from attempts, each if its lease still holds."""
    found = value(connection, "holders", rows.as_json([item.lease.key for item in items]))
    holders = {holder.key: holder for holder in _holders(found)}
    results = [_settle_one(connection, item, holders) for item in items]
    forget(connection, [holder for holder in holders.values() if holder.forgotten])
    done = [item for item, result in zip(items, results, strict=True) if result is Settled.DONE]
    count(connection, itertools.chain.from_iterable(item.settlement.counts for item in done))
    return results


def _settle_one(
    connection: sqlite3.Connection, item: Settle, holders: dict[str, Holder]
) -> Settled:
    """Settle one; what is to be forgotten is marked, to be deleted with the others."""
    lease, settlement = item.lease, item.settlement
    holder = holders.get(lease.key)
    if holder is None or holder.epoch != lease.epoch or holder.settled:
        return Settled.STALE
    after = steps.settled(lease, settlement)
    if holder.status == Status.STOPPING.value and after.status.waiting:
        return Settled.STOPPING
    holder.settled = True
    holder.forgotten = after.status.final and not holder.task_mode
    if not holder.forgotten:
        write_back(connection, holder.number, after, settlement.events)
    if settlement.delivery is not None:
        insert_jobs(connection, [settlement.delivery])
    if settlement.notes:
        note(connection, settlement.notes)
    return Settled.DONE


def forget(connection: sqlite3.Connection, those: Collection[Holder | Ended]) -> None:
    """Delete invocations with their payloads; their steps, if there are any, went before."""
    if not those:
        return
    numbers = rows.as_json([each.number for each in those])
    for statement in ("delete_payloads", "delete_invocations"):
        connection.execute(SQL[statement], (numbers,))
    gone = Counter((each.function, bool(each.task_mode), each.status) for each in those)
    tally(connection, {kind: -number for kind, number in gone.items()})


def write_back(
    connection: sqlite3.Connection, number: int, after: Invocation, events: Iterable[TaskEvent]
) -> None:
    """Replace what may change of an invocation; in task mode record its steps."""
    connection.execute(SQL["replace_invocation"], rows.changing(number, after))
    if after.task_mode:
        connection.executemany(
            SQL["insert_event"], [rows.from_event(number, event) for event in events]
        )


def insert(
    connection: sqlite3.Connection, statement: str, given: Sequence[Sequence[object]]
) -> int:
    """Run an INSERT of one row for several, in as few steps as possible; how many it inserted."""
    done = begin = 0
    while begin < len(given):
        # Powers of two: a handful of statements, each prepared once.
        size = min(_ROWS, 1 << ((len(given) - begin).bit_length() - 1))
        values = tuple(itertools.chain.from_iterable(given[begin : begin + size]))
        done += connection.execute(_with_rows(statement, size), values).rowcount
        begin += size
    return done


@functools.cache
def _with_rows(statement: str, size: int) -> str:
    return sql.with_rows(SQL[statement], size)


def insert_jobs(
    connection: sqlite3.Connection, jobs: Iterable[Job], *, replace: bool = True
) -> None:
    """Write jobs; one of the same key is replaced, or stays."""
    statement = SQL["insert_job" if replace else "ensure_job"]
    connection.executemany(statement, [rows.from_job(job) for job in jobs])


def tally(connection: sqlite3.Connection, changes: Mapping[_Kind, int]) -> None:
    """Keep the numbers of invocations by state, for what came or went; triggers see to moves."""
    values = [(*kind, number) for kind, number in changes.items()]
    connection.executemany(SQL["add_to_tally"], values)


def count(connection: sqlite3.Connection, counts: Iterable[Count]) -> None:
    """Add to the metrics."""
    connection.executemany(SQL["count"], rows.sums(counts))


def note(connection: sqlite3.Connection, notes: Iterable[Note]) -> None:
    """Write notes of tasks."""
    connection.executemany(SQL["insert_note"], [rows.from_note(one) for one in notes])


def one(connection: sqlite3.Connection, statement: str, *values: object) -> Any:
    """Return the first row that a statement finds, or None."""
    return connection.execute(SQL[statement], values).fetchone()


def value(connection: sqlite3.Connection, statement: str, *values: object) -> Any:
    """Return the only value that a statement finds, or None."""
    row = one(connection, statement, *values)
    return None if row is None else row[0]
