# SPDX-License-Identifier: MIT
"""The scopes in which expressions are resolved: which names exist, and what is known later."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from fc_async_plugin.s_yaml.nodes import Table

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from fc_async_plugin.s_yaml.merging import Part
    from fc_async_plugin.s_yaml.nodes import Node
    from fc_async_plugin.s_yaml.problems import Position


@dataclass(slots=True, eq=False)
class Root:
    """The target of the first name of a reference, such as ``this``.

    Attributes:
        children: Nodes, plain values or further roots by key.
        scope: The scope in which its children are resolved; None: the scope of the reference.
        whole: The node that a reference to the root itself gives; None: such a reference is
            invalid.
    """

    children: dict[str, Any]
    whole: Table | None = None
    scope: Scope | None = None


class Scope(NamedTuple):
    """The scope of an expression.

    Attributes:
        name: A key for the memo: unique among the scopes of a project.
        roots: Targets of the first name of a reference.
        folder: Folder to which the paths of ``file()`` and ``path()`` are relative.
        deferred: Whether outputs of resources may be named, which are known after a deployment.
        node_scopes: Scopes of nodes that come from another file, by the id of the node.
    """

    name: str
    roots: dict[str, Root]
    folder: Path
    deferred: bool
    node_scopes: Mapping[int, Scope] = {}

    def of(self, node: Node) -> Scope:
        """Return the scope in which a node is resolved: its own, if it was merged in."""
        return self.node_scopes.get(id(node), self)

    def defers(self, path: tuple[str, ...]) -> bool:
        """Return whether the value of a reference is known only after a deployment."""
        if not self.deferred:
            return False
        if path[0] == "components":
            return "output" in path[2:3]
        return path[0] == "resources" and bool({"output", "info"} & set(path[2:3]))


class Scoped(NamedTuple):
    """One resource whose variables are to be resolved.

    Attributes:
        props: Its props: those of its files and its environment, merged.
        scope: The scope of their variables.
        component: The node under ``component``, or None.
        position: Where its name was written.
    """

    props: Table
    scope: Scope
    component: Node | None
    position: Position


def top_scope(part: Part, number: int) -> Scope:
    """Return the scope of what a part has at its top level: only ``vars`` can be named.

    Args:
        part: The part.
        number: Its number, for the names of its scopes.
    """
    variables = part.variables if isinstance(part.variables, Table) else None
    root = Root(dict(variables.entries) if variables else {}, variables)
    root.scope = Scope(
        f":{number}",
        {"vars": root},
        part.folder,
        deferred=False,
    )
    return root.scope


def environment_scope(environment: Table, folder: Path) -> Scope:
    """Return the scope of an environment: only its own values can be named."""
    this = Root(dict(environment.entries))
    this.scope = Scope(":env", {"this": this}, folder, deferred=False)
    return this.scope


def resource_scope(
    name: str, resource: Table, props: Table, top: Scope, resources: Root, access: str
) -> Scope:
    """Return the scope of a resource's variables; the others can then refer to the resource."""
    this = Root({**resource.entries, "name": name, "access": access, "props": props})
    roots = {**top.roots, "resources": resources, "this": this, "components": Root({})}
    this.scope = Scope(
        name + top.name,
        roots,
        top.folder,
        deferred=True,
    )
    resources.children[name] = this
    return this.scope
