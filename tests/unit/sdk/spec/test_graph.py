# SPDX-License-Identifier: MIT
"""Strongly connected components, and the edges that are on a cycle."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fc_async_sdk.spec import arn
from fc_async_sdk.spec.graph import Node, cyclic_components, on_cycles, resolve


def reachable(pairs: list[tuple[int, int]]) -> dict[int, set[int]]:
    """Transitive closure, the slow and obvious way."""
    closure = {number: {b for a, b in pairs if a == number} for number in range(8)}
    for _ in range(8):
        for targets in closure.values():
            targets |= {far for near in list(targets) for far in closure[near]}
    return closure


@given(st.lists(st.tuples(st.integers(0, 7), st.integers(0, 7)), max_size=24))
def test_components_are_the_nodes_that_reach_each_other(pairs: list[tuple[int, int]]) -> None:
    closure = reachable(pairs)
    expected = {
        tuple(sorted(b for b in closure[a] if a in closure[b])) for a in range(8) if a in closure[a]
    }
    assert [tuple(component) for component in cyclic_components(8, pairs)] == sorted(expected)


def test_a_ring_of_many_functions_needs_no_recursion() -> None:
    size = 20_000
    pairs = [(number, (number + 1) % size) for number in range(size)]
    assert cyclic_components(size, pairs) == [list(range(size))]


@pytest.mark.parametrize(
    ("back", "expected"),
    [([], []), ([(99, 0)], [[0, 99]]), ([(0, 0)], [[0]]), ([(1, 98), (98, 1)], [[1, 98]])],
)
def test_a_function_may_have_any_number_of_ways_out(
    back: list[tuple[int, int]], expected: list[list[int]]
) -> None:
    pairs = [(0, number) for number in range(1, 100)]
    assert cyclic_components(100, [*pairs, *back]) == expected


@pytest.mark.parametrize("seed", range(20))
def test_cycles_along_a_pipeline_are_separate_components(seed: int) -> None:
    dice = random.Random(seed)
    pairs = [(number, number + dice.randint(1, 3)) for number in range(300) for _ in range(2)]
    rings = [[at, at + 1, at + 2] for at in range(0, 300, 50)]
    pairs += [edge for a, b, c in rings for edge in ((a, b), (b, c), (c, a))]
    dice.shuffle(pairs)
    assert cyclic_components(303, pairs) == rings


@given(st.lists(st.tuples(st.integers(0, 7), st.integers(0, 7)), max_size=24))
def test_an_edge_is_on_a_cycle_if_its_target_leads_back(pairs: list[tuple[int, int]]) -> None:
    closure = reachable(pairs)
    nodes = [Node("function", "cn-hangzhou", "1", str(number), "LATEST") for number in range(8)]
    edges = [(nodes[source], nodes[target]) for source, target in pairs]
    assert on_cycles(edges) == [
        source == target or source in closure[target] for source, target in pairs
    ]


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("acs:fc:r:1:functions/f", "acs:fc:r:1:functions/f/LATEST", True),
        ("acs:fc:::functions/f", "acs:fc:r:1:functions/f", True),
        ("acs:fc:r:1:functions/f", "acs:fc:r:2:functions/f", False),
        ("acs:fc:r:1:functions/f", "acs:fc:s:1:functions/f", False),
        ("acs:fc:r:1:functions/f", "acs:fc:r:1:functions/f/prod", False),
        ("acs:mns:r:1:/queues/q/messages", "acs:mns:r:1:queues/q", True),
        ("acs:mns:r:1:/queues/q/messages", "acs:mns:r:1:/topics/q/messages", False),
    ],
)
def test_two_names_of_one_resource_are_one_node(one: str, other: str, same: bool) -> None:
    nodes = {Node.of(resolve(arn.parse(text), region="r", account_id="1")) for text in (one, other)}
    assert (len(nodes) == 1) is same


@pytest.mark.parametrize(
    ("named", "account", "own", "found"),
    [
        ("", "1", None, "1"),
        ("2", "1", None, "2"),
        ("2", "", None, ""),
        ("2", "", "2", ""),
        ("2", "", "3", "2"),
        ("", "", "3", ""),
    ],
)
def test_a_destination_of_an_unknown_account_may_be_in_the_own_one(
    named: str, account: str, own: str | None, found: str
) -> None:
    name = arn.FunctionArn(account_id=named, function="f")
    assert resolve(name, region="r", account_id=account, only_account=own).account_id == found
