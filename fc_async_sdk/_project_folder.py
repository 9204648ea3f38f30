# SPDX-License-Identifier: MIT
"""The layout of ``.fc-async``, the folder in which fc-async keeps its files beside a project.

It is here because the deploy plugin and the local runtime both need it and this is the package
that both import.

Invariants:
    ``runtime/`` belongs to the local runtime (database, blobs, unpacked code), ``deploy/`` to
    deployments (locks, journals, code that was replaced), ``events/`` to replays. None writes below
    another's folder.
    Only the owner of the files can read them, and git ignores them: the ``.gitignore`` is there
    before any other file.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

NAME: Final = ".fc-async"
RUNTIME: Final = Path(NAME, "runtime")
"""The local runtime's default data folder, relative to the project."""
ADDRESSES: Final = "addresses.json"
"""In the data folder of a runtime, while it runs: where it listens."""
PAYLOADS: Final = "payloads"
"""In the data folder of a runtime: large payloads."""
MOUNTS: Final = "mounts"
"""Folders that take the place of what functions mount: beside :data:`RUNTIME`, or in a data folder
with another name."""
LAYERS: Final = Path(NAME, "layers")
"""Packages that ``fc-async dev`` installed, relative to the project."""
EVENTS: Final = Path(NAME, "events")
"""Events that a replay could not send, relative to the project."""
BUILDS: Final = Path(NAME, "builds", "allowed")
"""Builds and installations that ``fc-async dev`` may run, relative to the project."""
DEPLOY: Final = Path(NAME, "deploy")
"""Folder of deployments, relative to the project."""
JOURNAL: Final = "journal"
"""In a folder of its own below :data:`DEPLOY`: what one deployment target's runs did."""
UNFINISHED: Final = ".tmp"
"""End of the name of a file that is not finished yet; see :func:`replacing`."""
_GITIGNORE: Final = b"# Written by fc-async: the files below belong to this machine.\n*\n"


def mounts_of(data: Path) -> Path:
    """Return the folder for the mounts of functions.

    It outlives the data of the default data folder, which may be cleared.

    Args:
        data: The data folder of a runtime.
    """
    is_default = (data.parent.name, data.name) == RUNTIME.parts
    return (data.parent if is_default else data) / MOUNTS


def make_private(folder: Path) -> None:
    """Make a folder for files that belong into no repository.

    Args:
        folder: One of the folders of this module, or any other. Its ``.gitignore`` lies in
            :data:`NAME` if that is the folder's parent, otherwise in the folder itself, unless
            that has files already: it may be a project's.

    Raises:
        OSError: The folder or its ``.gitignore`` cannot be written.
    """
    top = folder.parent if folder.parent.name == NAME else folder
    top.mkdir(mode=0o700, parents=True, exist_ok=True)
    ignoring = top / ".gitignore"
    if top.name == NAME or {*top.iterdir()} <= {ignoring}:
        _write_gitignore(ignoring)
    folder.mkdir(mode=0o700, exist_ok=True)


@contextlib.contextmanager
def replacing(path: Path, mode: int = 0o600) -> Iterator[Path]:
    """Yield a new file that takes the place of another one, whole and flushed, or not at all.

    Several writers of one path do not disturb each other: each has a new file, the last one stays.

    Args:
        path: The file to make or to replace.
        mode: Permissions of the new file.

    Raises:
        OSError: The file cannot be written. ``path`` is as it was.
    """
    unfinished = path.with_name(f"{unfinished_prefix(path)}{os.urandom(8).hex()}{UNFINISHED}")
    descriptor = os.open(unfinished, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
    try:
        yield unfinished
        os.fchmod(descriptor, mode)
        os.fsync(descriptor)
        unfinished.replace(path)
        sync_folder(path.parent)
    finally:
        os.close(descriptor)
        unfinished.unlink(missing_ok=True)


def unfinished_prefix(path: Path) -> str:
    """Return how the names of files begin that are written to take the place of another one."""
    return f".{path.name}."


def remove_unfinished(path: Path) -> None:
    """Remove what processes left that were killed while they wrote a new file for a path.

    Args:
        path: As for :func:`replacing`. The caller holds a lock under which alone it is written.
    """
    import shutil  # noqa: PLC0415 -- compression modules load with it

    prefix = unfinished_prefix(path)
    for found in list(path.parent.iterdir()):
        # A database that was not finished may have files beside it, such as NAME.tmp-wal.
        if not found.name.startswith(prefix) or UNFINISHED not in found.name:
            continue
        if found.is_dir():
            shutil.rmtree(found, ignore_errors=True)
        else:
            found.unlink(missing_ok=True)


def sync_folder(folder: Path) -> None:
    """Make the names of the files in a folder durable."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def interrupted_deployments(project: Path) -> list[Path]:
    """Return the journals of interrupted deployments, of all targets of a project."""
    return sorted((project / DEPLOY).glob(f"*/{JOURNAL}"))


def _write_gitignore(path: Path) -> None:
    """Write it, unless there is one. One that is empty was cut off before its content came."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o644)
    try:
        if not os.fstat(descriptor).st_size:
            os.write(descriptor, _GITIGNORE)
    finally:
        os.close(descriptor)
