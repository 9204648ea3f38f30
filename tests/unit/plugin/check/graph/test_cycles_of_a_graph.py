# SPDX-License-Identifier: MIT
"""Cycles are found exactly where there are any, and always the same one is shown."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fc_async_plugin.check.graph import Edge, Graph, find_cycles
from fc_async_plugin.check.graph.build import versions
from fc_async_sdk.spec.graph import Node, cyclic_components


def node(name: str, qualifier: str = "LATEST") -> Node:
    return Node("function", "cn-hangzhou", "123", name, qualifier)


def graph(*ways: str) -> Graph:
    """``"ab"`` is an edge from a to b on success, ``"ab!"`` on failure, ``"ab~"`` by trigger."""
    kinds = {"": "success", "!": "failure", "~": "trigger"}
    return Graph(
        edges=[Edge(node(way[0]), node(way[1]), kinds[way[2:]]) for way in ways]  # type: ignore[arg-type]
    )


def shown(*ways: str) -> list[str]:
    return ["".join(n.name for n in cycle.nodes) for cycle in find_cycles(graph(*ways))]


@pytest.mark.parametrize(
    ("ways", "cycles"),
    [
        ((), []),
        (("ab", "bc"), []),
        (("aa",), ["a"]),
        (("ab", "ba"), ["ab"]),
        (("ba", "ab"), ["ab"]),
        (("ab", "ac", "bd", "cd"), []),  # a diamond
        (("ab", "ac", "bd", "cd", "da"), ["abd"]),
        (("ab", "ba", "cd", "dc"), ["ab", "cd"]),  # disjoint
        (("ab", "bc", "ca", "bd", "db"), ["bd"]),  # nested: the shortest
        (("ab", "bc", "ca", "cd", "de", "ec"), ["abc"]),  # two of the same length
        (("ab", "bb"), ["b"]),
        (("ab", "ba", "bb", "aa"), ["a", "ab", "b"]),  # each loop, and the component
        (("xa", "ab", "ba", "by"), ["ab"]),  # edges to and from the cycle are not part of it
        (("ab", "ab!", "ba"), ["ab"]),  # parallel edges
        (("ab~", "ba"), ["ab"]),
    ],
)
def test_the_shortest_cycle_of_each_component_is_shown(
    ways: tuple[str, ...], cycles: list[str]
) -> None:
    assert shown(*ways) == cycles


@given(st.lists(st.tuples(st.sampled_from("abcdefg"), st.sampled_from("abcdefg")), max_size=20))
def test_the_order_of_edges_changes_nothing(pairs: list[tuple[str, str]]) -> None:
    ways = ["".join(pair) for pair in pairs]
    again = list(ways)
    random.Random(1).shuffle(again)
    assert shown(*ways) == shown(*again)


@given(st.lists(st.tuples(st.integers(0, 7), st.integers(0, 7)), max_size=24))
def test_a_cycle_is_closed_and_no_shorter_one_exists(pairs: list[tuple[int, int]]) -> None:
    letters = "abcdefgh"
    edges = [Edge(node(letters[a]), node(letters[b]), "success") for a, b in pairs]
    for cycle in find_cycles(Graph(edges=edges)):
        ends = [edge.target for edge in cycle.edges]
        assert ends == [*cycle.nodes[1:], cycle.nodes[0]]
        assert all(edge in edges for edge in cycle.edges)
        members = {letters.index(n.name) for n in cycle.nodes}
        if len(members) > 1:
            several = [(a, b) for a, b in pairs if a != b]
            component = next(c for c in cyclic_components(8, several) if members <= set(c))
            assert len(cycle.edges) == min(girth(several, start) for start in component)
            assert {letters.index(n.name) for n in cycle.component} == set(component)


def girth(pairs: list[tuple[int, int]], start: int) -> int:
    """Length of the shortest way from a node back to itself."""
    frontier = {start}
    for length in range(1, 10):
        frontier = {b for a, b in pairs if a in frontier}
        if start in frontier:
            return length
    return 99


def test_an_alias_stands_for_all_its_versions() -> None:
    alias = node("a", "prod")
    assert versions(alias, {alias: ("1", "2")}) == [node("a", "1"), node("a", "2")]
    assert versions(node("b"), {alias: ("1", "2")}) == [node("b")]
