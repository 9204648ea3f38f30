# SPDX-License-Identifier: MIT
"""The worst case of one message: every attempt runs until its timeout, and the chain goes on. Pure.

Invariants:

- An invocation ends by success or by failure, so the dearer of the two destinations counts.
- A queue, topic or bus leads to every function that a trigger of it invokes, once for a message.
- From a function that leads into a cycle there is no bound.

Retries after throttling and system errors are not counted, because the function does not run.
"""

from __future__ import annotations

import functools
from graphlib import TopologicalSorter
from itertools import chain
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from fc_async_plugin.s_yaml.model import value_at
from fc_async_sdk.spec import limits
from fc_async_sdk.spec.graph import on_cycles

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fc_async_plugin.check.graph.model import Graph
    from fc_async_sdk.spec.graph import Node
    from fc_async_sdk.spec.prices import Prices

_MB: Final = 1024


class Worst(NamedTuple):
    """Costs of one message, at most.

    Attributes:
        executions: Executions of functions.
        seconds: All of them together.
        memory: GB-seconds of memory.
        vcpu: vCPU-seconds.
        gpu: GB-seconds of GPU memory.
        unknown: Functions on the way whose settings are not known, and that are left out.
    """

    executions: int = 0
    seconds: int = 0
    memory: float = 0
    vcpu: float = 0
    gpu: float = 0
    unknown: frozenset[str] = frozenset()

    def plus(self, other: Worst) -> Worst:
        """Return the costs of both."""
        return Worst(
            self.executions + other.executions,
            self.seconds + other.seconds,
            self.memory + other.memory,
            self.vcpu + other.vcpu,
            self.gpu + other.gpu,
            self.unknown | other.unknown,
        )

    def weight(self) -> float:
        """Return what costs of different ways are compared by."""
        return self.memory + self.vcpu + self.gpu

    def units(self, prices: Prices) -> float:
        """Return the CU."""
        return (
            self.executions * prices.execution
            + self.memory * prices.memory
            + self.vcpu * prices.vcpu
            + self.gpu * prices.gpu
        )


def alone(settings: Mapping[str, Any], retries: int | None) -> Worst:
    """Return the worst case of a function without what its destinations lead to.

    Args:
        settings: Its settings with the names of CreateFunction; a missing or invalid one has its
            default. Without ``cpu`` there are as many vCPU as GB of memory, the most there can be.
        retries: Its ``maxAsyncRetryAttempts``, or None.
    """
    # A configuration without the field, or none at all: the service retries three times.
    if retries is None:
        retries = limits.RETRY_ATTEMPTS.default
    executions = 1 + retries
    timeout = _whole(settings.get("timeout"), limits.FUNCTION_TIMEOUT_SECONDS.default)
    memory_mb = _whole(settings.get("memorySize"), limits.MEMORY_MB.default)
    gpu_mb = _whole(value_at(settings, "gpuConfig", "gpuMemorySize"), 0)
    memory_gb = memory_mb / _MB
    cpu = settings.get("cpu")
    vcpu = cpu if isinstance(cpu, int | float) else memory_gb
    seconds = executions * timeout
    return Worst(
        executions,
        seconds,
        memory=seconds * memory_gb,
        vcpu=seconds * vcpu,
        gpu=seconds * gpu_mb / _MB,
    )


def _whole(value: Any, default: int) -> int:
    return value if isinstance(value, int) else default


def worst_cases(graph: Graph, own_costs: Mapping[Node, Worst]) -> dict[Node, Worst | None]:
    """Return the worst case of one message to each node.

    Args:
        graph: Destinations and triggers.
        own_costs: What :func:`alone` says of functions, by their nodes with "" as qualifier.

    Returns:
        None for nodes that lead into a cycle.
    """
    cyclic = _nodes_on_cycles(graph)
    ahead: dict[Node, dict[str, list[Node]]] = {node: {} for node in graph.nodes}
    for edge in graph.edges:
        ahead[edge.source].setdefault(edge.kind, []).append(edge.target)
    sorter: TopologicalSorter[Node] = TopologicalSorter()
    for node, targets_by_kind in ahead.items():
        # The sorter refuses cycles: a node on one has no total, so nothing has to come before it.
        targets = [] if node in cyclic else chain.from_iterable(targets_by_kind.values())
        sorter.add(node, *targets)
    totals: dict[Node, Worst | None] = dict.fromkeys(cyclic)
    for node in sorter.static_order():
        if node in cyclic:
            continue
        ways = [_way(kind, totals, targets) for kind, targets in ahead[node].items()]
        totals[node] = _total(_own(node, own_costs), ways)
    return totals


def _nodes_on_cycles(graph: Graph) -> set[Node]:
    """Return the nodes from which an edge of a cycle begins."""
    pairs = [(edge.source, edge.target) for edge in graph.edges]
    nodes: set[Node] = set()
    for edge, is_on_cycle in zip(graph.edges, on_cycles(pairs), strict=True):
        if is_on_cycle:
            nodes.add(edge.source)
    return nodes


def _total(own_cost: Worst, ways: list[Worst | None]) -> Worst | None:
    """Return the cost of a node with that of its dearest way: one invocation takes one of them."""
    known_ways = [way for way in ways if way is not None]
    if len(known_ways) < len(ways):
        return None
    return own_cost.plus(max(known_ways, key=Worst.weight, default=Worst()))


def _way(kind: str, totals: Mapping[Node, Worst | None], targets: list[Node]) -> Worst | None:
    """Return what follows: all functions that triggers invoke, or one of an alias's versions."""
    costs = [totals[target] for target in targets]
    known_costs = [cost for cost in costs if cost is not None]
    if len(known_costs) < len(costs):
        return None
    if kind == "trigger":
        return functools.reduce(Worst.plus, known_costs)
    return max(known_costs, key=Worst.weight)


def _own(node: Node, own_costs: Mapping[Node, Worst]) -> Worst:
    if node.kind != "function":
        return Worst()
    unknown = Worst(unknown=frozenset({node.name}))
    return own_costs.get(node._replace(qualifier=""), unknown)
