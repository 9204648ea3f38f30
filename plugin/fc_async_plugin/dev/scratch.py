# SPDX-License-Identifier: MIT
"""A folder for files that one run of ``fc-async dev`` needs, such as code that an update replaces.

Invariants:
    It is in the runtime's data folder, which only the user can read, and not in that for temporary
    files of all users.
    It is deleted at the end. After a kill, the next run on the same data deletes it: the kernel has
    released its lock.
"""

from __future__ import annotations

import contextlib
import os
import shutil
from typing import TYPE_CHECKING, Final

import filelock

from fc_async_sdk import _project_folder

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_NAME: Final = "dev"


@contextlib.contextmanager
def folder(data: Path) -> Iterator[Path]:
    """Make the folder, and delete those of runs that were killed.

    Args:
        data: The data folder of the runtime.

    Raises:
        ForeignFolder: It is not this user's.
        OSError: The folder cannot be made.
    """
    parent = data / _NAME
    _project_folder.make_private(parent)
    # A lock ends with its process, also if that is killed: then the folder is of no run any more.
    for lock_file in parent.glob("*.lock"):
        _sweep(lock_file)
    lock_file = parent / f"{os.urandom(8).hex()}.lock"
    with filelock.FileLock(lock_file, mode=0o600):
        mine = lock_file.with_suffix("")
        mine.mkdir(mode=0o700)
        try:
            yield mine
        finally:
            shutil.rmtree(mine, ignore_errors=True)
            lock_file.unlink(missing_ok=True)


def _sweep(lock_file: Path) -> None:
    """Delete the folder of a run that has ended without deleting it."""
    with contextlib.suppress(filelock.Timeout, OSError), filelock.FileLock(lock_file, timeout=0):
        shutil.rmtree(lock_file.with_suffix(""), ignore_errors=True)
        lock_file.unlink(missing_ok=True)
