# SPDX-License-Identifier: MIT
"""The cycle to show for each knot of the graph: the shortest one, always the same one.

Pure: a graph in, cycles out. Nothing depends on the order in which edges were added but the choice
between edges that are equal in everything else.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Final, NamedTuple

from fc_async_sdk.spec.components import cyclic_components

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fc_async_plugin.graph.model import Edge, Graph
    from fc_async_sdk.spec.graph import Node

SEARCH_STEPS: Final = 2_000_000
"""Most edges looked at in search of the shortest cycle of one component.

Components of up to about a thousand functions are searched completely; in a larger one the cycle
shown is the shortest of those that were found by then. That there is one is always certain.
"""


class Cycle(NamedTuple):
    """A way that leads back to its beginning.

    Attributes:
        edges: In order; each begins where the one before ends, the last one ends where the first
            begins. The first edge starts at the smallest node.
        knot: All nodes that are tied together by this and other cycles.
    """

    edges: tuple[Edge, ...]
    knot: frozenset[Node]

    @property
    def nodes(self) -> list[Node]:
        """The nodes on it, in order."""
        return [edge.source for edge in self.edges]

    @property
    def through_trigger(self) -> bool:
        """Whether a trigger of a queue, topic or bus is part of it."""
        return any(edge.kind == "trigger" for edge in self.edges)


def find_cycles(graph: Graph) -> list[Cycle]:
    """Every edge from a node to itself, and one shortest cycle for every knot of several nodes.

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
    """The shortest cycle of each strongly connected component of two nodes or more."""
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
        way = _shortest(_ranked(members, rank, by_pair))
        ends = [*way[1:], way[0]]
        edges = tuple(
            by_pair[members[start], members[end]] for start, end in zip(way, ends, strict=True)
        )
        cycles.append(Cycle(edges, frozenset(nodes[member] for member in members)))
    return cycles


def _rank(edge: Edge) -> tuple[bool, str, str]:
    """Prefer what is written as destination over what runs through a trigger."""
    return edge.kind == "trigger", edge.kind, edge.via


def _ranked(
    members: Sequence[int], rank: dict[int, int], by_pair: dict[tuple[int, int], Edge]
) -> list[list[int]]:
    """Successors within the component, by rank and in order of rank."""
    successors: list[list[int]] = [[] for _ in members]
    for source, target in by_pair:
        if source in rank and target in rank:
            successors[rank[source]].append(rank[target])
    for targets in successors:
        targets.sort()
    return successors


def _shortest(successors: list[list[int]]) -> list[int]:
    """The shortest cycle, the one with the smallest nodes if there are several."""
    best: list[int] = []
    steps = 0
    for start in range(len(successors)):
        if best and steps > SEARCH_STEPS:
            break
        way, looked = _back_to(start, successors, len(best))
        steps += looked
        if way and (not best or len(way) < len(best)):
            best = way
        if len(best) == 2:  # noqa: PLR2004 -- there is no shorter one
            break
    smallest = best.index(min(best))
    return best[smallest:] + best[:smallest]


def _back_to(start: int, successors: list[list[int]], limit: int) -> tuple[list[int], int]:
    """The shortest way from a node back to itself, shorter than a limit (0: any length)."""
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
                way = [node]
                while parents[way[-1]] >= 0:
                    way.append(parents[way[-1]])
                return way[::-1], looked
            if target not in parents:
                parents[target] = node
                depths[target] = depths[node] + 1
                queue.append(target)
    return [], looked
