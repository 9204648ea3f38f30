# SPDX-License-Identifier: MIT
"""The queues, topics and event buses that a template names: destinations and sources. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, cast

from fc_async_plugin.project import attached
from fc_async_plugin.project.state import Channel, Place
from fc_async_plugin.s_yaml.model import desired, value_at
from fc_async_sdk.errors import InvalidArn
from fc_async_sdk.spec import arn, triggers
from fc_async_sdk.spec.destinations import KINDS as RECORDS
from fc_async_sdk.spec.graph import Node, NodeKind

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from fc_async_plugin.project.state import Of, Wanted
    from fc_async_plugin.s_yaml.model import Resource

KINDS: Final[dict[NodeKind, Of]] = {
    kind: cast("Of", record.label) for kind, record in RECORDS.items() if record.creation
}
"""Names in steps of the kinds that a deployment can create."""


def channels(state: Wanted, account_id: str) -> list[Channel]:
    """Return the queues, topics and event buses of the account that a template names."""
    return sorted(map(_channel, of_account(_nodes(state, account_id), account_id)))


def of_resources(resources: Iterable[Resource], *, triggers: bool) -> set[Channel]:
    """Return what :func:`nodes_of` returns for several functions, without the account."""
    nodes = set[Node]()
    for resource in resources:
        nodes.update(nodes_of(resource, triggers=triggers))
    return set(map(_channel, nodes))


def _channel(node: Node) -> Channel:
    return Channel(KINDS[node.kind], node.region, node.name)


def nodes_of(resource: Resource, *, triggers: bool) -> list[Node]:
    """Return the queues, topics and event buses of the account that one function names.

    Args:
        resource: The function.
        triggers: Include what its triggers read from and give up to.

    Raises:
        TemplateError: A block or a trigger has a value of a wrong type.
    """
    address = Place(resource.region, resource.function_name)
    account_id = resource.account_id
    block = desired(resource)
    texts = [text for _, text in block.config.destinations] if block else []
    nodes = set(destinations(texts, address, account_id))
    if triggers:
        for trigger in attached.triggers(resource, local=True).values():
            nodes.update(sources(trigger, address, account_id))
    return of_account(nodes, account_id)


def of_account(nodes: Iterable[Node], account_id: str) -> list[Node]:
    """Return the queues, topics and event buses among nodes that a deployment may create."""
    own = [node for node in nodes if node.kind in KINDS]
    if not account_id:
        return own
    return [node for node in own if node.account_id in {"", account_id}]


def not_created(state: Wanted) -> list[str]:
    """Return what a template names and no deployment creates, one sentence each."""
    # Otherwise --create-missing would read as if it had made a failure topic, too.
    topics = sorted({node.name for node in _nodes(state, "") if node.kind == "rocketmq"})
    return [f"not created by fc-async: topic {name} of RocketMQ" for name in topics]


def _nodes(state: Wanted, account_id: str) -> set[Node]:
    nodes = set[Node]()
    for address, want in state.items():
        for config in want.configs.values():
            texts = (text for _, text in config.destinations)
            nodes.update(destinations(texts, address, account_id))
        for trigger in (want.triggers or {}).values():
            nodes.update(sources(trigger, address, account_id))
    return nodes


def destinations(texts: Iterable[str], address: Place, account_id: str) -> Iterator[Node]:
    """Yield the nodes of destinations; an empty region or account is the function's."""
    for text in texts:
        try:
            name = arn.parse(text)
        except InvalidArn:
            continue  # the service refuses it with its own message
        yield Node.of(name.resolve(region=address.region, account_id=account_id))


def sources(trigger: dict[str, Any], address: Place, account_id: str) -> Iterator[Node]:
    """Yield what a trigger reads from, and where it sends what it gives up."""
    source = triggers.source(trigger, address.region, account_id)
    if source is not None:
        yield source
    queue = value_at(trigger["triggerConfig"], "runOptions", "deadLetterQueue", "Arn")
    if isinstance(queue, str):
        yield from destinations([queue], address, account_id)
