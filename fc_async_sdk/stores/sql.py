# SPDX-License-Identifier: MIT
"""Rows in a table of any database with a driver of the Python DB-API (PEP 249).

Invariants:

- Every write is one transaction; it is repeated if the database undid it to resolve a deadlock.
- Keys are compared byte for byte, also where the collation of the database ignores case.
- A connection that failed is closed. A connection that was kept may be dead, because instances of
  functions are frozen between calls: then the verb is repeated once, on a new connection.
"""

from __future__ import annotations

import contextlib
import re
import sys
import threading
import time
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Protocol, TypeVar

from fc_async_sdk import errors
from fc_async_sdk.stores.counters import Counter, advance_by_replacing, advanced
from fc_async_sdk.stores.rows import decode

if TYPE_CHECKING:
    import os
    import sqlite3
    from collections.abc import Callable, Sequence

    from fc_async_sdk.stores.counters import Step
    from fc_async_sdk.stores.rows import R, Row

    Execute = Callable[..., Any]
    """Runs a statement with values and returns the cursor."""

T = TypeVar("T")

_TABLE_NAME: Final = re.compile(r"[A-Za-z_]\w{0,62}(\.[A-Za-z_]\w{0,62})?", re.ASCII)
_MARKS: Final = {"qmark": "?", "format": "%s", "pyformat": "%s"}
_VERSIONS: Final = ("SELECT version()", "SELECT sqlite_version()")
_RACES: Final = 20
_DEADLOCKS: Final = 20
_DEADLOCK_STATES: Final = {"40001", "40P01"}
"""SQLSTATE of a transaction that was undone and may be repeated: standard SQL, PostgreSQL."""
_MYSQL_DEADLOCK: Final = 1213
_BINARY: Final = "CHARACTER SET binary"
_LOCK_SECONDS: Final = 10
_LOCK_PAUSE_SECONDS: Final = 0.005


class _Dialect(NamedTuple):
    """Statements that differ between databases.

    Attributes:
        begin: Statement that begins a transaction with a lock for writing; "": none is needed.
        lock: Follows a SELECT of the row that the transaction changes.
        clock: Statement that returns the time of the server; "": the database has none.
    """

    begin: str
    lock: str
    clock: str


_POSTGRES: Final = _Dialect("", " FOR UPDATE", "SELECT EXTRACT(EPOCH FROM clock_timestamp())")
_MYSQL: Final = _Dialect("", " FOR UPDATE", "SELECT UNIX_TIMESTAMP(SYSDATE(6))")
"""Of MariaDB, too."""
_SQLITE: Final = _Dialect("BEGIN IMMEDIATE", "", "")
_UNKNOWN: Final = _Dialect("", "", "")


class Connection(Protocol):
    """Used part of a connection of PEP 249."""

    def cursor(self) -> Any:
        """Return a new cursor."""
        ...

    def commit(self) -> None:
        """End the transaction."""
        ...

    def rollback(self) -> None:
        """Undo the transaction."""
        ...

    def close(self) -> None:
        """Close the connection."""
        ...


