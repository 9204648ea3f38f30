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


def notes(
    root: Table,
    resources: Mapping[str, Scoped],
    resolver: Resolver,
) -> Iterator[Problem]:
    """Yield every place that ``s`` resolves less far than this package.

    Args:
        root: The merged document.
        resources: The resources, in order.
        resolver: Finds the targets of references.
    """
    yield from _templates(root)
    variables = root.at("vars")
    if variables is not None and resources:
        first = next(iter(resources.values()))  # each resource knows the same vars
        yield from _long_chains(variables, first.scope, resolver)
    order = {name: number for number, name in enumerate(resources)}
    for name, resource in resources.items():
        for leaf, path in _references(resource.props):
            # s resolves the resources in their order: a later one is not resolved yet.
            is_later = len(path) > 1 and order.get(path[1], 0) > order[name]
            scope = resource.scope.of(leaf)
            reason = _unseen(path, scope, root, resolver, later=is_later)
            if reason:
                shown = ".".join(path)
                message = f"s does not find ${{{shown}}}: {reason}"
                yield note(leaf.position, message, _FIX)


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
    names_props = path[0] == "resources" and path[2:3] == ("props",)
    if not later or not names_props:
        return ""
    target = resolver.find(path, scope)
    if _mentions_this(target):
        return "it leads on through this, in a resource that comes later"
    written = root.at(*path[:4])
    if target is not None and written is None:
        return "it comes from a template, in a resource that comes later"
    return ""


def _mentions_this(node: Node | None) -> bool:
    return isinstance(node, Leaf) and _THIS in node.text


def _long_chains(variables: Node, scope: Scope, resolver: Resolver) -> Iterator[Problem]:
    hops: dict[int, int] = {}

    def count(leaf: Leaf) -> int:
        """Count the names up to the value. The resolver has refused cycles and long chains."""
        if id(leaf) in hops:
            return hops[id(leaf)]
        longest = 0
        for _, path in _references(leaf):
            target = resolver.find(path, scope)
            if isinstance(target, Leaf):
                longest = max(longest, count(target) + 1)
        hops[id(leaf)] = longest
        return longest

    # A text with several references is one place, and has one note.
    leaves_once = {id(leaf): leaf for leaf, _ in _references(variables)}
    for leaf in leaves_once.values():
        names = count(leaf)
        if names > VARS_HOPS:
            message = f"s follows {VARS_HOPS} names, from here there are {names}: text stays"
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
            expression = part.expression if isinstance(part, Hole) else None
            if isinstance(expression, Reference):
                yield leaf, expression.path
