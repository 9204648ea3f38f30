# SPDX-License-Identifier: MIT
"""A document before its variables are resolved: values with their places.

Invariant: a node does not change after it was built, because an alias in the source shares it.
Merging makes new nodes.
"""

from __future__ import annotations

import math
from typing import Any, TypeAlias

import msgspec

from fc_async_plugin.template.model import Position

Mark: TypeAlias = tuple[str, int, int]
"""File, line and column (from 1) of a key: cheaper to make than a :class:`Position`."""

Plain: TypeAlias = str | int | float | bool | None


class Leaf(msgspec.Struct, frozen=True, gc=False):
    """A scalar."""

    value: Plain
    file: str
    line: int
    column: int


class Table(msgspec.Struct, frozen=True):
    """A mapping. ``keys`` has the place of each key."""

    entries: dict[str, Node]
    keys: dict[str, Mark]
    file: str
    line: int
    column: int


class Array(msgspec.Struct, frozen=True):
    """A sequence."""

    items: list[Node]
    file: str
    line: int
    column: int


Node: TypeAlias = Leaf | Table | Array


def position(node: Node) -> Position:
    """Return where a node was written."""
    return Position(node.file, node.line, node.column)


def key_position(table: Table, key: str) -> Position:
    """Return where a key of a table was written."""
    return Position(*table.keys[key])


def empty_like(node: Node) -> Table:
    """Return a table without entries at a node's place."""
    return Table({}, {}, node.file, node.line, node.column)


def from_plain(value: Any, place: Node) -> Node:
    """Return a value as nodes that all have the place of another node."""
    at = (place.file, place.line, place.column)
    if isinstance(value, dict):
        entries = {key: from_plain(child, place) for key, child in value.items()}
        return Table(entries, dict.fromkeys(entries, at), *at)
    if isinstance(value, list):
        return Array([from_plain(item, place) for item in value], *at)
    return Leaf(value, *at)


def merge(base: Node | None, over: Node | None) -> Node | None:
    """Merge one node over another as ``s`` does: mappings deeply; all else is replaced."""
    if base is None or over is None:
        return base if over is None else over
    if not isinstance(base, Table) or not isinstance(over, Table):
        return over
    entries = dict(base.entries)
    keys = dict(base.keys)
    for key, node in over.entries.items():
        merged = merge(entries.get(key), node)
        if merged is not None:
            entries[key] = merged
        keys[key] = over.keys[key]
    return Table(entries, keys, over.file, over.line, over.column)


def without(table: Table, path: list[str]) -> Table:
    """Return a table without the entry at a path; unchanged if it has none."""
    key, rest = path[0], path[1:]
    child = table.entries.get(key)
    if child is None:
        return table
    entries = dict(table.entries)
    if not rest:
        del entries[key]
    elif isinstance(child, Table):
        entries[key] = without(child, rest)
    return Table(entries, table.keys, table.file, table.line, table.column)


def to_plain(node: Node) -> Any:
    """Return the plain values, variables unresolved, of a data file that an expression reads."""
    if isinstance(node, Leaf):
        return node.value
    if isinstance(node, Array):
        return [to_plain(item) for item in node.items]
    return {key: to_plain(child) for key, child in node.entries.items()}


def without_last_nulls(items: list[Any]) -> list[Any]:
    """Return a list as ``s`` copies it: without the nulls at its end."""
    end = len(items)
    while end and items[end - 1] is None:
        end -= 1
    return items if end == len(items) else items[:end]


def has_no_json(node: Node) -> bool:
    """Return whether a value is Infinity or not-a-number."""
    return isinstance(node, Leaf) and type(node.value) is float and not math.isfinite(node.value)
