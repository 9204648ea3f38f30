# SPDX-License-Identifier: MIT
"""The graph of the destinations that are configured in this runtime, for the console. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from fc_async_sdk.spec import arn, limits
from fc_async_sdk.spec.graph import Node, on_cycles, resolve

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from fc_async_local.domain.rules import Place
    from fc_async_local.functions.records import AsyncConfigRecord
    from fc_async_sdk.spec.async_config import Outcome


class Edge(NamedTuple):
    """One destination. ``source`` and ``target`` are names of nodes."""

    source: str
    target: str
    outcome: Outcome
    cyclic: bool = False


class Graph(NamedTuple):
    """Nodes by name with the kind of each, and edges in a stable order.

    A function of this runtime is named ``function/qualifier``, anything else by its ARN.
    """

    nodes: Mapping[str, str]
    edges: tuple[Edge, ...]


def draw(configs: Iterable[AsyncConfigRecord], functions: Iterable[str], place: Place) -> Graph:
    """Return the graph of all configurations; functions without one are nodes as well."""
    latest = limits.DEFAULT_QUALIFIER
    names = {_own(name, latest, place): f"{name}/{latest}" for name in functions}
    links: list[tuple[Node, Node, Outcome]] = []
    for record in configs:
        source = _own(record.function, record.qualifier, place)
        names[source] = f"{record.function}/{record.qualifier}"
        for outcome, text in record.config.destinations:
            resolved = resolve(arn.parse(text), region=place.region, account_id=place.account_id)
            target = Node.of(resolved)
            own = target.kind == "function" and target[1:3] == (place.region, place.account_id)
            names[target] = f"{target.name}/{target.qualifier}" if own else str(resolved)
            links.append((source, target, outcome))
    cyclic = on_cycles([(source, target) for source, target, _ in links])
    edges = (
        Edge(names[source], names[target], outcome, marked)
        for (source, target, outcome), marked in zip(links, cyclic, strict=True)
    )
    nodes = sorted((name, node.kind) for node, name in names.items())
    return Graph(dict(nodes), tuple(sorted(edges)))


def _own(name: str, qualifier: str, place: Place) -> Node:
    return Node("function", place.region, place.account_id, name, qualifier)
