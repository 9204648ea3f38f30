# SPDX-License-Identifier: MIT
"""Copies the write-ahead log into the database file, away from those who wait for a commit.

SQLite would do it inside every thousandth page's COMMIT, which costs all who wait there ten
milliseconds and more. A small log is copied by a thread, a busy one by a process of its own. Must
never hold up a commit, except when the log has outgrown its bound.
"""

from __future__ import annotations

import contextlib
import logging
import os
import sqlite3
import sys
import threading
from typing import TYPE_CHECKING, Final

from fc_async_local.store.sqlite.copier import Copier

if TYPE_CHECKING:
    from pathlib import Path

_LOG: Final = logging.getLogger(__name__)

_REST_SECONDS: Final = 2.0
"""Between two checkpoints: the longest that a busy log goes uncopied. Each makes a few commits wait
for the disk: less than one in a hundred at this rate."""

_BUSY_BYTES: Final = 8 * 1024 * 1024
"""Of log, from which on copying takes longer than a commit should have to wait for it."""

_LOG_PAGES: Final = 32_768
"""128 MiB of log at which the writer itself starts it over; readers may hold it open longer."""

_NICE: Final = 10
"""A tenth of the weight of a thread that somebody waits for. Not less: it needs the interpreter's
lock now and then, and must not hold it while other programs have all the CPU."""


class Checkpointer:
    """A thread that sleeps until something was committed."""

    def __init__(self, connection: sqlite3.Connection, database: Path) -> None:
        """Start the thread.

        Args:
            connection: The thread's own from now on; it closes it.
            database: The file that it is connected to.
        """
        self._connection = connection
        self._log = database.with_name(f"{database.name}-wal")
        self._copier = Copier(database)
        self._alone = False
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
        with contextlib.closing(self._connection), contextlib.closing(self._copier):
            # Clearing may take the note of an end with it, so the end is asked for again each time.
            while not self._end.is_set() and self._dirty.wait():
                if self._end.wait(_REST_SECONDS):
                    break
                self._dirty.clear()
                try:
                    pages = self._copy()
                except Exception:  # noqa: BLE001 -- without the thread the log grows for ever
                    _LOG.exception("copying the log failed in an unforeseen way; tried again")
                    self._dirty.set()
                    continue
                if pages > _LOG_PAGES:
                    self._outgrown.set()

    def _copy(self) -> int:
        """Copy what can be copied; how many pages the log has."""
        try:
            if not self._alone and self._log.stat().st_size >= _BUSY_BYTES:
                return self._copier.copy()
        except OSError as error:
            _LOG.warning("the log is copied by a thread from now on: %s", error)
            self._alone = True
        try:
            _, pages, _ = self._connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
        except sqlite3.OperationalError:
            return 0  # disk full, locked: the log keeps what can't be copied now
        return int(pages)


def _step_back() -> None:
    """Lower the calling thread's priority; Linux alone has one for each thread."""
    if sys.platform == "linux":
        with contextlib.suppress(OSError):  # the process has less than that already
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _NICE)
