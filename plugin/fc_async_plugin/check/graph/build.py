# SPDX-License-Identifier: MIT
"""Builds the destination graph: the edges of templates, and those that an account has. Pure.

An empty region or account in an ARN is that of the function that has the destination. ``LATEST``
equals no qualifier. An alias stands for all versions that it may lead to.
"""

from __future__ import annotations

from collections import Counter
from functools import partial
from itertools import chain
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from fc_async_plugin.check.graph.model import Edge, Graph, find_cycles
from fc_async_plugin.s_yaml.model import BLOCK, OWN_ACCOUNT, destination_path, is_function
from fc_async_sdk.errors import InvalidArn
from fc_async_sdk.models import AsyncConfig, Trigger
from fc_async_sdk.spec import arn, limits, triggers
from fc_async_sdk.spec.async_config import OUTCOMES, Outcome
from fc_async_sdk.spec.graph import Node, resolve

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Iterator, Mapping, Sequence

    from fc_async_plugin.s_yaml.model import Resource
    from fc_async_plugin.s_yaml.problems import Position

    VersionsByAlias = Mapping[Node, tuple[str, ...]]
    """The versions that aliases may lead to, by the node of the alias."""


class Link(NamedTuple):
    """One destination as it is written in a template.

    Attributes:
        resource: The resource that has it.
        outcome: ``onSuccess`` or ``onFailure``.
        kind: The same as an edge has it.
        text: The ARN as written.
        arn: The ARN with region and account filled in, or what is wrong with it.
    """

    resource: Resource
    outcome: str
    kind: Outcome
    text: str
    arn: arn.DestinationArn | InvalidArn

    def where(self) -> Position:
        """Return where it is written."""
        return self.resource.where(*destination_path(self.outcome))


def failure_queues(links: Iterable[Link]) -> dict[arn.MnsQueueArn, Link]:
    """Return the queues of MNS that get failures, each with the first destination that names it."""
    queues: dict[arn.MnsQueueArn, Link] = {}
    for link in links:
        if link.kind == "failure" and isinstance(link.arn, arn.MnsQueueArn):
            queues.setdefault(link.arn, link)
    return queues


def source_node(resource: Resource) -> Node:
    """Return the node of a resource's function, with the qualifier of its configuration."""
    qualifier = str(resource.at(BLOCK, "qualifier") or limits.DEFAULT_QUALIFIER)
    name = resource.function_name
    return Node("function", resource.region, resource.account_id, name, qualifier)


def links(resources: Iterable[Resource]) -> list[Link]:
    """Return every destination that resources name, invalid ones included.

    The first of :func:`possible_accounts` is the account of resources whose account is unknown.
    """
    return resolved(written_links(resources))


def resolved(written: Sequence[Link]) -> list[Link]:
    """Return the destinations of :func:`written_links` as :func:`links` does."""
    return _resolved(written, possible_accounts(written)[0])


def possible_accounts(written: Iterable[Link]) -> list[str]:
    """Return the accounts that resources whose account is unknown may belong to.

    Args:
        written: Destinations as they are written.

    Returns:
        The accounts that destinations of such resources name, the most frequent first; [""] if
        none is named.
    """
    named: Counter[str] = Counter()
    for link in written:
        if link.resource.account_id or isinstance(link.arn, InvalidArn):
            continue
        if link.arn.account_id:
            named[link.arn.account_id] += 1
    # The account id breaks a tie, so that two runs answer the same.
    return sorted(named, key=lambda account: (-named[account], account)) or [""]


def written_links(resources: Iterable[Resource]) -> list[Link]:
    """Return every destination that resources name, without what the template leaves out.

    Region and account of an ARN may be empty. To read all ARNs takes a good part of the time of
    ``fc-async validate``, so a run reads them once.
    """
    links = []
    for resource in filter(is_function, resources):
        for outcome, kind in OUTCOMES:
            text = resource.at(*destination_path(outcome))
            if not isinstance(text, str) or not text:
                continue
            known = OWN_ACCOUNT.sub("", text)
            # What only s resolves may lead anywhere: an edge would be a guess.
            if "${" not in known:
                links.append(Link(resource, outcome, kind, text, _parsed(known)))
    return links


def _parsed(text: str) -> arn.DestinationArn | InvalidArn:
    try:
        return arn.parse(text)
    except InvalidArn as error:
        return error


def _resolved(written: Iterable[Link], own_account: str) -> list[Link]:
    """Return destinations with region and account filled in, for one possible own account."""
    links = []
    for link in written:
        if not isinstance(link.arn, InvalidArn):
            name = resolve(
                link.arn,
                region=link.resource.region,
                account_id=link.resource.account_id,
                only_account=own_account,
            )
            link = link._replace(arn=name)  # noqa: PLW2901 -- the same link, read further
        links.append(link)
    return links


