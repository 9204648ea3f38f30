"""Opens the database that DATABASE_URL names.

{% if cookiecutter.database == "postgresql" -%}
SQL is written once, in what SQLite and PostgreSQL share, with `?` for each value.
{% else -%}
SQL is in what SQLite and PostgreSQL share, so that only this module knows the database.
{% endif -%}
A connection lives as long as a transaction: an instance may be frozen between two of them.
"""

import os
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
{%- if cookiecutter.database == "postgresql" %}

import psycopg
{%- endif %}

Row = tuple[Any, ...]
{%- if cookiecutter.database == "postgresql" %}
Connection = sqlite3.Connection | psycopg.Connection[Row]
{%- endif %}
SCHEMA = Path(__file__).with_name("schema.sql")


class Database:
    """One open transaction."""
{% if cookiecutter.database == "postgresql" %}
    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._placeholder = "?" if isinstance(connection, sqlite3.Connection) else "%s"

    def rows(self, sql: str, *values: object) -> list[Row]:
        """Return the rows that a query finds."""
        cursor = self._connection.cursor()
        cursor.execute(sql.replace("?", self._placeholder), values)
        return cursor.fetchall()

    def run(self, sql: str, *values: object) -> None:
        """Execute a statement that returns no rows."""
        self._connection.cursor().execute(sql.replace("?", self._placeholder), values)

    def run_many(self, sql: str, rows: Iterable[Row]) -> None:
        """Execute a statement once for each row of values."""
        self._connection.cursor().executemany(sql.replace("?", self._placeholder), list(rows))
{% else %}
    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def rows(self, sql: str, *values: object) -> list[Row]:
        """Return the rows that a query finds."""
        return self._connection.execute(sql, values).fetchall()

    def run(self, sql: str, *values: object) -> None:
        """Execute a statement that returns no rows."""
        self._connection.execute(sql, values)

    def run_many(self, sql: str, rows: Iterable[Row]) -> None:
        """Execute a statement once for each row of values."""
        self._connection.executemany(sql, rows)
{% endif %}
    def create_tables(self) -> None:
        """Create the tables that do not exist."""
        for statement in SCHEMA.read_text().split(";"):
            if statement.strip():
                self.run(statement)


def local_file() -> Path:
    """Return the file for this machine, beside s.yaml: functions run from copies below .fc-async.

    Raises:
        LookupError: The code runs elsewhere: functions in an account share no disk.
    """
    for folder in Path(__file__).resolve().parents:
        if folder.name == ".fc-async":
            return folder.parent / "etl.db"
    raise LookupError("DATABASE_URL is not set, and functions in an account share no disk")


@contextmanager
def transaction() -> Iterator[Database]:
    """Commit what the block did, or nothing of it if the block raises."""
    url = os.environ.get("DATABASE_URL") or f"sqlite:///{local_file()}"
{%- if cookiecutter.database == "postgresql" %}
    if url.startswith("postgresql://"):
        with psycopg.connect(url) as connection:  # commits or rolls back, and closes
            yield Database(connection)
        return
{%- endif %}
    file = url.removeprefix("sqlite:///")
    if file == url:
        raise ValueError("DATABASE_URL must begin with {% if cookiecutter.database == "postgresql" %}postgresql:// or {% endif %}sqlite:///")
    sqlite = sqlite3.connect(file, timeout=30, isolation_level=None)
    try:
        # Take the lock of a writer at once: a reader that becomes a writer can fail.
        sqlite.execute("BEGIN IMMEDIATE")
        yield Database(sqlite)
        sqlite.execute("COMMIT")
    finally:
        sqlite.close()  # rolls back what is not committed
