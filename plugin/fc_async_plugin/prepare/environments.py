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
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from fc_async_plugin.prepare import imports
from fc_async_plugin.project.code import code_path, folder_of
from fc_async_plugin.s_yaml.model import with_props
from fc_async_plugin.s_yaml.resolving import ENVIRONMENT
from fc_async_sdk import _requirements
from fc_async_sdk.spec import runtimes

if TYPE_CHECKING:
    from fc_async_plugin.s_yaml import Project, Resource

_PACKAGES: Final = f"lib/python{sys.version_info.major}.{sys.version_info.minor}/site-packages"


class Used(NamedTuple):
    """A template whose functions find the environment.

    Attributes:
        project: The template.
        note: What to say; "" if nothing was changed.
    """

    project: Project
    note: str = ""


def used(project: Project) -> Used:
    """Let functions that lack packages find the environment."""
    active = os.environ.get("VIRTUAL_ENV")
    environment = Path(active) if active else folder_of(project) / ".venv"
    packages = environment / _PACKAGES
    # Those of another Python are left out: modules in C are built for one version.
    if not packages.is_dir():
        return Used(project)
    # The environment of fc-async itself: functions find its packages already.
    if packages.resolve() in [Path(entry).resolve() for entry in sys.path]:
        return Used(project)
    lacking = _functions_that_lack(project, packages)
    if not lacking:
        return Used(project)
    # Other functions keep their variables, so that a plan shows no change of them.
    props = {
        resource.name: with_paths(resource, environment)
        for resource in project.resources
        if resource.function_name in lacking
    }
    folder = os.path.relpath(environment)
    note = (
        f"{', '.join(sorted(lacking))}: packages of {folder} are used; in the cloud, only those of "
        "requirements.txt"
    )
    return Used(with_props(project, props), note)


def _functions_that_lack(project: Project, packages: Path) -> set[str]:
    """Return the functions for which the environment has a module or a requirement."""
    lacking = set()
    for absent in imports.absent(project):
        if importlib.machinery.PathFinder.find_spec(absent.module, [str(packages)]):
            lacking.add(absent.function)
    for resource in project.functions:
        if _lacks(project, resource, packages):
            lacking.add(resource.function_name)
    return lacking


def _lacks(project: Project, resource: Resource, packages: Path) -> bool:
    """Return whether only the environment has a requirement of a function."""
    runs_python = resource.runtime in runtimes.PYTHON | runtimes.CUSTOM
    code = code_path(project, resource) if runs_python else None
    if code is None:
        return False
    text = imports.requirements(code)
    missing_here = _requirements.missing(text)
    return missing_here > _requirements.missing(text, [*sys.path, str(packages)])


def with_paths(resource: Resource, environment: Path) -> dict[str, Any]:
    """Return props of a function that finds packages, and commands if it is a custom runtime."""
    variables: Any = resource.props.get(ENVIRONMENT) or {}
    if not isinstance(variables, dict):
        return resource.props  # a rule names it
    folders = {"PYTHONPATH": environment / _PACKAGES}
    if resource.runtime in runtimes.CUSTOM:
        folders["PATH"] = environment / "bin"
    paths = {}
    for name, folder in folders.items():
        further = variables.get(name)
        paths[name] = f"{folder}{os.pathsep}{further}" if further else str(folder)
    return {**resource.props, ENVIRONMENT: variables | paths}
