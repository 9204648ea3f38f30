# SPDX-License-Identifier: MIT
"""Searches for tasks, so that a page of a million rows is found without reading most of them.

SQLite chooses a plan from the statement alone, and does not know that a prefix, an error or a
qualifier selects few rows. So this module chooses: the tasks of a prefix if they are few, else the
index of the error or of the qualifier, else an index in the order of the list until the page is
full. Such an index has task id and qualifier in it: 1,000,000 entries that do not match are passed
in about 80 ms.

Invariants:
    Every access path finds the same tasks.
"""

from __future__ import annotations

import itertools
from collections import Counter
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from fc_async_local.domain.states import Status
from fc_async_local.store import rows
from fc_async_local.store.protocol import ERRORS_SEARCHED
from fc_async_local.store.sqlite.transactions import SQL
from fc_async_local.store.steps import added, halves, page_of
from fc_async_sdk.spec import limits

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Mapping, Sequence

    from fc_async_local.domain.invocation import Invocation
    from fc_async_local.store.protocol import TaskCounts, TaskPage, TaskQuery
    from fc_async_local.store.sql import Row

    Values = Mapping[str, Any]

_FEW: Final = 100_000
"""So many rows are read one by one in about 70 ms, as long as the other lists take at most."""

_BY: Final = {
    "everything": "task_mode",
    "function": "task_mode AND function = :function",
    "status": "task_mode AND function = :function AND status = :status",
    "qualifier": "task_mode AND qualifier <> 'LATEST' AND qualifier = :qualifier",
    "error": "task_mode AND error <> '' AND error = :error",
    "failure": "task_mode AND failure <> '' AND failure_type = :error AND error <> :error",
    "message": (
        "task_mode AND failure <> '' AND failure LIKE :pattern ESCAPE '\\'"
        " AND NOT (+task_id >= :text AND +task_id < :text || char(0x10FFFF))"
    ),
    "prefix": (
        "task_mode AND id IN (SELECT id FROM invocation WHERE function = :function"
        " AND task_id >= :prefix AND task_id < :prefix || char(0x10FFFF))"
    ),
}
"""Conditions that lead through an index: that of the task ids, or those of the migration."""

_INDEX: Final = {"message": "INDEXED BY task_message"}
"""The texts of errors are in this index; of a list in the same order SQLite takes any."""


def _lists() -> Mapping[tuple[str, bool], str]:
    """Return the statements of lists, by condition and whether they descend."""
    lists: dict[tuple[str, bool], str] = {}
    for by, condition in _BY.items():
        # The ids of a prefix come in the order of the ids: they are sorted before rows are read.
        statement = SQL["sorted_tasks" if by == "prefix" else "tasks"]
        index = _INDEX.get(by, "")
        lists[by, True] = statement.format(
            by=condition,
            index=index,
            before="<",
            order="DESC",
        )
        lists[by, False] = statement.format(
            by=condition,
            index=index,
            before=">",
            order="ASC",
        )
    return lists


LISTS: Final = _lists()
_COUNTS: Final = {
    by: SQL["count_tasks"].format(by=condition, index=_INDEX.get(by, ""))
    for by, condition in _BY.items()
}


class _AccessPath(NamedTuple):
    """A condition of :data:`_BY`, and the values of its parameters."""

    by: str
    values: Values


def page(connection: sqlite3.Connection, query: TaskQuery) -> TaskPage:
    """Return a page of tasks; see :meth:`fc_async_local.store.protocol.Store.query`."""
    parts, _ = _halves(connection, query)
    lists: list[Iterable[Invocation]] = []
    for half in parts:
        cursors = _cursors(connection, half)
        lists.extend(map(rows.to_invocation, cursor) for cursor in cursors)
    return page_of(query, lists)


def _halves(connection: sqlite3.Connection, query: TaskQuery) -> tuple[list[TaskQuery], bool]:
    """Return the halves of a query, and whether they are complete."""
    if not query.text:
        return halves(query, None), True
    row = connection.execute(SQL["oldest_error"], (ERRORS_SEARCHED,)).fetchone()
    oldest = None if row is None else row[0]
    return halves(query, oldest), oldest is None


def _cursors(connection: sqlite3.Connection, query: TaskQuery) -> list[sqlite3.Cursor]:
    """Return the lists that a page is merged from; a row is read when the merge needs it."""
    values = rows.asked(query)
    cursors = []
    for path in _access_paths(connection, query, _narrow(connection, query, values)):
        statement = LISTS[path.by, query.descending]
        cursors.append(
            connection.execute(
                statement,
                {
                    **values,
                    **path.values,
                },
            )
        )
    return cursors


