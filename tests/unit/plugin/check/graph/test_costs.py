# SPDX-License-Identifier: MIT
"""The worst case of one message, along destinations and triggers."""

from __future__ import annotations

import itertools

import pytest

from fc_async_plugin.check.graph import Edge, Graph
from fc_async_plugin.check.graph.costs import Worst, alone, worst_cases
from fc_async_sdk.spec.graph import Node
from fc_async_sdk.spec.prices import Prices


def function(name: str, qualifier: str = "LATEST") -> Node:
    return Node("function", "cn-hangzhou", "1", name, qualifier)


QUEUE = Node("mns-queue", "cn-hangzhou", "1", "orders")
A, B, C = map(function, "abc")


def costs(*edges: Edge, **memory: float) -> dict[Node, Worst | None]:
    own = {
        function(name)._replace(qualifier=""): Worst(1, 1, value) for name, value in memory.items()
    }
    return worst_cases(Graph([function(name) for name in memory], edges), own)


def memory_of(found: dict[Node, Worst | None], node: Node) -> float:
    worst = found[node]
    assert worst is not None
    return worst.memory


def test_a_message_costs_its_attempts_times_timeout_times_memory() -> None:
    worst = alone({"timeout": 60, "memorySize": 2048, "cpu": 1}, 2)
    assert (worst.executions, worst.seconds, worst.memory, worst.vcpu) == (3, 180, 360, 180)


def test_what_is_not_set_has_the_defaults_of_the_service() -> None:
    assert alone({}, None) == Worst(4, 12, 6, 6)


def test_the_memory_of_a_gpu_counts_by_itself() -> None:
    settings = {"timeout": 10, "cpu": 1, "gpuConfig": {"gpuMemorySize": 16384}}
    assert alone(settings, 0).gpu == 160


def test_compute_units_are_those_of_the_vendors_example() -> None:
    # Billing page: 0.5 GB and 0.25 vCPU for 600,000 s, 3 million invocations.
    worst = Worst(3_000_000, 600_000, 300_000, 150_000)
    assert worst.units(Prices()) == pytest.approx(22_500 + 45_000 + 150_000)


def test_the_dearer_of_two_destinations_counts() -> None:
    found = costs(Edge(A, B, "success"), Edge(A, C, "failure"), a=1, b=10, c=100)
    assert memory_of(found, A) == 101


def test_a_queue_leads_to_all_functions_that_its_triggers_invoke() -> None:
    found = costs(
        Edge(A, QUEUE, "failure"),
        Edge(QUEUE, B, "trigger"),
        Edge(QUEUE, C, "trigger"),
        a=1,
        b=2,
        c=4,
    )
    assert memory_of(found, A) == 7


def test_a_function_that_leads_into_a_cycle_has_no_bound() -> None:
    found = costs(
        Edge(A, B, "failure"), Edge(B, C, "success"), Edge(C, B, "success"), a=1, b=1, c=1
    )
    assert found == {A: None, B: None, C: None}


def test_of_the_versions_behind_an_alias_the_dearest_counts_once() -> None:
    one, two = function("b", "1"), function("b", "2")
    found = costs(Edge(A, one, "success"), Edge(A, two, "success"), a=1, b=5)
    assert memory_of(found, A) == 6


def test_a_function_of_unknown_settings_is_named() -> None:
    found = costs(Edge(A, B, "success"), a=1)
    worst = found[A]
    assert worst is not None
    assert worst.unknown == {"b"}


def test_a_pipeline_of_ten_thousand_functions_is_summed() -> None:
    nodes = [function(f"f{number}") for number in range(10_000)]
    edges = [Edge(one, two, "success") for one, two in itertools.pairwise(nodes)]
    own = {node._replace(qualifier=""): Worst(1, 1, 1) for node in nodes}
    assert memory_of(worst_cases(Graph(edges=edges), own), nodes[0]) == 10_000
