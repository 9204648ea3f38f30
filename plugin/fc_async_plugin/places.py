# SPDX-License-Identifier: MIT
"""Tells a local runtime where a template has its destinations, for the graph of the console.

The service has no place for this, so nothing here is called for an account.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from fc_async_plugin.graph.build import links, source_node
from fc_async_plugin.template.desired import destination_path
from fc_async_sdk.admin import operations as admin
from fc_async_sdk.admin.models import WrittenAt

if TYPE_CHECKING:
    from collections.abc import Collection

    from fc_async_plugin.account import Regions
    from fc_async_plugin.template import Project
    from fc_async_plugin.template.problems import Position


def tell(regions: Regions, project: Project, only: Collection[str] | None = None) -> None:
    """Tell the runtime where a template that was deployed has its destinations.

    Args:
        regions: The runtime.
        project: The template.
        only: Names of resources; None: all.

    Raises:
        FcAsyncError: The runtime does not answer, or the endpoint is not one.
    """
    places: dict[str, list[WrittenAt]] = {}
    for link in links(project.resources):
        resource = link.resource
        if only is None or resource.name in only:
            places.setdefault(resource.region, []).append(
                WrittenAt(
                    function=resource.function_name,
                    qualifier=source_node(resource).qualifier,
                    outcome="success" if link.outcome == "onSuccess" else "failure",
                    destination=link.text,
                    place=_shown(resource.where(*destination_path(link.outcome))),
                )
            )
    for region, those in places.items():
        regions[region].send(admin.put_places(those))


def _shown(position: Position) -> str:
    """Return a place as the user would write it: relative to this folder if it is below."""
    file = Path(position.file).resolve()
    folder = Path.cwd()
    shown = file.relative_to(folder) if file.is_relative_to(folder) else file
    return str(position._replace(file=str(shown)))
