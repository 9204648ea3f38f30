# SPDX-License-Identifier: MIT
"""Finds files of a project that may start or make a function, for a question to the user.

Invariants:
    Nothing is weighed: all that is found is named, the nearest to the template first.
    No file outside of the project is looked for. That is the repository of the template; outside of
    a repository, it is the folder of the template and the folders in it.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Final

from fc_async_plugin.project.code import folder_of, own_folders, repository_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from fc_async_plugin.s_yaml import Project

DOCKERFILE: Final = "Dockerfile"
_DOCKERFILE: Final = re.compile(
    r"([\w-]+\.)?dockerfile([.-](?!dockerignore)[\w-]+)?", re.IGNORECASE
)
_BUILD_SCRIPT: Final = re.compile(r"[\w.-]*(?:build|bundle|pack)[\w.-]*\.(?:ba)?sh", re.IGNORECASE)
_NOT_SEARCHED: Final = {"node_modules", "venv", "__pycache__"}
_MOST_FILES: Final = 100_000
"""Of a tree that is searched: a data set in the repository must not delay the start."""


def top_of(project: Project) -> Path:
    """Return the folder that contains the project of a template: its repository, else its own."""
    return own_folders(project)[-1]


def dockerfiles(project: Project) -> list[Path]:
    """Return the files of a project that are named as Dockerfiles are."""
    files = [file for file in _tree(project) if _DOCKERFILE.fullmatch(file.name)]
    return _nearest(project, files)


def build_scripts(project: Project) -> list[Path]:
    """Return the shell scripts of a project whose names are those of builds."""
    scripts = [file for file in _tree(project) if _BUILD_SCRIPT.fullmatch(file.name)]
    return _nearest(project, scripts)


def folders_with(project: Project, names: Iterable[str]) -> list[Path]:
    """Return the folders of a project that have one of some files.

    Args:
        project: The template.
        names: Paths relative to the folder, such as ``app/index.py``.
    """
    ends = [Path(name).parts for name in names]
    folders: dict[Path, None] = {}
    for file in _tree(project):
        for end in ends:
            if file.parts[-len(end) :] == end:
                folders[Path(*file.parts[: -len(end)])] = None
    # For app/index.py it is a folder above the project, if the project's own folder is named app.
    inside = [folder for folder in folders if folder.is_relative_to(top_of(project))]
    return _nearest(project, inside)


def _tree(project: Project) -> Iterator[Path]:
    """Yield the files that belong to a project, as far as this user may read them."""
    top = top_of(project)
    deep = repository_of(project) is not None
    count = 0
    for parent, folders, names in os.walk(top):
        for name in names:
            count += 1
            file = Path(parent, name)
            # A link may lead out of the project, to a file of the user.
            if os.access(file, os.R_OK) and file.resolve().is_relative_to(top.resolve()):
                yield file
        if count > _MOST_FILES:
            return
        inner = [name for name in folders if _is_searched(parent, name)]
        folders[:] = inner if deep or Path(parent) == top else []


def _is_searched(parent: str, name: str) -> bool:
    """Return whether a folder has files of the project, and is not a repository of its own."""
    if name.startswith(".") or name in _NOT_SEARCHED:
        return False
    # Unlike Path.exists, this is False for a folder that this user may not read.
    return not os.path.exists(os.path.join(parent, name, ".git"))  # noqa: PTH110, PTH118


def _nearest(project: Project, paths: Iterable[Path]) -> list[Path]:
    base = folder_of(project)

    def distance(path: Path) -> tuple[int, str]:
        between = os.path.relpath(path, base)
        return len(Path(between).parts), between

    return sorted(paths, key=distance)