class SqlStore:
    """A :class:`~fc_async_sdk.stores.Store` in a table.

    Tested with SQLite, PostgreSQL (psycopg) and MariaDB (PyMySQL), which stands for MySQL and
    PolarDB too. A table of yours must compare its column ``id`` byte for byte, as that of
    :meth:`create_table` does.

    Args:
        connect: Opens a connection that is not in autocommit mode. Called when all connections
            are in use; connections are kept.
        table: Name of the table, with an optional schema.
        paramstyle: As in PEP 249: ``qmark``, ``format`` or ``pyformat``. Default: that of the
            module of the connection.

    Raises:
        InvalidParameter: The name of the table is not a plain name, or the style is unknown.
    """

    def __init__(
        self,
        connect: Callable[[], Connection],
        *,
        table: str = "fc_async_idempotency",
        paramstyle: str | None = None,
    ) -> None:
        if not _TABLE_NAME.fullmatch(table):
            raise errors.InvalidParameter("table", table, "must be a name such as jobs.processed")
        if paramstyle is not None and paramstyle not in _MARKS:
            raise errors.InvalidParameter("paramstyle", paramstyle, f"must be one of {[*_MARKS]}")
        self._connect = connect
        self._table = table
        self._paramstyle = paramstyle
        self._known_dialect: _Dialect | None = None
        self._idle: list[Connection] = []
        self._lock = threading.Lock()

    def create_table(self, *, text: str = "TEXT") -> None:
        """Make the table if it does not exist.

        Args:
            text: The type of the column with the record. The default is MEDIUMTEXT in MySQL and
                MariaDB, whose TEXT ends at 64 KB.

        Raises:
            InvalidParameter: The type is not one word.
        """
        if not re.fullmatch("[A-Za-z]+", text):
            raise errors.InvalidParameter("text", text, "must be the name of a type")
        self._run(_table_of(self._table, text))

    def create(self, record: R) -> R | None:
        """Store a record if its key has none; else return that one.

        Raises:
            RuntimeError: Others made and deleted records of the key again and again.
        """
        values = (record.key, record.token, record.encode(), record.expires)
        for _ in range(_RACES):
            try:
                self._run(
                    f"INSERT INTO {self._table} (id, token, record, expires) "  # noqa: S608 -- a checked name
                    "VALUES (%s, %s, %s, %s)",
                    values,
                )
            except Exception as error:
                if not _is(error, "IntegrityError"):
                    raise
            else:
                return None
            stored = self._read(type(record), record.key)
            if stored is not None:
                return stored
            # It was deleted between the two statements: the key is free again.
        raise RuntimeError(f"the key {record.key!r} was made and deleted {_RACES} times")

    def replace(self, record: Row, expected: str) -> bool:
        """Store a record if the stored one has the expected token or its own."""
        written = (record.token, record.encode(), record.expires)
        changed = self._change(
            f"UPDATE {self._table} SET token = %s, record = %s, expires = %s "  # noqa: S608 -- a checked name
            "WHERE id = %s AND token IN (%s, %s)",
            (*written, record.key, expected, record.token),
        )
        if changed:
            return True
        # MySQL counts the rows that changed, not those that the condition found: a write that is
        # repeated changes none.
        stored = self._read(type(record), record.key)
        return stored is not None and stored.token == record.token

    def remove(self, key: str, expected: str) -> bool:
        """Delete a record if it has the expected token."""
        return self._change(
            f"DELETE FROM {self._table} WHERE id = %s AND token = %s",  # noqa: S608 -- a checked name
            (key, expected),
        )

    def purge(self, older_than_seconds: float = 86_400) -> int:
        """Delete records that expired some time ago, for example from a function with a timer.

        Args:
            older_than_seconds: How long ago at least; more than the margin of the handlers.

        Returns:
            How many were deleted.
        """
        before = int((time.time() - older_than_seconds) * 1000)
        sql = f"DELETE FROM {self._table} WHERE expires < %s"  # noqa: S608 -- a checked name
        deleted: int = self._run(sql, (before,), lambda cursor: cursor.rowcount)
        return deleted

    def advance(self, key: str, step: Step) -> int:
        """Move a counter on; see :func:`fc_async_sdk.stores.advanced`.

        The row is locked from the read to the write. A database that is not known is asked by
        conditional writes.

        Raises:
            RuntimeError: No write won against others.
        """
        dialect = self._dialect()
        if dialect is _UNKNOWN:
            return advance_by_replacing(self, key, step, lambda: self._read(Counter, key))
        for _ in range(_RACES):
            start, missing = self._transaction(
                lambda execute: self._advance_locked(execute, dialect, key, step)
            )
            if missing is None or self.create(missing) is None:
                return start
            # Another writer has made the row between the two transactions.
        raise RuntimeError(f"the key {key!r} was made and deleted {_RACES} times")

    def _advance_locked(
        self, execute: Execute, dialect: _Dialect, key: str, step: Step
    ) -> tuple[int, Counter | None]:
        """Return when a step begins, and the counter to create if the key has none."""
        if dialect.begin:
            execute(dialect.begin)
        cursor = execute(
            f"SELECT record FROM {self._table} WHERE id = %s{dialect.lock}",  # noqa: S608 -- a checked name
            (key,),
        )
        stored = self._decoded(Counter, key, cursor.fetchone())
        start, moved = advanced(stored, key, step)
        if stored is None or moved is None:
            return start, moved
        execute(
            f"UPDATE {self._table} SET token = %s, record = %s, expires = %s WHERE id = %s",  # noqa: S608 -- a checked name
            (moved.token, moved.encode(), moved.expires, key),
        )
        return start, None

    def time(self) -> float | None:
        """Return the time of the server, in seconds since the epoch; None: it is not known how."""
        clock = self._dialect().clock
        if not clock:
            return None
        row = self._run(clock, (), lambda cursor: cursor.fetchone())
        return float(row[0])

    def _dialect(self) -> _Dialect:
        """Return the dialect of the database, which is asked for its version once."""
        if self._known_dialect is None:
            self._known_dialect = self._ask_dialect()
        return self._known_dialect

    def _ask_dialect(self) -> _Dialect:
        for statement in _VERSIONS:
            try:
                row = self._run(statement, (), lambda cursor: cursor.fetchone())
            except Exception as error:
                if not _is(error, "ProgrammingError", "OperationalError"):
                    raise
                # Fails if the database is away: then nothing was learnt about its dialect.
                self._run("SELECT 1")
                continue
            if statement != _VERSIONS[0]:
                return _SQLITE
            version = str(row[0])
            if version.startswith(("PostgreSQL", "CockroachDB")):
                return _POSTGRES
            return _MYSQL if version[:1].isdigit() else _UNKNOWN
        return _UNKNOWN

    def close(self) -> None:
        """Close the connections that are not in use."""
        with self._lock:
            idle = self._idle
            self._idle = []
        for connection in idle:
            connection.close()

    def _read(self, kind: type[R], key: str) -> R | None:
        sql = f"SELECT record FROM {self._table} WHERE id = %s"  # noqa: S608 -- a checked name
        row = self._run(sql, (key,), lambda cursor: cursor.fetchone())
        return self._decoded(kind, key, row)

    def _decoded(self, kind: type[R], key: str, row: Sequence[Any] | None) -> R | None:
        if row is None:
            return None
        record = decode(kind, row[0])
        if record.key != key:
            raise errors.InvalidParameter(
                "table",
                self._table,
                f"the key {key!r} finds the record of {record.key!r}, because the column id has a "
                f"collation that takes them for one; in MySQL and MariaDB run "
                f"ALTER TABLE {self._table} MODIFY id VARCHAR(400) {_BINARY} NOT NULL",
            )
        return record

    def _change(self, sql: str, values: Sequence[object]) -> bool:
        return bool(self._run(sql, values, lambda cursor: cursor.rowcount))

    def _run(
        self,
        sql: str,
        values: Sequence[object] = (),
        read: Callable[[Any], Any] = lambda _: None,
    ) -> Any:
        """Run one statement in a transaction of its own and return what is read of its result."""
        return self._transaction(lambda execute: read(execute(sql, values)))

    def _transaction(self, work: Callable[[Execute], T]) -> T:
        """Run statements in a transaction; again if the database undid it."""
        for _ in range(_DEADLOCKS):
            try:
                return self._try(work)
            except Exception as error:
                if not _is_deadlock(error):
                    raise
            time.sleep(_LOCK_PAUSE_SECONDS)
        return self._try(work)

    def _try(self, work: Callable[[Execute], T]) -> T:
        with self._lock:
            connection = self._idle.pop() if self._idle else None
        if connection is not None:
            try:
                return self._transact(connection, work)
            except Exception as error:
                # A server drops connections that were idle for long. Each write has a condition on
                # a token, or is a step that may be lost, so it can be made again over a new
                # connection.
                if _is_deadlock(error) or not _is(error, "OperationalError", "InterfaceError"):
                    raise
        return self._transact(self._connect(), work)

    def _transact(self, connection: Connection, work: Callable[[Execute], T]) -> T:
        try:
            with contextlib.closing(connection.cursor()) as cursor:

                def execute(sql: str, values: Sequence[object] = ()) -> Any:
                    cursor.execute(sql.replace("%s", self._mark(connection)), values)
                    return cursor

                result = work(execute)
            connection.commit()
        except BaseException as error:
            if _is(error, "IntegrityError") or _is_deadlock(error):
                connection.rollback()
                self._give_back(connection)
            else:
                # The state of the connection is not known after other errors.
                connection.close()
            raise
        self._give_back(connection)
        return result

    def _give_back(self, connection: Connection) -> None:
        with self._lock:
            self._idle.append(connection)

    def _mark(self, connection: Connection) -> str:
        """Return how a statement marks a parameter."""
        style = self._paramstyle
        if style is None:
            module = sys.modules.get(type(connection).__module__.partition(".")[0])
            style = getattr(module, "paramstyle", "format")
        if style not in _MARKS:
            raise errors.InvalidParameter("paramstyle", style, f"must be one of {[*_MARKS]}")
        return _MARKS[style]


