# SPDX-License-Identifier: MIT
"""Part of the composition root: the state of a runtime as a file, and the restart with another."""

from __future__ import annotations

import asyncio
import logging
import uuid
from typing import TYPE_CHECKING, Final

from fc_async_local.bootstrap.rows import read_rows
from fc_async_local.bootstrap.stores import (
    SCHEMAS,
    SQLITE,
    database_file,
    settle_state,
    state_of,
)
from fc_async_local.domain.errors import Rejected
from fc_async_local.store.protocol import StoreUnavailable, StoreUnusable
from fc_async_local.store.sqlite import replacement, snapshots
from fc_async_local.store.sqlite.database import make_ready
from fc_async_local.store.sqlite.files import FileLock
from fc_async_sdk import _project_folder

if TYPE_CHECKING:
    from pathlib import Path

    from fc_async_local.bootstrap.options import Options

_LOG: Final = logging.getLogger(__name__)
_THE_BODY: Final = "the body"


class StateFiles:
    """Implements :class:`fc_async_local.api.admin.runtime.StateControl`.

    Args:
        options: Of the runtime.

    Attributes:
        run: Names the run that this object belongs to.
        refused: Why the state that was imported before this run could not be opened, else empty.
        restart: Is set when the host of the runtime has to close it and open it again.
    """

    def __init__(self, options: Options) -> None:
        self._state = state_of(options.data) if options.store == SQLITE else None
        self._changing = False
        self.restart = asyncio.Event()
        self.run = uuid.uuid4().hex
        self.refused = ""

    async def snapshot(self) -> bytes | None:
        """See :meth:`StateControl.snapshot`."""
        return None if self._state is None else await asyncio.to_thread(_read, self._state.database)

    async def replace(self, snapshot: bytes | None) -> bool:
        """See :meth:`StateControl.replace`."""
        if self._state is None:
            return False
        if self._changing:
            raise Rejected(
                409,
                "StateChanging",
                "the state is being replaced by another request: wait for the restart, then try "
                "again",
            )
        self._changing = True
        try:
            await asyncio.to_thread(
                snapshots.prepare, self._state, snapshot, SCHEMAS, _THE_BODY, read_rows
            )
        except BaseException:
            self._changing = False
            raise
        self.restart.set()
        return True

    def opened(self) -> None:
        """Remove the state that an import replaced: the one in its place has been opened."""
        if self._state is None:
            return
        replacement.confirm(self._state)
        if self.refused:
            _LOG.error("the new state cannot be opened, the one before is back: %s", self.refused)

    def restore(self, error: Exception) -> bool:
        """Put the state back that an import replaced, if there is one.

        Args:
            error: Why the new one could not be opened.

        Raises:
            StoreUnusable: Another runtime uses the state.
        """
        if self._state is None:
            return False
        with FileLock(self._state.database):
            if not replacement.restore(self._state):
                return False
        self.refused = f"{type(error).__name__}: {error}"
        return True


def _read(database: Path) -> bytes:
    with _project_folder.unfinished_folder(database) as folder:
        target = folder / "snapshot"
        snapshots.take(database, target)
        return target.read_bytes()


def export_file(data: Path, target: Path) -> None:
    """Write a snapshot of the state in a data folder; a runtime may use it meanwhile.

    Raises:
        StoreUnusable: There is no state, or it cannot be read.
    """
    _project_folder.check(data)
    snapshots.take(database_file(data), target)


def check_exists(data: Path) -> None:
    """Check that a folder is the data folder of a runtime, before files in it are deleted.

    Raises:
        StoreUnusable: It is not, or there is nothing to delete.
    """
    _project_folder.check(data)
    snapshots.check_exists(database_file(data), "clear")


def check_file(file: Path) -> None:
    """Check that a file is an exported state that this program can read.

    Raises:
        StoreUnusable: It is not.
    """
    snapshots.check(file, SCHEMAS, file.name)


def replace_file(data: Path, snapshot: bytes | None, name: str) -> None:
    """Put a snapshot, None: nothing, in the place of the state in a data folder.

    The state before an import stays until a runtime has started with the new one.

    Raises:
        StoreUnusable: A runtime uses it, or the snapshot called ``name`` is none.
        StoreUnavailable: The disk is full or fails. The state is as it was.
    """
    _project_folder.make_private(data)
    state = state_of(data)
    with FileLock(state.database):
        settle_state(data)  # what an earlier command began goes first
        snapshots.prepare(state, snapshot, SCHEMAS, name, read_rows)
        try:
            settle_state(data)
            make_ready(state.database, SCHEMAS)
        except (StoreUnavailable, StoreUnusable):
            replacement.restore(state)
            raise
        if snapshot is None:
            # Nothing of an empty state can fail later, and what is called cleared must be gone.
            replacement.confirm(state)
