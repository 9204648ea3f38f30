# SPDX-License-Identifier: MIT
"""Finds where the values of a resource were written, on request only.

A template without findings needs no place. References to collections are followed, so that a
finding about a value in ``vars`` is shown there.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, NamedTuple

from fc_async_plugin.template.model import Path, Position
from fc_async_plugin.template.nodes import Array, Leaf, Mark, Node, Table, position

if TYPE_CHECKING:
    from fc_async_plugin.template.scopes import Scope
    from fc_async_plugin.template.variables import Resolver


class Place(NamedTuple):
    """Where one value was written.

    Attributes:
        path: Keys and indices that lead to it.
        node: The value as written.
        key: Where its key was written, or None for what has no key.
    """

    path: tuple[str | int, ...]
    node: Node
    key: Mark | None


def places(
    resolver: Resolver,
    node: Node,
    scope: Scope,
    path: tuple[str | int, ...] = (),
    key: Mark | None = None,
) -> Iterator[Place]:
    """Yield every value below a node, following references to collections."""
    yield Place(path, node, key)
    inner = node
    if isinstance(node, Leaf):
        target = resolver.target(node, scope)
        if target is None:
            return
        inner, scope = target
    if isinstance(inner, Table):
        for name, child in inner.entries.items():
            yield from places(resolver, child, scope, (*path, name), inner.keys[name])
    elif isinstance(inner, Array):
        for index, item in enumerate(inner.items):
            yield from places(resolver, item, scope, (*path, index))


class Located:
    """Positions of the values and keys of one resource, found at the first request."""

    def __init__(self, resolver: Resolver, node: Table, scope: Scope) -> None:
        self._source = (resolver, node, scope)
        self._found: tuple[dict[Path, Position], dict[Path, Position]] | None = None

    def found(self) -> tuple[dict[Path, Position], dict[Path, Position]]:
        """Return the positions of values, and of keys."""
        if self._found is None:
            values: dict[Path, Position] = {}
            keys: dict[Path, Position] = {}
            for place in places(*self._source):
                values[place.path] = position(place.node)
                if place.key is not None:
                    keys[place.path] = Position(*place.key)
            self._found = (values, keys)
        return self._found


class Positions(Mapping[Path, Position]):
    """A read-only view of one half of :class:`Located`."""

    def __init__(self, locations: Located, half: int) -> None:
        self._locations = locations
        self._half = half

    def __getitem__(self, path: Path) -> Position:
        return self._locations.found()[self._half][path]

    def __iter__(self) -> Iterator[Path]:
        return iter(self._locations.found()[self._half])

    def __len__(self) -> int:
        return len(self._locations.found()[self._half])