class SqliteStore(SqlStore):
    """A :class:`~fc_async_sdk.stores.Store` in a file, for one machine.

    The instances of a function on the service do not share ``/tmp``: use it with the local
    runtime, or where all executions see the same local disk.

    Args:
        path: The file; it is made with its table at the first use.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        super().__init__(self._open, paramstyle="qmark")
        # It has no clock: a file is used on one machine, whose clock all of its users have.
        self._known_dialect = _SQLITE
        self._path = path

    def _open(self) -> Connection:
        import sqlite3  # noqa: PLC0415 -- only where it is used: imports are billed

        connection = sqlite3.connect(self._path, timeout=_LOCK_SECONDS, check_same_thread=False)
        try:
            # Readers do not wait for the writer then, nor the writer for them.
            _use_write_ahead_log(connection)
            # The intent to perform an effect must be on the disk before the effect, also if power
            # fails.
            connection.execute("PRAGMA synchronous = FULL")
            connection.execute(_table_of(self._table, "TEXT"))
            connection.commit()
        except BaseException:
            connection.close()
            raise
        return connection


def _use_write_ahead_log(connection: sqlite3.Connection) -> None:
    """Switch to WAL, which fails at once while another process uses or recovers the file.

    The timeout of the connection does not apply here: SQLite does not wait for a lock where waiting
    can be a deadlock (https://www.sqlite.org/c3ref/busy_handler.html).

    Raises:
        sqlite3.OperationalError: The file is locked for 10 seconds, or is not usable.
    """
    deadline = time.monotonic() + _LOCK_SECONDS
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except Exception as error:
            if "locked" not in str(error) or time.monotonic() > deadline:
                raise
        else:
            return
        time.sleep(_LOCK_PAUSE_SECONDS)


def _table_of(name: str, text: str) -> str:
    """Return the statement; ``/*! */`` is a comment to all databases but MySQL and MariaDB.

    A VARCHAR with the binary character set is a VARBINARY; a TEXT for so many characters is a
    MEDIUMTEXT (MySQL manual, "The CHAR and VARCHAR Types", "String Type Syntax").
    """
    size = "(4000000) " if text == "TEXT" else ""
    return (
        f"CREATE TABLE IF NOT EXISTS {name} (id VARCHAR(400) /*!{_BINARY}*/ PRIMARY KEY, "
        f"token VARCHAR(64) NOT NULL, record {text} /*!{size}CHARACTER SET utf8mb4*/ NOT NULL, "
        "expires BIGINT NOT NULL)"
    )


def _is(error: BaseException, *names: str) -> bool:
    """Return whether an error is of a class of PEP 249; each driver has classes of its own."""
    return any(kind.__name__ in names for kind in type(error).__mro__)


def _is_deadlock(error: BaseException) -> bool:
    """Return whether the database undid the transaction so that another one can go on."""
    state = getattr(error, "sqlstate", None) or getattr(error, "pgcode", None)
    return state in _DEADLOCK_STATES or error.args[:1] == (_MYSQL_DEADLOCK,)
