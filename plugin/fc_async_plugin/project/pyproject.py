# SPDX-License-Identifier: MIT
"""Reads ``pyproject.toml`` of a program that an image installs; from Python 3.11 on."""

from __future__ import annotations

import contextlib
import importlib
from typing import TYPE_CHECKING, Any

from fc_async_plugin.s_yaml.model import value_at

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
    document: Any = {}
    with contextlib.suppress(ImportError, OSError, ValueError):  # Python 3.10 has no tomllib
        content = (folder / "pyproject.toml").read_text("utf-8")
        document = importlib.import_module("tomllib").loads(content)
    texts = value_at(document, *keys)
    return [str(text) for text in texts] if isinstance(texts, list) else []
