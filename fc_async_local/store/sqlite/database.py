# SPDX-License-Identifier: MIT
"""One SQLite file that several components share.

Writes go through one thread with group commit (:mod:`writer`), reads through a few threads with
connections that cannot write.

Invariants:
    No other runtime uses the file while it is open.
    What :meth:`Database.write` acknowledged was flushed (``synchronous=FULL``).
    The event loop is never blocked.
    A file that is damaged or newer than this program is not changed.

A component keeps its state here like this::

    SCHEMA = sql.schema("mns", "fc_async_local.services.mns")  # its folder migrations/
    SQL = sql.statements("fc_async_local.services.mns")        # its file statements.sql

    await database.migrate(SCHEMA)                             # once, at start
    await database.write(lambda c: c.execute(SQL["put_message"], message).rowcount)
    rows = await database.read(lambda c: c.execute(SQL["peek"], (queue,)).fetchall())

A job is a function of the connection. It runs inside a transaction that it neither begins nor
ends, together with other jobs. If it raises, what it wrote is rolled back, and it may be run again;
so it must change nothing but the database. Its statements come from .sql files.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import sqlite3
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Final, TypeVar

from fc_async_local.store import sql
from fc_async_local.store.protocol import StoreUnavailable, StoreUnusable
from fc_async_local.store.sqlite import writer
from fc_async_local.store.sqlite.files import (
    SIDES,
    FileLock,
    Unfit,
    check_before_opening,
    check_opened,
    has_journal,
    log_of,
    side_of,
)
from fc_async_sdk import _project_folder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

T = TypeVar("T")
I = TypeVar("I")  # noqa: E741 -- an item of a batch

APPLICATION: Final = 0x46434131
"""SQLite's application_id of a file that this program made ("FCA1")."""

_CHECKED_BYTES: Final = 64 * 1024 * 1024
"""Up to this size the whole file is checked at start (about 0.1 s)."""

_READERS: Final = 2
_BUSY_SECONDS: Final = 2.0
"""Seconds that a lock of another program, such as an sqlite3 shell, is waited for before 503."""

_SQL: Final = sql.statements("fc_async_local.store.sqlite", "migration.sql")

FailedItem = writer.FailedItem


class _Reading(threading.local):
    """The connection with which a thread reads; None before its first read."""

    connection: sqlite3.Connection | None = None


