# SPDX-License-Identifier: MIT
"""The page on the layout of the code names files, names and layers that exist."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

pytestmark = pytest.mark.lint

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "where-things-live.md").read_text()
PACKAGES = ("fc_async_sdk", "fc_async_local", "plugin/fc_async_plugin")
PATH = re.compile(r"`([a-z][^`\s]*(?:/|\.py)[^`\s]*)`")
STEPS = re.findall(r"^\| [^|]+ \| (`[^|]+\.py`) \| (`[^|]+`) \|$", PAGE, re.MULTILINE)
CONTRACT = re.compile(r'^containers = \["(\w+)"\]\nlayers = \[\n(.*?)^\]', re.MULTILINE | re.DOTALL)
LAYERS = CONTRACT.findall((ROOT / "pyproject.toml").read_text())
DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


def definitions(path: Path) -> set[str]:
    """Return the functions, classes and methods ("Class.method") of a module."""
    found = set()
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, DEFINITIONS):
            found.add(node.name)
        if isinstance(node, ast.ClassDef):
            parts = (part for part in node.body if isinstance(part, DEFINITIONS))
            found |= {f"{node.name}.{part.name}" for part in parts}
    return found


def test_every_path_on_the_page_exists() -> None:
    named = PATH.findall(PAGE)

    assert len(named) > 40
    roots = (ROOT, ROOT / "fc_async_local")
    assert [path for path in named if not any((root / path).exists() for root in roots)] == []


def test_every_folder_of_the_packages_is_on_the_page() -> None:
    folders = [
        folder.name
        for package in PACKAGES
        for folder in (ROOT / package).iterdir()
        if folder.is_dir() and (folder / "__init__.py").is_file()
    ]

    assert [name for name in folders if not re.search(rf"\b{name}\b", PAGE)] == []


def test_every_step_of_an_invocation_names_what_its_file_defines() -> None:
    assert len(STEPS) > 10
    for files, names in STEPS:
        paths = [ROOT / "fc_async_local" / path for path in re.findall(r"`([^`]+)`", files)]
        defined = set().union(*map(definitions, paths))
        assert set(re.findall(r"`([^`]+)`", names)) <= defined, files


@pytest.mark.parametrize(("package", "layers"), LAYERS, ids=[package for package, _ in LAYERS])
def test_the_picture_shows_the_layers_of_the_import_contracts(package: str, layers: str) -> None:
    wanted = [layer for layer in re.findall(r'"([^"]+)"', layers) if layer != "__main__"]
    picture = PAGE.partition("```text\n")[2].partition("```")[0]
    part = next(one for one in picture.split("\n\n") if re.match(rf"\S*\b{package}\b", one))

    shown = [re.split(r"\s{2,}", line.strip())[0] for line in part.splitlines()[1:]]

    assert shown == wanted
