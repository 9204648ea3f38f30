# SPDX-License-Identifier: MIT
"""Keeps a second runtime out of a data folder.

SQLite itself would let both in, but at its start a runtime releases the claims in the file, and
those of the other runtime would be among them. The kernel holds the lock and releases it when the
process ends, in whatever way.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
from typing import TYPE_CHECKING

from fc_async_local.store.protocol import StoreUnusable

if TYPE_CHECKING:
    from pathlib import Path


class FileLock:
    """An exclusive lock on a file, held from construction until :meth:`release`."""

    def __init__(self, path: Path) -> None:
        """Take the lock.

        Raises:
            StoreUnusable: Another process holds it.
        """
        self._fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            holder = os.pread(self._fd, 32, 0).decode("ascii", "replace").strip()
            os.close(self._fd)
            raise StoreUnusable(
                f"{path.with_suffix('')} is in use by another fc-async runtime"
                f"{f' (process {holder})' if holder else ''}. Stop that one, or give this one "
                "another data folder."
            ) from error
        with contextlib.suppress(OSError):  # the disk is full: the lock holds without a name
            os.ftruncate(self._fd, 0)
            os.pwrite(self._fd, f"{os.getpid()}\n".encode("ascii"), 0)

    def release(self) -> None:
        """Release the lock. The file stays: removing it would race with the next holder."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1
