# SPDX-License-Identifier: MIT
"""Times and sizes of files, by which a change is noticed without reading them."""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import Final

from fc_async_sdk import _project_folder

Stamp = tuple[int, int]
"""Last write of a file (nanoseconds) and its size (bytes)."""
Stamps = Mapping[Path, Stamp | None]
"""Stamps of files; None for a file that is not there."""
OF_TOOLS: Final = frozenset({_project_folder.NAME, ".git", ".s", ".venv", "__pycache__"})
"""Folders with files of tools, which a function does not have."""


def stamps_of(files: Collection[Path]) -> dict[Path, Stamp | None]:
    """Return the stamps of some files."""
    return {file: _stamp(file) for file in files}


def stamps_below(folders: Iterable[Path]) -> dict[Path, Stamp | None]:
    """Return the stamps of all files below some folders, without those of tools such as git."""
    stamps: dict[Path, Stamp | None] = {}
    for folder in folders:
        for parent, names, files in os.walk(folder):
            names[:] = set(names) - OF_TOOLS
            for name in files:
                file = Path(parent, name)
                stamps[file] = _stamp(file)
    return stamps


def state_of(folder: Path) -> str:
    """Return a value that changes with the names, sizes and times of files below a folder."""
    digest = hashlib.sha256()
    for parent, folders, names in os.walk(folder):
        folders[:] = sorted(set(folders) - OF_TOOLS)
        for path in (Path(parent, name) for name in sorted(names)):
            with contextlib.suppress(FileNotFoundError):  # removed meanwhile
                status = path.lstat()
                digest.update(f"{path}\0{status.st_size}\0{status.st_mtime_ns}\n".encode())
    return digest.hexdigest()[:16]


def changed_since(before: Stamps, after: Stamps) -> dict[Path, Stamp | None]:
    """Return the stamps of files that are new, other or gone after something has run."""
    changed = {file: stamp for file, stamp in after.items() if before.get(file) != stamp}
    gone = before.keys() - after.keys()
    return changed | dict.fromkeys(gone)


def _stamp(file: Path) -> Stamp | None:
    try:
        status = file.stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size
