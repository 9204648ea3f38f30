# SPDX-License-Identifier: MIT
"""Shows the destination graph: as text, Mermaid, DOT, JSON and SVG, with the counts of a runtime.

Edges of cycles are marked. What is drawn is decided here; where it is drawn in SVG, in
:mod:`fc_async_sdk._drawing`.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from fc_async_plugin.account.runtime import ask, client_of, local_endpoint
from fc_async_plugin.check.graph import find_cuts, find_cycles
from fc_async_sdk._drawing import Item, Link, compute, svg
from fc_async_sdk.admin import operations as admin
from fc_async_sdk.spec import metrics
from fc_async_sdk.spec.cycles import TRIGGER
from fc_async_sdk.spec.graph import on_cycles

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from fc_async_plugin.check.graph import Cycle, Edge, Graph
    from fc_async_sdk.admin import models
    from fc_async_sdk.spec.graph import Node

RED: Final = "#c62828"
_FIELDS: Final = {
    metrics.ENQUEUED: "accepted",
    metrics.DEQUEUED: "ended",
    metrics.FUNCTION_ERRORS: "errors",
}
"""Fields of :class:`Counts` by metric. Events are counted by the edges of the graph, because a
metric counts an event twice that is sent again and given up again."""


class Counts(NamedTuple):
    """Counts of a running runtime for one function, over all its qualifiers.

    Attributes:
        accepted: Asynchronous invocations.
        ended: Asynchronous invocations that have ended.
        errors: Executions that ended in an error of the function.
        delivered: Events that reached one of its present destinations.
        lost: Events that did not.
    """

    accepted: int = 0
    ended: int = 0
    errors: int = 0
    delivered: int = 0
    lost: int = 0

    def __str__(self) -> str:
        parts = [f"{value} {name}" for name, value in self._asdict().items() if value]
        return ", ".join(parts) or "nothing yet"


class Counted(NamedTuple):
    """Counts of a running runtime.

    Attributes:
        functions: By function name.
        destinations: Events that reached a destination and that did not, by function name,
            qualifier and outcome.
    """

    functions: Mapping[str, Counts] = {}
    destinations: Mapping[tuple[str, str, str], tuple[int, int]] = {}


def read_counts(endpoint: str | None) -> Counted:
    """Return what a runtime has counted.

    Args:
        endpoint: URL of the runtime.

    Raises:
        PluginError: No runtime answers at the URL, or it is not on this machine.
    """
    with client_of(local_endpoint(endpoint, "shows counts")) as client:
        sums = ask(client, admin.get_metrics()).metrics
        edges = [edge for edge in ask(client, admin.get_graph()).edges if edge.outcome != TRIGGER]
    return Counted(
        _by_function(sums, edges),
        {(*_named(edge.source), edge.outcome): (edge.delivered, edge.lost) for edge in edges},
    )


def _named(source: str) -> tuple[str, str]:
    """Return function and qualifier of a node of the runtime's graph."""
    function, _, qualifier = source.partition("/")
    return function, qualifier


def _by_function(sums: list[models.Series], edges: list[models.Edge]) -> dict[str, Counts]:
    by_function: dict[str, Counts] = {}
    for series in sums:
        if series.metric in _FIELDS:
            counts = by_function.get(series.function, Counts())
            by_function[series.function] = counts._replace(
                **{_FIELDS[series.metric]: int(series.value)}
            )
    for edge in edges:
        function, _ = _named(edge.source)
        counts = by_function.get(function, Counts())
        by_function[function] = counts._replace(
            delivered=counts.delivered + edge.delivered, lost=counts.lost + edge.lost
        )
    return by_function


class Picture(NamedTuple):
    """A graph with what is shown of it.

    Attributes:
        graph: All nodes and edges.
        cycles: The cycles to show.
        red: The edges that are on a cycle.
        cuts: The edges without which there is no cycle.
        counts: What a running runtime has counted.
    """

    graph: Graph
    cycles: tuple[Cycle, ...]
    red: frozenset[Edge]
    cuts: frozenset[Edge]
    counts: Counted

    def label(self, edge: Edge) -> str:
        """Return the label of an edge."""
        return f"trigger {edge.via}".rstrip() if edge.kind == "trigger" else edge.kind

    def counted(self, node: Node) -> str:
        """Return the counts of a node in words, "" if there are none."""
        counts = self.counts.functions.get(node.name) if node.kind == "function" else None
        return str(counts) if counts else ""


def picture(
    graph: Graph, counts: Counted | None = None, *, searched: Graph | None = None
) -> Picture:
    """Return a graph with its cycles.

    Args:
        graph: What is drawn.
        counts: What a running runtime has counted.
        searched: The part of it in which cycles are searched; None: all of it.
    """
    part = graph if searched is None else searched
    marks = on_cycles([(edge.source, edge.target) for edge in part.edges])
    red = frozenset(edge for edge, marked in zip(part.edges, marks, strict=True) if marked)
    return Picture(graph, tuple(find_cycles(part)), red, find_cuts(part), counts or Counted())


