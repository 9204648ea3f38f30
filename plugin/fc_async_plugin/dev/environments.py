# SPDX-License-Identifier: MIT
"""Packages of the project's own virtual environment, for functions that this machine lacks them.

That is the active environment, otherwise ``.venv`` beside the template, unless fc-async itself is
installed there. It is used if it is of the interpreter that runs functions here.
"""

from __future__ import annotations

import importlib.machinery
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import msgspec

from fc_async_plugin.report import imports
from fc_async_plugin.template.code import code_path, folder_of
from fc_async_plugin.template.desired import is_function
from fc_async_sdk import _requirements
from fc_async_sdk.spec import runtimes

if TYPE_CHECKING:
    from fc_async_plugin.template import Project, Resource

_PATH: Final = "PYTHONPATH"
_VARIABLES: Final = "environmentVariables"
_VERSION: Final = f"python{sys.version_info.major}.{sys.version_info.minor}"


def used(project: Project) -> tuple[Project, list[str]]:
    """Let functions use packages of the project's environment.

    Returns:
        The template in which functions have the environment on their paths, and one sentence for
        each of them.
    """
    place = _environment(folder_of(project))
    if place is None:
        return project, []
    packages = str(place / "lib" / _VERSION / "site-packages")
    absent: dict[str, set[str]] = {}
    for lack in imports.absent(project):
        if importlib.machinery.PathFinder.find_spec(lack.module, [packages]):
            absent.setdefault(lack.function, set()).add(lack.package)
    resources, said = list(project.resources), []
    for number, one in enumerate(resources):
        found = absent.get(one.function_name, set()) | _required(project, one, packages)
        if found and is_function(one):
            names = ", ".join(sorted(found))
            said.append(f"{one.function_name} uses {names} of {os.path.relpath(place)}")
            resources[number] = _with_paths(one, packages, str(place / "bin"))
    return msgspec.structs.replace(project, resources=tuple(resources)), said


def _environment(folder: Path) -> Path | None:
    places = [Path(os.environ.get("VIRTUAL_ENV") or folder / ".venv"), folder / ".venv"]
    for place in places:
        if (place / "lib" / _VERSION / "site-packages").is_dir():
            return None if place.resolve() == Path(sys.prefix).resolve() else place
    return None


def _required(project: Project, resource: Resource, packages: str) -> set[str]:
    """Return the requirements of a function that only the environment has."""
    code = code_path(project, resource)
    if code is None or resource.props.get("runtime") not in runtimes.PYTHON | runtimes.CUSTOM:
        return set()
    file = code / "requirements.txt"
    text = file.read_text("utf-8", "replace") if file.is_file() else ""
    missing = _requirements.missing(text) if text.strip() else frozenset()
    return set(missing - _requirements.missing(text, [packages])) if missing else set()


def _with_paths(resource: Resource, packages: str, commands: str) -> Resource:
    """Return a function that finds packages, and commands if it is a custom runtime."""
    given: Any = resource.props.get(_VARIABLES) or {}
    if not isinstance(given, dict):
        return resource  # a rule names it
    further = {_PATH: _before(packages, given.get(_PATH))}
    if resource.props.get("runtime") in runtimes.CUSTOM:
        further["PATH"] = _before(commands, given.get("PATH"))
    return msgspec.structs.replace(resource, props={**resource.props, _VARIABLES: given | further})


def _before(folder: str, path: object) -> str:
    return f"{folder}{os.pathsep}{path}" if path else folder
