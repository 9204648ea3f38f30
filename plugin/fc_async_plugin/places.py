# SPDX-License-Identifier: MIT
"""Tells a local runtime where a template has its destinations, for the graph of the console.

The service has no place for this, so nothing here is called for an account.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import msgspec

from fc_async_plugin.graph.build import links, source_node
from fc_async_plugin.template.desired import destination_path
from fc_async_sdk._decoding import prepare
from fc_async_sdk.operations.call import json_call

if TYPE_CHECKING:
    from collections.abc import Collection

    from fc_async_plugin.account import Regions
    from fc_async_plugin.template import Project
    from fc_async_plugin.template.model import Position

_TIMEOUT: Final = 10
"""Seconds: it is on this machine."""


class _Known(msgspec.Struct, frozen=True):
    """The answer: how many of the destinations the runtime has."""

    known: int


prepare(_Known)


def tell(regions: Regions, project: Project, only: Collection[str] | None = None) -> None:
    """Tell the runtime where a template that was deployed has its destinations.

    Args:
        regions: The runtime.
        project: The template.
        only: Names of resources; None: all.

    Raises:
        FcAsyncError: The runtime does not answer, or the endpoint is not one.
    """
    places: dict[str, list[dict[str, Any]]] = {}
    for link in links(project.resources):
        resource = link.resource
        if only is None or resource.name in only:
            places.setdefault(resource.region, []).append(
                {
                    "function": resource.function_name,
                    "qualifier": source_node(resource).qualifier,
                    "outcome": link.kind,
                    "destination": link.text,
                    "place": _shown(resource.where(*destination_path(link.outcome))),
                }
            )
    for region, those in places.items():
        call = json_call(
            "PutAsyncConfigPlaces",
            "PUT",
            "/_local/async-config-places",
            _Known,
            document={"places": those},
        )
        regions[region].send(call, total_timeout=_TIMEOUT)


def _shown(position: Position) -> str:
    """Return a place as the user would write it: relative to this folder if it is below."""
    file = Path(position.file).resolve()
    folder = Path.cwd()
    shown = file.relative_to(folder) if file.is_relative_to(folder) else file
    return str(position._replace(file=str(shown)))
