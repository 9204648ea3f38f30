# SPDX-License-Identifier: MIT
"""Layers of the service, which this machine does not have, and what stands in for them here."""

from __future__ import annotations

import importlib.util
import shutil
from typing import TYPE_CHECKING

from fc_async_plugin.project.layers import layers_elsewhere
from fc_async_sdk.spec import runtimes
from fc_async_sdk.spec.runtimes import PublicLayer

if TYPE_CHECKING:
    from collections.abc import Iterable

    from fc_async_plugin.s_yaml import Project


def functions_of(projects: Iterable[Project]) -> dict[PublicLayer, list[str]]:
    """Return the layers that this machine lacks, with the functions that have them, each once.

    A layer of an account has its reference as name.
    """
    functions: dict[PublicLayer, list[str]] = {}
    for project in projects:
        for resource in project.functions:
            for reference in layers_elsewhere(resource):
                layer = runtimes.public_layer(reference) or PublicLayer(reference)
                names = functions.setdefault(layer, [])
                if resource.function_name not in names:
                    names.append(resource.function_name)
    return functions


def is_here(layer: PublicLayer) -> bool:
    """Return whether this machine has the program or the Python packages of a layer."""
    if layer.command:
        return shutil.which(layer.command) is not None
    return bool(layer.modules) and importlib.util.find_spec(layer.modules[0]) is not None


def notes(projects: Iterable[Project], *, install: bool) -> list[str]:
    """Return what stands in for the layers of the service, one sentence for each that has it.

    Args:
        projects: The templates.
        install: Whether the packages of a layer are installed.
    """
    sentences: list[str] = []
    for layer, functions in functions_of(projects).items():
        begin = f"layer {layer.name} of {', '.join(functions)}"
        # Programs of this machine stand in for those of a layer: /opt/bin/nginx leads to the one
        # here.
        if is_here(layer):
            name = layer.command or layer.modules[0]
            sentences.append(f"{begin}: {name} of this machine is used instead")
        elif layer.requirement and install:
            sentences.append(f"{begin}: {layer.requirement} is installed instead")
    return sentences
