# SPDX-License-Identifier: MIT
"""Copies of a whole database file: taken while it is in use, put in its place at the next start.

Invariants:
    A snapshot is one transaction of the database.
    What takes the place of a database is complete, checked and migrated before that.
    The database that was there stays beside it until :func:`confirm`; :func:`restore` brings it
    back. A process that is killed in between leaves the one or the other.
"""

from __future__ import annotations

import contextlib
import sqlite3
from typing import TYPE_CHECKING, Final

from fc_async_local.store.protocol import StoreUnavailable, StoreUnusable
from fc_async_local.store.sqlite.database import APPLICATION, migrate, versions
from fc_async_local.store.sqlite.files import FileLock, Unfit, check_before_opening, reason
from fc_async_sdk import _project_folder

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from fc_async_local.store.sql import Schema

_COLUMNS: Final = """
    SELECT s.type, s.name, c.name FROM sqlite_schema AS s LEFT JOIN pragma_table_info(s.name) AS c
    WHERE s.sql IS NOT NULL
"""


def take(database: Path, target: Path) -> None:
    """Write a snapshot of a database to a new file that only its owner can read.

    Args:
        database: May be in use by a runtime.
        target: Is replaced if it exists.

    Raises:
        StoreUnusable: There is no database, or it cannot be copied.
    """
    check_exists(database, "export")
    try:
        with (
            _project_folder.replacing(target) as unfinished,
            contextlib.closing(_read_only(database)) as of,
            contextlib.closing(sqlite3.connect(unfinished)) as to,
        ):
            of.backup(to)
            # The copied header says WAL. An exported file must be whole by itself, without a log
            # beside it.
            to.execute("PRAGMA journal_mode=DELETE")
    except sqlite3.Error as error:
        why = reason(error, database)
        raise StoreUnusable(f"{database} cannot be copied to {target}: {why}") from error
    except OSError as error:
        raise StoreUnusable(f"{target} cannot be written: {error.strerror}") from error


def check_exists(database: Path, verb: str) -> None:
    """Check that there is a database.

    Raises:
        StoreUnusable: There is none.
    """
    if not database.is_file():
        raise StoreUnusable(f"there is no state to {verb}: {database} does not exist")


def check(snapshot: Path, schemas: Sequence[Schema], name: str) -> None:
    """Check that a file is a snapshot, whole, and of versions that this program reads.

    Args:
        snapshot: Is only read.
        schemas: All tables that a snapshot has.
        name: Of the file, for messages.

    Raises:
        StoreUnusable: It is not.
    """
    try:
        check_before_opening(snapshot)
        with contextlib.closing(_read_only(snapshot, immutable=True)) as connection:
            (application,) = connection.execute("PRAGMA application_id").fetchone()
            (verdict,) = connection.execute("PRAGMA quick_check(1)").fetchone()
            found = versions(connection) if application == APPLICATION else {}
    except (Unfit, sqlite3.Error) as error:
        raise StoreUnusable(f"{name} is not an exported state: {error}") from error
    if application != APPLICATION:
        raise StoreUnusable(f"{name} is not an exported state of fc-async")
    if verdict != "ok":
        raise StoreUnusable(f"{name} is damaged: {verdict}")
    for schema in schemas:
        _check_version(schema, found.get(schema.component), name)


def _check_version(schema: Schema, version: int | None, name: str) -> None:
    if version is None:
        raise StoreUnusable(f"{name} is damaged: it has no version of {schema.component!r}")
    oldest = schema.migrations[0].number
    if not oldest <= version <= schema.version:
        raise StoreUnusable(
            f"{name} has version {version} of {schema.component!r}, this fc-async reads versions "
            f"{oldest} to {schema.version}: import it with the fc-async that exported it, or with "
            "a newer one"
        )


