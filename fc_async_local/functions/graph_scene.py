# SPDX-License-Identifier: MIT
"""The graph of destinations as a scene, for the console to draw. Pure."""

from __future__ import annotations

import functools
import itertools
import re
from typing import TYPE_CHECKING, Final, NamedTuple

from fc_async_local.functions.async_configs import Edge, Graph, cycle_through
from fc_async_sdk._drawing import Item, Link, Scene, compute
from fc_async_sdk.spec import limits

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


_DIGIT: Final = re.compile(r"\d")


class Ended(NamedTuple):
    """The events of an edge: those that reached the destination, and those that did not."""

    delivered: int
    lost: int


def scene_of(graph: Graph, ended: Sequence[Ended]) -> Scene:
    """Lay out a graph, with room for counts beside the outcome of each edge.

    The last one is remembered: nothing changes between most refreshes. The labels have an 8 for
    each digit, so that a count that grows moves nothing.

    Args:
        graph: All nodes and edges.
        ended: In the order of the edges.

    Raises:
        ConfigurationError: The layout engine is not installed.
    """
    labels = [
        _DIGIT.sub("8", edge.outcome + _counted(counts))
        for edge, counts in zip(graph.edges, ended, strict=True)
    ]
    return _scene(tuple(graph.nodes.items()), graph.edges, tuple(labels))


def _counted(ended: Ended) -> str:
    if ended == (0, 0):
        return ""
    lost = f", {ended.lost:,} lost" if ended.lost else ""
    return f": {ended.delivered:,}{lost}"


@functools.lru_cache(maxsize=4)
def _scene(
    nodes: tuple[tuple[str, str], ...], edges: tuple[Edge, ...], labels: tuple[str, ...]
) -> Scene:
    numbers = {name: number for number, (name, _) in enumerate(nodes)}
    cuts = set(_cuts(Graph(dict(nodes), edges)))
    links = [
        Link(
            numbers[edge.source],
            numbers[edge.target],
            edge.outcome,
            f"✂ {label}" if edge in cuts else label,
            on_cycle=edge.cyclic,
            cut=edge in cuts,
        )
        for edge, label in zip(edges, labels, strict=True)
    ]
    return compute([Item(_label(name, kind), kind) for name, kind in nodes], links)


def _cuts(graph: Graph) -> Iterator[Edge]:
    """Yield one edge of each cycle, until no cycle is left: the last one that a template has."""
    left = graph
    for name in sorted({edge.source for edge in graph.edges if edge.cyclic}):
        while path := cycle_through(left, name):
            pairs = list(itertools.pairwise(path))
            ways = [e for e in left.edges if (e.source, e.target) in pairs]
            cut = max(ways, key=lambda e: (bool(e.written), pairs.index((e.source, e.target))))
            yield cut
            left = Graph(left.nodes, tuple(edge for edge in left.edges if edge != cut))


def _label(name: str, kind: str) -> str:
    if kind == "function":
        return name.removesuffix(f"/{limits.DEFAULT_QUALIFIER}")
    return name.removesuffix("/messages").rsplit("/", 1)[-1]
