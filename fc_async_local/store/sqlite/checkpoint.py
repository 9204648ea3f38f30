# SPDX-License-Identifier: MIT
"""Copies the write-ahead log into the database file, away from those who wait for a commit.

SQLite would do it inside every thousandth page's COMMIT, which costs all who wait there ten
milliseconds and more. Must never hold up a commit, except when the log has outgrown its bound.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import sys
import threading
from typing import Final

_REST_SECONDS: Final = 0.25
"""Between two checkpoints: the longest that a busy log goes uncopied."""

_LOG_PAGES: Final = 32_768
"""128 MiB of log at which the writer itself starts it over; readers may hold it open longer."""


_NICE: Final = 10
"""A tenth of the weight of a thread that somebody waits for. Not less: it needs the interpreter's
lock now and then, and must not hold it while other programs have all the CPU."""


class Checkpointer:
    """A thread that sleeps until something was committed."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        """Start the thread.

        Args:
            connection: The thread's own from now on; it closes it.
        """
        self._connection = connection
        self._dirty = threading.Event()
        self._outgrown = threading.Event()
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._run, name="fc-async-checkpoint", daemon=True)
        self._thread.start()

    def committed(self, writer: sqlite3.Connection) -> None:
        """Note a commit; called by the writer's thread when nobody waits for it."""
        if self._outgrown.is_set():
            self._outgrown.clear()
            with contextlib.suppress(sqlite3.OperationalError):  # a reader is in the way: next time
                writer.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        self.noted()

    def noted(self) -> None:
        """Note a commit and do nothing else; may be called from any thread."""
        if not self._dirty.is_set():
            self._dirty.set()

    def close(self) -> None:
        """End the thread. Blocks."""
        self._end.set()
        self._dirty.set()
        self._thread.join()

    def _run(self) -> None:
        _step_back()
        connection = self._connection
        with contextlib.closing(connection):
            # Clearing may take the note of an end with it, so the end is asked for again each time.
            while not self._end.is_set() and self._dirty.wait():
                if self._end.wait(_REST_SECONDS):
                    break
                self._dirty.clear()
                # The log keeps what can't be copied now (disk full, locked); nothing is lost.
                with contextlib.suppress(sqlite3.OperationalError):
                    _, pages, _ = connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
                    if pages > _LOG_PAGES:
                        self._outgrown.set()


def _step_back() -> None:
    """Lower the calling thread's priority; Linux alone has one for each thread."""
    if sys.platform == "linux":
        with contextlib.suppress(OSError):  # the process has less than that already
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _NICE)
