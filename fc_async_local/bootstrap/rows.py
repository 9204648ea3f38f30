# SPDX-License-Identifier: MIT
"""Reads every row of a state with the functions that a runtime reads them with.

A state that is imported comes from a file that may be damaged, or may have been changed. What a
start or a later request could not read is found here, while the state before is still in its place.

Invariants:
    Nothing is written.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec

from fc_async_local.domain.invocation import (
    DELIVERY,
    EVENT_PUSH,
    TIMER,
    TOPIC_PUSH,
    TRIGGER,
    HttpHead,
    delivery_of,
)
from fc_async_local.domain.pausing import RESUME, read_release
from fc_async_local.functions import records
from fc_async_local.services.eventbridge import documents as buses
from fc_async_local.services.eventbridge.service import read_push as read_event_push
from fc_async_local.services.mns import topic as topics
from fc_async_local.services.mns.tables import queue_of, read_extras
from fc_async_local.services.mns.topic_service import read_push as read_topic_push
from fc_async_local.services.rocketmq import service as logs
from fc_async_local.services.rocketmq.tables import read_message
from fc_async_local.store import rows, sql
from fc_async_local.store.protocol import StoreUnusable
from fc_async_local.triggers.firing import read_batch
from fc_async_local.triggers.timers import read_due
from fc_async_sdk.models import AsyncConfig

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Mapping, Sequence

    Row = tuple[Any, ...]

_SQL: Final = sql.statements("fc_async_local.bootstrap", "rows.sql", rows.PARTS)

_TYPES: Final = {
    "INTEGER": ("integer",),
    "TEXT": ("text",),
    "BLOB": ("blob", "text"),
}
"""Types of values by the type of their column; the same column may have bytes or text in JSON."""

_DOCUMENTS: Final[Mapping[str, Callable[[bytes], object]]] = {
    **records.READERS,
    **buses.READERS,
    **topics.READERS,
    **logs.READERS,
}
_JOBS: Final[Mapping[str, Callable[[bytes], object]]] = {
    TOPIC_PUSH: read_topic_push,
    EVENT_PUSH: read_event_push,
    TRIGGER: read_batch,
    TIMER: read_due,
    RESUME: read_release,
}


def _read_tally(row: Row) -> None:
    rows.to_counts([row], most=0)


def _read_job(row: Row) -> None:
    job = rows.to_job(row)
    if job.kind == DELIVERY:
        delivery_of(job)
    elif job.kind in _JOBS:
        _JOBS[job.kind](job.payload)


def _read_document(row: Row) -> None:
    kind, _, body = row
    if kind in _DOCUMENTS:
        _DOCUMENTS[kind](body)


_READERS: Final[Mapping[str, Callable[[Row], object]]] = {
    "invocation": rows.to_invocation,
    "http_request": lambda row: msgspec.json.decode(row[0], type=HttpHead),
    "async_config": lambda row: msgspec.json.decode(row[0], type=AsyncConfig),
    "task_event": rows.to_event,
    "task_note": rows.to_note,
    "tally": _read_tally,
    "job": _read_job,
    "document": _read_document,
    "mns_queue": queue_of,
    "mns_message": lambda row: read_extras(row[0]),
    "rocketmq_message": lambda row: read_message(row[0]),
    "rocketmq_delayed": lambda row: read_message(row[0]),
}
"""Functions that read the rows of a statement, by its name."""


def read_rows(connection: sqlite3.Connection) -> None:
    """Read every row of a state.

    Args:
        connection: A database with all tables, in their newest versions.

    Raises:
        StoreUnusable: A row cannot be read; the message names its table.
        sqlite3.Error: The file is damaged, or the disk fails.
    """
    for table, column, kind in connection.execute(_SQL["column_types"]).fetchall():
        _check_types(connection, table, column, _TYPES.get(kind, ()))
    for statement, read in _READERS.items():
        for number, row in enumerate(connection.execute(_SQL[statement]), 1):
            try:
                read(row)
            except Exception as error:
                raise StoreUnusable(
                    f"row {number} of {statement} cannot be read: {_words(error)}"
                ) from error


def _check_types(
    connection: sqlite3.Connection,
    table: str,
    column: str,
    types: Sequence[str],
) -> None:
    """Check that a column has values of its type, which SQLite does not demand."""
    cell = _quoted(column)
    source = _quoted(table)
    allowed = ", ".join(f"'{name}'" for name in (*types, "null"))
    query = f"SELECT typeof({cell}) FROM {source} WHERE typeof({cell}) NOT IN ({allowed}) LIMIT 1"  # noqa: S608 -- names of our own tables
    row = connection.execute(query).fetchone() if types else None
    if row is not None:
        raise StoreUnusable(f"{table}.{column} has a value of type {row[0]} in a row")


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _words(error: Exception) -> str:
    if isinstance(error, KeyError):
        return f"{error} is not known"
    return f"{type(error).__name__}: {error}"
