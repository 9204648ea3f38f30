# SPDX-License-Identifier: MIT
"""The graph of destinations as a scene, for the console to draw. Pure."""

from __future__ import annotations

import functools
import re
from typing import TYPE_CHECKING, Final, NamedTuple

from fc_async_sdk._drawing import Item, Link, Scene, compute
from fc_async_sdk.spec import limits

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fc_async_local.functions.destination_graph import Edge, Graph
    from fc_async_sdk.spec.graph import Node

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
        _named(edge) + _DIGIT.sub("8", _counted(counts))
        for edge, counts in zip(graph.edges, ended, strict=True)
    ]
    return _scene(tuple(graph.nodes.items()), graph.edges, tuple(labels))


def _named(edge: Edge) -> str:
    return f"{edge.outcome} {edge.via}".rstrip()


def _counted(ended: Ended) -> str:
    if ended == (0, 0):
        return ""
    lost = f", {ended.lost:,} lost" if ended.lost else ""
    return f": {ended.delivered:,}{lost}"


@functools.lru_cache(maxsize=4)
def _scene(
    nodes: tuple[tuple[str, Node], ...], edges: tuple[Edge, ...], labels: tuple[str, ...]
) -> Scene:
    numbers = {name: number for number, (name, _) in enumerate(nodes)}
    links = [
        Link(
            numbers[edge.source],
            numbers[edge.target],
            edge.outcome,
            f"✂ {label}" if edge.cut else label,
            on_cycle=edge.cyclic,
            cut=edge.cut,
        )
        for edge, label in zip(edges, labels, strict=True)
    ]
    return compute([Item(_label(name, node), node.kind) for name, node in nodes], links)


def _label(name: str, node: Node) -> str:
    if node.kind == "function":
        return name.removesuffix(f"/{limits.DEFAULT_QUALIFIER}")
    return node.label
