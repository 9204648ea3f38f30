# SPDX-License-Identifier: MIT
"""Finds the files of a project that a build has changed, such as lock files and settings.

Git is not asked: its configuration in a folder that came from elsewhere may name programs to run.
So modification times are compared, without what ``.gitignore`` of the repository names.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import TYPE_CHECKING, Final

from pathspec import GitIgnoreSpec

from fc_async_plugin.project.code import is_shared
from fc_async_sdk import _project_folder

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_IGNORE: Final = ".gitignore"
_NOT_READ: Final = {_project_folder.NAME, ".git", ".s", ".venv", "__pycache__", "node_modules"}
_MOST_FILES: Final = 50_000
"""Of a folder; the comparison must take less time than the build."""

State = tuple[int, int]
"""Size and time of a file."""


def files_of(folder: Path) -> dict[Path, State]:
    """Return the files below a folder that the repository has, as they are."""
    specs = [*_ignored(folder)]
    states: dict[Path, State] = {}
    for parent, folders, names in os.walk(folder):
        # os.walk goes on into what is left in this list.
        folders[:] = [name for name in folders if name not in _NOT_READ]
        if len(states) > _MOST_FILES:
            return {}
        for name in names:
            file = Path(parent, name)
            ignored = (spec.match_file(file.relative_to(top).as_posix()) for top, spec in specs)
            if not any(ignored):
                with contextlib.suppress(FileNotFoundError):  # removed meanwhile
                    status = file.lstat()
                    states[file] = (status.st_size, status.st_mtime_ns)
    return states


def changed(folder: Path, before: Mapping[Path, State]) -> list[Path]:
    """Return the files that were there before and are not as they were then, sorted.

    Args:
        folder: The folder.
        before: The result of :func:`files_of` before the command.
    """
    now = files_of(folder) if before else {}
    return sorted(file for file, state in before.items() if now.get(file) != state)


def _ignored(folder: Path) -> Iterator[tuple[Path, GitIgnoreSpec]]:
    """Yield the patterns of the files ``.gitignore`` in a folder and above it in its repository."""
    for ancestor in (folder, *folder.parents):
        if is_shared(ancestor):
            return
        file = ancestor / _IGNORE
        if file.is_file():
            lines = file.read_text("utf-8", "replace").splitlines()
            yield ancestor, GitIgnoreSpec.from_lines(lines)
        if (ancestor / ".git").exists():
            return