def counts(
    connection: sqlite3.Connection,
    query: TaskQuery,
    most: int,
) -> TaskCounts:
    """Count tasks; see :meth:`fc_async_local.store.protocol.Store.count_tasks`."""
    parts, complete = _halves(connection, query)
    return added([_counts(connection, half, most) for half in parts], complete=complete)


def _counts(
    connection: sqlite3.Connection,
    query: TaskQuery,
    most: int,
) -> TaskCounts:
    values = {
        **rows.asked(query),
        "most": most + 1,
    }
    if query.is_by_status:
        # The only exact one: the numbers are kept with each change of a state, and not counted.
        tally = connection.execute(SQL["tally_of_tasks"], values)
        return rows.to_counts_by_status(dict(tally), None)
    narrow = _narrow(connection, query, values)
    looks_at_start = query.started_from is not None or query.started_to is not None
    if narrow is None and not looks_at_start:
        return _counts_by_index(connection, query, values, most)
    counted_rows: list[Row] = []
    for path in _access_paths(connection, query, narrow):
        counted_rows += connection.execute(
            _COUNTS[path.by],
            {
                **values,
                **path.values,
            },
        )
    if narrow is not None and narrow[0].by == "prefix":
        # All rows of a prefix are read, so each status is bounded by itself.
        numbers: Counter[str] = Counter()
        for status, number in counted_rows:
            numbers[status] += number
        return rows.to_counts_by_status(numbers, most)
    return rows.to_counts(counted_rows, most)


def _counts_by_index(
    connection: sqlite3.Connection,
    query: TaskQuery,
    values: Values,
    most: int,
) -> TaskCounts:
    numbers: Counter[str] = Counter()
    statuses = Status if query.statuses is None else query.statuses
    for path in _by_status(connection, query, statuses):
        (number,) = connection.execute(
            SQL["count_in_status"],
            {
                **values,
                **path.values,
            },
        ).fetchone()
        numbers[path.values["status"]] += number
    return rows.to_counts_by_status(numbers, most)


def _access_paths(
    connection: sqlite3.Connection,
    query: TaskQuery,
    narrow: Sequence[_AccessPath] | None,
) -> Sequence[_AccessPath]:
    """Return the lists that together have all tasks of a query, each in its order."""
    if narrow is not None:
        return narrow
    if query.statuses is None:
        return [_AccessPath("everything" if query.function is None else "function", {})]
    return _by_status(connection, query, query.statuses)


def _by_status(
    connection: sqlite3.Connection,
    query: TaskQuery,
    statuses: Iterable[Status],
) -> Sequence[_AccessPath]:
    names = [status.value for status in statuses]
    pairs = itertools.product(_functions(connection, query), names)
    return [
        _AccessPath(
            "status",
            {
                "function": name,
                "status": status,
            },
        )
        for name, status in pairs
    ]


def _narrow(
    connection: sqlite3.Connection,
    query: TaskQuery,
    values: Values,
) -> Sequence[_AccessPath] | None:
    """Return the access paths through a property that few tasks have, None if there are none."""
    # The order is that of selectivity, as measured with 1,000,000 tasks
    # (docs/decisions/store.md, 0102).
    if query.text:
        return [_AccessPath("message", {})]
    if query.prefix:
        names = _functions(connection, query)
        if _have_prefix(connection, names, values) <= _FEW:
            return [
                _AccessPath(
                    "prefix",
                    {
                        "function": name,
                        "most": _FEW,
                    },
                )
                for name in names
            ]
    if query.error:
        return [_AccessPath("error", {}), _AccessPath("failure", {})]
    # With a function or a status, their index passes other qualifiers fast enough. Most tasks have
    # the default qualifier, so it has no index.
    has_other_index = query.prefix or query.function is not None or query.statuses is not None
    if not has_other_index and query.qualifier not in {None, limits.DEFAULT_QUALIFIER}:
        return [_AccessPath("qualifier", {})]
    return None


def _have_prefix(
    connection: sqlite3.Connection,
    functions: Sequence[str],
    values: Values,
) -> int:
    """Return the number of invocations whose task id begins with the prefix.

    It stops counting above :data:`_FEW`.
    """
    number = 0
    for name in functions:
        asked = {
            **values,
            "function": name,
            "most": _FEW + 1 - number,
        }
        number += connection.execute(SQL["count_with_prefix"], asked).fetchone()[0]
        if number > _FEW:
            break
    return number


def _functions(connection: sqlite3.Connection, query: TaskQuery) -> list[str]:
    if query.function is not None:
        return [query.function]
    return [name for (name,) in connection.execute(SQL["functions"])]
