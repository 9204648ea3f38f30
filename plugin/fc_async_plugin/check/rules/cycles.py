# SPDX-License-Identifier: MIT
"""Rules about destination cycles: self-destination, cycles, cycles through triggers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from fc_async_plugin.check.rules.rule import Found, Related, rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fc_async_plugin.check.graph import Cycle, Edge
    from fc_async_plugin.check.rules.context import Context
    from fc_async_sdk.spec.graph import Node

_SHOWN: Final = 12
"""Most edges that a message spells out; all of them are in the related places."""


@rule("FCA030", "self-destination", "error")
def self_destination(context: Context) -> Iterator[Found]:
    """A function that is its own destination.

    Every invocation starts the next one, without end.
    """
    for cycle in context.cycles:
        if len(cycle.edges) == 1:
            yield from _findings("FCA030", cycle, context)


@rule("FCA031", "destination-cycle", "error")
def cycles(context: Context) -> Iterator[Found]:
    """Destinations that lead back to where they began.

    One finding per strongly connected component, with its shortest cycle.
    """
    for cycle in context.cycles:
        if len(cycle.edges) > 1:
            yield from _findings("FCA031", cycle, context)


@rule("FCA032", "trigger-cycle", "warning")
def trigger_cycles(context: Context) -> Iterator[Found]:
    """A trigger leads a result back to where it began.

    Through a queue, a topic or a bus; a filter between may end it, hence a warning.
    """
    for cycle in context.trigger_cycles:
        yield from _findings("FCA032", cycle, context)


def _findings(id_: str, cycle: Cycle, context: Context) -> Iterator[Found]:
    """Yield the finding at the edge to remove; nothing if no part of the cycle is in a template."""
    related = list(_on_cycle(cycle))
    if not related:
        return
    fix = (
        "break the cycle at one of these places; if it ends by itself, suppress the finding"
        f" there: # fc-async: ignore[{id_}] and the reason"
    )
    # The cut may be live in the account only: a finding needs a line of a file.
    position = cycle.cut.position or related[0].position
    related += _other_cuts(cycle, context)
    yield Found(_message(cycle), position, fix, tuple(related))


def _on_cycle(cycle: Cycle) -> Iterator[Related]:
    """Yield the edges that a template has; those of the account have no line to show."""
    for edge in cycle.edges:
        position = edge.position
        if position is not None:
            yield Related(position, _related(edge))


def _other_cuts(cycle: Cycle, context: Context) -> Iterator[Related]:
    """Yield what must be removed, too, until the component of a cycle has no cycle."""
    # Cuts are kept by source: comparing all of them with each cycle was one of the searches that
    # doubled the time of the rules over 10,000 functions.
    inside: list[Edge] = []
    for node in cycle.component:
        inside += context.cuts.get(node, ())
    for edge in sorted(inside, key=_order):
        # A function that calls itself is a cycle of its own, with its own finding.
        leads_on = edge.target in cycle.component and edge.target != edge.source
        if not leads_on or edge in cycle.edges:
            continue
        position = edge.position
        if position is not None:
            yield Related(position, f"{_related(edge)}: part of another cycle")


def _order(edge: Edge) -> tuple[Node, Node, str, str]:
    return edge.source, edge.target, edge.kind, edge.via


def _message(cycle: Cycle) -> str:
    first = cycle.edges[0].source.label
    if len(cycle.edges) == 1:
        message = f"{first} sends its results to itself {_on(cycle.edges[0])}: it never ends"
    else:
        steps = [f"→ {edge.target.label} ({_on(edge)})" for edge in cycle.edges[:_SHOWN]]
        more = len(cycle.edges) - len(steps)
        tail = f" and {more} more steps back to {first}" if more else ""
        message = f"destination cycle: {first} {' '.join(steps)}{tail}"
    outside = len(cycle.component) - len(cycle.edges)
    return f"{message} ({outside} more are in cycles with these)" if outside else message


def _on(edge: Edge) -> str:
    text = f"by trigger {edge.via}" if edge.kind == "trigger" else f"on {edge.kind}"
    return text if edge.written else f"{text}, live in the account"


def _related(edge: Edge) -> str:
    return f"{edge.source.label} → {edge.target.label} {_on(edge)}"
