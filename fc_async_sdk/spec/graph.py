# SPDX-License-Identifier: MIT
"""The destination graph: its nodes, and which of its edges are on a cycle.

Invariants:

- A node's region, account and qualifier are filled in before it is made. Two nodes are the same
  resource exactly when they compare equal.
- Whether an edge is on a cycle depends on nodes only, not on the outcome that takes the edge.

:func:`cyclic_components` is Tarjan's algorithm, iterative, with one number per node. Edges are kept
in two flat lists: every node has at most two successors, as a function has two destinations, and a
node with more gets extra nodes. Both keep the work per edge small (``benchmarks/cycles.py``
compares with rustworkx).
"""

from __future__ import annotations

import gc
from typing import TYPE_CHECKING, Final, Literal, NamedTuple, cast

import msgspec

from fc_async_sdk.errors import InvalidArn
from fc_async_sdk.spec import arn, limits
from fc_async_sdk.spec.destinations import KINDS, Kind

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


NodeKind = Kind | Literal["timer", "oss", "http"]
"""Kinds of destinations, then of event sources that no destination can reach."""


class Node(NamedTuple):
    """A function with a qualifier, another destination, or an event source.

    Attributes:
        kind: Kind of the resource name, such as ``function`` or ``mns-queue``, or of the source.
        region: Region id, "" if unknown.
        account_id: Account id, "" if unknown.
        name: Function, queue, topic, bus or bucket; ``{instance}/{topic}`` for RocketMQ; the
            schedule of a timer.
        qualifier: Version or alias, ``LATEST`` if none; "" for what has no qualifiers.
    """

    kind: NodeKind
    region: str
    account_id: str
    name: str
    qualifier: str = ""

    @classmethod
    def of(cls, name: arn.DestinationArn) -> Node:
        """Return the node of a resource name whose region and account are filled in."""
        fields = [field for field in KINDS[name.kind].names if field != "qualifier"]
        path = "/".join(getattr(name, field) for field in fields)
        qualifier = name.qualifier if isinstance(name, arn.FunctionArn) else ""
        return cls(name.kind, name.region, name.account_id, path, qualifier)

    def at(self, *, region: str, account_id: str) -> arn.DestinationArn:
        """Return the resource name of a destination without qualifiers at another place."""
        kind = cast("Kind", self.kind)
        names = dict(zip(KINDS[kind].names, self.name.split("/"), strict=False))
        return arn.CLASSES[kind](region=region, account_id=account_id, **names)

    @property
    def label(self) -> str:
        """The name to show: ``orders``, ``orders/prod``, ``queue dead-letters``."""
        if self.kind == "function":
            latest = self.qualifier in {"", limits.DEFAULT_QUALIFIER}
            return self.name if latest else f"{self.name}/{self.qualifier}"
        noun = _SOURCES.get(self.kind) or KINDS[cast("Kind", self.kind)].label
        return f"{noun} {self.name}"


_SOURCES: Final[dict[NodeKind, str]] = {"timer": "timer", "oss": "bucket", "http": "HTTP"}


def destination_label(text: str) -> str:
    """Return a destination with its kind, such as ``queue failed-uploads``."""
    try:
        node = Node.of(arn.parse(text))
    except InvalidArn:
        return text
    return f"function {node.label}" if node.kind == "function" else node.label


def resolve(
    name: arn.DestinationArn,
    *,
    region: str,
    account_id: str,
    only_account: str | None = None,
) -> arn.DestinationArn:
    """Fill in the region and account of a destination from the function that has it.

    If the function's account is unknown, the account that the destination names is taken for the
    same unknown one: otherwise a cycle would be missed when no access key is configured.

    Args:
        name: As it was parsed.
        region: Of the function.
        account_id: Of the function, "" if unknown.
        only_account: If the function's account is unknown, the only account that may be the
            function's; None: any.
    """
    if not account_id and only_account in {None, name.account_id}:
        name = msgspec.structs.replace(name, account_id="")
    return name.resolve(region=region, account_id=account_id)


