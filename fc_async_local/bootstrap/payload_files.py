# SPDX-License-Identifier: MIT
"""Part of the composition root: deletes large payloads in the data folder that nothing needs.

Invariants:
    A payload stays while a task, an event, a message or a dead letter names it, however old it is
    and whatever clocks say.
    A payload that nothing names stays for the longest age of an invocation and the time for which
    tasks are kept, by the day in its key and by the time of its file, whichever is later. A sender
    may have written it and not have sent it yet.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Final

from fc_async_local.store.sqlite.database import Database
from fc_async_local.store.sqlite.mentions import hashes_in, hashes_in_database
from fc_async_sdk import _project_folder
from fc_async_sdk._payloads import claims
from fc_async_sdk.spec import limits

if TYPE_CHECKING:
    from pathlib import Path

    from fc_async_local.store.factory import AnyDatabase

_LOG: Final = logging.getLogger(__name__)
_HASH_DIGITS: Final = 64


async def prune_payloads(data: Path, database: AnyDatabase, task_retention_ms: int) -> None:
    """Delete payloads that are old and that nothing names.

    Only the store ``sqlite`` is asked: tasks of other stores may belong to other nodes.

    Args:
        data: The data folder.
        database: Of the runtime. Requests are not answered yet.
        task_retention_ms: How long ended tasks are kept.

    Raises:
        StoreUnavailable: The store cannot be read.
    """
    if not isinstance(database, Database):
        return
    kept_for = timedelta(seconds=limits.EVENT_AGE_SECONDS.high, milliseconds=task_retention_ms)
    before = datetime.now(timezone.utc) - kept_for
    old = await asyncio.to_thread(_written_before, data, before)
    if not old:
        return
    named = await database.read(hashes_in_database)
    named |= await asyncio.to_thread(_named_by_events, data)
    unneeded = [file for file in old if file.name[:_HASH_DIGITS] not in named]
    size = await asyncio.to_thread(_delete, unneeded)
    if unneeded:
        _LOG.info(
            "deleted %d large payloads (%d bytes) below %s: they are older than %s, and no task,"
            " event or message names them",
            len(unneeded),
            size,
            data / _project_folder.PAYLOADS,
            before.date(),
        )


def _written_before(data: Path, before: datetime) -> list[Path]:
    """Return the files of payloads that were written before a time, by both clocks."""
    day = before.strftime("%Y-%m-%d")
    payloads = []
    for file in (data / _project_folder.PAYLOADS).glob(f"{claims.PREFIX}*/????-??-??/*"):
        with contextlib.suppress(OSError):
            if file.parent.name < day and file.stat().st_mtime < before.timestamp():
                payloads.append(file)
    return payloads


def _named_by_events(data: Path) -> set[str]:
    """Return the hashes in the events that a replay could not send, and kept beside the runtime."""
    named: set[str] = set()
    folder = data.parent / _project_folder.EVENTS.name
    if data.parent.name != _project_folder.NAME or not folder.is_dir():
        return named
    for file in folder.iterdir():
        if file.is_file():
            named |= hashes_in(file.read_bytes())
    return named


def _delete(files: list[Path]) -> int:
    """Delete files, and their folders if nothing else is in them; return how many bytes."""
    size = 0
    for file in files:
        with contextlib.suppress(OSError):  # of another user, or gone
            bytes_freed = file.stat().st_size
            file.unlink()
            size += bytes_freed
    for folder in {file.parent for file in files}:
        with contextlib.suppress(OSError):
            folder.rmdir()
    return size
