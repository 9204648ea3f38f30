# SPDX-License-Identifier: MIT
"""Packages of Node: what ``package.json`` asks for, what is lacking, which manager installs it.

The dependencies of a ``package.json`` go into ``node_modules`` beside it, as npm does.
"""

from __future__ import annotations

import re
import shutil
from typing import TYPE_CHECKING, Any, Final

import msgspec

from fc_async_plugin import PluginError
from fc_async_plugin.prepare import programs, syntax
from fc_async_plugin.prepare.imports import Import
from fc_async_plugin.project.sources import sources_of
from fc_async_sdk._decoding import prepare
from fc_async_sdk.spec.runtimes import CUSTOM, NODE, shipped

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from fc_async_plugin.project.sources import Source
    from fc_async_plugin.s_yaml import Project

FILE: Final = "package.json"
MANAGERS: Final = {"pnpm": "pnpm-lock.yaml", "yarn": "yarn.lock"}
"""Package managers of Node with their lock files; without one it is npm."""
LOCKS: Final = ("package-lock.json", "npm-shrinkwrap.json")
"""Lock files of npm."""
OF_INSTALLATION: Final = ("preinstall", "install", "postinstall", "prepare")
"""Scripts of a ``package.json`` that package managers run with an installation."""
_FOLDER: Final = "node_modules"
_DEMANDED: Final = re.compile(r"(npm|pnpm|yarn)(@[\w.-]+)?")


class Package(msgspec.Struct, frozen=True):
    """Relevant part of ``package.json``."""

    dependencies: dict[str, Any] = {}
    scripts: dict[str, Any] = {}
    package_manager: Any = msgspec.field(default="", name="packageManager")


prepare(Package)


def package_json(folder: Path) -> Package:
    """Return what ``package.json`` of a folder says; nothing if it has none that can be read."""
    try:
        return msgspec.json.decode((folder / FILE).read_bytes(), type=Package)
    except (OSError, msgspec.DecodeError):
        return Package()


def is_incomplete(source: Source) -> bool:
    """Return whether ``node_modules`` of a function lacks dependencies of its ``package.json``."""
    if source.runtime not in NODE | CUSTOM or source.code is None:
        return False
    folder = source.code / _FOLDER
    return not all((folder / name).exists() for name in package_json(source.code).dependencies)


def shipped_packages(source: Source) -> tuple[str, ...]:
    """Return packages that a Node runtime ships and a function needs and lacks, sorted."""
    lacking = syntax.absent_modules(source)
    return tuple(sorted(module for module in lacking if shipped(source.runtime, module)))


def absent_imports(projects: Iterable[Project]) -> Iterator[Import]:
    """Yield what functions for Node load and lack and an installation does not bring."""
    for source in sources_of(projects):
        lacks = syntax.absent_modules(source)
        if source.code is None or not lacks:
            continue
        dependencies = package_json(source.code).dependencies
        incomplete = is_incomplete(source)  # packages may bring further ones
        for name, position in lacks.items():
            may_come = incomplete or name in dependencies
            if name.startswith((".", "/")) or not may_come:
                yield Import(source.function, source.runtime, name, position)


def install(folder: Path, packages: Sequence[str]) -> None:
    """Install packages into a folder; without names those of its ``package.json`` and lock file.

    Raises:
        PluginError: There is no npm, or the installation failed.
    """
    if shutil.which("npm") is None:
        raise PluginError("packages of Node need npm: install Node.js")
    folder.mkdir(exist_ok=True)
    # Development dependencies would hide what the function lacks in the cloud.
    usual = "--omit=dev --no-audit --no-fund --loglevel=error"
    if not packages:
        programs.install(install_line(folder, usual), folder / FILE, folder)
        return
    # Without --prefix, npm installs into the nearest folder above that has a package.json.
    target = str(folder.resolve())
    options = [*usual.split(), "--prefix", target, "--"]
    command = ["npm", "install", "--no-package-lock", *options, *packages]
    programs.install(command, ", ".join(packages), folder)


def install_line(folder: Path, options: str = "") -> str:
    """Return a line for the shell that installs what a ``package.json`` needs.

    The lock file stays as it is: npm would rewrite a tracked file. What npm refuses is installed as
    ``package.json`` has it, with peers that clash, and with development dependencies: ``prepare``
    of the package may need them.

    Args:
        folder: The folder of the file.
        options: Further options of npm.
    """
    tool = manager(folder)
    if tool != "npm":
        return f"{tool} install"
    verb = "ci" if _has_lock(folder) else "install --no-package-lock"
    first = f"npm {verb} {options}".strip()
    return f"({first} || npm install --no-package-lock --legacy-peer-deps)"


def manager(folder: Path) -> str:
    """Return the command of the package manager of a ``package.json``, such as ``npx --yes pnpm``.

    That is the one of its ``packageManager``, otherwise the one whose lock file is in the folder or
    in one above it: a package of a workspace has its lock file there.
    """
    demanded = _DEMANDED.match(str(package_json(folder).package_manager))
    version = ""
    if demanded:
        name = demanded[1]
        version = demanded[2] or ""
    else:
        name = _manager_of_locks(folder)
    if name == "npm" or shutil.which(name):
        return name
    # npx gets the demanded version: pnpm 10 fetches another one by itself, and fails where the
    # registry does not give its signatures.
    return f"npx --yes {name}{version}"


def _manager_of_locks(folder: Path) -> str:
    # Its own lock file counts more than that of a workspace above it.
    if _has_lock(folder):
        return "npm"
    for ancestor in (folder, *folder.resolve().parents):
        for name, lock in MANAGERS.items():
            if (ancestor / lock).is_file():
                return name
    return "npm"


def _has_lock(folder: Path) -> bool:
    """Return whether a folder has a lock file of npm."""
    return any((folder / name).is_file() for name in LOCKS)