def on_cycles(edges: Sequence[tuple[Node, Node]]) -> list[bool]:
    """Return for each edge whether its target leads back to its source.

    Args:
        edges: Pairs of source and target.
    """
    numbers: dict[Node, int] = {}
    pairs: list[tuple[int, int]] = []
    for source, target in edges:
        source_number = numbers.setdefault(source, len(numbers))
        target_number = numbers.setdefault(target, len(numbers))
        pairs.append((source_number, target_number))
    component_of: dict[int, int] = {}
    for component, members in enumerate(cyclic_components(len(numbers), pairs)):
        component_of.update(dict.fromkeys(members, component))
    # An edge between two components leads from a cycle to a cycle, and is on none.
    return [
        source in component_of and component_of[source] == component_of.get(target)
        for source, target in pairs
    ]


_NONE: Final = -1
"""No successor. Also the index of the last entry, which is there for it."""


def cyclic_components(size: int, edges: Iterable[tuple[int, int]]) -> list[list[int]]:
    """Return the components in which every node leads back to itself.

    Args:
        size: Number of nodes; they are numbered from 0.
        edges: Pairs of source and target. Repeated pairs do no harm.

    Returns:
        Components with a cycle, a self-loop included; each sorted, all in order of their first
        node.
    """
    enabled = gc.isenabled()
    gc.disable()  # collections of long lists of integers can double the time
    try:
        first, second = _columns(size, edges)
        components = _search(first, second)
        # Numbers from size on are the extra nodes of _columns.
        return sorted(sorted(node for node in members if node < size) for members in components)
    finally:
        if enabled:
            gc.enable()


def _columns(size: int, edges: Iterable[tuple[int, int]]) -> tuple[list[int], list[int]]:
    """Return the first successors of all nodes and the second ones; :data:`_NONE` for none.

    The third and each further successor of a node is reached through an extra node, numbered from
    ``size``, that takes over the second successor. No other node leads to the extra node, so it is
    on the cycles of its node only.
    """
    first = [_NONE] * size
    second = [_NONE] * size
    for source, target in edges:
        if first[source] == _NONE:
            first[source] = target
        elif second[source] == _NONE:
            second[source] = target
        else:
            first.append(second[source])
            second[source] = len(second)
            second.append(target)
    return first, second


def _search(first: list[int], second: list[int]) -> list[list[int]]:
    """Return the components with a cycle, from the results of :func:`_columns`.

    The number of a node is 0 until it is reached. Then it is its place in the order of reaching.
    When all successors are done it is the lowest number found there, if that is lower. When its
    component is complete the number is higher than all others, because edges to it no longer
    matter. So a node whose successors all have higher numbers is on no cycle, a node with its own
    number among them is the first of its component, and a node with a lower number among them
    belongs to a component that is not complete.
    """
    done = len(first) + 1
    numbers = [0] * len(first) + [done]
    path: list[int] = []
    tied: list[int] = []
    components = []
    count = 0
    for root in range(len(first)):
        node = root
        while True:
            while not numbers[node]:
                count += 1
                numbers[node] = count
                path.append(node)
                node = first[node]
            if not path:
                break
            node = path.pop()
            if node < 0:
                node = ~node  # its second successor is done
            elif not numbers[second[node]]:
                path.append(~node)
                node = second[node]
                continue
            lowest = numbers[first[node]]
            if numbers[second[node]] < lowest:  # noqa: PLR1730 -- min() is a call, for each node
                lowest = numbers[second[node]]
            if lowest > numbers[node]:
                numbers[node] = done
            elif lowest < numbers[node]:
                numbers[node] = lowest
                tied.append(node)
            else:
                components.append(_complete(node, numbers, tied))
    return components


def _complete(node: int, numbers: list[int], tied: list[int]) -> list[int]:
    """Remove the component that begins with a node from ``tied`` and return it."""
    begin = len(tied)
    while begin and numbers[tied[begin - 1]] >= numbers[node]:
        begin -= 1
    component = [node, *tied[begin:]]
    del tied[begin:]
    for member in component:
        numbers[member] = numbers[_NONE]
    return component
