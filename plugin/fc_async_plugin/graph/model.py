# SPDX-License-Identifier: MIT
"""The destination graph of templates and accounts; its edges know where they are written."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple

from fc_async_sdk.spec.async_config import Outcome

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from fc_async_plugin.template.problems import Position
    from fc_async_sdk.spec.graph import Node

EdgeKind = Outcome | Literal["trigger"]
"""The outcome of a destination; ``trigger``: an event source invokes the function."""


class Edge(NamedTuple):
    """One destination or trigger.

    Attributes:
        source: The function whose result is sent, or the event source of a trigger.
        target: The destination, or the function of a trigger.
        kind: The outcome that is sent, or ``trigger``.
        written: Returns where a template has it, looked up on request; None: only the account has
            it.
        via: Name of the trigger.
    """

    source: Node
    target: Node
    kind: EdgeKind
    written: Callable[[], Position] | None = None
    via: str = ""

    @property
    def position(self) -> Position | None:
        """Place in the template where the edge is written; None: only the account has it."""
        return self.written() if self.written else None


class Graph:
    """Nodes and edges in the order in which they were added.

    Args:
        nodes: Nodes that may have no edge.
        edges: All edges; their ends are added as nodes.
    """

    def __init__(self, nodes: Iterable[Node] = (), edges: Iterable[Edge] = ()) -> None:
        self.edges: list[Edge] = list(edges)
        self._index: dict[Node, int] = {}
        for node in nodes:
            self._index.setdefault(node, len(self._index))
        for edge in self.edges:
            self._index.setdefault(edge.source, len(self._index))
            self._index.setdefault(edge.target, len(self._index))

    @property
    def nodes(self) -> list[Node]:
        """All nodes; the number of a node is its index."""
        return list(self._index)

    def number(self, node: Node) -> int:
        """Return the number of a node."""
        return self._index[node]
