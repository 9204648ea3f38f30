# SPDX-License-Identifier: MIT
"""The second pass: merges what a template extends, in the order in which ``s`` does. Pure."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, Final, NamedTuple

import msgspec

from fc_async_plugin.template.nodes import BLOCK, Array, Leaf, Node, Table
from fc_async_plugin.template.problems import failure, note
from fc_async_sdk.models import FunctionSettings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from fc_async_plugin.template.problems import Position, Problem
    from fc_async_plugin.template.reading import Source, Sources


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
_SETTINGS: Final = {field.encode_name for field in msgspec.structs.fields(FunctionSettings)}
_OF_PROPS: Final = {*_SETTINGS, BLOCK, "code", "functionName", "triggers"} - {"description"}


class Merged(NamedTuple):
    """One template with all that it extends, variables unresolved.

    Attributes:
        sources: The result of the first pass.
        root: The merged document.
        parts: What ``s`` resolves in one pass each: the extended file first, the template last.
        notes: Places that ``s`` reads differently.
    """

    sources: Sources
    root: Table
    parts: tuple[Part, ...]
    notes: tuple[Problem, ...]


class Part(NamedTuple):
    """The resources of one file, with the rest of all files.

    Attributes:
        folder: Folder of the file; relative paths start there.
        variables: What is under ``vars``, or None.
        resources: The resources, by name.
    """

    folder: Path
    variables: Node | None
    resources: dict[str, Written]


class Written(NamedTuple):
    """One resource of one file.

    Attributes:
        table: As written in the file.
        props: Its props over those of the entry of ``template`` that it names.
        position: Where its name was written.
    """

    table: Table
    props: Table
    position: Position


def merge(sources: Sources) -> Merged:
    """Merge the files of a template, and the props of each resource over its named template.

    Raises:
        TemplateError: The structure is not that of a template.
    """
    template, extended = sources.template, sources.extended
    root, files = template.root, [template]
    if extended is not None:
        # In s, a null in a template does not remove a value of the file that it extends.
        template = template._replace(root=_without_nulls(root))
        files = [extended, template]
        root = merge_tables(extended.root, template.root)
    notes: list[Problem] = []
    parts = tuple(_part(file, root, notes) for file in files)
    return Merged(sources, root, parts, (*notes, *_ignored(root)))


def _part(source: Source, root: Table, notes: list[Problem]) -> Part:
    resources = _mapping(source.root, "resources", "resources")
    written = {}
    for name, resource in resources.entries.items():
        if not isinstance(resource, Table):
            raise failure(resource.position, f"resource {name!r} is not a mapping")
        props = _props(name, resource, root, notes)
        written[name] = Written(resource, props, resources.key_position(name))
    return Part(source.file.parent.resolve(), root.at("vars"), written)


def _mapping(owner: Table, key: str, shown: str) -> Table:
    node = owner.at(key)
    if node is None or (isinstance(node, Leaf) and node.value is None):
        return Table(*owner.mark, {}, {})
    if not isinstance(node, Table):
        raise failure(node.position, f"{shown} is not a mapping")
    return node


def _props(name: str, resource: Table, root: Table, notes: list[Problem]) -> Table:
    """Return the props of a resource over those of the template that it names."""
    props = _mapping(resource, "props", f"props of {name!r}")
    named = resource.text("extend", "name")
    template = root.at("template", named) if named else None
    if named and template is None:
        said = f"extend names {named!r}, which is not an entry under template"
        position = resource.entries["extend"].position
        notes.append(note(position, said, "s ignores this silently; fix the name"))
    if not isinstance(template, Table):
        return props
    ignored = resource.at("extend", "ignore")
    for item in ignored.items if isinstance(ignored, Array) else ():
        if isinstance(item, Leaf) and item.text:
            template = _without(template, item.text.split("."))
    return merge_tables(template, props)


def _ignored(root: Table) -> Iterator[Problem]:
    """Yield keys that ``s`` ignores: those that resemble known ones; others may hold an anchor."""
    resources = root.table("resources").entries.values()
    written = ((one, _RESOURCE_KEYS) for one in resources if isinstance(one, Table))
    for table, known in [(root, _TOP_KEYS), *written]:
        for key in table.entries:
            near = difflib.get_close_matches(key[:40], known, 1, 0.75) if key not in known else []
            if near:
                fix = f"did you mean {near[0]}?"
                yield note(table.key_position(key), f"s ignores {key!r}", fix)
            elif key == "access" and table is not root:
                yield note(
                    table.key_position(key),
                    "s ignores access in a resource: the template's own is used",
                    "put it at the top, or use one template per account",
                )
            elif key in _OF_PROPS and table is not root:
                said = f"s ignores {key!r} beside props"
                yield note(table.key_position(key), said, "write it under props")


def merge_tables(lower: Table, upper: Table) -> Table:
    """Merge one table over another as ``s`` does: mappings deeply; all else is replaced."""
    entries, keys = dict(lower.entries), dict(lower.keys)
    for key, node in upper.entries.items():
        below = entries.get(key)
        if isinstance(below, Table) and isinstance(node, Table):
            entries[key] = merge_tables(below, node)
        else:
            entries[key] = node
        keys[key] = upper.keys[key]
    return Table(*upper.mark, entries, keys)


def _without(table: Table, path: list[str]) -> Table:
    """Return a table without the entry at a path; unchanged if it has none."""
    key, rest = path[0], path[1:]
    child = table.entries.get(key)
    if child is None:
        return table
    entries = dict(table.entries)
    if not rest:
        del entries[key]
    elif isinstance(child, Table):
        entries[key] = _without(child, rest)
    return Table(*table.mark, entries, table.keys)


def _without_nulls(table: Table) -> Table:
    entries = {
        key: _without_nulls(child) if isinstance(child, Table) else child
        for key, child in table.entries.items()
        if not (isinstance(child, Leaf) and child.value is None)
    }
    return Table(*table.mark, entries, table.keys)
