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
from typing import TYPE_CHECKING, Any, Final, NamedTuple

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
    executions = 1 + (limits.RETRY_ATTEMPTS.default if retries is None else retries)
    timeout, memory = settings.get("timeout"), settings.get("memorySize")
    seconds = executions * (
        timeout if isinstance(timeout, int) else limits.FUNCTION_TIMEOUT_SECONDS.default
    )
    gb = (memory if isinstance(memory, int) else limits.MEMORY_MB.default) / _MB
    cpu, gpu = settings.get("cpu"), settings.get("gpuConfig")
    gpu_mb = gpu.get("gpuMemorySize") if isinstance(gpu, dict) else 0
    return Worst(
        executions,
        seconds,
        seconds * gb,
        seconds * (cpu if isinstance(cpu, int | float) else gb),
        seconds * (gpu_mb if isinstance(gpu_mb, int) else 0) / _MB,
    )


def worst_cases(graph: Graph, own: Mapping[Node, Worst]) -> dict[Node, Worst | None]:
    """Return the worst case of one message to each node.

    Args:
        graph: Destinations and triggers.
        own: What :func:`alone` says of functions, by their nodes with "" as qualifier.

    Returns:
        None for nodes that lead into a cycle.
    """
    pairs = [(edge.source, edge.target) for edge in graph.edges]
    cyclic = {edge.source for edge, on in zip(graph.edges, on_cycles(pairs), strict=True) if on}
    ahead: dict[Node, dict[str, list[Node]]] = {node: {} for node in graph.nodes}
    for edge in graph.edges:
        ahead[edge.source].setdefault(edge.kind, []).append(edge.target)
    order = TopologicalSorter(
        {
            node: () if node in cyclic else [one for many in kinds.values() for one in many]
            for node, kinds in ahead.items()
        }
    ).static_order()
    found: dict[Node, Worst | None] = {}
    for node in order:
        ways = [] if node in cyclic else [_way(kind, found, to) for kind, to in ahead[node].items()]
        if node in cyclic or None in ways:
            found[node] = None
        else:
            dearest = max(filter(None, ways), key=Worst.weight, default=Worst())
            found[node] = _own(node, own).plus(dearest)
    return found


def _way(kind: str, found: Mapping[Node, Worst | None], targets: list[Node]) -> Worst | None:
    """Return what follows: all functions that triggers invoke, or one of an alias's versions."""
    costs = [found[one] for one in targets]
    known = [one for one in costs if one is not None]
    if len(known) < len(costs):
        return None
    if kind == "trigger":
        return functools.reduce(Worst.plus, known)
    return max(known, key=Worst.weight)


def _own(node: Node, own: Mapping[Node, Worst]) -> Worst:
    if node.kind != "function":
        return Worst()
    unknown = Worst(unknown=frozenset({node.name}))
    return own.get(node._replace(qualifier=""), unknown)
