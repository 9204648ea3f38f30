# SPDX-License-Identifier: MIT
"""Part of the composition root: the state of a runtime as a file, and the restart with another."""

from __future__ import annotations

import asyncio
import tempfile
import uuid
from pathlib import Path
from typing import TYPE_CHECKING

from fc_async_local.bootstrap.stores import SQLITE, database_file
from fc_async_local.store.sqlite import snapshots
from fc_async_local.store.sqlite.files import FileLock
from fc_async_sdk import _project_folder

if TYPE_CHECKING:
    from fc_async_local.bootstrap.options import Options


class StateFiles:
    """Implements :class:`fc_async_local.api.admin.state.StateControl`.

    Args:
        options: Of the runtime.

    Attributes:
        run: Names the run that this object belongs to.
        restart: Is set when the host of the runtime has to close it and open it again.
    """

    def __init__(self, options: Options) -> None:
        self._file = database_file(options.data) if options.store == SQLITE else None
        self.restart = asyncio.Event()
        self.run = uuid.uuid4().hex

    async def snapshot(self) -> bytes | None:
        """See :meth:`StateControl.snapshot`."""
        return None if self._file is None else await asyncio.to_thread(_read, self._file)

    async def replace(self, snapshot: bytes | None) -> bool:
        """See :meth:`StateControl.replace`."""
        if self._file is None:
            return False
        await asyncio.to_thread(snapshots.prepare, self._file, snapshot)
        self.restart.set()
        return True


def _read(database: Path) -> bytes:
    with tempfile.TemporaryDirectory(dir=database.parent) as folder:
        target = Path(folder, "snapshot")
        snapshots.take(database, target)
        return target.read_bytes()


def export_file(data: Path, target: Path) -> None:
    """Write a snapshot of the state in a data folder; a runtime may use it meanwhile.

    Raises:
        StoreUnusable: There is no state, or it cannot be read.
    """
    snapshots.take(database_file(data), target)


def replace_file(data: Path, snapshot: bytes | None) -> None:
    """Put a snapshot, None: nothing, in the place of the state in a data folder.

    Raises:
        StoreUnusable: A runtime uses it, or the snapshot is none.
    """
    _project_folder.make_private(data)
    database = database_file(data)
    lock = FileLock(database.with_name(f"{database.name}.lock"))
    try:
        snapshots.prepare(database, snapshot)
        snapshots.apply(database)
    finally:
        lock.release()
