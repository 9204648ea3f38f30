# SPDX-License-Identifier: MIT
"""Tells a local runtime where a template has destinations and triggers, for the console's graph.

The service has no place for this, so nothing here is called for an account.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from fc_async_plugin.check.graph.build import links, source_node, trigger_edges
from fc_async_plugin.check.rules.context import Suppressions
from fc_async_sdk.admin import operations as admin
from fc_async_sdk.admin.models import Places, TriggerAt, WrittenAt

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

    from fc_async_plugin.account import Regions
    from fc_async_plugin.s_yaml import Project
    from fc_async_plugin.s_yaml.model import Resource
    from fc_async_plugin.s_yaml.problems import Position


def tell(regions: Regions, project: Project, only: Collection[str] | None = None) -> None:
    """Tell the runtime where a template that was deployed has destinations and triggers.

    Args:
        regions: The runtime.
        project: The template.
        only: Names of resources; None: all.

    Raises:
        FcAsyncError: The runtime does not answer, or the endpoint is not one.
    """
    suppressions = Suppressions(project.suppressions)
    by_region: dict[str, list[Resource]] = {}
    for resource in project.resources:
        if only is None or resource.name in only:
            by_region.setdefault(resource.region, []).append(resource)
    for region, resources in sorted(by_region.items()):
        body = Places(
            places=tuple(_destinations(resources, suppressions)),
            triggers=tuple(_triggers(resources, suppressions)),
        )
        if body.places or body.triggers:
            regions[region].send(admin.put_places(body))


def _destinations(resources: Iterable[Resource], suppressions: Suppressions) -> Iterator[WrittenAt]:
    for link in links(resources):
        position = link.where()
        yield WrittenAt(
            function=link.resource.function_name,
            qualifier=source_node(link.resource).qualifier,
            outcome=link.kind,
            destination=link.text,
            place=_shown(position),
            waived=suppressions.waive(position),
        )


def _triggers(resources: Iterable[Resource], suppressions: Suppressions) -> Iterator[TriggerAt]:
    for edge in trigger_edges(resources):
        if edge.position is not None:
            yield TriggerAt(
                function=edge.target.name,
                trigger=edge.via,
                place=_shown(edge.position),
                waived=suppressions.waive(edge.position),
            )


def _shown(position: Position) -> str:
    """Return a place as the user would write it: relative to this folder if it is below."""
    file = Path(position.file).resolve()
    folder = Path.cwd()
    if file.is_relative_to(folder):
        file = file.relative_to(folder)
    return str(position._replace(file=str(file)))
