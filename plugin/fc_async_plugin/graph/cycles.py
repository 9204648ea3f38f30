# SPDX-License-Identifier: MIT
"""Finds the cycle to show for each strongly connected component: the shortest one.

Invariants:

- Pure: a graph goes in, cycles come out.
- The result does not depend on the order in which edges were added, except for the choice between
  edges that are equal in everything else.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Final, NamedTuple

from fc_async_sdk.spec.graph import cyclic_components

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fc_async_plugin.graph.model import Edge, Graph
    from fc_async_sdk.spec.graph import Node

SEARCH_STEPS: Final = 2_000_000
"""Most edges looked at in search of the shortest cycle of one component.

Components of up to about a thousand functions are searched completely; in a larger one the cycle
shown is the shortest of those found by then. A component always has a cycle.
"""


class Cycle(NamedTuple):
    """A path that leads back to its first node.

    Attributes:
        edges: In order; each begins where the one before ends, the last one ends where the first
            begins. The first edge starts at the smallest node.
        component: All nodes of the strongly connected component.
    """

    edges: tuple[Edge, ...]
    component: frozenset[Node]

    @property
    def nodes(self) -> list[Node]:
        """The nodes on it, in order."""
        return [edge.source for edge in self.edges]

    @property
    def through_trigger(self) -> bool:
        """Whether a trigger of a queue, topic or bus is part of it."""
        return any(edge.kind == "trigger" for edge in self.edges)


def find_cycles(graph: Graph) -> list[Cycle]:
    """Return every edge from a node to itself, and one shortest cycle of each larger component.

    Returns:
        Sorted by their first nodes.
    """
    loops: dict[Node, Edge] = {}
    for edge in graph.edges:
        if edge.source == edge.target:
            known = loops.get(edge.source)
            if known is None or _rank(edge) < _rank(known):
                loops[edge.source] = edge
    cycles = [Cycle((edge,), frozenset({node})) for node, edge in loops.items()]
    return sorted(cycles + _of_several(graph), key=lambda cycle: cycle.nodes)


def _of_several(graph: Graph) -> list[Cycle]:
    """Return the shortest cycle of each strongly connected component of two nodes or more."""
    number = graph.number
    pairs = [(number(edge.source), number(edge.target)) for edge in graph.edges]
    nodes = graph.nodes
    components = [found for found in cyclic_components(len(nodes), pairs) if len(found) > 1]
    if not components:
        return []
    by_pair: dict[tuple[int, int], Edge] = {}
    for pair, edge in zip(pairs, graph.edges, strict=True):
        known = by_pair.get(pair)
        if pair[0] != pair[1] and (known is None or _rank(edge) < _rank(known)):
            by_pair[pair] = edge
    cycles = []
    for component in components:
        members = sorted(component, key=nodes.__getitem__)
        rank = {node: place for place, node in enumerate(members)}
        path = _shortest(_ranked(members, rank, by_pair))
        ends = [*path[1:], path[0]]
        edges = tuple(
            by_pair[members[start], members[end]] for start, end in zip(path, ends, strict=True)
        )
        cycles.append(Cycle(edges, frozenset(nodes[member] for member in members)))
    return cycles


def _rank(edge: Edge) -> tuple[bool, str, str]:
    """Sort destinations before triggers."""
    return edge.kind == "trigger", edge.kind, edge.via


def _ranked(
    members: Sequence[int], rank: dict[int, int], by_pair: dict[tuple[int, int], Edge]
) -> list[list[int]]:
    """Return the successors within the component, by rank and in order of rank."""
    successors: list[list[int]] = [[] for _ in members]
    for source, target in by_pair:
        if source in rank and target in rank:
            successors[rank[source]].append(rank[target])
    for targets in successors:
        targets.sort()
    return successors


def _shortest(successors: list[list[int]]) -> list[int]:
    """Return the shortest cycle; of several, the one that is found first."""
    best: list[int] = []
    steps = 0
    only_one = all(len(targets) == 1 for targets in successors)
    for start in range(len(successors)):
        if best and steps > SEARCH_STEPS:
            break
        found, looked = _back_to(start, successors, len(best))
        steps += looked
        if found and (not best or len(found) < len(best)):
            best = found
        if only_one or len(best) == 2:  # noqa: PLR2004 -- there is no shorter one
            break
    smallest = best.index(min(best))
    return best[smallest:] + best[:smallest]


def _back_to(start: int, successors: list[list[int]], limit: int) -> tuple[list[int], int]:
    """Search the shortest cycle through a node, breadth first.

    Args:
        start: The node.
        successors: Of every node.
        limit: Number of nodes that the cycle must be shorter than; 0: any length.

    Returns:
        The nodes of the cycle, empty if there is none, and the number of edges looked at.
    """
    parents = {start: -1}
    depths = {start: 1}
    queue = deque([start])
    looked = 0
    while queue:
        node = queue.popleft()
        if limit and depths[node] >= limit:
            break
        for target in successors[node]:
            looked += 1
            if target == start:
                return _path(node, parents), looked
            if target not in parents:
                parents[target] = node
                depths[target] = depths[node] + 1
                queue.append(target)
    return [], looked


def _path(node: int, parents: dict[int, int]) -> list[int]:
    """Return the path that a search took to a node; the first node has the parent -1."""
    path = [node]
    while parents[path[-1]] >= 0:
        path.append(parents[path[-1]])
    return path[::-1]
