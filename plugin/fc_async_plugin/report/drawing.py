# SPDX-License-Identifier: MIT
"""Draws the destination graph as SVG, and as an HTML page with the SVG.

The column of a node is the length of the longest path to it, without edges that close cycles. The
layout suits tens of functions; Graphviz draws larger graphs better (``--format dot``).
"""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Final, NamedTuple

from fc_async_plugin.report.graphs import RED

if TYPE_CHECKING:
    from fc_async_plugin.graph import Edge, Graph
    from fc_async_plugin.report.graphs import Picture
    from fc_async_sdk.spec.graph import Node

_WIDTH: Final = 190
_HEIGHT: Final = 40
_GAP_X: Final = 130
_GAP_Y: Final = 34
_MARGIN: Final = 24
_LONGEST: Final = 26
_DASHES: Final = {"success": "", "failure": "6 4", "trigger": "2 3"}
_STYLE: Final = (
    "text{font:13px system-ui,sans-serif;fill:#1f2937}.e{font-size:11px;fill:#4b5563}"
    ".r{fill:" + RED + "}.f{fill:#e8f0fe;stroke:#3b6fd4}.d{fill:#f3f4f6;stroke:#6b7280}"
)


class _Box(NamedTuple):
    x: int
    y: int


def to_svg(shown: Picture) -> str:
    """Return a drawing as one SVG element."""
    boxes = _places(shown)
    right = max((box.x for box in boxes.values()), default=0) + _WIDTH + _MARGIN
    bottom = max((box.y for box in boxes.values()), default=0) + _HEIGHT + _MARGIN + 2 * _GAP_Y
    red = shown.red
    parts = [
        _head(right, bottom),
        f"<style>{_STYLE}</style>",
        _arrow("a", "#6b7280"),
        _arrow("c", RED),
    ]
    parts += [_edge(edge, boxes, shown.label(edge), edge in red) for edge in shown.graph.edges]
    parts += [_node(node, box, shown.counted(node)) for node, box in boxes.items()]
    parts.append("</svg>")
    return "\n".join(parts)


def to_html(shown: Picture, title: str) -> str:
    """Return a page with the drawing and a list of the cycles."""
    items = "".join(
        f"<li>{escape(' → '.join([node.label for node in cycle.nodes] + [cycle.nodes[0].label]))}"
        "</li>"
        for cycle in shown.cycles
    )
    found = f'<h2 class="r">Cycles</h2><ul>{items}</ul>' if items else "<p>No cycles.</p>"
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width">'
        f"<title>{escape(title)}</title>"
        "<style>body{font:15px system-ui,sans-serif;margin:2rem}.r{color:" + RED + "}"
        "svg{max-width:100%;height:auto}</style></head>"
        f"<body><h1>{escape(title)}</h1>{to_svg(shown)}{found}</body></html>"
    )


def _head(width: int, height: int) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}"'
        f' viewBox="0 0 {width} {height}" role="img" aria-label="Destinations of functions">'
    )


def _arrow(name: str, colour: str) -> str:
    return (
        f'<marker id="{name}" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="9"'
        f' markerHeight="8" orient="auto" markerUnits="userSpaceOnUse">'
        f'<path d="M0 0L8 4L0 8z" fill="{colour}"/></marker>'
    )


def _places(shown: Picture) -> dict[Node, _Box]:
    columns = _columns(shown.graph, frozenset(cycle.edges[-1] for cycle in shown.cycles))
    filled: dict[int, int] = {}
    boxes = {}
    for node in shown.graph.nodes:
        column = columns[node]
        row = filled.get(column, 0)
        filled[column] = row + 1
        boxes[node] = _Box(_MARGIN + column * (_WIDTH + _GAP_X), _MARGIN + row * (_HEIGHT + _GAP_Y))
    return boxes


def _columns(graph: Graph, back: frozenset[Edge]) -> dict[Node, int]:
    """Return the length of the longest path to each node, in topological order.

    Edges that close a cycle (``back``) do not count. Where nodes remain that have no order, because
    they are on a cycle that is not shown, the first of them is taken.
    """
    following: dict[Node, list[Node]] = {node: [] for node in graph.nodes}
    waiting = dict.fromkeys(following, 0)
    for edge in graph.edges:
        if edge not in back and edge.source != edge.target:
            following[edge.source].append(edge.target)
            waiting[edge.target] += 1
    columns = dict.fromkeys(following, 0)
    left = dict.fromkeys(following)
    free = [node for node in following if not waiting[node]]
    while left:
        node = free.pop() if free else next(iter(left))
        if node not in left:
            continue
        del left[node]
        for target in following[node]:
            waiting[target] -= 1
            if target in left:
                columns[target] = max(columns[target], columns[node] + 1)
                if not waiting[target]:
                    free.append(target)
    return columns


def _node(node: Node, box: _Box, counted: str) -> str:
    label = node.label
    short = label if len(label) <= _LONGEST else f"{label[: _LONGEST - 1]}…"
    kind = "f" if node.kind == "function" else "d"
    radius = 8 if kind == "f" else 18
    middle = box.x + _WIDTH // 2
    below = (
        f'<text class="e" x="{middle}" y="{box.y + _HEIGHT + 12}" text-anchor="middle">'
        f"{escape(counted)}</text>"
        if counted
        else ""
    )
    return (
        f'<g><title>{escape(label)}</title><rect class="{kind}" x="{box.x}" y="{box.y}"'
        f' width="{_WIDTH}" height="{_HEIGHT}" rx="{radius}"/>'
        f'<text x="{middle}" y="{box.y + _HEIGHT // 2 + 5}"'
        f' text-anchor="middle">{escape(short)}</text>{below}</g>'
    )


def _edge(edge: Edge, boxes: dict[Node, _Box], label: str, on_cycle: bool) -> str:  # noqa: FBT001 -- one of two looks
    start, end = boxes[edge.source], boxes[edge.target]
    colour, marker, extra = (RED, "c", " r") if on_cycle else ("#6b7280", "a", "")
    shift = -7 if edge.kind == "success" else 7
    y1, y2 = start.y + _HEIGHT // 2 + shift, end.y + _HEIGHT // 2 + shift
    x1, x2 = start.x + _WIDTH, end.x
    if x2 > x1:
        middle = (x1 + x2) // 2
        path = f"M{x1} {y1}C{middle} {y1} {middle} {y2} {x2} {y2}"
        text = (middle, (y1 + y2) // 2 - 4)
    else:  # backwards, or to itself: around below
        low = max(start.y, end.y) + _HEIGHT + (_GAP_Y if start == end else 2 * _GAP_Y)
        path = f"M{x1} {y1}C{x1 + 70} {low} {x2 - 70} {low} {x2} {y2}"
        text = ((x1 + x2) // 2, low - _GAP_Y // 2 + 12)
    dashes = f' stroke-dasharray="{_DASHES[edge.kind]}"' if _DASHES[edge.kind] else ""
    width = 2.5 if on_cycle else 1.4
    return (
        f'<path d="{path}" fill="none" stroke="{colour}" stroke-width="{width}"{dashes}'
        f' marker-end="url(#{marker})"/><text class="e{extra}" x="{text[0]}" y="{text[1]}"'
        f' text-anchor="middle">{escape(label)}</text>'
    )
