# SPDX-License-Identifier: MIT
"""Reads ``pyproject.toml`` of a program that an image installs; from Python 3.11 on."""

from __future__ import annotations

import contextlib
import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path


def dependencies(folder: Path) -> list[str]:
    """Return the requirements of a project; none if its file cannot be read."""
    return _texts(folder, "project", "dependencies")


def sources(folder: Path) -> list[str]:
    """Return the folders, relative to the project, in which its modules are."""
    src = ["src"] if (folder / "src").is_dir() else []
    return _texts(folder, "tool", "setuptools", "packages", "find", "where") or src


def _texts(folder: Path, *keys: str) -> list[str]:
    value: Any = {}
    with contextlib.suppress(ImportError, OSError, ValueError):  # Python 3.10 has no tomllib
        text = (folder / "pyproject.toml").read_text("utf-8")
        value = importlib.import_module("tomllib").loads(text)
    for key in keys:
        value = value.get(key) if isinstance(value, dict) else None
    return [str(text) for text in value] if isinstance(value, list) else []
