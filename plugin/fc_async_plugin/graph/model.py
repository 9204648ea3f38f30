# SPDX-License-Identifier: MIT
"""The destination graph of templates and accounts: edges with the place where they are written."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple

from fc_async_sdk.spec.async_config import Outcome

if TYPE_CHECKING:
    from collections.abc import Iterable

    from fc_async_plugin.template.model import Path, Position, Resource
    from fc_async_sdk.spec.graph import Node

EdgeKind = Outcome | Literal["trigger"]
"""On which outcome a result goes there; ``trigger``: a queue, topic or bus calls the function."""


class Written:
    """Where something stands in a template; the place is looked up when it is asked for.

    Args:
        resource: In which resource.
        path: Where below its props.
    """

    __slots__ = ("path", "resource")

    def __init__(self, resource: Resource, path: Path) -> None:
        self.resource = resource
        self.path = path

    @property
    def position(self) -> Position:
        """The place."""
        return self.resource.where(*self.path)


class Edge(NamedTuple):
    """One way that a result can take.

    Attributes:
        source: The function whose result it is.
        target: Where it goes.
        kind: On which outcome.
        written: Where, or None for what is only live in the account.
        via: Name of the trigger.
    """

    source: Node
    target: Node
    kind: EdgeKind
    written: Written | None = None
    via: str = ""

    @property
    def position(self) -> Position | None:
        """Where this was written, or None for what is only live in the account."""
        return self.written.position if self.written else None


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
        """All nodes; the number of a node is its place here."""
        return list(self._index)

    def number(self, node: Node) -> int:
        """Return the number of a node."""
        return self._index[node]
