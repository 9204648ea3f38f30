# SPDX-License-Identifier: MIT
"""The statements of the store, and the accept of all invocations that wait in one group.

:meth:`~fc_async_local.store.sqlite.database.Database.write_item` calls :func:`accept` with the
connection and a list of items. It writes all items in as few steps of SQLite as possible: each
step releases the interpreter's lock, and the thread that takes it delays the whole group.

Invariants:
    Nothing is written for an item whose answer is a failure.
"""

from __future__ import annotations

import functools
import itertools
from collections import Counter
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from fc_async_local.domain.invocation import Count, Job
from fc_async_local.domain.states import Status
from fc_async_local.store import rows, sql
from fc_async_local.store.protocol import DuplicateTask
from fc_async_local.store.sqlite.database import Failure

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Mapping, Sequence

    from fc_async_local.store.steps import Accept


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


def tally(connection: sqlite3.Connection, changes: Mapping[_Kind, int]) -> None:
    """Keep the numbers of invocations by state, for what came or went; triggers see to moves."""
    values = [(*kind, number) for kind, number in changes.items()]
    connection.executemany(SQL["add_to_tally"], values)


def count(connection: sqlite3.Connection, counts: Iterable[Count]) -> None:
    """Add to the metrics."""
    connection.executemany(SQL["count"], rows.sums(counts))


def one(connection: sqlite3.Connection, statement: str, *values: object) -> Any:
    """Return the first row that a statement finds, or None."""
    return connection.execute(SQL[statement], values).fetchone()


def value(connection: sqlite3.Connection, statement: str, *values: object) -> Any:
    """Return the only value that a statement finds, or None."""
    row = one(connection, statement, *values)
    return None if row is None else row[0]