def build(
    resources: Iterable[Resource],
    *,
    aliases: VersionsByAlias | None = None,
    live: Iterable[Edge] = (),
    written: Sequence[Link] | None = None,
) -> Graph:
    """Build the graph of resources.

    Args:
        resources: Resources of one or several templates.
        aliases: Known versions behind aliases, by the node of the alias.
        live: Edges of the account that no template has.
        written: What :func:`written_links` returns for the resources, if it is known.

    If the account is unknown and destinations name several, only one of them can be the functions'
    own. The graph is built for an account with which it has a cycle, if there is one.
    """
    functions = [resource for resource in resources if is_function(resource)]
    live = tuple(live)
    if written is None:
        written = written_links(functions)
    accounts = possible_accounts(written)
    graphs = (
        _build(functions, _resolved(written, account), aliases or {}, live) for account in accounts
    )
    first = next(graphs)
    if len(accounts) == 1 or find_cycles(first):
        return first
    return next((graph for graph in graphs if find_cycles(graph)), first)


def _build(
    functions: Sequence[Resource],
    destinations: Iterable[Link],
    aliases: VersionsByAlias,
    live: Iterable[Edge],
) -> Graph:
    edges = []
    for link in destinations:
        if isinstance(link.arn, InvalidArn):
            continue
        written = partial(link.resource.where, *destination_path(link.outcome))
        edges.append(Edge(source_node(link.resource), Node.of(link.arn), link.kind, written))
    edges += trigger_edges(functions)
    edges += live
    nodes = [source_node(resource) for resource in functions]
    if not aliases:
        return Graph(nodes, edges)
    # A call of an alias runs one of its versions, so a cycle of a version is one of its aliases.
    behind = chain.from_iterable(versions(node, aliases) for node in nodes)
    return Graph(behind, chain.from_iterable(_edges_of_versions(edge, aliases) for edge in edges))


def _edges_of_versions(edge: Edge, aliases: VersionsByAlias) -> Iterator[Edge]:
    for source in versions(edge.source, aliases):
        for target in versions(edge.target, aliases):
            yield edge._replace(source=source, target=target)


def trigger_edges(resources: Iterable[Resource]) -> Iterator[Edge]:
    """Yield edges from event sources of triggers to the functions that they invoke."""
    for resource in resources:
        for index, trigger in resource.each("triggers"):
            # Timers, buckets and HTTP are origins, too: without them, a function that only they
            # invoke looked as if nothing did.
            origin = triggers.origin(trigger, resource.region, resource.account_id)
            if origin is None:
                continue
            qualifier = str(trigger.get("qualifier") or limits.DEFAULT_QUALIFIER)
            target = source_node(resource)._replace(qualifier=qualifier)
            written = partial(resource.where, "triggers", index)
            yield Edge(origin, target, "trigger", written, str(trigger.get("triggerName") or ""))


def versions(node: Node, aliases: VersionsByAlias) -> list[Node]:
    """Return the nodes that a node stands for: the versions of an alias, or itself."""
    alias_versions = aliases.get(node)
    if not alias_versions:
        return [node]
    return [node._replace(qualifier=version) for version in alias_versions]


class LiveFunction(msgspec.Struct, frozen=True, kw_only=True):
    """One function of the account.

    Attributes:
        configs: Asynchronous configuration by qualifier.
        aliases: The versions behind each alias.
        versions: Ids of published versions.
        triggers: Triggers of the function.
    """

    configs: dict[str, AsyncConfig] = {}
    aliases: dict[str, tuple[str, ...]] = {}
    versions: frozenset[str] = frozenset()
    triggers: tuple[Trigger, ...] = ()

    def has_qualifier(self, qualifier: str) -> bool:
        """Return whether a version or alias of this name exists."""
        return (
            qualifier == limits.DEFAULT_QUALIFIER
            or qualifier in self.aliases
            or qualifier in self.versions
        )


class LiveRegion(NamedTuple):
    """One region of one account.

    Attributes:
        region: Region id.
        account_id: Account id, the same as the templates' ("" if theirs is unknown).
        functions: All functions of the region, by name.
        queues: For how many seconds queues keep a message, by name, as far as they were read; None:
            there is no such queue.
    """

    region: str
    account_id: str
    functions: dict[str, LiveFunction]
    queues: Mapping[str, int | None] = MappingProxyType({})

    def node(self, name: str, qualifier: str = limits.DEFAULT_QUALIFIER) -> Node:
        """Return the node of a function."""
        return Node("function", self.region, self.account_id, name, qualifier)

    def aliases(self) -> Iterator[tuple[Node, tuple[str, ...]]]:
        """Yield the versions behind every alias."""
        for name, live in self.functions.items():
            for alias, versions in live.aliases.items():
                if versions:
                    yield self.node(name, alias), versions

    def edges(self, written: Container[Node]) -> Iterator[Edge]:
        """Yield the configured edges, without those of nodes that a template configures."""
        for name, live in self.functions.items():
            for qualifier, config in live.configs.items():
                node = self.node(name, qualifier)
                # A deployment replaces the whole configuration by what the template says.
                if node not in written:
                    yield from self._destinations(node, config)
            for trigger in live.triggers:
                origin = triggers.origin(trigger.to_dict(), self.region, self.account_id)
                if origin is not None:
                    target = self.node(name, trigger.qualifier or limits.DEFAULT_QUALIFIER)
                    yield Edge(origin, target, "trigger", None, trigger.trigger_name)

    def _destinations(self, node: Node, config: AsyncConfig) -> Iterator[Edge]:
        for outcome, text in config.destinations:
            destination = _parsed(text)
            if not isinstance(destination, InvalidArn):  # an old one may not be valid any more
                target = resolve(destination, region=self.region, account_id=self.account_id)
                yield Edge(node, Node.of(target), outcome)
