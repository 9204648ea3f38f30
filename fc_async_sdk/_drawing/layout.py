# SPDX-License-Identifier: MIT
"""The layout engine: layers, orthogonal routes around boxes, room for labels.

The engine is graphlay, an extra: it has no wheel for every platform. This module is the only one
that imports it. Without it, :mod:`columns` draws: also without edges through boxes, with longer
routes and more crossings.
"""

from __future__ import annotations

import importlib
import json
from typing import TYPE_CHECKING, Any, Final

from fc_async_sdk._drawing import columns
from fc_async_sdk._drawing.geometry import Placed, Point, straighten
from fc_async_sdk._installation import how_to_install

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fc_async_sdk._drawing.geometry import Connection, Size

_LARGE: Final = 120
"""Edges of one component from which on the engine takes less effort: 700 edges take it a minute
with the usual effort, and a second with less."""


def place(
    boxes: Sequence[Size], connections: Sequence[Connection], *, downwards: bool = False
) -> Placed:
    """Lay out one connected graph.

    Args:
        boxes: Sizes of the boxes.
        connections: Edges.
        downwards: From top to bottom; otherwise from left to right.
    """
    graphlay = _engine()
    if graphlay is None:
        return columns.place(boxes, connections, downwards=downwards)
    graph = {
        "nodes": [
            {
                "size": box._asdict(),
                "shape": "box",
                "key": str(number),
            }
            for number, box in enumerate(boxes)
        ],
        "edges": [
            {
                "source": connection.source,
                "target": connection.target,
                "weight": 1.0,
                "label_size": connection.label._asdict(),
            }
            for connection in connections
        ],
    }
    options: dict[str, Any] = {"labels": {"reservation": "always"}}
    if downwards:
        options["direction"] = "topbottom"
    if len(connections) > _LARGE:
        options["effort"] = "fast"
    layout = json.loads(graphlay.layout(graph, options=options).to_json())
    return Placed(
        [Point(**node["center"]) for node in layout["nodes"]],
        [straighten([Point(**point) for point in edge["points"]]) for edge in layout["edges"]],
        [
            Point(**(edge["label_anchor"] or edge["points"][len(edge["points"]) // 2]))
            for edge in layout["edges"]
        ],
    )


def advice() -> str:
    """Return what draws better than this installation does; "" if the engine is there."""
    if _engine() is not None:
        return ""
    return f"drawn in plain columns; for shorter routes: {how_to_install('graphs')}"


def _engine() -> Any:
    """Return the module of the engine; None if it is not installed."""
    try:
        return importlib.import_module("graphlay")
    except ImportError:
        return None
