# SPDX-License-Identifier: MIT
"""A YAML document before its variables are resolved: values with their positions.

Names that several passes spell are here, too.

Invariant: a node does not change after it was built, because an alias in the source shares it.
Merging makes new nodes.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import msgspec

from fc_async_plugin.s_yaml.problems import Position

if TYPE_CHECKING:
    from collections.abc import Iterator

EDITION: Final = "3.0.0"
"""The edition that is read, and deployed."""

BLOCK: Final = "asyncInvokeConfig"
"""The key of ``props`` that this package is about."""

FC2: Final = "fc2"
"""The component of a function that was read from a template of edition 1.0.0."""

Mark: TypeAlias = tuple[str, int, int]
"""File, line and column (from 1) of a key: cheaper to make than a :class:`Position`."""

Plain: TypeAlias = str | int | float | bool | None


class _Written(msgspec.Struct, frozen=True):
    file: str
    line: int
    column: int

    @property
    def mark(self) -> Mark:
        """Place where the node was written."""
        return self.file, self.line, self.column

    @property
    def position(self) -> Position:
        """Place where the node was written."""
        return Position(self.file, self.line, self.column)


class Leaf(_Written, frozen=True, gc=False):
    """A scalar."""

    value: Plain

    @property
    def text(self) -> str:
        """The value if it is a string, else ""."""
        return self.value if isinstance(self.value, str) else ""


class Table(_Written, frozen=True):
    """A mapping. ``keys`` has where each key was written."""

    entries: dict[str, Node]
    keys: dict[str, Mark]

    def at(self, *path: str) -> Node | None:
        """Return the node at a path of keys, or None."""
        node: Node | None = self
        for key in path:
            if not isinstance(node, Table):
                return None
            node = node.entries.get(key)
        return node

    def text(self, *path: str) -> str:
        """Return the string at a path of keys, "" if there is none."""
        node = self.at(*path)
        return node.text if isinstance(node, Leaf) else ""

    def table(self, key: str) -> Table:
        """Return the mapping under a key, one without entries if there is none."""
        node = self.entries.get(key)
        if isinstance(node, Table):
            return node
        return Table(*self.mark, {}, {})

    def key_position(self, key: str) -> Position:
        """Return where a key was written."""
        return Position(*self.keys[key])

    def with_entries(self, entries: dict[str, Node]) -> Table:
        """Return the mapping with other entries, whose keys were written where they were."""
        return Table(*self.mark, entries, self.keys)


class Array(_Written, frozen=True):
    """A sequence."""

    items: list[Node]


Node: TypeAlias = Leaf | Table | Array


def with_entry(table: Table, key: str, node: Node, mark: Mark) -> Table:
    """Return a table with one more entry, or another one under a key."""
    entries = table.entries | {key: node}
    keys = table.keys | {key: mark}
    return Table(*table.mark, entries, keys)


def leaves(node: Node) -> Iterator[Leaf]:
    """Yield every scalar below a node."""
    todo = [node]  # no recursion: a template may be nested deeper than Python calls
    while todo:
        node = todo.pop()
        if isinstance(node, Table):
            todo.extend(node.entries.values())
        elif isinstance(node, Array):
            todo.extend(node.items)
        else:
            yield node


def from_plain(value: Any, mark: Mark) -> Node:
    """Return a value as nodes that all were written at one place."""
    if isinstance(value, dict):
        entries = {key: from_plain(child, mark) for key, child in value.items()}
        return Table(*mark, entries, dict.fromkeys(entries, mark))
    if isinstance(value, list):
        return Array(*mark, [from_plain(item, mark) for item in value])
    return Leaf(*mark, value)


def without_last_nulls(items: list[Any]) -> list[Any]:
    """Return a list as ``s`` copies it: without the nulls at its end."""
    end = len(items)
    while end and items[end - 1] is None:
        end -= 1
    if end == len(items):
        return items
    return items[:end]


def has_no_json(node: Node) -> bool:
    """Return whether a value is Infinity or not-a-number."""
    if not isinstance(node, Leaf):
        return False
    value = node.value
    return type(value) is float and not math.isfinite(value)
