# SPDX-License-Identifier: MIT
"""What commands leave behind in a project."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def kept_by_deployments(project: Path) -> list[str]:
    """The files below ``.fc-async`` other than its ``.gitignore`` and its mark."""
    folder = project / ".fc-async"
    files = [path for path in folder.rglob("*") if path.is_file()]
    return sorted(
        str(path.relative_to(folder)) for path in files if path.name not in {".gitignore", "mark"}
    )
