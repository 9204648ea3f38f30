# SPDX-License-Identifier: MIT
"""The second pass: merges what a template extends, in the order in which ``s`` does. Pure."""

from __future__ import annotations

import difflib
import re
from collections import Counter
from typing import TYPE_CHECKING, Final, NamedTuple

from fc_async_plugin.s_yaml.nodes import Array, Leaf, Node, Table, leaves
from fc_async_plugin.s_yaml.problems import failure, note

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from pathlib import Path

    from fc_async_plugin.s_yaml.problems import Position, Problem
    from fc_async_plugin.s_yaml.reading import Source, Sources


_OF_BOTH: Final = ("extend", "actions", "vars")
_TOP_KEYS: Final = (
    *_OF_BOTH,
    *("edition", "name", "access", "resources", "template", "env", "flow", "validation"),
)
_RESOURCE_KEYS: Final = ("component", "props", *_OF_BOTH)
_EXTEND_KEYS: Final = ("name", "ignore")
_ACTION_KEYS: Final = ("run", "component", "plugin", "args", "path", "allow_failure")
_ACTIONS: Final = re.compile(r"(?:pre|post|success|fail|complete)-.+")


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
        message = f"extend names {named!r}, which is not an entry under template"
        position = resource.entries["extend"].position
        notes.append(note(position, message, "s ignores this silently; fix the name"))
    if not isinstance(template, Table):
        return props
    ignored = resource.at("extend", "ignore")
    for item in ignored.items if isinstance(ignored, Array) else ():
        if isinstance(item, Leaf) and item.text:
            template = _without(template, item.text.split("."))
    return merge_tables(template, props)


def _ignored(root: Table) -> Iterator[Problem]:
    """Yield keys that ``s`` ignores, but for those that begin with x- or hold an anchor."""
    resources = root.table("resources")
    for name, one in resources.entries.items():
        if isinstance(one, Table) and "component" not in one.entries:
            said = f"resource {name!r} has no component, so it is not deployed"
            yield note(resources.key_position(name), said, "write component: fc3")
    unknown = [
        (owner, table, known, key)
        for owner, table, known in _known_keys(root)
        for key in table.entries
        if key not in known and not key.startswith("x-")
    ]
    # An alias makes the leaves below its anchor appear again.
    times = Counter(map(id, leaves(root) if unknown else ()))
    for owner, table, known, key in unknown:
        if any(times[id(leaf)] > 1 for leaf in leaves(table.entries[key])):
            continue
        near = difflib.get_close_matches(key[:40], known, 1, 0.75)
        if near:
            said, fix = f"s ignores {key!r}", f"did you mean {near[0]}?"
        elif owner and "props" not in table.entries and isinstance(table.entries[key], Table):
            said, fix = f"s ignores {key!r}", "did you mean props?"
        elif owner and key == "access":
            said = "s ignores access in a resource: the template's own is used"
            fix = "put it at the top, or use one template per account"
        elif owner:
            said, fix = f"s ignores {key!r} beside props", "write it under props"
        else:
            said, fix = f"s ignores {key!r}", f"remove it; known here: {', '.join(known)}"
        yield note(table.key_position(key), said, fix)


def _known_keys(root: Table) -> Iterator[tuple[bool, Table, Collection[str]]]:
    """Yield mappings that ``s`` reads, each with its keys, and whether it is a resource."""
    yield False, root, _TOP_KEYS
    resources = root.table("resources").entries.values()
    for owner in (root, *(one for one in resources if isinstance(one, Table))):
        if owner is not root:
            yield True, owner, _RESOURCE_KEYS
            yield False, owner.table("extend"), _EXTEND_KEYS
        actions = owner.table("actions")
        yield False, actions, {"pre-deploy", *filter(_ACTIONS.match, actions.entries)}
        for items in actions.entries.values():
            for one in items.items if isinstance(items, Array) else ():
                if isinstance(one, Table):
                    yield False, one, _ACTION_KEYS


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
