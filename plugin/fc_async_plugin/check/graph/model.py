# SPDX-License-Identifier: MIT
"""The destination graph of templates and accounts, its cycles, and the edges to remove. Pure.

Invariants:

- Edges know where they are written. :mod:`fc_async_sdk.spec.cycles` searches.
- Cycles and cuts do not depend on the order in which edges were added, except for the choice
  between edges that are equal in everything else.
- A cycle without a trigger is cut before those with one are looked at: it never ends by a filter.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple

from fc_async_sdk.spec import cycles as search
from fc_async_sdk.spec.async_config import Outcome

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from fc_async_plugin.s_yaml.problems import Position
    from fc_async_sdk.spec.graph import Node


EdgeKind = Outcome | Literal["trigger"]
"""The outcome of a destination; ``trigger``: an event source invokes the function."""


class Edge(NamedTuple):
    """One destination or trigger.

    Attributes:
        source: The function whose result is sent, or the event source of a trigger.
        target: The destination, or the function of a trigger.
        kind: The outcome that is sent, or ``trigger``.
        written: Returns where a template has it, looked up on request; None: only the account has
            it.
        via: Name of the trigger.
    """

    source: Node
    target: Node
    kind: EdgeKind
    written: Callable[[], Position] | None = None
    via: str = ""

    @property
    def position(self) -> Position | None:
        """Place in the template where the edge is written; None: only the account has it."""
        return self.written() if self.written else None


class Graph:
    """Nodes and edges in the order in which they were added.

    Args:
        nodes: Nodes that may have no edge.
        edges: All edges; their ends are added as nodes.
    """

    def __init__(self, nodes: Iterable[Node] = (), edges: Iterable[Edge] = ()) -> None:
        self.edges: list[Edge] = list(edges)
        # A dictionary keeps the order, and finds a node of 10,000 without a search.
        unique = dict.fromkeys(nodes)
        for edge in self.edges:
            unique[edge.source] = None
            unique[edge.target] = None
        self._index = {node: number for number, node in enumerate(unique)}

    @property
    def nodes(self) -> list[Node]:
        """All nodes; the number of a node is its index."""
        return list(self._index)

    def number(self, node: Node) -> int:
        """Return the number of a node."""
        return self._index[node]


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
    cycles = _shortest(destinations)
    if len(destinations) < len(graph.edges):
        cuts = find_cuts(Graph(edges=destinations))
        cycles += _shortest([edge for edge in graph.edges if edge not in cuts])
    return sorted(cycles, key=lambda cycle: cycle.nodes)


def _shortest(edges: Sequence[Edge]) -> list[Cycle]:
    ranked = sorted(edges, key=_rank)
    nodes = sorted(Graph(edges=ranked).nodes)
    graph = Graph(nodes, ranked)
    pairs = [(graph.number(edge.source), graph.number(edge.target)) for edge in ranked]
    # An edge of the account cannot be removed in a file: one of a template is cut rather.
    editable = [edge.written is not None for edge in ranked]
    cycles = []
    for cycle in search.shortest_cycles(len(nodes), pairs):
        on_cycle = tuple(ranked[index] for index in cycle.edges)
        component = frozenset(nodes[member] for member in cycle.component)
        cycles.append(Cycle(on_cycle, component, ranked[cycle.cut(editable)]))
    return cycles


def find_cuts(graph: Graph) -> frozenset[Edge]:
    """Return the edges to remove so that no cycle is left."""
    ways = []
    for edge in graph.edges:
        editable = edge.written is not None
        ways.append(search.Way(edge.source, edge.target, edge.kind, edge.via, editable))
    return frozenset(graph.edges[index] for index in search.marked(ways))


def _rank(edge: Edge) -> tuple[bool, str, str]:
    """Sort destinations before triggers."""
    return edge.kind == "trigger", edge.kind, edge.via
