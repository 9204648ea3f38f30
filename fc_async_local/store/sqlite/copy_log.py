# SPDX-License-Identifier: MIT
"""The program of :mod:`copier`'s process: copies a log whenever it is asked to.

Alone in its file and on the standard library alone, so that it is there at once. Must end when its
standard input does: then whoever started it has ended, however that came.

Usage: copy_log.py DATABASE; a line on standard input asks, the answer is the log's pages.
"""

from __future__ import annotations

import os
import signal
import sqlite3
import sys
from pathlib import Path

LEAST_PRIORITY = 19


def main(database: Path) -> None:
    """Copy on request until nobody can ask any more."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the terminal's is the runtime's to deal with
    if hasattr(os, "nice"):
        os.nice(LEAST_PRIORITY)
    connection = sqlite3.connect(f"{database.as_uri()}?mode=rw", uri=True, isolation_level=None)
    # Copies are flushed before the log may be overwritten, as in the runtime itself.
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute("PRAGMA wal_autocheckpoint=0")
    while sys.stdin.readline():
        try:
            _, pages, _ = connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
        except sqlite3.OperationalError:
            pages = 0  # disk full, locked: the log keeps what can't be copied now
        try:
            print(pages, flush=True)  # noqa: T201 -- the answer
        except BrokenPipeError:
            break  # the runtime was killed meanwhile: nobody is there to be told
    # Without closing the connection, which would copy all that is left: whoever starts a runtime
    # right after a crash would find the file locked for as long.
    os._exit(0)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
