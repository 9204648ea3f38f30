# SPDX-License-Identifier: MIT
"""Lets functions find the packages of the project's own virtual environment.

That is the active environment, otherwise ``.venv`` beside the template, unless fc-async itself is
installed there. It is used if it has the Python that runs functions here.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import msgspec

from fc_async_plugin.template.code import folder_of
from fc_async_plugin.template.desired import is_function
from fc_async_sdk.spec import runtimes

if TYPE_CHECKING:
    from fc_async_plugin.template import Project, Resource

_VARIABLES: Final = "environmentVariables"
_PACKAGES: Final = f"lib/python{sys.version_info.major}.{sys.version_info.minor}/site-packages"


def used(project: Project) -> tuple[Project, str]:
    """Return the template whose functions have the environment on their paths, and what to say."""
    beside = folder_of(project) / ".venv"
    place = Path(os.environ.get("VIRTUAL_ENV") or beside)
    if place.resolve() == Path(sys.prefix).resolve() or not (place / _PACKAGES).is_dir():
        return project, ""
    resources = tuple(_with_paths(one, place) for one in project.resources)
    text = "functions find the packages of {}; in the cloud, only those of requirements.txt"
    found = msgspec.structs.replace(project, resources=resources)
    return found, text.format(os.path.relpath(place))


def _with_paths(resource: Resource, place: Path) -> Resource:
    """Return a function that finds packages, and commands if it is a custom runtime."""
    runtime, given = resource.props.get("runtime"), resource.props.get(_VARIABLES) or {}
    python = runtime in runtimes.PYTHON | runtimes.CUSTOM and is_function(resource)
    if not python or not isinstance(given, dict):
        return resource
    further: dict[str, Any] = {"PYTHONPATH": place / _PACKAGES}
    if runtime in runtimes.CUSTOM:
        further["PATH"] = place / "bin"
    paths = {
        name: os.pathsep.join(filter(None, [str(folder), str(given.get(name) or "")]))
        for name, folder in further.items()
    }
    return msgspec.structs.replace(resource, props={**resource.props, _VARIABLES: given | paths})
