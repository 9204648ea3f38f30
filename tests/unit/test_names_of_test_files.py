# SPDX-License-Identifier: MIT
"""The tests of a module are found by its name.

A file of unit tests lies in the folder that mirrors the package, and its name contains the name of
a module or of a subpackage there, or that of the package itself for a feature of several modules.
"""

from __future__ import annotations

from pathlib import Path

import pytest

pytestmark = pytest.mark.lint

ROOT = Path(__file__).parents[2]
UNIT = ROOT / "tests/unit"
PACKAGES = {
    "sdk": "fc_async_sdk",
    "local": "fc_async_local",
    "plugin": "plugin/fc_async_plugin",
}
FEATURES = {
    "test_completion.py": "completion is a feature of click, not a module",
    "test_without_extras.py": "about every module that needs an extra",
}
"""Files that are named after a feature, each with the reason."""

FILES = [path for area in PACKAGES for path in sorted((UNIT / area).rglob("test_*.py"))]


def names_in(package: Path) -> set[str]:
    """Return the names of a package, its modules and its subpackages, in the singular."""
    names = {path.stem.strip("_") for path in package.rglob("*.py") if path.stem != "__init__"}
    names |= {path.name for path in package.rglob("*") if path.is_dir()}
    return {name.removesuffix("s") for name in (*names, package.name)}


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(UNIT)))
def test_a_file_of_unit_tests_names_a_module_of_the_package_that_its_folder_mirrors(
    path: Path,
) -> None:
    area, *folders = path.relative_to(UNIT).parts[:-1]
    package = ROOT.joinpath(PACKAGES[area], *folders)
    assert package.is_dir(), f"{package.relative_to(ROOT)} does not exist"
    named = any(name in path.stem for name in names_in(package))
    assert named or path.name in FEATURES


def test_every_file_that_is_named_after_a_feature_exists() -> None:
    assert set(FEATURES) <= {path.name for path in FILES}