def to_text(shown: Picture) -> str:
    """Return one paragraph per function: its name, then the destinations of its results."""
    lines = []
    for node in shown.graph.nodes:
        edges = [edge for edge in shown.graph.edges if edge.source == node]
        if not edges and node.kind != "function":
            continue
        counted = shown.counted(node)
        lines.append(f"{node.label}  ({counted})" if counted else node.label)
        for edge in edges:
            cut = ", ✂ remove this" if edge in shown.cuts else ""
            mark = f"  ← cycle{cut}" if edge in shown.red else ""
            position = f"  {edge.position}" if edge.position else ""
            lines.append(f"  {shown.label(edge)} → {edge.target.label}{position}{mark}")
    return "\n".join(lines)


def to_mermaid(shown: Picture) -> str:
    """Return a Mermaid flow chart."""
    graph = shown.graph
    lines = ["flowchart LR"]
    for number, node in enumerate(graph.nodes):
        opening, right = ("[", "]") if node.kind == "function" else ("[(", ")]")
        lines.append(f'  n{number}{opening}"{_mermaid(_titled(shown, node))}"{right}')
    styles = []
    for number, edge in enumerate(graph.edges):
        arrow = {"success": "-->", "failure": "-.->", "trigger": "==>"}[edge.kind]
        ends = f"n{graph.number(edge.source)} {arrow}|{_mermaid(shown.label(edge))}|"
        lines.append(f"  {ends} n{graph.number(edge.target)}")
        if edge in shown.red:
            styles.append(f"  linkStyle {number} stroke:{RED},stroke-width:3px,color:{RED}")
    return "\n".join(lines + styles)


def _titled(shown: Picture, node: Node) -> str:
    counted = shown.counted(node)
    return f"{node.label} ({counted})" if counted else node.label


def _mermaid(text: str) -> str:
    return "".join(
        char if char.isalnum() or char in " _-./()," else f"#{ord(char)};" for char in text
    )


def to_dot(shown: Picture) -> str:
    """Return a Graphviz digraph."""
    graph = shown.graph
    lines = [
        "digraph destinations {",
        "  rankdir=LR;",
        '  node [shape=box, style=rounded, fontname="sans-serif"];',
        '  edge [fontname="sans-serif", fontsize=10];',
    ]
    for number, node in enumerate(graph.nodes):
        shape = "" if node.kind == "function" else ", shape=cylinder"
        lines.append(f"  n{number} [label={_dot(_titled(shown, node))}{shape}];")
    for edge in graph.edges:
        style = {"success": "solid", "failure": "dashed", "trigger": "bold"}[edge.kind]
        colour = f', color="{RED}", fontcolor="{RED}", penwidth=2' if edge in shown.red else ""
        ends = f"n{graph.number(edge.source)} -> n{graph.number(edge.target)}"
        lines.append(f"  {ends} [label={_dot(shown.label(edge))}, style={style}{colour}];")
    lines.append("}")
    return "\n".join(lines)


def _dot(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", " ")
    return f'"{escaped}"'


def to_json(shown: Picture) -> str:
    """Return one JSON document: ``nodes``, ``edges``; ``cycles``, ``cuts``: numbers of edges."""
    graph = shown.graph
    numbers = {edge: number for number, edge in reversed(list(enumerate(graph.edges)))}
    document = {
        "nodes": [_node(shown, node) for node in graph.nodes],
        "edges": [
            {
                "source": graph.number(edge.source),
                "target": graph.number(edge.target),
                "kind": edge.kind,
                "via": edge.via,
                "position": edge.position._asdict() if edge.position else None,
            }
            for edge in graph.edges
        ],
        "cycles": [[numbers[edge] for edge in cycle.edges] for cycle in shown.cycles],
        "cuts": sorted(numbers[edge] for edge in shown.cuts),
    }
    return json.dumps(document, ensure_ascii=False, indent=2)


def _node(shown: Picture, node: Node) -> dict[str, Any]:
    counts = shown.counts.functions.get(node.name) if node.kind == "function" else None
    counted = {"counts": counts._asdict()} if counts else {}
    document = node._asdict()
    document["accountId"] = document.pop("account_id")
    return {**document, "label": node.label, **counted}


def to_svg(shown: Picture) -> str:
    """Return a drawing as one SVG element."""
    items = [Item(node.label, node.kind, shown.counted(node)) for node in shown.graph.nodes]
    return svg.draw(compute(items, list(_links(shown))), "Destinations and triggers of functions")


def _links(shown: Picture) -> Iterator[Link]:
    graph = shown.graph
    for edge in graph.edges:
        label = shown.label(edge) + _delivered(shown, edge)
        yield Link(
            graph.number(edge.source),
            graph.number(edge.target),
            edge.kind,
            f"✂ {label}" if edge in shown.cuts else label,
            note=str(edge.position or ""),
            on_cycle=edge in shown.red,
            cut=edge in shown.cuts,
        )


def _delivered(shown: Picture, edge: Edge) -> str:
    """Return the counts of an edge, "" if they are not known."""
    name = (edge.source.name, edge.source.qualifier, edge.kind)
    counts = shown.counts.destinations.get(name) if edge.source.kind == "function" else None
    if counts is None:
        return ""
    delivered, lost = counts
    return f": {delivered:,} delivered" + (f", {lost:,} lost" if lost else "")
