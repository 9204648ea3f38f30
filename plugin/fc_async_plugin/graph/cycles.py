# SPDX-License-Identifier: MIT
"""The cycles of a destination graph, and the edges to remove so that none is left.

Invariants:

- Pure: a graph goes in, edges come out. :mod:`fc_async_sdk.spec.cycles` searches.
- The result does not depend on the order in which edges were added, except for the choice between
  edges that are equal in everything else.
- A cycle without a trigger is cut before those with one are looked at: it never ends by a filter.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from fc_async_sdk.spec import cycles as search

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fc_async_plugin.graph.model import Edge, Graph
    from fc_async_sdk.spec.graph import Node


class Cycle(NamedTuple):
    """A path that leads back to its first node.

    Attributes:
        edges: In order; each begins where the one before ends, the last one ends where the first
            begins. The first edge starts at the smallest node.
        component: All nodes of the strongly connected component.
        cut: The edge to remove.
    """

    edges: tuple[Edge, ...]
    component: frozenset[Node]
    cut: Edge

    @property
    def nodes(self) -> list[Node]:
        """The nodes on it, in order."""
        return [edge.source for edge in self.edges]

    @property
    def through_trigger(self) -> bool:
        """True if a trigger of a queue, topic or bus is part of it."""
        return any(edge.kind == "trigger" for edge in self.edges)


def find_cycles(graph: Graph) -> list[Cycle]:
    """Return the cycles to show: the shortest ones, first without triggers.

    Returns:
        Every edge from a node to itself and one shortest cycle of each larger component of
        destinations; then the same of what is left without their cuts. Sorted by their nodes.
    """
    destinations = [edge for edge in graph.edges if edge.kind != "trigger"]
    found = _shortest(destinations)
    if len(destinations) < len(graph.edges):
        cuts = _cuts(destinations)
        found += _shortest([edge for edge in graph.edges if edge not in cuts])
    return sorted(found, key=lambda cycle: cycle.nodes)


def _shortest(edges: Sequence[Edge]) -> list[Cycle]:
    ranked = sorted(edges, key=_rank)
    nodes, pairs = _numbered(ranked)
    editable = [edge.written is not None for edge in ranked]
    return [
        Cycle(
            tuple(ranked[index] for index in found.edges),
            frozenset(nodes[member] for member in found.component),
            ranked[found.cut(editable)],
        )
        for found in search.shortest_cycles(len(nodes), pairs)
    ]


def find_cuts(graph: Graph) -> frozenset[Edge]:
    """Return the edges to remove so that no cycle is left."""
    return _cuts(graph.edges)


def _cuts(edges: Sequence[Edge]) -> frozenset[Edge]:
    ways = [
        search.Way(edge.source, edge.target, edge.kind, edge.via, edge.written is not None)
        for edge in edges
    ]
    return frozenset(edges[index] for index in search.marked(ways))


def _numbered(edges: Sequence[Edge]) -> tuple[list[Node], list[tuple[int, int]]]:
    """Return the nodes of edges in their order, and the edges as pairs of their numbers."""
    nodes = sorted({node for edge in edges for node in (edge.source, edge.target)})
    numbers = {node: number for number, node in enumerate(nodes)}
    return nodes, [(numbers[edge.source], numbers[edge.target]) for edge in edges]


def _rank(edge: Edge) -> tuple[bool, str, str]:
    """Sort destinations before triggers."""
    return edge.kind == "trigger", edge.kind, edge.via
