# SPDX-License-Identifier: MIT
"""The graph of a runtime: the destinations and triggers of its functions, and its layout. Pure."""

from __future__ import annotations

import functools
import re
from typing import TYPE_CHECKING, Final, NamedTuple

from msgspec.structs import astuple

from fc_async_sdk._drawing import Item, Link, Scene, compute
from fc_async_sdk.admin.models import Edge
from fc_async_sdk.spec import arn, limits, triggers
from fc_async_sdk.spec.cycles import TRIGGER, Way, marked
from fc_async_sdk.spec.destinations import KINDS
from fc_async_sdk.spec.graph import Node, on_cycles, resolve

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from fc_async_local.domain.rules import Account
    from fc_async_local.functions.records import AsyncConfigRecord, TriggerRecord


class Graph(NamedTuple):
    """Nodes by name, and edges in a stable order.

    A function of this runtime is named ``function/qualifier``, another resource by its ARN, and a
    source that no destination can reach by its label.
    """

    nodes: Mapping[str, Node]
    edges: tuple[Edge, ...]


class _Link(NamedTuple):
    way: Way
    destination: str
    waived: bool
    written: str


def draw_graph(
    configs: Sequence[AsyncConfigRecord],
    functions: Iterable[str],
    fired: Iterable[TriggerRecord],
    account: Account,
) -> Graph:
    """Return the graph of all configurations and triggers; lonely functions are nodes as well."""
    links = [*_destinations(configs, account), *_triggers(fired, account)]
    nodes = {_own(name, limits.DEFAULT_QUALIFIER, account) for name in functions}
    nodes |= {_own(record.function, record.qualifier, account) for record in configs}
    nodes |= {link.way.source for link in links}
    nodes |= {link.way.target for link in links}
    names = {node: _name(node, account) for node in nodes}
    cut, cyclic = _marks(links)
    edges = [
        Edge(
            source=names[link.way.source],
            target=names[link.way.target],
            outcome=link.way.kind,
            cyclic=number in cyclic,
            cut=number in cut,
            written=link.written,
            destination=link.destination,
            via=link.way.via,
            waived=link.waived,
            delivered=0,
            lost=0,
        )
        for number, link in enumerate(links)
    ]
    # Sorted, so that a refresh of the console moves nothing.
    nodes_by_name = {name: node for node, name in names.items()}
    edges.sort(key=astuple)
    return Graph(dict(sorted(nodes_by_name.items())), tuple(edges))


def _marks(links: Sequence[_Link]) -> tuple[set[int], set[int]]:
    """Return the numbers of the links to remove, and of all links on a cycle.

    Links with a waiver are not searched: they close a cycle that their author wants, and another
    link of it must not be marked instead.
    """
    searched = [number for number, link in enumerate(links) if not link.waived]
    ways = [links[number].way for number in searched]
    cut = {searched[index] for index in marked(ways)}
    cyclic = set()
    flags = on_cycles([(way.source, way.target) for way in ways])
    for number, is_on_cycle in zip(searched, flags, strict=True):
        if is_on_cycle:
            cyclic.add(number)
    return cut, cyclic


def _destinations(configs: Iterable[AsyncConfigRecord], account: Account) -> Iterator[_Link]:
    for record in configs:
        source = _own(record.function, record.qualifier, account)
        for outcome, text in record.config.destinations:
            # Region and account may be left out of an ARN; filled in, equal targets are one node.
            target = resolve(
                arn.parse(text),
                region=account.region,
                account_id=account.account_id,
            )
            written = record.written.get(outcome, "")
            way = Way(source, Node.of(target), outcome, editable=bool(written))
            yield _Link(way, str(target), outcome in record.waived, written)


def _triggers(fired: Iterable[TriggerRecord], account: Account) -> Iterator[_Link]:
    for record in fired:
        source = triggers.origin(record.settings, account.region, account.account_id)
        if source is not None:
            qualifier = record.settings.get("qualifier") or limits.DEFAULT_QUALIFIER
            target = _own(record.function, qualifier, account)
            way = Way(source, target, TRIGGER, record.name, editable=bool(record.written))
            yield _Link(way, "", record.waived, record.written)


def _own(
    name: str,
    qualifier: str,
    account: Account,
) -> Node:
    return Node("function", account.region, account.account_id, name, qualifier)


def _name(node: Node, account: Account) -> str:
    if node.kind not in KINDS:
        return node.label
    if node.kind != "function":
        return str(node.at(region=node.region, account_id=node.account_id))
    is_here = node.region == account.region and node.account_id == account.account_id
    if is_here:
        return f"{node.name}/{node.qualifier}"
    return str(
        arn.FunctionArn(
            region=node.region,
            account_id=node.account_id,
            function=node.name,
            qualifier=node.qualifier,
        )
    )


_DIGIT: Final = re.compile(r"\d")


def scene_of(graph: Graph) -> Scene:
    """Lay out a graph, with room for counts beside the outcome of each edge.

    The last ones are remembered: nothing changes between most refreshes. The labels have an 8 for
    each digit, so that a count that grows moves nothing.
    """
    numbers = {name: number for number, name in enumerate(graph.nodes)}
    links = tuple(
        Link(
            numbers[edge.source],
            numbers[edge.target],
            edge.outcome,
            _text(edge),
            on_cycle=edge.cyclic,
            cut=edge.cut,
        )
        for edge in graph.edges
    )
    items = []
    for name, node in graph.nodes.items():
        items.append(Item(_label(name, node), node.kind))
    return _computed(tuple(items), links)


_computed: Final = functools.lru_cache(maxsize=4)(compute)


def _text(edge: Edge) -> str:
    text = f"{edge.outcome} {edge.via}".rstrip()
    if edge.delivered or edge.lost:
        lost = f", {edge.lost:,} lost" if edge.lost else ""
        text += _DIGIT.sub("8", f": {edge.delivered:,}{lost}")
    return f"✂ {text}" if edge.cut else text


def _label(name: str, node: Node) -> str:
    if node.kind == "function":
        return name.removesuffix(f"/{limits.DEFAULT_QUALIFIER}")
    return node.label
