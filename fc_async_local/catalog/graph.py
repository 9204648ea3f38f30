# SPDX-License-Identifier: MIT
"""Where results go: the destination graph of what is configured in this runtime. Pure.

Nodes are functions with a qualifier and the targets outside; an edge that leads back to where it
came from is marked. For looking at; the deploy plugin explains cycles and how to break them.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Literal, NamedTuple

from fc_async_sdk import arn

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from fc_async_local.catalog.records import AsyncConfigRecord

Outcome = Literal["success", "failure"]


class Edge(NamedTuple):
    """One destination. ``source`` and ``target`` are :func:`node` names."""

    source: str
    target: str
    outcome: Outcome
    cyclic: bool = False


class Graph(NamedTuple):
    """Nodes by name with the kind of each, and edges in a stable order."""

    nodes: Mapping[str, str]
    edges: tuple[Edge, ...]


def node(target: arn.DestinationArn, *, region: str, account: str) -> str:
    """Return the name of a node.

    Args:
        target: What it stands for, with region and account filled in.
        region: Of this runtime.
        account: Of this runtime.

    Returns:
        ``function/qualifier`` for a function of this runtime, the ARN for anything else.
    """
    own = (target.region, target.account_id) == (region, account)
    if isinstance(target, arn.FunctionArn) and own:
        return f"{target.function}/{target.qualifier}"
    return str(target)


def draw(
    configs: Iterable[AsyncConfigRecord], functions: Iterable[str], *, region: str, account: str
) -> Graph:
    """The graph of all configurations; functions without one are nodes as well."""
    nodes = {f"{name}/LATEST": "function" for name in functions}
    edges: list[Edge] = []
    for record in configs:
        source = f"{record.function}/{record.qualifier}"
        nodes[source] = "function"
        for outcome, text in _destinations(record):
            target = arn.parse(text).resolve(region=region, account_id=account)
            name = node(target, region=region, account=account)
            nodes[name] = target.kind
            edges.append(Edge(source, name, outcome))
    return Graph(dict(sorted(nodes.items())), tuple(_marked(sorted(edges))))


def _destinations(record: AsyncConfigRecord) -> list[tuple[Outcome, str]]:
    found: list[tuple[Outcome, str]] = []
    if record.config.on_success:
        found.append(("success", record.config.on_success))
    if record.config.on_failure:
        found.append(("failure", record.config.on_failure))
    return found


def _marked(edges: Iterable[Edge]) -> list[Edge]:
    """Edges, with those on a cycle marked: their target leads back to their source."""
    plain = list(edges)
    following = defaultdict(set)
    for edge in plain:
        following[edge.source].add(edge.target)
    reachable: dict[str, set[str]] = {}
    for edge in plain:
        if edge.target not in reachable:
            reachable[edge.target] = _reach(edge.target, following)
    return [edge._replace(cyclic=edge.source in reachable[edge.target]) for edge in plain]


def _reach(start: str, following: Mapping[str, set[str]]) -> set[str]:
    seen, waiting = {start}, [start]
    while waiting:
        for target in following.get(waiting.pop(), ()):
            if target not in seen:
                seen.add(target)
                waiting.append(target)
    return seen
