# SPDX-License-Identifier: MIT
"""Lets functions find the packages of the project's own virtual environment.

That is the active environment, otherwise ``.venv`` beside the template, unless fc-async itself is
installed there. It is used if it has the Python that runs functions here.
"""

from __future__ import annotations

import importlib.machinery
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from fc_async_plugin.prepare import imports
from fc_async_plugin.project.code import code_path, folder_of
from fc_async_plugin.s_yaml.model import is_function, with_props
from fc_async_plugin.s_yaml.resolving import ENVIRONMENT
from fc_async_sdk import _requirements
from fc_async_sdk.spec import runtimes

if TYPE_CHECKING:
    from fc_async_plugin.s_yaml import Project, Resource

_PACKAGES: Final = f"lib/python{sys.version_info.major}.{sys.version_info.minor}/site-packages"


def used(project: Project) -> tuple[Project, str]:
    """Let functions that lack packages find the environment.

    Returns:
        The template, and what to say; "" if nothing is changed.
    """
    beside = folder_of(project) / ".venv"
    place = Path(os.environ.get("VIRTUAL_ENV") or beside)
    packages = place / _PACKAGES
    if not packages.is_dir() or packages.resolve() in {Path(one).resolve() for one in sys.path}:
        return project, ""
    find = importlib.machinery.PathFinder.find_spec
    absent = imports.absent(project)
    lacking = {one.function for one in absent if find(one.module, [str(packages)])}
    lacking |= {one.function_name for one in project.resources if _lacks(project, one, packages)}
    if not lacking:
        return project, ""
    names = ", ".join(sorted(lacking))
    text = f"{names}: packages of {os.path.relpath(place)} are used; in the cloud, only those of "
    changed = (one for one in project.resources if one.function_name in lacking)
    props = {one.name: with_paths(one, place) for one in changed}
    return with_props(project, props), f"{text}requirements.txt"


def _lacks(project: Project, resource: Resource, packages: Path) -> bool:
    """Return whether only the environment has a requirement of a function."""
    runs_python = resource.props.get("runtime") in runtimes.PYTHON | runtimes.CUSTOM
    code = code_path(project, resource) if runs_python and is_function(resource) else None
    text = imports.requirements(code) if code else ""
    return _requirements.missing(text) > _requirements.missing(text, [*sys.path, str(packages)])


def with_paths(resource: Resource, place: Path) -> dict[str, Any]:
    """Return props of a function that finds packages, and commands if it is a custom runtime."""
    given: Any = resource.props.get(ENVIRONMENT) or {}
    if not isinstance(given, dict):
        return resource.props  # a rule names it
    further = {"PYTHONPATH": place / _PACKAGES}
    if resource.props.get("runtime") in runtimes.CUSTOM:
        further["PATH"] = place / "bin"
    paths = {
        name: os.pathsep.join(filter(None, [str(folder), str(given.get(name) or "")]))
        for name, folder in further.items()
    }
    return {**resource.props, ENVIRONMENT: given | paths}
