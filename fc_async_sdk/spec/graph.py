# SPDX-License-Identifier: MIT
"""The destination graph: its nodes, and which of its edges are on a cycle.

Invariants:

- A node's region, account and qualifier are filled in before it is made. Two nodes are the same
  resource exactly when they compare equal.
- Whether an edge is on a cycle depends on nodes only, not on the outcome that takes the edge.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import msgspec

from fc_async_sdk.spec import arn, limits
from fc_async_sdk.spec.components import cyclic_components

if TYPE_CHECKING:
    from collections.abc import Sequence


class Node(NamedTuple):
    """A function with a qualifier, or another destination.

    Attributes:
        kind: Kind of the resource name, such as ``function`` or ``mns-queue``.
        region: Region id, "" if unknown.
        account_id: Account id, "" if unknown.
        name: Function, queue, topic or bus; ``{instance}/{topic}`` for RocketMQ.
        qualifier: Version or alias, ``LATEST`` if none; "" for what has no qualifiers.
    """

    kind: arn.Kind
    region: str
    account_id: str
    name: str
    qualifier: str = ""

    @classmethod
    def of(cls, name: arn.DestinationArn) -> Node:
        """Return the node of a resource name whose region and account are filled in."""
        match name:
            case arn.FunctionArn():
                return cls(name.kind, name.region, name.account_id, name.function, name.qualifier)
            case arn.MnsQueueArn():
                path = name.queue
            case arn.MnsTopicArn():
                path = name.topic
            case arn.EventBusArn():
                path = name.bus
            case arn.RocketMqTopicArn():
                path = f"{name.instance_id}/{name.topic}"
        return cls(name.kind, name.region, name.account_id, path)

    @property
    def label(self) -> str:
        """The name to show: ``orders``, ``orders/prod``, ``queue dead-letters``."""
        if self.kind == "function":
            latest = self.qualifier in {"", limits.DEFAULT_QUALIFIER}
            return self.name if latest else f"{self.name}/{self.qualifier}"
        return f"{_SHORT[self.kind]} {self.name}"


_SHORT: dict[arn.Kind, str] = {
    "mns-queue": "queue",
    "mns-topic": "topic",
    "eventbridge": "bus",
    "rocketmq": "RocketMQ topic",
}


def resolve(
    name: arn.DestinationArn, *, region: str, account_id: str, own: str | None = None
) -> arn.DestinationArn:
    """Fill in the region and account of a destination from the function that has it.

    If the function's account is unknown, the account that the destination names is taken for the
    same unknown one: otherwise a cycle would be missed when no access key is configured.

    Args:
        name: As it was parsed.
        region: Of the function.
        account_id: Of the function, "" if unknown.
        own: If the function's account is unknown, the only account that may be the function's;
            None: any.
    """
    if not account_id and own in {None, name.account_id}:
        name = msgspec.structs.replace(name, account_id="")
    return name.resolve(region=region, account_id=account_id)


def on_cycles(edges: Sequence[tuple[Node, Node]]) -> list[bool]:
    """Return for each edge whether its target leads back to its source.

    Args:
        edges: Pairs of source and target.
    """
    numbers: dict[Node, int] = {}
    pairs = [
        (numbers.setdefault(source, len(numbers)), numbers.setdefault(target, len(numbers)))
        for source, target in edges
    ]
    component = {
        node: place
        for place, members in enumerate(cyclic_components(len(numbers), pairs))
        for node in members
    }
    return [
        source in component and component[source] == component.get(target)
        for source, target in pairs
    ]
