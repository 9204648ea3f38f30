# SPDX-License-Identifier: MIT
"""Choice of the cycles that are shown, and of the edges marked for removal. Pure.

Invariants:

- Every face shows the cycles of :func:`shortest_cycles` and marks the edges of :func:`marked`.
- Callers number nodes in their order, so that the same graph has the same answer everywhere.
- Without the edges of :func:`cuts` a graph has no cycle.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Final, NamedTuple, TypeVar

from fc_async_sdk.spec.graph import cyclic_components

if TYPE_CHECKING:
    from collections.abc import Container, Hashable, Iterable, Mapping, Sequence

    from fc_async_sdk.spec.graph import Node

T = TypeVar("T", bound="Hashable")

TRIGGER: Final = "trigger"
"""The kind of an edge from an event source to the function that it invokes."""

SEARCH_STEPS: Final = 2_000_000
"""Most edges looked at in search of the shortest cycle of one component, and of all cuts.

Components of up to about a thousand functions are searched completely. In a larger one the cycle
shown is the shortest of those found by then, and there may be more cuts than needed.
"""


_SHORTEST: Final = 2
"""Nodes of the shortest cycle that a component of several nodes may have."""
_NEW: Final = 0
_ON_PATH: Final = 1
_DONE: Final = 2
"""States of a node in a depth-first search."""


class Cycle(NamedTuple):
    """A path that leads back to its first node.

    Attributes:
        edges: Indices of its edges, in order. The first edge starts at its smallest node.
        component: All nodes that are in cycles with these, sorted.
    """

    edges: tuple[int, ...]
    component: tuple[int, ...]

    def cut(self, editable: Sequence[bool]) -> int:
        """Return the edge to remove: the last one that a user can edit, else the last one.

        Args:
            editable: For each edge of the graph, whether a template has it.
        """
        for edge in reversed(self.edges):
            if editable[edge]:
                return edge
        return self.edges[-1]


def shortest_cycles(size: int, edges: Sequence[tuple[int, int]]) -> list[Cycle]:
    """Return every edge from a node to itself, and one shortest cycle of each larger component.

    Args:
        size: Number of nodes; they are numbered from 0.
        edges: Pairs of source and target. Of those between the same nodes the first one is taken.

    Returns:
        Cycles sorted by their nodes.
    """
    first: dict[tuple[int, int], int] = {}
    for index, pair in enumerate(edges):
        # Of two destinations between the same functions one is shown: the outcome does not matter.
        first.setdefault(pair, index)
    cycles: list[Cycle] = []
    for (source, target), index in first.items():
        if source == target:
            cycles.append(Cycle(edges=(index,), component=(source,)))
    larger = [members for members in cyclic_components(size, edges) if len(members) > 1]
    cycles.extend(_shortest(members, first) for members in larger)

    def nodes_of(cycle: Cycle) -> list[int]:
        return [edges[edge][0] for edge in cycle.edges]

    cycles.sort(key=nodes_of)
    return cycles


def cycle_through(edges: Iterable[tuple[T, T]], start: T) -> tuple[T, ...]:
    """Return the nodes of a shortest cycle through a node, from it to it; () if there is none."""
    successors: dict[T, list[T]] = {}
    for source, target in edges:
        successors.setdefault(source, []).append(target)
    path, _ = _back_to(start, successors, 0)
    return (*path, start) if path else ()


class Way(NamedTuple):
    """A destination, or a trigger.

    Attributes:
        source: The node where it begins.
        target: The node where it ends.
        kind: The outcome that is sent, or :data:`TRIGGER`.
        via: Name of the trigger, "" of a destination.
        editable: Whether a template has it; others are cut only if they must be.
    """

    source: Node
    target: Node
    kind: str
    via: str = ""
    editable: bool = False


def marked(ways: Sequence[Way]) -> set[int]:
    """Return the indices of ways without which there is no cycle; all faces mark them.

    Cycles of destinations alone are cut before those with a trigger are looked at: they never end
    by a filter. The order of the ways does not matter, except between equal ones.
    """
    destinations: list[int] = []
    triggers: list[int] = []
    # By what a user has written, not by the order of the template: to move a function in the file
    # must not mark another edge.
    order = sorted(range(len(ways)), key=lambda index: (ways[index].kind, ways[index].via))
    for index in order:
        is_trigger = ways[index].kind == TRIGGER
        (triggers if is_trigger else destinations).append(index)
    chosen = _cut(ways, destinations)
    # Without triggers, a second search would repeat the first one and find nothing.
    if triggers:
        remaining = [index for index in destinations if index not in chosen]
        chosen |= _cut(ways, [*remaining, *triggers])
    return chosen


def _cut(ways: Sequence[Way], searched: Sequence[int]) -> set[int]:
    """Return the indices of ways without which those that are searched have no cycle."""
    nodes: set[Node] = set()
    for index in searched:
        nodes.add(ways[index].source)
        nodes.add(ways[index].target)
    # Numbers follow the order of the nodes' names, not of the ways: every face lists ways in an
    # order of its own, and all must mark the same edges.
    numbers = {node: number for number, node in enumerate(sorted(nodes))}
    pairs: list[tuple[int, int]] = []
    editable: list[bool] = []
    for index in searched:
        way = ways[index]
        pairs.append((numbers[way.source], numbers[way.target]))
        editable.append(way.editable)
    return {searched[position] for position in cuts(len(nodes), pairs, editable)}


def cuts(size: int, edges: Sequence[tuple[int, int]], editable: Sequence[bool]) -> list[int]:
    """Return the indices of edges without which a graph has no cycle.

    They are the :meth:`Cycle.cut` of each shortest cycle, then of those that are left, and so on.

    Args:
        size: Number of nodes; they are numbered from 0.
        edges: Pairs of source and target.
        editable: For each edge, whether a template has it; others are cut only if they must be.
    """
    chosen: list[int] = []
    remaining = list(range(len(edges)))
    steps = 0
    while remaining:
        pairs = [edges[index] for index in remaining]
        cycles = shortest_cycles(size, pairs)
        if not cycles:
            break
        steps += len(remaining)
        for cycle in cycles:
            steps += len(cycle.component) * len(cycle.edges)
        if steps > SEARCH_STEPS:
            # Too large to look for short cycles: without the edges that lead back, a depth-first
            # search has no cycle either. There may be more of them than needed.
            chosen += [remaining[position] for position in _back_edges(size, pairs)]
            break
        editable_pairs = [editable[index] for index in remaining]
        cut = {remaining[cycle.cut(editable_pairs)] for cycle in cycles}
        chosen += cut
        remaining = _still_cyclic(remaining, edges, cut, cycles)
    return sorted(chosen)


def _still_cyclic(
    indices: Iterable[int],
    edges: Sequence[tuple[int, int]],
    cut: Container[int],
    cycles: Iterable[Cycle],
) -> list[int]:
    """Return the edges that may be on a cycle after a cut: those inside of components."""
    inside: set[int] = set()
    for cycle in cycles:
        inside.update(cycle.component)
    remaining = []
    for index in indices:
        source, target = edges[index]
        if index not in cut and source in inside and target in inside:
            remaining.append(index)
    return remaining


def _back_edges(size: int, edges: Sequence[tuple[int, int]]) -> list[int]:
    """Return the indices of edges that lead back to a node that a depth-first search came from."""
    successors: dict[int, list[tuple[int, int]]] = {}
    for index, (source, target) in enumerate(edges):
        successors.setdefault(source, []).append((index, target))
    back_edges = []
    state = [_NEW] * size
    # The path is a list, not recursion: a chain of a thousand functions is as deep.
    for root, first in successors.items():
        if state[root] != _NEW:
            continue
        state[root] = _ON_PATH
        path = [(root, iter(first))]
        while path:
            node, edges_left = path[-1]
            index, target = next(edges_left, (-1, -1))
            if index < 0:
                state[node] = _DONE
                path.pop()
            elif state[target] == _ON_PATH:
                back_edges.append(index)
            elif state[target] == _NEW:
                state[target] = _ON_PATH
                path.append((target, iter(successors.get(target, ()))))
    return back_edges


def _shortest(members: Sequence[int], first: Mapping[tuple[int, int], int]) -> Cycle:
    """Return the shortest cycle of a component; of several, the one that is found first."""
    shortest = _shortest_path(members, _successors(members, first))
    smallest = shortest.index(min(shortest))
    path = shortest[smallest:] + shortest[:smallest]
    ends = [*path[1:], path[0]]
    edges = tuple(first[pair] for pair in zip(path, ends, strict=True))
    return Cycle(edges, tuple(members))


def _successors(members: Sequence[int], edges: Iterable[tuple[int, int]]) -> dict[int, list[int]]:
    """Return the other nodes of a component that edges from each of its nodes lead to, sorted."""
    successors: dict[int, list[int]] = {node: [] for node in members}
    for source, target in edges:
        is_inside = source in successors and target in successors
        if is_inside and source != target:
            successors[source].append(target)
    for targets in successors.values():
        targets.sort()
    return successors


def _shortest_path(members: Sequence[int], successors: Mapping[int, Sequence[int]]) -> list[int]:
    """Return the nodes of the shortest cycle of a component that is found in time."""
    # A component whose nodes have one successor each is one cycle: any search finds it whole.
    is_ring = all(len(targets) == 1 for targets in successors.values())
    shortest: list[int] = []
    steps = 0
    for start in members:
        if shortest and steps > SEARCH_STEPS:
            break
        path, looked_at = _back_to(start, successors, len(shortest))
        steps += looked_at
        if path:
            # It is shorter: the search ends at the length of the shortest one.
            shortest = path
        if is_ring or len(shortest) == _SHORTEST:
            break
    return shortest


def _back_to(start: T, successors: Mapping[T, Sequence[T]], limit: int) -> tuple[list[T], int]:
    """Search the shortest cycle through a node, breadth first.

    Args:
        start: The node.
        successors: By node.
        limit: Number of nodes that the cycle must be shorter than; 0: any length.

    Returns:
        The nodes of the cycle, empty if there is none, and the number of edges looked at.
    """
    parents: dict[T, T | None] = {start: None}
    depths = {start: 1}
    queue = deque([start])
    steps = 0
    while queue:
        node = queue.popleft()
        if limit and depths[node] >= limit:
            break
        for target in successors.get(node, ()):
            steps += 1
            if target == start:
                return _path(node, parents), steps
            if target not in parents:
                parents[target] = node
                depths[target] = depths[node] + 1
                queue.append(target)
    return [], steps


def _path(node: T, parents: Mapping[T, T | None]) -> list[T]:
    """Return the path that a search took to a node; the first node has no parent."""
    path = [node]
    while (parent := parents[path[-1]]) is not None:
        path.append(parent)
    return path[::-1]
