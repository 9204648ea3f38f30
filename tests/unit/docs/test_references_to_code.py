# SPDX-License-Identifier: MIT
"""Files and names of this project that docstrings and pages mention exist."""

from __future__ import annotations

import importlib
import re
from pathlib import Path

import pytest

pytestmark = pytest.mark.lint

ROOT = Path(__file__).parents[3]
NAME = re.compile(r":(?:mod|class|func|meth|data|attr|exc):`~?(fc_async_\w+(?:\.\w+)*)`")
PATH = re.compile(
    r"(?<![\w/.-])((?:fc_async_sdk|fc_async_local|plugin|tests|benchmarks)/[\w/-]+\.(?:py|md|sql|js))\b"
)
MODULE = re.compile(r"`([\w-]+(?:/[\w-]+)+\.py)`(?!:\n\n```)")
"""A module on a page, where the first folders may be left out; not a file that the page shows."""


def texts(*patterns: str) -> list[tuple[str, str]]:
    """Return the names and texts of files, without what was built."""
    found = [path for pattern in patterns for path in sorted(ROOT.glob(pattern))]
    kept = [path for path in found if not {"_build", "node_modules"} & set(path.parts)]
    return [(path.relative_to(ROOT).as_posix(), path.read_text("utf-8")) for path in kept]


def exists(name: str) -> bool:
    """Whether a dotted name is a module, or an attribute or annotation in one."""
    parts = name.split(".")
    for length in range(len(parts), 0, -1):
        try:
            found: object = importlib.import_module(".".join(parts[:length]))
        except ModuleNotFoundError:
            continue
        for part in parts[length:]:
            if part in getattr(found, "__annotations__", {}):
                return True
            if not hasattr(found, part):
                return False
            found = getattr(found, part)
        return True
    return False


def test_names_in_docstrings_exist() -> None:
    modules = texts("fc_async_sdk/**/*.py", "fc_async_local/**/*.py", "plugin/**/*.py")
    named = {(file, name) for file, text in modules for name in NAME.findall(text)}

    assert len(named) > 50
    assert sorted(pair for pair in named if not exists(pair[1])) == []


def test_paths_in_code_exist() -> None:
    modules = texts("fc_async_*/**/*.py", "plugin/**/*.py")
    named = {(file, path) for file, text in modules for path in PATH.findall(text)}

    assert sorted(pair for pair in named if not (ROOT / pair[1]).exists()) == []


def test_modules_on_pages_exist() -> None:
    pages = texts("*.md", "docs/**/*.md")
    named = {(file, path) for file, text in pages for path in MODULE.findall(text)}
    folders = ("fc_async_*", "plugin", "tests", "benchmarks", "docs")
    known = [f"/{file}" for file, _ in texts(*(f"{folder}/**/*.py" for folder in folders))]

    assert len(named) > 50
    missing = (pair for pair in named if not any(one.endswith(f"/{pair[1]}") for one in known))
    assert sorted(missing) == []
