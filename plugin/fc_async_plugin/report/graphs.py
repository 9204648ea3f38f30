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
        all_edges = ask(client, admin.get_graph()).edges
    edges = [edge for edge in all_edges if edge.outcome != TRIGGER]
    destinations: dict[tuple[str, str, str], tuple[int, int]] = {}
    for edge in edges:
        function, qualifier = _named(edge.source)
        destinations[function, qualifier, edge.outcome] = (edge.delivered, edge.lost)
    return Counted(_by_function(sums, edges), destinations)


def _named(source: str) -> tuple[str, str]:
    """Return function and qualifier of a node of the runtime's graph."""
    function, _, qualifier = source.partition("/")
    return function, qualifier


def _by_function(sums: list[models.Series], edges: list[models.Edge]) -> dict[str, Counts]:
    by_function: dict[str, Counts] = {}
    for series in sums:
        field = _FIELDS.get(series.metric)
        if field is not None:
            counts = by_function.get(series.function, Counts())
            by_function[series.function] = counts._replace(**{field: int(series.value)})
    for edge in edges:
        function, _ = _named(edge.source)
        counts = by_function.get(function, Counts())
        by_function[function] = counts._replace(
            delivered=counts.delivered + edge.delivered,
            lost=counts.lost + edge.lost,
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
        if edge.kind != "trigger":
            return edge.kind
        return f"trigger {edge.via}".rstrip()

    def counted(self, node: Node) -> str:
        """Return the counts of a node in words, "" if there are none."""
        counts = self.counts_of(node)
        return "" if counts is None else str(counts)

    def counts_of(self, node: Node) -> Counts | None:
        """Return the counts of a function; None of other nodes, and if they are not known."""
        if node.kind != "function":
            return None
        return self.counts.functions.get(node.name)


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
    # The same search as in validate and in the console: each once marked another edge to remove.
    marks = on_cycles([(edge.source, edge.target) for edge in part.edges])
    marked_edges = zip(part.edges, marks, strict=True)
    return Picture(
        graph,
        cycles=tuple(find_cycles(part)),
        red=frozenset(edge for edge, is_marked in marked_edges if is_marked),
        cuts=find_cuts(part),
        counts=counts or Counted(),
    )


def to_text(shown: Picture) -> str:
    """Return one paragraph per function: its name, then the destinations of its results."""
    lines: list[str] = []
    for node in shown.graph.nodes:
        edges = [edge for edge in shown.graph.edges if edge.source == node]
        # A queue or topic without a trigger is in the lines of the functions that send to it.
        if not edges and node.kind != "function":
            continue
        lines.append(_titled(shown, node, gap="  "))
        lines += [_edge_line(shown, edge) for edge in edges]
    return "\n".join(lines)


def _edge_line(shown: Picture, edge: Edge) -> str:
    line = f"  {shown.label(edge)} → {edge.target.label}"
    if edge.position:
        line += f"  {edge.position}"
    if edge in shown.red:
        line += "  ← cycle"
        if edge in shown.cuts:
            line += ", ✂ remove this"
    return line


_MERMAID_ARROWS: Final = {"success": "-->", "failure": "-.->", "trigger": "==>"}
_DOT_STYLES: Final = {"success": "solid", "failure": "dashed", "trigger": "bold"}


def to_mermaid(shown: Picture) -> str:
    """Return a Mermaid flow chart."""
    graph = shown.graph
    lines = ["flowchart LR"]
    for number, node in enumerate(graph.nodes):
        title = _mermaid(_titled(shown, node))
        if node.kind == "function":
            lines.append(f'  n{number}["{title}"]')
        else:
            lines.append(f'  n{number}[("{title}")]')
    styles: list[str] = []
    for number, edge in enumerate(graph.edges):
        source = graph.number(edge.source)
        target = graph.number(edge.target)
        label = _mermaid(shown.label(edge))
        lines.append(f"  n{source} {_MERMAID_ARROWS[edge.kind]}|{label}| n{target}")
        if edge in shown.red:
            styles.append(f"  linkStyle {number} stroke:{RED},stroke-width:3px,color:{RED}")
    return "\n".join(lines + styles)


def _titled(shown: Picture, node: Node, gap: str = " ") -> str:
    """Return the label of a node, with its counts in parentheses."""
    counted = shown.counted(node)
    if not counted:
        return node.label
    return f"{node.label}{gap}({counted})"


def _mermaid(text: str) -> str:
    return "".join(map(_mermaid_character, text))


def _mermaid_character(char: str) -> str:
    # Mermaid has entities without an ampersand, and reads most punctuation as its syntax.
    if char.isalnum() or char in " _-./(),":
        return char
    return f"#{ord(char)};"


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
        source = graph.number(edge.source)
        target = graph.number(edge.target)
        attributes = f"label={_dot(shown.label(edge))}, style={_DOT_STYLES[edge.kind]}"
        if edge in shown.red:
            attributes += f', color="{RED}", fontcolor="{RED}", penwidth=2'
        lines.append(f"  n{source} -> n{target} [{attributes}];")
    lines.append("}")
    return "\n".join(lines)


def _dot(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", " ")
    return f'"{escaped}"'


def to_json(shown: Picture) -> str:
    """Return one JSON document: ``nodes``, ``edges``; ``cycles``, ``cuts``: numbers of edges."""
    graph = shown.graph
    numbers: dict[Edge, int] = {}
    for number, edge in enumerate(graph.edges):
        numbers.setdefault(edge, number)  # of equal edges, the first
    document = {
        "nodes": [_node(shown, node) for node in graph.nodes],
        "edges": [_edge(graph, edge) for edge in graph.edges],
        "cycles": [_numbers(numbers, cycle) for cycle in shown.cycles],
        "cuts": sorted(numbers[edge] for edge in shown.cuts),
    }
    return json.dumps(document, ensure_ascii=False, indent=2)


def _numbers(numbers: Mapping[Edge, int], cycle: Cycle) -> list[int]:
    return [numbers[edge] for edge in cycle.edges]


def _edge(graph: Graph, edge: Edge) -> dict[str, Any]:
    return {
        "source": graph.number(edge.source),
        "target": graph.number(edge.target),
        "kind": edge.kind,
        "via": edge.via,
        "position": edge.position._asdict() if edge.position else None,
    }


def _node(shown: Picture, node: Node) -> dict[str, Any]:
    document = node._asdict()
    document["accountId"] = document.pop("account_id")
    document["label"] = node.label
    counts = shown.counts_of(node)
    if counts is not None:
        document["counts"] = counts._asdict()
    return document


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
    source = edge.source
    if source.kind != "function":
        return ""
    counts = shown.counts.destinations.get((source.name, source.qualifier, edge.kind))
    if counts is None:
        return ""
    delivered, lost = counts
    text = f": {delivered:,} delivered"
    if lost:
        text += f", {lost:,} lost"
    return text
