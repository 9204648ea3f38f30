"""Messages that were received too often without success, in a table of SQLite."""

import sqlite3
from contextlib import closing
from dataclasses import astuple, dataclass
from pathlib import Path


@dataclass(frozen=True)
class DeadLetter:
    """A message that was given up."""

    source: str
    message_id: str
    receives: int
    reason: str
    body: str


class DeadLetters:
    """Keeps dead letters until they are handled.

    Args:
        path: The file of the database. It is made if it does not exist.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        with closing(self._connect()) as database, database:
            database.execute(
                "CREATE TABLE IF NOT EXISTS dead_letters (source TEXT, message_id TEXT,"
                " receives INTEGER, reason TEXT, body TEXT, PRIMARY KEY (source, message_id))"
            )

    def put(self, letter: DeadLetter) -> None:
        """Keep a dead letter; one of the same message is replaced."""
        with closing(self._connect()) as database, database:
            database.execute(
                "INSERT OR REPLACE INTO dead_letters VALUES (?, ?, ?, ?, ?)", astuple(letter)
            )

    def remove(self, letter: DeadLetter) -> None:
        """Forget a dead letter."""
        with closing(self._connect()) as database, database:
            database.execute(
                "DELETE FROM dead_letters WHERE source = ? AND message_id = ?",
                (letter.source, letter.message_id),
            )

    def all(self) -> list[DeadLetter]:
        """Return all dead letters, the oldest first."""
        with closing(self._connect()) as database:
            rows = database.execute("SELECT * FROM dead_letters ORDER BY rowid").fetchall()
        return [DeadLetter(*row) for row in rows]

    def _connect(self) -> sqlite3.Connection:
        return sqlite3.connect(self._path, timeout=30)
