# SPDX-License-Identifier: MIT
"""The graph of destinations as a scene, for the console to draw. Pure."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

from fc_async_local.functions.async_configs import Edge, Graph, cycle_through
from fc_async_sdk._drawing import Item, Link, Scene, compute
from fc_async_sdk.spec import limits

if TYPE_CHECKING:
    from collections.abc import Iterator


def scene_of(graph: Graph) -> Scene:
    """Lay out a graph. The last one is remembered: nothing changes between most refreshes.

    Raises:
        ConfigurationError: The layout engine is not installed.
    """
    return _scene(tuple(graph.nodes.items()), graph.edges)


@functools.lru_cache(maxsize=4)
def _scene(nodes: tuple[tuple[str, str], ...], edges: tuple[Edge, ...]) -> Scene:
    numbers = {name: number for number, (name, _) in enumerate(nodes)}
    cuts = set(_cuts(Graph(dict(nodes), edges)))
    links = [
        Link(
            numbers[edge.source],
            numbers[edge.target],
            edge.outcome,
            edge.outcome,
            on_cycle=edge.cyclic,
            cut=edge in cuts,
        )
        for edge in edges
    ]
    return compute([Item(_label(name, kind), kind) for name, kind in nodes], links)


def _cuts(graph: Graph) -> Iterator[Edge]:
    """Yield one edge of each cycle, until no cycle is left."""
    left = graph
    for name in sorted({edge.source for edge in graph.edges if edge.cyclic}):
        while path := cycle_through(left, name):
            cut = next(e for e in left.edges if (e.source, e.target) == path[-2:])
            yield cut
            left = Graph(left.nodes, tuple(edge for edge in left.edges if edge != cut))


def _label(name: str, kind: str) -> str:
    if kind == "function":
        return name.removesuffix(f"/{limits.DEFAULT_QUALIFIER}")
    return name.removesuffix("/messages").rsplit("/", 1)[-1]
