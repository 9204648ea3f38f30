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
    from collections.abc import Collection, Iterator, Mapping
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
    template = sources.template
    extended = sources.extended
    root = template.root
    files = [template]
    if extended is not None:
        # In s, a null in a template does not remove a value of the file that it extends.
        template = template._replace(root=_without_nulls(root))
        files = [extended, template]
        root = merge_tables(extended.root, template.root)
    notes: list[Problem] = []
    parts = tuple(_part(file, root, notes) for file in files)
    return Merged(
        sources,
        root,
        parts,
        (*notes, *_ignored(root)),
    )


def _part(source: Source, root: Table, notes: list[Problem]) -> Part:
    resources = _mapping(source.root, "resources", "resources")
    written: dict[str, Written] = {}
    for name, resource in resources.entries.items():
        if not isinstance(resource, Table):
            raise failure(resource.position, f"resource {name!r} is not a mapping")
        written[name] = Written(
            table=resource,
            props=_props(name, resource, root, notes),
            position=resources.key_position(name),
        )
    # Names under vars and template are those of all files: s merges before it resolves.
    return Part(source.file.parent.resolve(), root.at("vars"), written)


def _mapping(owner: Table, key: str, shown: str) -> Table:
    node = owner.at(key)
    if node is None or _is_null(node):
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
        notes.append(
            note(
                resource.entries["extend"].position,
                f"extend names {named!r}, which is not an entry under template",
                "s ignores this silently; fix the name",
            )
        )
    if not isinstance(template, Table):
        return props
    ignored = resource.at("extend", "ignore")
    if isinstance(ignored, Array):
        for item in ignored.items:
            path = item.text.split(".") if isinstance(item, Leaf) and item.text else []
            template = _without(template, path)
    return merge_tables(template, props)


class _Mapping(NamedTuple):
    """A mapping whose keys ``s`` knows.

    Attributes:
        table: The mapping.
        known_keys: Keys that ``s`` reads.
        is_resource: Whether it is an entry under ``resources``.
    """

    table: Table
    known_keys: Collection[str]
    is_resource: bool = False


def _ignored(root: Table) -> Iterator[Problem]:
    """Yield keys that ``s`` ignores, but for those that begin with x- or hold an anchor."""
    yield from _not_deployed(root.table("resources"))
    unknown: list[tuple[_Mapping, str]] = []
    for mapping in _known_mappings(root):
        unknown += ((mapping, key) for key in _unknown_keys(mapping))
    if not unknown:
        return
    # Counted once for all keys, and only if there is one: each walk is as long as the template.
    times = Counter(map(id, leaves(root)))
    for mapping, key in unknown:
        if not _holds_anchor(mapping.table.entries[key], times):
            message, fix = _words(mapping, key)
            yield note(mapping.table.key_position(key), message, fix)


def _not_deployed(resources: Table) -> Iterator[Problem]:
    for name, resource in resources.entries.items():
        if not isinstance(resource, Table) or "component" in resource.entries:
            continue
        yield note(
            resources.key_position(name),
            f"resource {name!r} has no component, so it is not deployed",
            "write component: fc3",
        )


def _known_mappings(root: Table) -> Iterator[_Mapping]:
    """Yield the mappings that ``s`` reads, each with its keys."""
    yield _Mapping(root, _TOP_KEYS)
    yield from _action_mappings(root)
    for resource in root.table("resources").entries.values():
        if not isinstance(resource, Table):
            continue
        yield _Mapping(resource, _RESOURCE_KEYS, is_resource=True)
        yield _Mapping(resource.table("extend"), _EXTEND_KEYS)
        yield from _action_mappings(resource)


def _action_mappings(owner: Table) -> Iterator[_Mapping]:
    """Yield the actions of a template or of a resource, and each step in them."""
    actions = owner.table("actions")
    hooks = set(filter(_ACTIONS.match, actions.entries))
    # pre-deploy is known in any case: a misspelt one is compared with it.
    yield _Mapping(actions, {"pre-deploy"} | hooks)
    for items in actions.entries.values():
        if not isinstance(items, Array):
            continue
        for action in items.items:
            if isinstance(action, Table):
                yield _Mapping(action, _ACTION_KEYS)


def _unknown_keys(mapping: _Mapping) -> list[str]:
    # x- is the usual prefix of a place for anchors, as in compose files.
    return [
        key
        for key in mapping.table.entries
        if key not in mapping.known_keys and not key.startswith("x-")
    ]


def _holds_anchor(node: Node, times: Mapping[int, int]) -> bool:
    """Return whether an alias elsewhere names a part of a node.

    Args:
        node: The node.
        times: How often each leaf is in the template, by its id: an alias makes the leaves below
            its anchor appear again.
    """
    return any(times[id(leaf)] > 1 for leaf in leaves(node))


def _words(mapping: _Mapping, key: str) -> tuple[str, str]:
    """Return what to say about a key that ``s`` ignores, and what to do."""
    message = f"s ignores {key!r}"
    # The search takes quadratic time, so of a key of any length only its beginning is compared.
    near = difflib.get_close_matches(key[:40], mapping.known_keys, 1, 0.75)
    if near:
        return message, f"did you mean {near[0]}?"
    if not mapping.is_resource:
        return message, f"remove it; known here: {', '.join(mapping.known_keys)}"
    entries = mapping.table.entries
    # A mapping in a resource without props is most likely the props, under a misspelt name.
    if "props" not in entries and isinstance(entries[key], Table):
        return message, "did you mean props?"
    if key == "access":
        return (
            "s ignores access in a resource: the template's own is used",
            "put it at the top, or use one template per account",
        )
    return f"{message} beside props", "write it under props"


def merge_tables(lower: Table, upper: Table) -> Table:
    """Merge one table over another as ``s`` does: mappings deeply; all else is replaced."""
    entries = dict(lower.entries)
    keys = dict(lower.keys)
    for key, node in upper.entries.items():
        below = entries.get(key)
        if isinstance(below, Table) and isinstance(node, Table):
            entries[key] = merge_tables(below, node)
        else:
            entries[key] = node
        # A finding points to where the value that counts is written.
        keys[key] = upper.keys[key]
    return Table(*upper.mark, entries, keys)


def _without(table: Table, path: list[str]) -> Table:
    """Return a table without the entry at a path; unchanged if it has none."""
    child = table.entries.get(path[0]) if path else None
    if child is None:
        return table
    key = path[0]
    inner_path = path[1:]
    entries = dict(table.entries)
    if not inner_path:
        del entries[key]
    elif isinstance(child, Table):
        entries[key] = _without(child, inner_path)
    return table.with_entries(entries)


def _without_nulls(table: Table) -> Table:
    entries: dict[str, Node] = {}
    for key, child in table.entries.items():
        if isinstance(child, Table):
            entries[key] = _without_nulls(child)
        elif not _is_null(child):
            entries[key] = child
    return table.with_entries(entries)


def _is_null(node: Node) -> bool:
    return isinstance(node, Leaf) and node.value is None