def prepare(database: Path, snapshot: bytes | None, schemas: Sequence[Schema], name: str) -> None:
    """Let a snapshot take the place of a database at the next start; None: an empty one.

    Everything that the start will do with the file is done here, on a copy.

    Args:
        database: What is replaced.
        snapshot: Content of an exported file.
        schemas: All tables that the database has.
        name: Of the snapshot, for messages.

    Raises:
        StoreUnusable: It is not a snapshot. Nothing was changed.
        StoreUnavailable: The copy cannot be written. Nothing was changed.
    """
    try:
        with _project_folder.replacing(_waiting(database)) as copy:
            copy.write_bytes(snapshot or b"")
            if snapshot is not None:
                check(copy, schemas, name)
                _migrate(copy, schemas, name)
    except OSError as error:
        raise StoreUnavailable(f"the new state cannot be written: {error.strerror}") from error


def _migrate(copy: Path, schemas: Sequence[Schema], name: str) -> None:
    """Bring the tables up to date and compare them with those of a new database."""
    try:
        with (
            contextlib.closing(sqlite3.connect(copy, isolation_level=None)) as connection,
            contextlib.closing(sqlite3.connect(":memory:", isolation_level=None)) as new,
        ):
            connection.execute("PRAGMA journal_mode=DELETE")
            connection.execute("BEGIN")
            migrate(connection, schemas, copy)
            connection.execute("COMMIT")
            migrate(new, schemas, copy)
            missing = sorted(set(new.execute(_COLUMNS)) - set(connection.execute(_COLUMNS)))
    except sqlite3.Error as error:
        raise StoreUnusable(f"{name} cannot be opened: {error}") from error
    if missing:
        kind, table, column = missing[0]
        what = f"{kind} {table}" if column is None else f"column {column} of {kind} {table}"
        raise StoreUnusable(f"{name} is damaged: it has no {what}")


def apply(database: Path) -> bool:
    """Do what :func:`prepare` prepared, if anything; keep the database that was there.

    Returns:
        Whether there is no database now.

    Raises:
        StoreUnusable: A runtime uses the database.
    """
    waiting, kept = _waiting(database), _kept(database)
    if not waiting.exists():
        return False
    with FileLock(database):
        if database.exists():
            if kept.exists():  # of an earlier import that was never opened
                _remove(kept)
            _move(database, kept)
        if waiting.stat().st_size:
            waiting.replace(database)
            return False
        waiting.unlink()
        return True


def confirm(database: Path) -> None:
    """Remove the database that :func:`apply` kept: the one in its place has been opened."""
    _remove(_kept(database))


def restore(database: Path) -> bool:
    """Bring back the database that :func:`apply` kept; False if there is none.

    Raises:
        StoreUnusable: A runtime uses the database.
    """
    kept = _kept(database)
    if not kept.exists():
        return False
    with FileLock(database):
        if database.exists():
            _remove(database)
        _move(kept, database)
    return True


# In both, the database itself goes last: while it is there, the step has not been finished.


def _remove(database: Path) -> None:
    for suffix in ("-shm", "-wal", ""):
        database.with_name(database.name + suffix).unlink(missing_ok=True)


def _move(database: Path, target: Path) -> None:
    database.with_name(f"{database.name}-shm").unlink(missing_ok=True)  # made from the log
    for suffix in ("-wal", ""):
        with contextlib.suppress(FileNotFoundError):
            source = database.with_name(database.name + suffix)
            source.replace(target.with_name(target.name + suffix))


def _read_only(database: Path, *, immutable: bool = False) -> sqlite3.Connection:
    # An immutable file has no log that SQLite would want to read or write.
    mode = "mode=ro&immutable=1" if immutable else "mode=ro"
    return sqlite3.connect(f"{database.absolute().as_uri()}?{mode}", uri=True)


def _waiting(database: Path) -> Path:
    return database.with_name(f"{database.name}.next")


def _kept(database: Path) -> Path:
    return database.with_name(f"{database.name}.before")
