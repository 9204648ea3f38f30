# SPDX-License-Identifier: MIT
"""Searches for tasks, so that a page of a million rows is found without reading most of them.

SQLite chooses a plan from the statement alone, and does not know that a prefix, an error or a
qualifier selects few rows. So this module chooses: the tasks of a prefix if they are few, else the
index of the error or of the qualifier, else an index in the order of the list until the page is
full. Such an index has task id and qualifier in it: 1,000,000 entries that do not match are passed
in about 80 ms.

Invariants:
    Every way finds the same tasks.
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

    from fc_async_local.store.protocol import TaskCounts, TaskPage, TaskQuery

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

LISTS: Final = {
    (by, descending): SQL["sorted_tasks" if by == "prefix" else "tasks"].format(
        by=condition,
        index=_INDEX.get(by, ""),
        before="<" if descending else ">",
        order="DESC" if descending else "ASC",
    )
    for by, condition in _BY.items()
    for descending in (True, False)
}
_COUNTS: Final = {
    by: SQL["count_tasks"].format(by=condition, index=_INDEX.get(by, ""))
    for by, condition in _BY.items()
}


class _Way(NamedTuple):
    """A condition of :data:`_BY`, and the values of its parameters."""

    by: str
    values: Values


def page(connection: sqlite3.Connection, query: TaskQuery) -> TaskPage:
    """Return a page of tasks; see :meth:`fc_async_local.store.protocol.Store.query`."""
    lists = [each for half in _halves(connection, query)[0] for each in _lists(connection, half)]
    return page_of(query, [map(rows.to_invocation, each) for each in lists])


def _halves(connection: sqlite3.Connection, query: TaskQuery) -> tuple[list[TaskQuery], bool]:
    """Return the halves of a query, and whether they are complete."""
    if not query.text:
        return halves(query, None), True
    row = connection.execute(SQL["oldest_error"], (ERRORS_SEARCHED,)).fetchone()
    oldest = None if row is None else row[0]
    return halves(query, oldest), oldest is None


def _lists(connection: sqlite3.Connection, query: TaskQuery) -> list[sqlite3.Cursor]:
    values = rows.asked(query)
    return [
        connection.execute(LISTS[way.by, query.descending], {**values, **way.values})
        for way in _ways(connection, query, _narrow(connection, query, values))
    ]


def counts(connection: sqlite3.Connection, query: TaskQuery, most: int) -> TaskCounts:
    """Count tasks; see :meth:`fc_async_local.store.protocol.Store.count_tasks`."""
    parts, complete = _halves(connection, query)
    return added([_counts(connection, half, most) for half in parts], complete=complete)


def _counts(connection: sqlite3.Connection, query: TaskQuery, most: int) -> TaskCounts:
    values = {**rows.asked(query), "most": most + 1}
    if query.is_by_status:
        found = connection.execute(SQL["tally_of_tasks"], values)
        return rows.to_counts_by_status(dict(found), None)
    narrow = _narrow(connection, query, values)
    if narrow is None and query.started_from is None and query.started_to is None:
        return _counts_by_index(connection, query, values, most)
    by_row = [
        row
        for way in _ways(connection, query, narrow)
        for row in connection.execute(_COUNTS[way.by], {**values, **way.values})
    ]
    if narrow and narrow[0].by == "prefix":
        numbers: Counter[str] = Counter()
        for status, number in by_row:
            numbers[status] += number
        return rows.to_counts_by_status(numbers, most)
    return rows.to_counts(by_row, most)


def _counts_by_index(
    connection: sqlite3.Connection, query: TaskQuery, values: Values, most: int
) -> TaskCounts:
    numbers: Counter[str] = Counter()
    for way in _by_status(connection, query, Status if query.statuses is None else query.statuses):
        (number,) = connection.execute(SQL["count_in_status"], {**values, **way.values}).fetchone()
        numbers[way.values["status"]] += number
    return rows.to_counts_by_status(numbers, most)


def _ways(
    connection: sqlite3.Connection, query: TaskQuery, narrow: Sequence[_Way] | None
) -> Sequence[_Way]:
    """Return the lists that together have all tasks of a query, each in its order."""
    if narrow is not None:
        return narrow
    if query.statuses is None:
        return [_Way("everything" if query.function is None else "function", {})]
    return _by_status(connection, query, query.statuses)


def _by_status(
    connection: sqlite3.Connection, query: TaskQuery, statuses: Iterable[Status]
) -> Sequence[_Way]:
    wanted = itertools.product(_functions(connection, query), statuses)
    return [_Way("status", {"function": name, "status": each.value}) for name, each in wanted]


def _narrow(
    connection: sqlite3.Connection, query: TaskQuery, values: Values
) -> Sequence[_Way] | None:
    """Return the ways through a property that few tasks have, None if there are none."""
    if query.text:
        return [_Way("message", {})]
    if query.prefix:
        names = _functions(connection, query)
        if _have_prefix(connection, names, values) <= _FEW:
            return [_Way("prefix", {"function": name, "most": _FEW}) for name in names]
    if query.error:
        return [_Way("error", {}), _Way("failure", {})]
    alone = not query.prefix and query.function is None and query.statuses is None
    if alone and query.qualifier not in {None, limits.DEFAULT_QUALIFIER}:
        return [_Way("qualifier", {})]
    return None


def _have_prefix(connection: sqlite3.Connection, functions: Sequence[str], values: Values) -> int:
    """Return the number of invocations whose task id begins with the prefix; it ends above few."""
    number = 0
    for name in functions:
        asked = {**values, "function": name, "most": _FEW + 1 - number}
        number += connection.execute(SQL["count_with_prefix"], asked).fetchone()[0]
        if number > _FEW:
            break
    return number


def _functions(connection: sqlite3.Connection, query: TaskQuery) -> list[str]:
    if query.function is not None:
        return [query.function]
    return [name for (name,) in connection.execute(SQL["functions"])]
