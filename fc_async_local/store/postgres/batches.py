# SPDX-License-Identifier: MIT
"""The verbs that every invocation needs, for all that wait in one group.

Functions of the database, or of a connection in a transaction, and a list of items; as few round
trips as possible. Rows are locked in the order of their ids, so that nodes don't lock each other
out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from fc_async_local.domain.invocation import Invocation, Job
from fc_async_local.store import rows
from fc_async_local.store.postgres.database import SQL, without_nul
from fc_async_local.store.protocol import DuplicateTask

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from fc_async_local.store.postgres.database import PostgresDatabase
    from fc_async_local.store.steps import Accept


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
    small = documents(document(item.invocation) for item in unique)
    # Each kind of write has its own rows of counts: transactions that run at the same time would
    # wait for each other on a shared row.
    source = f"accept-{database.writer_id}"
    kept = await database.ask(SQL["accept"], [small, payloads, source, rows.as_json(counts)])
    places = {first[request_id] for (request_id,) in kept}
    return [
        None if place in places else DuplicateTask(item.invocation.task_id)
        for place, item in enumerate(items)
    ]


def documents(records: Iterable[Mapping[str, object]]) -> str:
    """Return rows for ``json_populate_recordset``: far cheaper than an array for each column."""
    return rows.as_json(list(records))


def document(record: Invocation | Job) -> dict[str, object]:
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
