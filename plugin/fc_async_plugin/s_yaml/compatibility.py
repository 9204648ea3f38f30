# SPDX-License-Identifier: MIT
"""Notes about expressions that ``s`` cannot resolve. Pure.

A template that passes here must not fail in ``s``. The limits were measured with ``s`` 3.1.10: it
follows five names in ``vars``; a name in ``this`` or in a later resource leads to the value that is
written there, but not further through ``this``; a later resource does not yet have the values of
its ``template``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from fc_async_plugin.s_yaml import expressions
from fc_async_plugin.s_yaml.expressions import Hole, Reference
from fc_async_plugin.s_yaml.nodes import Leaf, Table, leaves
from fc_async_plugin.s_yaml.problems import note

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from fc_async_plugin.s_yaml.nodes import Node
    from fc_async_plugin.s_yaml.problems import Problem
    from fc_async_plugin.s_yaml.scopes import Scope, Scoped
    from fc_async_plugin.s_yaml.variables import Resolver

VARS_HOPS: Final = 5
"""Names that ``s`` follows from a value in ``vars``."""

_THIS: Final = "${this."
_FIX: Final = "refer to the value itself, or put it under vars"


def notes(root: Table, resources: Mapping[str, Scoped], resolver: Resolver) -> Iterator[Problem]:
    """Yield every place that ``s`` resolves less far than this package.

    Args:
        root: The merged document.
        resources: The resources, in order.
        resolver: Finds the targets of references.
    """
    yield from _templates(root)
    variables = root.at("vars")
    if variables is not None and resources:
        yield from _long_chains(variables, next(iter(resources.values())).scope, resolver)
    order = {name: number for number, name in enumerate(resources)}
    for name, (props, scope, *_) in resources.items():
        for leaf, path in _references(props):
            later = order.get(path[1], 0) > order[name] if path[1:] else False
            reason = _unseen(path, scope.of(leaf), root, resolver, later=later)
            if reason:
                shown = ".".join(path)
                yield note(leaf.position, f"s does not find ${{{shown}}}: {reason}", _FIX)


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
    if target is not None and root.at(*path[:4]) is None:
        return "it comes from a template, in a resource that comes later"
    return ""


def _mentions_this(node: Node | None) -> bool:
    return isinstance(node, Leaf) and _THIS in node.text


def _long_chains(variables: Node, scope: Scope, resolver: Resolver) -> Iterator[Problem]:
    hops: dict[int, int] = {}

    def count(leaf: Leaf) -> int:
        """Count the names up to the value. The resolver has refused cycles and long chains."""
        if id(leaf) not in hops:
            targets = [resolver.find(path, scope) for _, path in _references(leaf)]
            ways = [count(target) + 1 for target in targets if isinstance(target, Leaf)]
            hops[id(leaf)] = max(ways, default=0)
        return hops[id(leaf)]

    for leaf in {id(leaf): leaf for leaf, _ in _references(variables)}.values():
        if count(leaf) > VARS_HOPS:
            message = f"s follows {VARS_HOPS} names, from here there are {count(leaf)}: text stays"
            yield note(leaf.position, message, _FIX)


def _templates(root: Table) -> Iterator[Problem]:
    for leaf, path in _references(root.table("template")):
        if path[0] in {"this", "resources"}:
            message = f"s does not find ${{{'.'.join(path)}}} in an entry of template"
            yield note(leaf.position, message, "write it in the resource")


def _references(node: Node) -> Iterator[tuple[Leaf, tuple[str, ...]]]:
    """Yield the path of each plain reference below a node, with the string that has it."""
    for leaf in leaves(node):
        if "${" not in leaf.text:
            continue
        try:
            parts = expressions.split(leaf.text)
        except expressions.Malformed:
            continue  # an unused part of the template, which was not resolved
        for part in parts:
            if isinstance(part, Hole) and isinstance(part.expression, Reference):
                yield leaf, part.expression.path
