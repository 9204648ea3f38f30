# SPDX-License-Identifier: MIT
"""Draws the destination graph as SVG, and as an HTML page with the SVG.

What is drawn is decided here; where it is drawn, in :mod:`fc_async_sdk._drawing`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from fc_async_sdk._drawing import Item, Link, compute, page, svg

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fc_async_plugin.graph import Cycle, Edge
    from fc_async_plugin.report.graphs import Picture
    from fc_async_sdk._drawing import Scene

_TITLE = "Destinations of functions"


def to_svg(shown: Picture) -> str:
    """Return a drawing as one SVG element."""
    return svg.draw(scene(shown), _TITLE)


def to_html(shown: Picture, title: str) -> str:
    """Return a page with the drawing and a list of the cycles."""
    return page.write(scene(shown), title, [_loop(shown, cycle) for cycle in shown.cycles])


def scene(shown: Picture) -> Scene:
    """Return the drawing of a graph, with coordinates."""
    items = [Item(node.label, node.kind, shown.counted(node)) for node in shown.graph.nodes]
    return compute(items, list(_links(shown)))


def _links(shown: Picture) -> Iterator[Link]:
    graph, red = shown.graph, shown.red
    cuts = {_cut(cycle) for cycle in shown.cycles}
    for edge in graph.edges:
        label = shown.label(edge) + _counted(shown, edge)
        yield Link(
            graph.number(edge.source),
            graph.number(edge.target),
            edge.kind,
            f"✂ {label}" if edge in cuts else label,
            note=_place(edge),
            on_cycle=edge in red,
            cut=edge in cuts,
        )


def _counted(shown: Picture, edge: Edge) -> str:
    """Return the counts of an edge, "" if they are not known."""
    name = (edge.source.name, edge.source.qualifier, edge.kind)
    counts = shown.counts.destinations.get(name) if edge.source.kind == "function" else None
    return f": {counts}" if counts else ""


def _cut(cycle: Cycle) -> Edge:
    """Return the edge to remove: the last one that a template has, so that it can be edited."""
    written = [edge for edge in cycle.edges if edge.written is not None]
    return written[-1] if written else cycle.edges[-1]


def _loop(shown: Picture, cycle: Cycle) -> page.Loop:
    cut = _cut(cycle)
    path = (*(node.label for node in cycle.nodes), cycle.nodes[0].label)
    words = f"{shown.label(cut)}: {cut.source.label} → {cut.target.label}"
    return page.Loop(path, words, _place(cut))


def _place(edge: Edge) -> str:
    return str(edge.position) if edge.position else ""
