# SPDX-License-Identifier: MIT
"""Layers of the service, which this machine does not have, and what stands in for them here."""

from __future__ import annotations

import importlib.util
import shutil
from typing import TYPE_CHECKING

from fc_async_plugin.prepare.lacks import Lack
from fc_async_plugin.project.wanted import layers_elsewhere
from fc_async_sdk.spec import runtimes
from fc_async_sdk.spec.runtimes import PublicLayer

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from fc_async_plugin.s_yaml import Project


def layers_of(project: Project) -> Iterator[tuple[str, PublicLayer]]:
    """Yield the functions of a template with their layers that this machine lacks.

    A layer of an account has its reference as name.
    """
    for resource in project.functions:
        for reference in layers_elsewhere(resource):
            yield resource.function_name, runtimes.public_layer(reference) or PublicLayer(reference)


def is_here(layer: PublicLayer) -> bool:
    """Return whether this machine has the program or the Python packages of a layer."""
    if layer.command:
        return shutil.which(layer.command) is not None
    return bool(layer.modules) and importlib.util.find_spec(layer.modules[0]) is not None


def notes(projects: Iterable[Project], *, install: bool) -> list[str]:
    """Return what stands in for the layers of the service, one sentence for each layer."""
    functions: dict[PublicLayer, list[str]] = {}
    for project in projects:
        for function, layer in layers_of(project):
            functions.setdefault(layer, []).append(function)
    return [
        f"layer {layer.name} of {', '.join(dict.fromkeys(names))}: "
        + _instead(layer, install=install)
        for layer, names in functions.items()
    ]


def _instead(layer: PublicLayer, *, install: bool) -> str:
    substitute = layer.command or layer.requirement
    if not substitute:
        return (
            "what is in it is not known, and the functions lack it: write a folder or a zip of its "
            "files in its place in layers, for this machine alone in env.yaml: fc-async dev --env"
        )
    # Programs of this machine stand in for those of a layer: /opt/bin/nginx leads to the one here.
    if is_here(layer):
        return f"{layer.command or layer.modules[0]} of this machine is used instead"
    if layer.command:
        return str(Lack("layer", substitute, "", "install it"))
    if install:
        return f"{substitute} is installed instead"
    return str(Lack("layer", substitute, "", "fc-async dev --install installs it"))
