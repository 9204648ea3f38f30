# SPDX-License-Identifier: MIT
"""Puts a prepared database in the place of another one, and brings the other one back.

A prepared database lies beside the other one as ``NAME.next``. An empty file stands for a new
state, and then the folders that belong to the state go, too. What was there before is
``NAME.before`` until the new one has been opened.

Invariants:
    A process that is killed at any moment leaves files from which :func:`settle` makes the old or
    the new state, whole. There is no moment without one of them.
    No database is ever beside a log or a rollback journal of another one: SQLite would write pages
    of the other one into it.
    ``NAME.before`` is complete. It is moved there last, and removed first.
    Callers hold the lock of the database.
"""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Final, NamedTuple

from fc_async_local.store.sqlite.database import make
from fc_async_local.store.sqlite.files import SIDES, remove_sides, side_of
from fc_async_sdk import _project_folder

if TYPE_CHECKING:
    from pathlib import Path

_BEFORE: Final = ".before"


class State(NamedTuple):
    """The files of a state.

    Attributes:
        database: The database file.
        folders: What else a new state begins without.
    """

    database: Path
    folders: tuple[Path, ...] = ()

    @property
    def waiting(self) -> Path:
        """The file that takes the place of the database at the next start."""
        return self.database.with_name(f"{self.database.name}.next")

    @property
    def kept(self) -> Path:
        """The database that was replaced, until the new one has been opened."""
        return _before(self.database)

    @property
    def refused(self) -> Path:
        """A database that could not be opened, while the one before comes back.

        While it is there, logs and journals beside the database are those of the refused one.
        """
        return self.database.with_name(f"{self.database.name}.refused")


def settle(state: State) -> None:
    """Finish what a killed process began, and put what was prepared in its place.

    Raises:
        OSError: A file cannot be moved. The next call goes on.
    """
    if state.waiting.exists():
        _put(state)
    elif not state.kept.exists():
        _drop(state)
    elif not state.database.exists():
        _bring_back(state)


def confirm(state: State) -> None:
    """Delete what was replaced: the new state has been opened."""
    state.kept.unlink(missing_ok=True)
    _drop(state)


def restore(state: State) -> bool:
    """Bring back the state that was replaced, or withdraw the one that should have replaced it.

    Returns:
        Whether another state is in the place now than before.
    """
    withdrawn = state.waiting.exists()
    if withdrawn and not state.kept.exists():
        _move_sides(state.kept, state.database)
        _bring_back_folders(state)
    state.waiting.unlink(missing_ok=True)
    if not state.kept.exists():
        return withdrawn and state.database.exists()
    if state.database.exists():
        state.database.replace(state.refused)
    _bring_back(state)
    return True


def _put(state: State) -> None:
    database = state.database
    clears = not state.waiting.stat().st_size
    if state.kept.exists():
        # Cut off here before, or a database is in the place that was never opened. The one that
        # was opened is kept.
        database.unlink(missing_ok=True)
    else:
        _move_sides(database, state.kept)
        if clears:
            _put_folders_aside(state)
        if database.exists():
            database.replace(state.kept)
    remove_sides(database)
    _project_folder.sync_folder(database.parent)
    if clears:
        make(database)
        state.waiting.unlink()
    else:
        state.waiting.replace(database)
    _project_folder.sync_folder(database.parent)


def _bring_back(state: State) -> None:
    """Move what was kept back; the database goes last, because it says that this is not done."""
    if state.refused.exists():
        remove_sides(state.database)
        state.refused.unlink()
    _move_sides(state.kept, state.database)
    _bring_back_folders(state)
    state.kept.replace(state.database)
    _project_folder.sync_folder(state.database.parent)


def _drop(state: State) -> None:
    """Delete the rest of what was kept."""
    remove_sides(state.kept)
    state.refused.unlink(missing_ok=True)
    for folder in state.folders:
        shutil.rmtree(_before(folder), ignore_errors=True)


def _put_folders_aside(state: State) -> None:
    for folder in state.folders:
        # Cut off here before: what is in the folder now is of the new state.
        if folder.exists() and not _before(folder).exists():
            folder.replace(_before(folder))


def _bring_back_folders(state: State) -> None:
    for folder in state.folders:
        if _before(folder).exists():
            shutil.rmtree(folder, ignore_errors=True)
            _before(folder).replace(folder)


def _move_sides(database: Path, target: Path) -> None:
    side_of(database, "-shm").unlink(missing_ok=True)  # SQLite makes it from the log
    for suffix in SIDES:
        if side_of(database, suffix).exists():
            side_of(database, suffix).replace(side_of(target, suffix))


def _before(path: Path) -> Path:
    return path.with_name(f"{path.name}{_BEFORE}")
