# SPDX-License-Identifier: MIT
"""Searches for tasks, so that a page of a million rows is found without reading most of them.

SQLite chooses a plan from the statement alone, and does not know that a prefix, an error or a
qualifier selects few rows. So this module chooses: the tasks of a prefix if they are few, else the
index of the error or of the qualifier, else an index in the order of the list until the page is
full. Such an index has task id and qualifier in it: 1,000,000 entries that do not match are passed
in about 60 ms.

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

_FEW: Final = 20_000
"""So many rows are read one by one in about 30 ms."""

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
    "ids": "task_mode AND id IN (SELECT value FROM json_each(:ids))",
}
"""Conditions that lead through an index: the rowid, or those of the migration."""

_INDEX: Final = {"message": "INDEXED BY task_message"}
"""The texts of errors are in this index; of a list in the same order SQLite takes any."""

LISTS: Final = {
    (by, descending): SQL["tasks"].format(
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
        for way in _ways(connection, query, values)
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
        for way in _ways(connection, query, values)
        for row in connection.execute(_COUNTS[way.by], {**values, **way.values})
    ]
    return rows.to_counts(by_row, most)


def _counts_by_index(
    connection: sqlite3.Connection, query: TaskQuery, values: Values, most: int
) -> TaskCounts:
    numbers: Counter[str] = Counter()
    for way in _by_status(connection, query, Status if query.statuses is None else query.statuses):
        (number,) = connection.execute(SQL["count_in_status"], {**values, **way.values}).fetchone()
        numbers[way.values["status"]] += number
    return rows.to_counts_by_status(numbers, most)


def _ways(connection: sqlite3.Connection, query: TaskQuery, values: Values) -> Sequence[_Way]:
    """Return the lists that together have all tasks of a query, each in its order."""
    narrow = _narrow(connection, query, values)
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
        ids = _with_prefix(connection, query, values)
        if len(ids) <= _FEW:
            return [_Way("ids", {"ids": rows.as_json(ids)})]
    if query.error:
        return [_Way("error", {}), _Way("failure", {})]
    alone = not query.prefix and query.function is None and query.statuses is None
    if alone and query.qualifier not in {None, limits.DEFAULT_QUALIFIER}:
        return [_Way("qualifier", {})]
    return None


def _with_prefix(connection: sqlite3.Connection, query: TaskQuery, values: Values) -> list[int]:
    found: list[int] = []
    for function in _functions(connection, query):
        values = {**values, "function": function, "most": _FEW + 1}
        found += [number for (number,) in connection.execute(SQL["with_prefix"], values)]
        if len(found) > _FEW:
            break
    return found


def _functions(connection: sqlite3.Connection, query: TaskQuery) -> list[str]:
    if query.function is not None:
        return [query.function]
    return [name for (name,) in connection.execute(SQL["functions"])]