class Database:
    """An open database file. Make it with :meth:`open`, end it with :meth:`aclose`.

    Any number of event loops may use it; every method may be called from any of them.
    """

    def __init__(self, path: Path, lock: FileLock) -> None:
        self.path = path
        self._lock = lock
        self._closed = False
        self._writer = writer.Writer(_connect(path), path)
        self._readers = ThreadPoolExecutor(_READERS, thread_name_prefix="fc-async-reader")
        self._reading = _Reading()
        self._reading_all: list[sqlite3.Connection] = []

    @classmethod
    async def open(cls, path: Path, *schemas: sql.Schema) -> Database:
        """Open a file, or make it (readable for its owner only), and bring schemas up to date.

        Args:
            path: The file; its folder must exist.
            schemas: As for :meth:`migrate`.

        Raises:
            StoreUnusable: The file is in use by another runtime, newer than this program, damaged,
                or in a folder that cannot be written to.
            StoreUnavailable: The disk is full or fails.
        """
        return await asyncio.get_running_loop().run_in_executor(None, cls._open_file, path, schemas)

    @classmethod
    def _open_file(cls, path: Path, schemas: Sequence[sql.Schema]) -> Database:
        lock = FileLock(path)
        try:
            make_ready(path, schemas)
            return cls(path, lock)
        except BaseException:
            lock.release()
            raise

    async def migrate(self, *schemas: sql.Schema) -> None:
        """Bring the tables of components up to date, all in one transaction.

        Raises:
            StoreUnusable: The file holds a newer version of one of them; nothing was changed.
        """
        await self.write(lambda connection: migrate(connection, schemas, self.path))

    def write(self, job: Callable[[sqlite3.Connection], T]) -> asyncio.Future[T]:
        """Run a job in the writer's next transaction; awaiting it returns after the commit.

        Cancelling the await does not undo the job and does not affect other jobs.

        Raises:
            StoreUnavailable: The database cannot do it now; nothing was written.
        """
        return self._writer.submit(writer.run_jobs, job)

    def write_light(self, job: Callable[[sqlite3.Connection], T]) -> asyncio.Future[T]:
        """Run a job as :meth:`write` does, but without a flush, and at once if the writer is idle.

        For quick jobs that a power loss may undo without harm, such as the claim of a message. The
        commit survives the end of the process; it survives a power loss only after a later commit
        of :meth:`write`. If the writer is idle, the job runs in the calling thread before this
        returns, so it must take microseconds.

        Raises:
            StoreUnavailable: The database cannot do it now; nothing was written.
        """
        return self._writer.submit_light(writer.run_jobs, job)

    def write_item(
        self, batch: Callable[[sqlite3.Connection, Sequence[I]], Sequence[T | FailedItem]], item: I
    ) -> asyncio.Future[T]:
        """Write an item together with others of its kind, as :meth:`write` does.

        All waiting items of one ``batch`` function are given to it in one call, in the order of
        their submission. It returns one result for each; a :class:`FailedItem` fails that item
        alone and means that nothing was written for it. If it raises, it is called again with each
        item by itself.

        Args:
            batch: Always the same function object for the same kind of item.
            item: What it needs to know.
        """
        return self._writer.submit(batch, item)

    async def read(self, job: Callable[[sqlite3.Connection], T]) -> T:
        """Run a job on a connection that cannot write, in one consistent view of the commits.

        Raises:
            StoreUnavailable: The database cannot do it now.
        """
        if self._closed:
            raise StoreUnavailable("the store is closed")
        return await asyncio.get_running_loop().run_in_executor(self._readers, self._read, job)

    async def aclose(self) -> None:
        """Write what is queued, end all threads, close the file; no-op if it is closed."""
        if self._closed:
            return
        self._closed = True
        await asyncio.get_running_loop().run_in_executor(None, self._close)

    def _close(self) -> None:
        # First: a connection must not be closed while its thread reads.
        self._readers.shutdown(wait=True)
        for connection in self._reading_all:
            connection.close()
        self._writer.close()
        self._lock.release()

    def _read(self, job: Callable[[sqlite3.Connection], T]) -> T:
        try:
            connection = self._reader()
            connection.execute("BEGIN")
            try:
                return job(connection)
            finally:
                connection.execute("ROLLBACK")
        except sqlite3.Error as error:
            raise writer.as_unavailable(error, self.path) from error

    def _reader(self) -> sqlite3.Connection:
        connection = self._reading.connection
        if connection is None:
            connection = _connect(self.path)
            self._reading.connection = connection
            self._reading_all.append(connection)
            connection.execute("PRAGMA query_only=ON")
        return connection


def _connect(path: Path) -> sqlite3.Connection:
    # One thread uses a connection; another one closes it after that thread has ended.
    connection = sqlite3.connect(
        path,
        isolation_level=None,
        timeout=_BUSY_SECONDS,
        check_same_thread=False,
    )
    with contextlib.ExitStack() as on_failure:
        on_failure.callback(connection.close)
        # FULL: a commit that was acknowledged must survive a power loss.
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute("PRAGMA foreign_keys=ON")
        on_failure.pop_all()
    return connection


def make_ready(path: Path, schemas: Sequence[sql.Schema]) -> None:
    """Check the file, or make it, switch it to WAL and migrate it.

    Args:
        path: The file; the caller holds its lock.
        schemas: The tables.

    Raises:
        StoreUnusable: As for :meth:`Database.open`.
        StoreUnavailable: The disk is full or fails.
    """
    _refuse_older_layout(path)
    try:
        # Before SQLite opens it: it would overwrite the log of a database that is missing or cut,
        # and 50 of 50 accepted invocations were lost so (docs/decisions/store.md, 0056).
        if check_before_opening(path):
            if has_journal(path):
                _roll_back(path)
            _check(path)
        else:
            make(path)
        with contextlib.closing(_connect(path)) as connection:
            connection.execute("PRAGMA journal_mode=WAL")
            connection.execute("BEGIN IMMEDIATE")
            migrate(connection, schemas, path)
            connection.execute("COMMIT")
    except Unfit as error:
        raise _damaged(path, str(error)) from error
    except sqlite3.Error as error:
        raise writer.as_unavailable(error, path) from error
    except OSError as error:
        raise StoreUnavailable(f"{path} can't be read or made: {error.strerror}") from error


def make(path: Path) -> None:
    """Make an empty file beside its place, then move it there.

    A process that is killed meanwhile leaves no unfinished file in the place.

    Raises:
        sqlite3.Error: The file cannot be written.
        OSError: It cannot be made.
    """
    new = path.with_name(path.name + ".new")
    # A process that was killed while it made the file has left them.
    for leftover in ("", *SIDES):
        new.with_name(new.name + leftover).unlink(missing_ok=True)
    flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
    os.close(os.open(new, flags, 0o600))
    with contextlib.closing(_connect(new)) as connection:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute(f"PRAGMA application_id={APPLICATION}")
    new.replace(path)
    _project_folder.sync_folder(path.parent)


