# SPDX-License-Identifier: MIT
"""The scopes in which expressions are resolved: which names exist, and what is known later."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from fc_async_plugin.template.nodes import Table

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from fc_async_plugin.template import document
    from fc_async_plugin.template.nodes import Node


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
    folder: Path
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
