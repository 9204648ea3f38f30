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
    loops = [_loop(shown, cycle) for cycle in shown.cycles]
    others = shown.cuts - {cycle.cut for cycle in shown.cycles}
    more = [(_words(shown, cut), _place(cut)) for cut in shown.graph.edges if cut in others]
    return page.write(scene(shown), title, loops, more)


def scene(shown: Picture) -> Scene:
    """Return the drawing of a graph, with coordinates."""
    items = [Item(node.label, node.kind, shown.counted(node)) for node in shown.graph.nodes]
    return compute(items, list(_links(shown)))


def _links(shown: Picture) -> Iterator[Link]:
    graph, red = shown.graph, shown.red
    for edge in graph.edges:
        label = shown.label(edge) + _counted(shown, edge)
        yield Link(
            graph.number(edge.source),
            graph.number(edge.target),
            edge.kind,
            f"✂ {label}" if edge in shown.cuts else label,
            note=_place(edge),
            on_cycle=edge in red,
            cut=edge in shown.cuts,
        )


def _counted(shown: Picture, edge: Edge) -> str:
    """Return the counts of an edge, "" if they are not known."""
    name = (edge.source.name, edge.source.qualifier, edge.kind)
    counts = shown.counts.destinations.get(name) if edge.source.kind == "function" else None
    return f": {counts}" if counts else ""


def _loop(shown: Picture, cycle: Cycle) -> page.Loop:
    path = (*(node.label for node in cycle.nodes), cycle.nodes[0].label)
    return page.Loop(path, _words(shown, cycle.cut), _place(cycle.cut))


def _words(shown: Picture, cut: Edge) -> str:
    return f"{shown.label(cut)}: {cut.source.label} → {cut.target.label}"


def _place(edge: Edge) -> str:
    return str(edge.position) if edge.position else ""
