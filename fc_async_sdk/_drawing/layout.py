# SPDX-License-Identifier: MIT
"""The layout engine: layers, orthogonal routes around boxes, room for labels.

The engine is graphlay. This module is the only one that imports it.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from fc_async_sdk._installation import needed_for

if TYPE_CHECKING:
    from collections.abc import Sequence

_LARGE: Final = 120
"""Edges of one component from which on the engine takes less effort: 700 edges take it a minute
with the usual effort, and a second with less."""

_NOISE: Final = 1.0
"""A step aside that is shorter, in pixels, is an error of rounding in the engine."""


class Size(NamedTuple):
    """Width and height in pixels."""

    width: float
    height: float


class Point(NamedTuple):
    """A place in pixels; y grows downwards."""

    x: float
    y: float


class Connection(NamedTuple):
    """An edge between two boxes, by their numbers, with the size of its label."""

    source: int
    target: int
    label: Size


class Placed(NamedTuple):
    """A layout: centres of boxes, routes from border to border, centres of labels."""

    centres: list[Point]
    routes: list[list[Point]]
    labels: list[Point]


def place(
    boxes: Sequence[Size], connections: Sequence[Connection], *, downwards: bool = False
) -> Placed:
    """Lay out one connected graph.

    Args:
        boxes: Sizes of the boxes.
        connections: Edges.
        downwards: From top to bottom; otherwise from left to right.

    Raises:
        ConfigurationError: The engine is not installed.
    """
    with needed_for("drawing", "cli"):
        import graphlay  # noqa: PLC0415 -- an extra

    graph = {
        "nodes": [
            {"size": box._asdict(), "shape": "box", "key": str(number)}
            for number, box in enumerate(boxes)
        ],
        "edges": [
            {"source": one.source, "target": one.target, "weight": 1.0}
            | {"label_size": one.label._asdict()}
            for one in connections
        ],
    }
    options: dict[str, Any] = {"labels": {"reservation": "always"}}
    if downwards:
        options["direction"] = "topbottom"
    if len(connections) > _LARGE:
        options["effort"] = "fast"
    found = json.loads(graphlay.layout(graph, options=options).to_json())
    return Placed(
        [Point(**node["center"]) for node in found["nodes"]],
        [_straighten([Point(**one) for one in edge["points"]]) for edge in found["edges"]],
        [
            Point(**(edge["label_anchor"] or edge["points"][len(edge["points"]) // 2]))
            for edge in found["edges"]
        ],
    )


def _straighten(points: list[Point]) -> list[Point]:
    """Make segments exactly horizontal or vertical, and leave out turns that lead nowhere."""
    straight = points[:1]
    for point in points[1:]:
        last = straight[-1]
        x = last.x if abs(point.x - last.x) < _NOISE else point.x
        y = last.y if abs(point.y - last.y) < _NOISE else point.y
        if len(straight) > 1 and (straight[-2].x == last.x == x or straight[-2].y == last.y == y):
            straight.pop()
        straight.append(Point(x, y))
    return straight
