# SPDX-License-Identifier: MIT
"""The scopes in which expressions are resolved: which names exist, and what is known later.

:func:`places` finds where the values of a resource were written, across scopes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from fc_async_plugin.template.model import Place, Position
from fc_async_plugin.template.nodes import Array, Leaf, Table, position

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path as FilePath

    from fc_async_plugin.template import document
    from fc_async_plugin.template.model import Path
    from fc_async_plugin.template.nodes import Node

    Follow = Callable[[Node, "Scope"], tuple[Table | Array, "Scope"] | None]


class Root:
    """The target of the first name of a reference, such as ``this``.

    Attributes:
        children: Nodes, plain values or further roots by key.
        scope: The scope in which its children are resolved; None: the scope of the reference.
        whole: The node that a reference to the root itself gives; None: such a reference is
            invalid.
    """

    __slots__ = ("children", "scope", "whole")

    def __init__(
        self,
        children: dict[str, Any],
        scope: Scope | None = None,
        whole: Table | None = None,
    ) -> None:
        self.children = children
        self.scope = scope
        self.whole = whole


class Scope(NamedTuple):
    """The scope of an expression.

    Attributes:
        name: A key for the memo: unique among the scopes of a project.
        roots: Targets of the first name of a reference.
        folder: Folder to which the paths of ``file()`` and ``path()`` are relative.
        deferred: Whether outputs of resources may be named, which are known after a deployment.
        others: Scopes of nodes that come from another file, by the id of the node.
    """

    name: str
    roots: dict[str, Root]
    folder: FilePath
    deferred: bool
    others: Mapping[int, Scope] = {}

    def of(self, node: Node) -> Scope:
        """Return the scope in which a node is resolved: its own, if it was merged in."""
        return self.others.get(id(node), self)

    def defers(self, path: tuple[str, ...]) -> bool:
        """Return whether the value of a reference is known only after a deployment."""
        if not self.deferred:
            return False
        if path[0] == "components":
            return "output" in path[2:3]
        return path[0] == "resources" and bool({"output", "info"} & set(path[2:3]))


class Part:
    """One part of a document: its resources before resolution, and the scopes of their variables.

    Args:
        part: The part.
        number: Its number, for the names of its scopes.
    """

    def __init__(self, part: document.Part, number: int) -> None:
        self.root = part.root
        self._folder = part.folder
        self._number = number
        table = part.root.entries.get("vars")
        self.variables = table if isinstance(table, Table) else None
        self._vars = Root(children(table), whole=self.variables)
        self.top = Scope(f":{number}", {"vars": self._vars}, self._folder, deferred=False)
        self._vars.scope = self.top
        self._everything = Root({})

    def enter(self, name: str, resource: Table, props: Table, access: str) -> Scope:
        """Add a resource that the others can refer to, and return the scope of its variables."""
        this = Root({**resource.entries, "name": name, "access": access, "props": props})
        roots = {
            "vars": self._vars,
            "resources": self._everything,
            "this": this,
            "components": Root({}),
        }
        scope = Scope(f"{name}:{self._number}", roots, self._folder, deferred=True)
        this.scope = scope
        self._everything.children[name] = this
        return scope


def children(node: Node | None) -> dict[str, Any]:
    """Return the entries of a mapping, for a :class:`Root`; of anything else none."""
    return dict(node.entries) if isinstance(node, Table) else {}


def places(follow: Follow, node: Node, scope: Scope, path: Path) -> list[Place]:
    """Return the place of each value on a path, as far as the path leads.

    A template without findings needs no place. References to collections are followed, so that a
    finding about a value in ``vars`` is shown there.

    Args:
        follow: Returns the collection that a node refers to, with its scope, or None.
        node: Where the path begins.
        scope: The scope of the node.
        path: Keys and indices.
    """
    found = []
    for step in path:
        target = follow(node, scope) if isinstance(node, Leaf) else None
        if target is not None:
            node, scope = target
        key = None
        if isinstance(node, Table) and step in node.entries:
            key = Position(*node.keys[str(step)])
            node = node.entries[str(step)]
        elif isinstance(node, Array) and isinstance(step, int) and step < len(node.items):
            node = node.items[step]
        else:
            break
        found.append(Place(position(node), key))
    return found
