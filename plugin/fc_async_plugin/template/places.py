# SPDX-License-Identifier: MIT
"""Finds where the values of a resource were written, on request only.

A template without findings needs no place. References to collections are followed, so that a
finding about a value in ``vars`` is shown there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from fc_async_plugin.template.model import Path, Place, Position
from fc_async_plugin.template.nodes import Array, Leaf, Node, Table, position

if TYPE_CHECKING:
    from fc_async_plugin.template.scopes import Scope
    from fc_async_plugin.template.variables import Resolver


def places(resolver: Resolver, node: Node, scope: Scope, path: Path) -> list[Place]:
    """Return the place of each value on a path, as far as the path leads.

    Args:
        resolver: Follows references.
        node: Where the path begins.
        scope: The scope of the node.
        path: Keys and indices.
    """
    found = []
    for step in path:
        target = resolver.target(node, scope) if isinstance(node, Leaf) else None
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
