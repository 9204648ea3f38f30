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
import sys
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
_GITIGNORE: Final = b"# Written by fc-async: the files below belong to this machine.\n*\n"


def user_state() -> Path:
    """Return the folder for what belongs to this user and to no project, whether it exists or not.

    Below ``$XDG_STATE_HOME``, or ``%LOCALAPPDATA%`` on Windows.
    """
    if sys.platform == "win32":
        base = os.environ.get("LOCALAPPDATA", "") or str(Path.home() / "AppData" / "Local")
    else:
        base = os.environ.get("XDG_STATE_HOME", "") or str(Path.home() / ".local" / "state")
    return Path(base) / "fc-async"


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
def replacing(path: Path, mode: int = 0o600, *, durable: bool = True) -> Iterator[Path]:
    """Yield a new file that takes the place of another one, as a whole or not at all.

    Several writers of one path do not disturb each other: each has a new file, the last one stays.

    Args:
        path: The file to make or to replace.
        mode: Permissions of the new file.
        durable: Flush it, so that it is there after a crash of the machine.

    Raises:
        OSError: The file cannot be written. ``path`` is as it was.
    """
    unfinished = path.with_name(f".{path.name}.{os.urandom(8).hex()}.tmp")
    descriptor = os.open(unfinished, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
    try:
        yield unfinished
        os.fchmod(descriptor, mode)
        if durable:
            os.fsync(descriptor)
        unfinished.replace(path)
        if durable:
            sync_folder(path.parent)
    finally:
        os.close(descriptor)
        unfinished.unlink(missing_ok=True)


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
