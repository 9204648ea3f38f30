# SPDX-License-Identifier: MIT
"""Copies of a whole database file: taken while it is in use, prepared to take its place.

:mod:`fc_async_local.store.sqlite.replacement` puts them there.

Invariants:
    A snapshot is one transaction of the database.
    What takes the place of a database is complete, migrated, in WAL mode and read row by row before
    that.
"""

from __future__ import annotations

import contextlib
import sqlite3
from typing import TYPE_CHECKING, Final

from fc_async_local.store.protocol import StoreUnavailable, StoreUnusable
from fc_async_local.store.sqlite.database import APPLICATION, migrate, versions
from fc_async_local.store.sqlite.files import check_before_opening, reason, remove_sides
from fc_async_sdk import _project_folder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from fc_async_local.store.sql import Schema
    from fc_async_local.store.sqlite.replacement import State

_COLUMNS: Final = """
    SELECT s.type, s.name, c.name FROM sqlite_schema AS s LEFT JOIN pragma_table_info(s.name) AS c
    WHERE s.sql IS NOT NULL
"""

_OF_THE_DISK: Final = {"database or disk is full", "disk I/O error"}
"""Words of SQLite for failures that are not the fault of a file that is read."""


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
    with _refused(f"{name} is not an exported state"):
        check_before_opening(snapshot)
        with contextlib.closing(_read_only(snapshot, immutable=True)) as connection:
            (application,) = connection.execute("PRAGMA application_id").fetchone()
            (verdict,) = connection.execute("PRAGMA quick_check(1)").fetchone()
            installed = versions(connection) if application == APPLICATION else {}
    if application != APPLICATION:
        raise StoreUnusable(f"{name} is not an exported state of fc-async")
    if verdict != "ok":
        raise StoreUnusable(f"{name} is damaged: {verdict}")
    for schema in schemas:
        _check_version(schema, installed.get(schema.component), name)


def _check_version(schema: Schema, version: object, name: str) -> None:
    # A file that lacks a table was accepted once, and the next start refused it; the old state was
    # gone then.
    if version is None:
        raise StoreUnusable(f"{name} is damaged: it has no version of {schema.component!r}")
    if not isinstance(version, int):
        raise StoreUnusable(
            f"{name} is damaged: the version of {schema.component!r} is {version!r}, not a number"
        )
    oldest = schema.migrations[0].number
    if not oldest <= version <= schema.version:
        raise StoreUnusable(
            f"{name} has version {version} of {schema.component!r}, this fc-async reads versions "
            f"{oldest} to {schema.version}: import it with the fc-async that exported it, or with "
            "a newer one"
        )


def prepare(
    state: State,
    snapshot: bytes | None,
    schemas: Sequence[Schema],
    name: str,
    read_rows: Callable[[sqlite3.Connection], None],
) -> None:
    """Let a snapshot take the place of a database at the next start; None: an empty one.

    Everything that the start will do with the file is done here, on a copy.

    Args:
        state: What is replaced; its lock is held.
        snapshot: Content of an exported file.
        schemas: All tables that the database has.
        name: Of the snapshot, for messages.
        read_rows: Reads every row of a database as the runtime will do it.

    Raises:
        StoreUnusable: It is not a snapshot, or cannot be read. Nothing was changed.
        StoreUnavailable: The copy cannot be written. Nothing was changed.
    """
    try:
        with _project_folder.replacing(state.waiting) as copy:
            copy.write_bytes(snapshot or b"")
            if snapshot is not None:
                check(copy, schemas, name)
                _migrate(copy, schemas, name, read_rows)
    except OSError as error:
        raise StoreUnavailable(f"the new state cannot be written: {error.strerror}") from error


def _migrate(
    copy: Path,
    schemas: Sequence[Schema],
    name: str,
    read_rows: Callable[[sqlite3.Connection], None],
) -> None:
    """Bring the tables up to date, compare them with those of a new database, read all rows."""
    with contextlib.ExitStack() as closing:
        # The last connection removes them, unless it failed.
        closing.callback(remove_sides, copy)
        closing.enter_context(_refused(f"{name} cannot be read"))
        with (
            contextlib.closing(sqlite3.connect(copy, isolation_level=None)) as connection,
            contextlib.closing(sqlite3.connect(":memory:", isolation_level=None)) as new,
        ):
            # Here, not in its place: the change of the mode needs a rollback journal.
            connection.execute("PRAGMA journal_mode=WAL")
            connection.execute("BEGIN")
            migrate(connection, schemas, copy)
            connection.execute("COMMIT")
            migrate(new, schemas, copy)
            columns = set(connection.execute(_COLUMNS))
            missing = sorted(set(new.execute(_COLUMNS)) - columns)
            if not missing:
                # With the functions that read them later: a row that cannot be read would be
                # noticed only after the old state is gone.
                read_rows(connection)
    if missing:
        kind, table, column = missing[0]
        part = f"{kind} {table}" if column is None else f"column {column} of {kind} {table}"
        raise StoreUnusable(f"{name} is damaged: it has no {part}")


@contextlib.contextmanager
def _refused(why: str) -> Iterator[None]:
    """Turn whatever reading a file raises that was never checked into a refusal."""
    try:
        yield
    except OSError:
        raise  # the disk, not the file
    except Exception as error:
        if str(error) in _OF_THE_DISK:
            raise StoreUnavailable(f"the new state cannot be written: {error}") from error
        raise StoreUnusable(f"{why}: {error}") from error


def _read_only(database: Path, *, immutable: bool = False) -> sqlite3.Connection:
    # An immutable file has no log that SQLite would want to read or write.
    mode = "mode=ro&immutable=1" if immutable else "mode=ro"
    return sqlite3.connect(f"{database.absolute().as_uri()}?{mode}", uri=True)
