# SPDX-License-Identifier: MIT
"""From resources to the destination graph.

Empty region and account mean those of the function that has the destination, ``LATEST`` is the
same as none, and an alias stands for all versions that it may lead to. Pure.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

from fc_async_plugin.graph.cycles import find_cycles
from fc_async_plugin.graph.model import Edge, EdgeKind, Graph, Written
from fc_async_plugin.template.desired import BLOCK, destination_path, is_function
from fc_async_sdk.errors import InvalidArn
from fc_async_sdk.spec import arn, limits, triggers
from fc_async_sdk.spec.async_config import OUTCOMES
from fc_async_sdk.spec.graph import Node, resolve

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from fc_async_plugin.template.model import Resource


class Link(NamedTuple):
    """One destination as it is written in a template.

    Attributes:
        resource: Whose.
        outcome: ``onSuccess`` or ``onFailure``.
        kind: The same as kind of edge.
        text: The ARN as written.
        arn: The ARN with region and account filled in, or what is wrong with it.
    """

    resource: Resource
    outcome: str
    kind: EdgeKind
    text: str
    arn: arn.DestinationArn | InvalidArn


def source_node(resource: Resource) -> Node:
    """The node of a resource's function with the qualifier that its configuration is for."""
    block = resource.props.get(BLOCK)
    qualifier = block.get("qualifier") if isinstance(block, dict) else None
    return Node(
        "function",
        resource.region,
        resource.account_id,
        resource.function_name,
        str(qualifier or limits.DEFAULT_QUALIFIER),
    )


def links(resources: Iterable[Resource], own: str | None = None) -> Iterator[Link]:
    """Every destination that resources name, wrong ones too.

    Args:
        resources: Of one or several templates.
        own: The account that counts as the own one of resources whose account is unknown; None:
            the first of :func:`possible_accounts`.
    """
    resources = list(resources)
    if own is None:
        own = possible_accounts(resources)[0]
    for link in _written(resources):
        yield link._replace(arn=_resolved(link, own))


def possible_accounts(resources: Iterable[Resource]) -> list[str]:
    """Return the accounts that may be the own one of resources whose account is unknown.

    Returns:
        Accounts that destinations of such resources name, those named most often first; at least
        one, "" if none is named.
    """
    named = Counter(
        link.arn.account_id
        for link in _written([one for one in resources if not one.account_id])
        if not isinstance(link.arn, InvalidArn) and link.arn.account_id
    )
    return sorted(named, key=lambda account: (-named[account], account)) or [""]


def _written(resources: Iterable[Resource]) -> Iterator[Link]:
    for resource in resources:
        block = resource.props.get(BLOCK) if is_function(resource) else None
        config = block.get("destinationConfig") if isinstance(block, dict) else None
        if not isinstance(config, dict):
            continue
        for outcome, kind in OUTCOMES:
            target = config.get(outcome)
            text = target.get("destination") if isinstance(target, dict) else None
            if isinstance(text, str) and text and "${" not in text:
                yield Link(resource, outcome, kind, text, _parsed(text))


def _parsed(text: str) -> arn.DestinationArn | InvalidArn:
    try:
        return arn.parse(text)
    except InvalidArn as error:
        return error


def _resolved(link: Link, own: str) -> arn.DestinationArn | InvalidArn:
    name, resource = link.arn, link.resource
    if isinstance(name, InvalidArn):
        return name
    return resolve(name, region=resource.region, account_id=resource.account_id, own=own)


def build(
    resources: Iterable[Resource],
    *,
    aliases: Mapping[Node, tuple[str, ...]] | None = None,
    live: Iterable[Edge] = (),
) -> Graph:
    """Make the graph of what resources say.

    Args:
        resources: Of one or several templates.
        aliases: Versions behind aliases, by the alias's node, as far as they are known.
        live: Edges that exist in the account already and stand in no template.

    When the own account is unknown and destinations name several, only one of them can be the own
    one. The graph is made for the account with which it has a cycle, if there is such an account.
    """
    functions = [resource for resource in resources if is_function(resource)]
    live = tuple(live)
    accounts = possible_accounts(functions)
    graphs = (_build(functions, own, aliases or {}, live) for own in accounts)
    if len(accounts) == 1:
        return next(graphs)
    return next(
        (graph for graph in graphs if find_cycles(graph)),
        _build(functions, accounts[0], aliases or {}, live),
    )


def _build(
    functions: Sequence[Resource],
    own: str,
    aliases: Mapping[Node, tuple[str, ...]],
    live: Iterable[Edge],
) -> Graph:
    edges = []
    for link in links(functions, own):
        if isinstance(link.arn, InvalidArn):
            continue
        written = Written(link.resource, destination_path(link.outcome))
        edges.append(Edge(source_node(link.resource), Node.of(link.arn), link.kind, written))
    edges += trigger_edges(functions)
    edges += live
    nodes = [source_node(resource) for resource in functions]
    if not aliases:
        return Graph(nodes, edges)
    return Graph(
        [node for alias in nodes for node in versions(alias, aliases)],
        [
            edge._replace(source=source, target=target)
            for edge in edges
            for source in versions(edge.source, aliases)
            for target in versions(edge.target, aliases)
        ],
    )


def trigger_edges(resources: Iterable[Resource]) -> Iterator[Edge]:
    """From what feeds a function through its triggers to the function."""
    for resource in resources:
        listed = resource.props.get("triggers")
        for index, trigger in enumerate(listed if isinstance(listed, list) else ()):
            if not isinstance(trigger, dict):
                continue
            origin = triggers.source(trigger, resource.region, resource.account_id)
            if origin is None:
                continue
            qualifier = str(trigger.get("qualifier") or limits.DEFAULT_QUALIFIER)
            target = source_node(resource)._replace(qualifier=qualifier)
            written = Written(resource, ("triggers", index))
            yield Edge(origin, target, "trigger", written, str(trigger.get("triggerName") or ""))


def versions(node: Node, aliases: Mapping[Node, tuple[str, ...]]) -> list[Node]:
    """The nodes that a node stands for: the versions of an alias, or itself."""
    known = aliases.get(node)
    return [node._replace(qualifier=version) for version in known] if known else [node]
