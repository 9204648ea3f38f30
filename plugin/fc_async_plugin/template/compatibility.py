# SPDX-License-Identifier: MIT
"""Notes about expressions that ``s`` cannot resolve, and about keys that it ignores. Pure.

A template that passes here must not fail in ``s``. The limits were measured with ``s`` 3.1.10: it
follows five names in ``vars``; a name in ``this`` or in a later resource leads to the value that is
written there, but not further through ``this``; a later resource does not yet have the values of
its ``template``.
"""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, Final

from fc_async_plugin.template import expressions
from fc_async_plugin.template.document import entry
from fc_async_plugin.template.model import Problem
from fc_async_plugin.template.nodes import Array, Leaf, Table, key_position, position

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from fc_async_plugin.template.nodes import Node
    from fc_async_plugin.template.scopes import Scope
    from fc_async_plugin.template.variables import Resolver

VARS_HOPS: Final = 5
"""Names that ``s`` follows from a value in ``vars``."""

_THIS: Final = "${this."
_FIX: Final = "refer to the value itself, or put it under vars"
_TOP_KEYS: Final = (
    "edition",
    "name",
    "access",
    "vars",
    "resources",
    "template",
    "extend",
    "env",
    "flow",
    "actions",
    "validation",
)
_RESOURCE_KEYS: Final = ("component", "props", "extend", "actions", "vars")


def notes(
    root: Table, resources: Mapping[str, tuple[Scope, Table]], resolver: Resolver
) -> Iterator[Problem]:
    """Yield every place that ``s`` resolves less far than this package.

    Args:
        root: The document.
        resources: Scope and merged props of each resource, in order.
        resolver: Finds the targets of references.
    """
    yield from _keys(root)
    yield from _templates(root)
    variables = root.entries.get("vars")
    if variables is not None:
        yield from _long_chains(variables, next(iter(resources.values()), None), resolver)
    order = {name: number for number, name in enumerate(resources)}
    for name, (scope, props) in resources.items():
        for leaf in _leaves(props):
            for path in _references(leaf):
                later = order.get(path[1], 0) > order[name] if path[1:] else False
                said = _unseen(path, scope.of(leaf), root, resolver, later=later)
                if said:
                    shown = ".".join(path)
                    yield _note(leaf, f"s does not find ${{{shown}}}: {said}", _FIX)


def _unseen(
    path: tuple[str, ...],
    scope: Scope,
    root: Table,
    resolver: Resolver,
    *,
    later: bool,
) -> str:
    """Return why ``s`` does not find what a reference of a resource leads to, "" if it does.

    ``later`` tells whether the second key of the path names a resource that comes later.
    """
    if path[:2] == ("this", "props"):
        target = resolver.find(path, scope)
        return "it leads on through this" if _mentions_this(target) else ""
    if path[0] != "resources" or not later or path[2:3] != ("props",):
        return ""
    target = resolver.find(path, scope)
    if _mentions_this(target):
        return "it leads on through this, in a resource that comes later"
    if target is not None and entry(root, *path[:4]) is None:
        return "it comes from a template, in a resource that comes later"
    return ""


def _mentions_this(node: Node | None) -> bool:
    return isinstance(node, Leaf) and isinstance(node.value, str) and _THIS in node.value


def _long_chains(
    variables: Node, some: tuple[Scope, Table] | None, resolver: Resolver
) -> Iterator[Problem]:
    if some is None:
        return
    scope = some[0]
    hops: dict[int, int] = {}

    def count(leaf: Leaf) -> int:
        """Count the names up to the value. The resolver has refused cycles and long chains."""
        if id(leaf) not in hops:
            targets = [resolver.find(path, scope) for path in _references(leaf)]
            ways = [count(target) + 1 for target in targets if isinstance(target, Leaf)]
            hops[id(leaf)] = max(ways, default=0)
        return hops[id(leaf)]

    for leaf in _leaves(variables):
        if count(leaf) > VARS_HOPS:
            message = f"s follows {VARS_HOPS} names, from here there are {count(leaf)}: text stays"
            yield _note(leaf, message, _FIX)


def _templates(root: Table) -> Iterator[Problem]:
    table = root.entries.get("template")
    for leaf in _leaves(table) if isinstance(table, Table) else ():
        for path in _references(leaf):
            if path[0] in {"this", "resources"}:
                said = f"s does not find ${{{'.'.join(path)}}} in an entry of template"
                yield _note(leaf, said, "write it in the resource")


def _keys(root: Table) -> Iterator[Problem]:
    yield from _near_misses(root, _TOP_KEYS)
    resources = root.entries.get("resources")
    for resource in resources.entries.values() if isinstance(resources, Table) else ():
        if not isinstance(resource, Table):
            continue
        yield from _near_misses(resource, _RESOURCE_KEYS)
        if "access" in resource.entries:
            yield Problem(
                "compatibility",
                key_position(resource, "access"),
                "s ignores access in a resource: the template's own is used",
                "put it at the top, or use one template per account",
            )


def _near_misses(table: Table, known: tuple[str, ...]) -> Iterator[Problem]:
    """Yield keys that resemble known ones; other unknown keys may just hold an anchor."""
    for key in table.entries:
        if key in known:
            continue
        near = difflib.get_close_matches(key[:40], known, 1, 0.75)
        if near:
            yield Problem(
                "compatibility",
                key_position(table, key),
                f"s ignores {key!r}",
                f"did you mean {near[0]}?",
            )


def _note(leaf: Leaf, message: str, fix: str) -> Problem:
    return Problem("compatibility", position(leaf), message, fix)


def _leaves(node: Node) -> Iterator[Leaf]:
    """Yield every string below a node that may have an expression."""
    todo = [node]
    while todo:
        node = todo.pop()
        if isinstance(node, Table):
            todo.extend(node.entries.values())
        elif isinstance(node, Array):
            todo.extend(node.items)
        elif isinstance(node.value, str) and "${" in node.value:
            yield node


def _references(leaf: Leaf) -> list[tuple[str, ...]]:
    """Return the paths of all plain references in a string."""
    try:
        parts = expressions.split(str(leaf.value))
    except expressions.Malformed:
        return []  # an unused part of the template, which was not resolved
    return [
        part.expression.path
        for part in parts
        if isinstance(part, expressions.Hole) and isinstance(part.expression, expressions.Reference)
    ]
