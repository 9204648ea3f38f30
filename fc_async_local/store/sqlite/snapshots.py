# SPDX-License-Identifier: MIT
"""Copies of a whole database file: taken while it is in use, put in its place at the next start.

Invariants:
    A snapshot is one transaction of the database.
    What takes the place of a database is complete and checked before anything is removed.
    A process that is killed in between leaves the old database or the new one.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
from typing import TYPE_CHECKING, Final

from fc_async_local.store.protocol import StoreUnusable
from fc_async_local.store.sqlite.database import APPLICATION

if TYPE_CHECKING:
    from pathlib import Path

_LOG_SUFFIXES: Final = ("-wal", "-shm")


def take(database: Path, target: Path) -> None:
    """Write a snapshot of a database to a new file.

    Args:
        database: May be in use by a runtime.
        target: Is replaced if it exists.

    Raises:
        StoreUnusable: There is no database, or it cannot be read.
    """
    if not database.is_file():
        raise StoreUnusable(f"there is no state to export: {database} does not exist")
    unfinished = target.with_name(f"{target.name}.part")
    unfinished.unlink(missing_ok=True)
    try:
        with (
            contextlib.closing(_read_only(database)) as of,
            contextlib.closing(sqlite3.connect(unfinished)) as to,
        ):
            of.backup(to)
            to.execute("PRAGMA journal_mode=DELETE")
        unfinished.replace(target)
    except sqlite3.Error as error:
        raise StoreUnusable(f"{database} cannot be read: {error}") from error
    finally:
        unfinished.unlink(missing_ok=True)


def check(snapshot: Path) -> None:
    """Check that a file is a snapshot, and whole.

    Raises:
        StoreUnusable: It is not.
    """
    try:
        with contextlib.closing(_read_only(snapshot, immutable=True)) as connection:
            (application,) = connection.execute("PRAGMA application_id").fetchone()
            (verdict,) = connection.execute("PRAGMA quick_check(1)").fetchone()
    except sqlite3.Error as error:
        raise StoreUnusable(f"{snapshot.name} is not an exported state: {error}") from error
    if application != APPLICATION:
        raise StoreUnusable(f"{snapshot.name} is not an exported state of fc-async")
    if verdict != "ok":
        raise StoreUnusable(f"{snapshot.name} is damaged: {verdict}")


def prepare(database: Path, snapshot: bytes | None) -> None:
    """Let a snapshot take the place of a database at the next start; None: an empty one.

    Raises:
        StoreUnusable: It is not a snapshot. Nothing was changed.
    """
    unfinished = database.with_name(f"{database.name}.part")
    try:
        with unfinished.open("wb") as file:
            os.fchmod(file.fileno(), 0o600)
            file.write(snapshot or b"")
            file.flush()
            os.fsync(file.fileno())
        if snapshot is not None:
            check(unfinished)
        unfinished.replace(_waiting(database))
    finally:
        unfinished.unlink(missing_ok=True)


def apply(database: Path) -> None:
    """Do what :func:`prepare` prepared, if anything. No process may use the database."""
    waiting = _waiting(database)
    if not waiting.exists():
        return
    for suffix in _LOG_SUFFIXES:  # of the old database: they must not be read with the new one
        database.with_name(database.name + suffix).unlink(missing_ok=True)
    if waiting.stat().st_size:
        waiting.replace(database)
    else:
        database.unlink(missing_ok=True)
        waiting.unlink()


def _read_only(database: Path, *, immutable: bool = False) -> sqlite3.Connection:
    # An immutable file has no log that SQLite would want to read or write.
    mode = "mode=ro&immutable=1" if immutable else "mode=ro"
    return sqlite3.connect(f"{database.absolute().as_uri()}?{mode}", uri=True)


def _waiting(database: Path) -> Path:
    return database.with_name(f"{database.name}.next")
