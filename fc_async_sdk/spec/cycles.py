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
    from collections.abc import Hashable, Iterable, Mapping, Sequence

    from fc_async_sdk.spec.graph import Node

T = TypeVar("T", bound="Hashable")

TRIGGER: Final = "trigger"
"""The kind of an edge from an event source to the function that it invokes."""

SEARCH_STEPS: Final = 2_000_000
"""Most edges looked at in search of the shortest cycle of one component, and of all cuts.

Components of up to about a thousand functions are searched completely. In a larger one the cycle
shown is the shortest of those found by then, and there may be more cuts than needed.
"""


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
        return next((edge for edge in reversed(self.edges) if editable[edge]), self.edges[-1])


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
        first.setdefault(pair, index)
    loops = [Cycle((index,), (pair[0],)) for pair, index in first.items() if pair[0] == pair[1]]
    larger = [
        _shortest(members, first) for members in cyclic_components(size, edges) if len(members) > 1
    ]
    return sorted(loops + larger, key=lambda cycle: [edges[edge][0] for edge in cycle.edges])


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
    order = sorted(
        range(len(ways)),
        key=lambda index: (ways[index].kind == TRIGGER, ways[index].kind, ways[index].via),
    )
    nodes = sorted({node for way in ways for node in (way.source, way.target)})
    numbers = {node: number for number, node in enumerate(nodes)}
    found: set[int] = set()
    destinations = [index for index in order if ways[index].kind != TRIGGER]
    # Without triggers, a second search would repeat the first one and find nothing.
    searches = [destinations] if len(destinations) == len(order) else [destinations, order]
    for searched in searches:
        left = [index for index in searched if index not in found]
        pairs = [(numbers[ways[index].source], numbers[ways[index].target]) for index in left]
        editable = [ways[index].editable for index in left]
        found |= {left[index] for index in cuts(len(nodes), pairs, editable)}
    return found


def cuts(size: int, edges: Sequence[tuple[int, int]], editable: Sequence[bool]) -> list[int]:
    """Return the indices of edges without which a graph has no cycle.

    They are the :meth:`Cycle.cut` of each shortest cycle, then of those that are left, and so on.

    Args:
        size: Number of nodes; they are numbered from 0.
        edges: Pairs of source and target.
        editable: For each edge, whether a template has it; others are cut only if they must be.
    """
    found: list[int] = []
    left = list(range(len(edges)))
    steps = 0
    while left:
        pairs = [edges[index] for index in left]
        cycles = shortest_cycles(size, pairs)
        if not cycles:
            break
        component = {node: place for place, each in enumerate(cycles) for node in each.component}
        steps += sum(len(each.component) * len(each.edges) for each in cycles) + len(left)
        if steps > SEARCH_STEPS:
            found += [left[place] for place in _back_edges(size, pairs)]
            break
        chosen = [editable[index] for index in left]
        cut = {left[each.cut(chosen)] for each in cycles}
        found += cut
        left = [
            index
            for index in left
            if index not in cut and edges[index][0] in component and edges[index][1] in component
        ]
    return sorted(found)


def _back_edges(size: int, edges: Sequence[tuple[int, int]]) -> list[int]:
    """Return the indices of edges that lead back to a node that a depth-first search came from."""
    successors: dict[int, list[tuple[int, int]]] = {}
    for index, (source, target) in enumerate(edges):
        successors.setdefault(source, []).append((index, target))
    found = []
    state = [0] * size  # 1 on the path, 2 done
    for root, first in successors.items():
        if state[root]:
            continue
        state[root] = 1
        path = [(root, iter(first))]
        while path:
            node, ways = path[-1]
            index, target = next(ways, (-1, -1))
            if index < 0:
                state[node] = 2
                path.pop()
            elif state[target] == 1:
                found.append(index)
            elif state[target] == 0:
                state[target] = 1
                path.append((target, iter(successors.get(target, ()))))
    return found


def _shortest(members: Sequence[int], first: Mapping[tuple[int, int], int]) -> Cycle:
    """Return the shortest cycle of a component; of several, the one that is found first."""
    inside = set(members)
    successors: dict[int, list[int]] = {node: [] for node in members}
    for source, target in first:
        if source in inside and target in inside and source != target:
            successors[source].append(target)
    for targets in successors.values():
        targets.sort()
    best: list[int] = []
    steps = 0
    only_one = all(len(targets) == 1 for targets in successors.values())
    for start in members:
        if best and steps > SEARCH_STEPS:
            break
        found, looked = _back_to(start, successors, len(best))
        steps += looked
        if found and (not best or len(found) < len(best)):
            best = found
        if only_one or len(best) == 2:  # noqa: PLR2004 -- there is no shorter one
            break
    smallest = best.index(min(best))
    path = best[smallest:] + best[:smallest]
    ends = [*path[1:], path[0]]
    return Cycle(tuple(first[pair] for pair in zip(path, ends, strict=True)), tuple(members))


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
    looked = 0
    while queue:
        node = queue.popleft()
        if limit and depths[node] >= limit:
            break
        for target in successors.get(node, ()):
            looked += 1
            if target == start:
                return _path(node, parents), looked
            if target not in parents:
                parents[target] = node
                depths[target] = depths[node] + 1
                queue.append(target)
    return [], looked


def _path(node: T, parents: Mapping[T, T | None]) -> list[T]:
    """Return the path that a search took to a node; the first node has no parent."""
    path = [node]
    while (parent := parents[path[-1]]) is not None:
        path.append(parent)
    return path[::-1]