def _refuse_older_layout(path: Path) -> None:
    """Refuse a file whose claims and deletions of messages are still in a file beside it."""
    # Claims had a file of their own before (docs/decisions/services-and-destinations.md, 0074).
    claims = path.with_name(f"{path.name}-claims")
    if claims.exists() and claims.stat().st_size:
        raise StoreUnusable(
            f"{claims} holds claims and deletions of messages in an older layout. Nothing was "
            "changed. Use another data folder, or start and stop the older fc-async on this one "
            f"first; or remove {claims.name}: deleted messages may then be delivered again."
        )


def _roll_back(path: Path) -> None:
    """Undo the transaction that a killed program left in a rollback journal.

    Such a program is an sqlite3 shell, or an fc-async that switched a file to WAL in its place. It
    is tried on a copy: the journal of another database would destroy this one.

    Raises:
        Unfit: The journal does not belong to the database.
    """
    journal = side_of(path, "-journal")
    with _project_folder.unfinished_folder(path) as folder:
        copy = folder / path.name
        for file in (path, journal, log_of(path)):
            if file.exists():
                shutil.copyfile(file, copy.with_name(file.name))
        verdict = _check_written(copy)
    if verdict != "ok":
        raise Unfit(
            f"{journal.name} is not its own rollback journal, or is damaged ({verdict}); if "
            f"{path.name} is a backup, remove {journal.name} only"
        )
    _check_written(path)


def _check_written(path: Path) -> str:
    """Open a file as SQLite does it, which rolls a journal back; return what is wrong, or ok."""
    try:
        with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as connection:
            (verdict,) = connection.execute("PRAGMA quick_check(1)").fetchone()
    except sqlite3.OperationalError:
        raise  # locked, or the disk: not damage
    except sqlite3.DatabaseError as error:
        return str(error)
    return str(verdict)


def _check(path: Path) -> None:
    """Check an existing file on a connection that cannot change it, not even by a checkpoint."""
    with contextlib.closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as c:
        try:
            (tables,) = c.execute("PRAGMA schema_version").fetchone()
            (application,) = c.execute("PRAGMA application_id").fetchone()
            # In one transaction, so that nothing that writes meanwhile can be taken for damage.
            c.execute("BEGIN")
            c.execute("SELECT count(*) FROM sqlite_schema").fetchone()
            check_opened(path)
            verdict = "ok"
            if path.stat().st_size <= _CHECKED_BYTES:
                (verdict,) = c.execute("PRAGMA quick_check(1)").fetchone()
        except sqlite3.OperationalError:
            raise  # locked, or the disk: not damage
        except sqlite3.DatabaseError as error:
            raise _damaged(path, str(error)) from error
    if verdict != "ok":
        raise _damaged(path, verdict)
    if tables and application != APPLICATION:
        raise StoreUnusable(
            f"{path} is the database of another program. Nothing was changed. Give fc-async "
            "another data folder."
        )


def _damaged(path: Path, damage: str) -> StoreUnusable:
    return StoreUnusable(
        f"{path} is damaged: {damage}. Nothing was changed. Move it to another folder together "
        f"with {path.name}-wal, {path.name}-shm and {path.name}-journal, as far as they exist. "
        "Then put a backup in its place, or start with an empty queue."
    )


def migrate(connection: sqlite3.Connection, schemas: Sequence[sql.Schema], path: Path) -> None:
    """Bring the tables of components to the version that this program knows.

    Runs inside a transaction that its caller ends, so that all steps are done or none.

    Raises:
        StoreUnusable: The file holds a newer version of a component.
    """
    connection.execute(_SQL["create_versions"])
    installed = versions(connection)
    for schema in schemas:
        steps = sql.pending(schema, installed.get(schema.component, 0), str(path))
        for step in steps:
            for statement in _split(step.script):
                connection.execute(statement)
        if steps:
            connection.execute(_SQL["set_version"], (schema.component, schema.version))


def versions(connection: sqlite3.Connection) -> dict[str, int]:
    """Return the version of each component's tables in a file."""
    return dict(connection.execute(_SQL["versions"]).fetchall())


def _split(script: str) -> Iterator[str]:
    """Return the statements of a script; ``executescript`` would commit first."""
    statement = ""
    for line in script.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""
