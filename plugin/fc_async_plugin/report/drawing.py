# SPDX-License-Identifier: MIT
"""Draws the destination graph as SVG.

What is drawn is decided here; where it is drawn, in :mod:`fc_async_sdk._drawing`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from fc_async_sdk._drawing import Item, Link, compute, svg

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fc_async_plugin.graph import Edge
    from fc_async_plugin.report.graphs import Picture

_TITLE = "Destinations and triggers of functions"


def to_svg(shown: Picture) -> str:
    """Return a drawing as one SVG element."""
    items = [Item(node.label, node.kind, shown.counted(node)) for node in shown.graph.nodes]
    return svg.draw(compute(items, list(_links(shown))), _TITLE)


def _links(shown: Picture) -> Iterator[Link]:
    graph = shown.graph
    for edge in graph.edges:
        label = shown.label(edge) + _counted(shown, edge)
        yield Link(
            graph.number(edge.source),
            graph.number(edge.target),
            edge.kind,
            f"✂ {label}" if edge in shown.cuts else label,
            note=str(edge.position or ""),
            on_cycle=edge in shown.red,
            cut=edge in shown.cuts,
        )


def _counted(shown: Picture, edge: Edge) -> str:
    """Return the counts of an edge, "" if they are not known."""
    name = (edge.source.name, edge.source.qualifier, edge.kind)
    counts = shown.counts.destinations.get(name) if edge.source.kind == "function" else None
    if counts is None:
        return ""
    delivered, lost = counts
    return f": {delivered:,} delivered" + (f", {lost:,} lost" if lost else "")
