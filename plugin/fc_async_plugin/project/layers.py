# SPDX-License-Identifier: MIT
"""Layers of functions: which are folders and zips on this machine, which are of the service."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from fc_async_plugin.project.code import folder_of
from fc_async_plugin.s_yaml.model import is_unresolved
from fc_async_plugin.s_yaml.problems import failure
from fc_async_sdk.errors import InvalidParameter
from fc_async_sdk.packaging import layer_reference

if TYPE_CHECKING:
    from pathlib import Path

    from fc_async_plugin.s_yaml.model import Project, Resource

_LAYER_ELSEWHERE: Final = re.compile(r"acs:|official:|\w+#[\w-]+#\d+$")
"""ARNs of layers; those of FC 2.0 have the form ``ID#NAME#VERSION``."""


def with_references(project: Project, resource: Resource, *, local: bool) -> dict[str, list[str]]:
    """Return the setting with references to the layers on this machine; empty if there are none.

    Args:
        project: The template.
        resource: The function.
        local: Whether it runs on this machine.

    Raises:
        TemplateError: The service would need a layer that is on this machine, or one cannot be
            read.
    """
    layers = resource.props.get("layers")
    if not isinstance(layers, list) or not any(map(_is_local, layers)):
        return {}
    references = list(layers)
    for index, layer in enumerate(layers):
        if _is_local(layer):
            references[index] = _reference(project, resource, index, local=local)
    return {"layers": references}


def _reference(project: Project, resource: Resource, index: int, *, local: bool) -> str:
    layer = resource.props["layers"][index]
    if not local:
        raise failure(
            resource.where("layers", index),
            f"layer {layer!r} of {resource.name!r} is on this machine",
            "write the ARN of a layer; only the local runtime takes folders and zips",
        )
    try:
        return layer_reference(folder_of(project) / layer)
    except InvalidParameter as error:
        text = f"layers: {error.value} {error.expected}"
        raise failure(resource.where("layers", index), text, kind="file") from error


def local_layers(project: Project, resource: Resource) -> tuple[Path, ...]:
    """Return the layers of a resource that are folders or zips on this machine, absolute."""
    return tuple(folder_of(project) / layer for layer in _listed(resource) if _is_local(layer))


def layers_elsewhere(resource: Resource) -> list[str]:
    """Return the references of a resource's layers that this machine lacks."""
    return [layer for layer in _listed(resource) if not _is_local(layer)]


def _listed(resource: Resource) -> list[str]:
    layers = resource.props.get("layers")
    return [layer for layer in layers if isinstance(layer, str)] if isinstance(layers, list) else []


def _is_local(layer: object) -> bool:
    """Return whether a layer is a path on this machine and not an ARN."""
    if not isinstance(layer, str) or _LAYER_ELSEWHERE.match(layer):
        return False
    # An output of another resource is an ARN by the time of the deployment.
    return bool(layer) and not is_unresolved(layer)
