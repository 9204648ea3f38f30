# SPDX-License-Identifier: MIT
"""Finds and removes what ``fc-async dev`` has left in ``.fc-async``.

Invariants:
    What makes a start quick again is removed; answers of the user, deployments and events are not.
    The data of the local runtime is removed only if the caller asks for it.
    Nothing is removed from a folder that this user has not made on this machine.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from fc_async_sdk import _project_folder

if TYPE_CHECKING:
    from collections.abc import Iterable

_COPIES: Final = ("code", "dev")
"""In the runtime's data folder: unpacked code, and the code that updates have replaced."""


class Leftover(NamedTuple):
    """A folder or a file that can be removed.

    Attributes:
        path: Where it is.
        content: What it has, for people.
        size: Bytes of its files.
    """

    path: Path
    content: str
    size: int


def leftovers(project: Path, *, data: bool) -> list[Leftover]:
    """Return what can be removed below a project.

    Args:
        project: The folder with ``.fc-async``.
        data: Whether the runtime's data is among it: the queue, results and what functions mount.

    Raises:
        ForeignFolder: The folder is not this user's.
    """
    _project_folder.check(project / _project_folder.NAME)
    runtime = project / _project_folder.RUNTIME
    candidates = [(project / _project_folder.LAYERS, "packages that dev installed")]
    builds = (project / _project_folder.BUILDS).parent
    candidates += [(file, "output of a build") for file in sorted(builds.glob("*.log"))]
    if data:
        candidates.append((runtime, "data of the local runtime: queue, results, copies of code"))
        mounts = _project_folder.mounts_of(runtime)
        candidates.append((mounts, "files that functions wrote into what they mount"))
    else:
        candidates += ((runtime / name, "copies of code, made again") for name in _COPIES)
    # A link may lead to a folder of the user: it is not a leftover, and neither is its target.
    return [
        Leftover(path, content, _size(path))
        for path, content in candidates
        if path.exists() and not path.is_symlink()
    ]


def remove(removable: Iterable[Leftover]) -> None:
    """Remove leftovers.

    Raises:
        OSError: One cannot be removed.
    """
    for leftover in removable:
        if leftover.path.is_dir():
            shutil.rmtree(leftover.path)
        else:
            leftover.path.unlink(missing_ok=True)


def _size(path: Path) -> int:
    if not path.is_dir():
        return path.lstat().st_size
    size = 0
    for parent, _, names in os.walk(path):
        for name in names:
            size += Path(parent, name).lstat().st_size
    return size
