# SPDX-License-Identifier: MIT
"""Which cycle is shown, and which edges are to be removed until none is left."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fc_async_sdk.spec import cycles
from fc_async_sdk.spec.cycles import cuts, cycle_through, shortest_cycles
from fc_async_sdk.spec.graph import cyclic_components

SIZE = 9
PAIRS = st.lists(st.tuples(st.integers(0, SIZE - 1), st.integers(0, SIZE - 1)), max_size=30)


def without(pairs: list[tuple[int, int]], cut: list[int]) -> list[tuple[int, int]]:
    return [pair for index, pair in enumerate(pairs) if index not in cut]


@given(PAIRS, st.data())
def test_without_the_cuts_a_graph_has_no_cycle(
    pairs: list[tuple[int, int]], data: st.DataObject
) -> None:
    editable = [data.draw(st.booleans()) for _ in pairs]
    found = cuts(SIZE, pairs, editable)
    assert len(set(found)) == len(found)
    assert cyclic_components(SIZE, without(pairs, found)) == []


@given(PAIRS)
def test_without_the_cuts_a_large_graph_has_no_cycle(pairs: list[tuple[int, int]]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cycles, "SEARCH_STEPS", 10)
        found = cuts(SIZE, pairs, [True] * len(pairs))
    assert cyclic_components(SIZE, without(pairs, found)) == []


@given(PAIRS)
def test_nothing_is_cut_that_is_on_no_cycle(pairs: list[tuple[int, int]]) -> None:
    components = cyclic_components(SIZE, pairs)
    for index in cuts(SIZE, pairs, [True] * len(pairs)):
        assert any(set(pairs[index]) <= set(members) for members in components)


@given(PAIRS)
def test_the_cut_of_each_cycle_that_is_shown_is_among_the_cuts(
    pairs: list[tuple[int, int]],
) -> None:
    editable = [True] * len(pairs)
    shown = {each.cut(editable) for each in shortest_cycles(SIZE, pairs)}
    assert shown <= set(cuts(SIZE, pairs, editable))


@given(PAIRS, st.integers(0, SIZE - 1))
def test_a_cycle_through_a_node_is_found_where_there_is_one(
    pairs: list[tuple[int, int]], start: int
) -> None:
    found = cycle_through(pairs, start)
    on_one = any(
        start in members and (len(members) > 1 or (start, start) in pairs)
        for members in cyclic_components(SIZE, pairs)
    )
    assert bool(found) is on_one
    if found:
        assert found[0] == found[-1] == start
        assert all(step in pairs for step in itertools.pairwise(found))


def test_of_two_cycles_both_are_cut_where_a_template_has_an_edge() -> None:
    a_b, b_a, b_c, c_a = (0, 1), (1, 0), (1, 2), (2, 0)
    pairs = [a_b, b_a, b_c, c_a]
    assert cuts(3, pairs, [True] * 4) == [1, 3]
    assert cuts(3, pairs, [True, False, False, False]) == [0]
