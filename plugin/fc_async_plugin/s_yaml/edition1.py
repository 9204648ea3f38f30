# SPDX-License-Identifier: MIT
"""Reads a template of edition 1.0.0, the format for FC 2.0, as one of edition 3.0.0. Pure.

Only what means the same in both is read: functions, their asynchronous configuration, its
destinations, and triggers; for functions that run on this machine also their code and settings.
Names are those that ``s cli fc3 s2tos3`` writes
(https://github.com/devsapp/fc3/blob/0.1.22/src/subCommands/2to3/index.ts).

Invariants:

- Each value keeps the place where it is written.
- The result is for rules and graphs, or to run on this machine. It is never deployed elsewhere.
"""

from __future__ import annotations

import contextlib
import json
import re
from typing import TYPE_CHECKING, Final

from fc_async_plugin.s_yaml.nodes import (
    BLOCK,
    EDITION,
    FC2,
    Array,
    Leaf,
    Table,
    from_plain,
    leaves,
    with_entry,
)
from fc_async_plugin.s_yaml.problems import Position, Problem, note
from fc_async_sdk.spec import arn

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from fc_async_plugin.s_yaml.nodes import Mark, Node
    from fc_async_plugin.s_yaml.problems import Kind

_FC3: Final = "fc3"
_COMPONENT: Final = re.compile(r"(?:devsapp/)?fc(?:@.*)?")
_REFERENCE: Final = re.compile(r"\$\{vars\.([\w.-]+)\}")
_VARIABLE: Final = re.compile(r"\$\{env\.(\w+)\}")
_LEFT_OUT: Final = re.compile(r"\$\{(?:resources\.)?([\w-]+)\.props\.(?:function|service)\b")
"""References into parts of props that are not read: their values count as known later."""
_CONFIG: Final = {"statefulInvocation": "asyncTask", "destination": "destinationConfig"}
TRIGGER_KEYS: Final = {
    "name": "triggerName",
    "type": "triggerType",
    "config": "triggerConfig",
    "role": "invocationRole",
}
"""Keys of a trigger, and what FC 3.0 has for them."""
_HOOKS: Final = "instanceLifecycleConfig"
_CUSTOM: Final = "customRuntimeConfig"
_IMAGE: Final = "customContainerConfig"
_PORT: Final = "caPort"
_ASYNC: Final = "asyncConfiguration"
_MOVED: Final = {
    "codeUri": ("code",),
    _PORT: (_CUSTOM, "port"),
    "initializer": (_HOOKS, "initializer", "handler"),
    "initializationTimeout": (_HOOKS, "initializer", "timeout"),
}
"""Keys of a function with which it runs, and where FC 3.0 has them."""
_SETTINGS: Final = {
    **{name: (name,) for name in ("runtime", "handler", "memorySize", "environmentVariables")},
    **{name: (name,) for name in ("layers", "instanceConcurrency", _CUSTOM, _IMAGE, _HOOKS)},
    **_MOVED,
}
"""The same, with the keys that FC 3.0 has at the same place."""
_READ: Final = {
    "": {"region", "service", "function", "triggers"},
    "service": {"name", "description", "role"},
    "function": {"name", "description", "timeout", _ASYNC, *_SETTINGS},
}
"""Keys of props and of mappings in them that are read where functions run, or say nothing."""
_FILTER: Final = {"Key": "key", "Prefix": "prefix", "Suffix": "suffix"}
_SOURCES: Final = {"bucketName": "acs:oss:{}::{}", "topicName": "acs:mns:{}::/topics/{}"}


def is_edition_1(root: Table) -> bool:
    """Return whether a template has the form of edition 1.0.0: ``services`` and no ``resources``.

    Edition 3.0.0 with ``services`` is a mistake, not an old template.
    """
    return "services" in root.entries and root.text("edition") != EDITION


def of_fc2(root: Table) -> Iterator[Problem]:
    """Yield notes on components of FC 2.0 under ``resources`` and variables of edition 1.0.0."""
    for one in root.table("resources").entries.values():
        named = one.at("component") if isinstance(one, Table) else None
        if isinstance(named, Leaf) and _COMPONENT.fullmatch(named.text):
            said = f"component {named.text} deploys to FC 2.0: dev runs its function as "
            fix = "write component: fc3, and props as FC 3.0 has them"
            yield note(named.position, f"{said}service$function", fix)
    yield from unread(root, "compatibility")
    for leaf in leaves(root):
        if found := _VARIABLE.search(leaf.text):
            new = f"${{env('{found[1]}')}}"
            said = f"{found[0]} is of edition 1.0.0: dev reads it as {new}, s does not"
            yield note(leaf.position, said, f"write {new}")


def unread(root: Table, kind: Kind) -> Iterator[Problem]:
    """Yield the keys of each function that are not read, as one problem of a kind."""
    section = "services" if "services" in root.entries else "resources"
    for name, one in root.table(section).entries.items():
        if not isinstance(one, Table) or not _COMPONENT.fullmatch(one.text("component")):
            continue
        props = _referred(one.at("props"), root)
        tables = {"": props} | {key: _referred(props.at(key), root) for key in _READ if key}
        found = {
            ".".join(filter(None, [owner, key])): Position(*mark)
            for owner, table in tables.items()
            for key, mark in table.keys.items()
            if key in table.entries and key not in _READ[owner]
        }
        if found and tables["function"].entries:
            said = f"{name}: not read, and without effect here: {', '.join(found)}"
            fix = "remove what FC 2.0 does not know; the rest has an effect there"
            yield Problem(kind, min(found.values()), said, fix)


def as_of_fc3(props: Table) -> tuple[Table, list[Problem]]:
    """Return props with what stands in them as for FC 2.0, a frequent mistake, as for FC 3.0.

    What stands there as for FC 3.0 stays as it is.

    Returns:
        The props, and a note for each key that was read so.
    """
    function, custom = props.table("function"), props.table(_CUSTOM)
    moved = _MOVED | {_ASYNC: (BLOCK,)}
    inside = {key: (key,) for key in function.entries} | moved | {"name": ("functionName",)}
    made, notes = Table(*props.mark, {}, {}), []
    for table, places in ((function, inside), (props, moved), (custom, {_PORT: moved[_PORT]})):
        for key in filter(places.__contains__, table.entries):
            path, node = places[key], table.entries[key]
            value = _config(node) if key == _ASYNC else node
            made = _with_inside(made, path, value, table.keys[key])
            if table is not function:
                notes.append(_read_here(table, key, ".".join(path)))
    if function.entries:
        said = "function is a key of FC 2.0: dev reads its keys as those of props, "
        fix = "write its keys in props, name as functionName and codeUri as code"
        notes.append(note(props.key_position("function"), f"{said}s deploy ignores it", fix))
    for key, node in props.entries.items():
        if key in moved or (key == "function" and function.entries):
            continue
        kept = node
        if node is custom:
            kept = _less(custom, _PORT)
        elif key == "triggers" and isinstance(node, Array):
            triggers = [_as_trigger(one, props.text("region"), notes) for one in node.items]
            kept = Array(*node.mark, triggers)
        made = _with_inside(made, (key,), kept, props.keys[key])
    return made, notes


def _as_trigger(node: Node, region: str, notes: list[Problem]) -> Node:
    """Return a trigger with the keys of FC 3.0, and with a name, which may be that of its type."""
    if not isinstance(node, Table):
        return node
    old = [key for key in TRIGGER_KEYS if key in node.entries]
    notes += [_read_here(node, key, TRIGGER_KEYS[key]) for key in old]
    made = _trigger(node, region) if old else node
    kind = made.entries.get("triggerType")
    if not isinstance(kind, Leaf) or "triggerName" in made.entries:
        return made
    said = f"a trigger has no triggerName: here it is {kind.text}, s deploy needs one"
    notes.append(note(node.position, said, "add triggerName"))
    return with_entry(made, "triggerName", kind, kind.mark)


def _read_here(table: Table, key: str, place: str) -> Problem:
    text = f"{key} is a key of FC 2.0: dev reads it as {place}, s deploy ignores it"
    return note(table.key_position(key), text, f"write it as {place}")


def resources_of(root: Table, *, runs: bool = False) -> Table:
    """Return a template with ``resources`` in place of ``services``, and those for FC 3.0.

    Args:
        root: The template.
        runs: Whether the functions run on this machine.
    """
    section = "services" if "services" in root.entries else "resources"
    services = root.table(section)
    names = "|".join(map(re.escape, services.entries)) or "-"
    others = re.compile(rf"\$\{{({names})\.(?=output\.|props\.)")
    made = {name: _resource(name, one, root, runs=runs) for name, one in services.entries.items()}
    resources = Table(*services.mark, made, services.keys)
    entries = {key: one for key, one in root.entries.items() if key != section}
    entries["resources"] = resources
    rewritten = {key: _rewritten(one, others) for key, one in entries.items()}
    return Table(*root.mark, rewritten, {"resources": root.keys[section]} | root.keys)


def _rewritten(node: Node, others: re.Pattern[str]) -> Node:
    """Return a node with its variables spelled as in edition 3.0.0."""
    if isinstance(node, Table):
        entries = {key: _rewritten(one, others) for key, one in node.entries.items()}
        return Table(*node.mark, entries, node.keys)
    if isinstance(node, Array):
        return Array(*node.mark, [_rewritten(one, others) for one in node.items])
    if "${" not in node.text:
        return node
    text = _VARIABLE.sub(r"${env('\1')}", node.text)
    text = others.sub(r"${resources.\1.", text)
    return Leaf(*node.mark, _LEFT_OUT.sub(r"${resources.\1.output", text))


def _resource(resource: str, node: Node, root: Table, *, runs: bool) -> Node:
    """Return a resource with the props of a function of FC 3.0, if it is a function."""
    if not isinstance(node, Table) or not _COMPONENT.fullmatch(node.text("component")):
        return node
    props = _referred(node.at("props"), root)
    function = _referred(props.at("function"), root)
    if not function.entries:
        return node
    service = _referred(props.at("service"), root)
    made = Table(*props.mark, {}, {})
    for key, source in (("region", props), ("role", service), ("timeout", function)):
        if key in source.entries:
            value = source.entries[key]
            if not isinstance(value, Leaf):  # s makes the role that is described
                value = Leaf(*value.mark, f"${{resources.{resource}.output}}")
            made = with_entry(made, key, value, source.keys[key])
    name = function.entries.get("name")
    if isinstance(name, Leaf):
        full = "$".join(filter(None, [service.text("name"), name.text]))
        made = with_entry(made, "functionName", Leaf(*name.mark, full), function.keys["name"])
    config = function.entries.get(_ASYNC)
    if config is not None:
        made = with_entry(made, BLOCK, _config(config), function.keys[_ASYNC])
    triggers = props.entries.get("triggers")
    if isinstance(triggers, Array):
        region = props.text("region")
        read = Array(
            *triggers.mark,
            [_trigger(one, region) if isinstance(one, Table) else one for one in triggers.items],
        )
        made = with_entry(made, "triggers", read, props.keys["triggers"])
    entries: dict[str, Node] = {}
    if runs:
        made = _with_settings(made, function)
        entries = {key: node.entries[key] for key in ("actions",) if key in node.entries}
    entries["component"] = Leaf(*node.entries["component"].mark, _FC3 if runs else FC2)
    entries["props"] = made
    return Table(*node.mark, entries, {key: node.keys[key] for key in entries})


def _with_settings(made: Table, function: Table) -> Table:
    """Return props with the settings of a function of FC 2.0."""
    for old in filter(_SETTINGS.__contains__, function.entries):
        value = function.entries[old]
        if old == _HOOKS and isinstance(value, Table):
            value = _less(value, "preFreeze")  # FC 3.0 has none: s2tos3 leaves it out
        elif old == _IMAGE and isinstance(value, Table):
            value = _image(value)
        made = _with_inside(made, _SETTINGS[old], value, function.keys[old])
    return made


def _image(config: Table) -> Table:
    """Return the configuration of an image; FC 2.0 takes command and arguments as JSON texts."""
    words: list[object] = []
    for text in map(config.text, ("command", "args")):
        with contextlib.suppress(ValueError, TypeError):
            words += json.loads(text or "[]")
    command = from_plain(words, config.mark)
    values = {"image": Leaf(*config.mark, config.text("image")), "command": command}
    return Table(*config.mark, values, dict.fromkeys(values, config.mark))


def _with_inside(table: Table, path: Sequence[str], node: Node, mark: Mark) -> Table:
    """Return a table with one more entry, which may be further inside."""
    key, *rest = path
    before = table.table(key)
    if rest:
        node = _with_inside(before, rest, node, mark)
    elif isinstance(node, Table):
        node = Table(*node.mark, before.entries | node.entries, before.keys | node.keys)
    return with_entry(table, key, node, mark)


def _less(table: Table, key: str) -> Table:
    """Return a table without an entry."""
    kept = {name: one for name, one in table.entries.items() if name != key}
    return Table(*table.mark, kept, table.keys)


def _referred(node: Node | None, root: Table) -> Table:
    """Return a mapping that is written in place or under ``vars``; an empty one if neither."""
    if isinstance(node, Leaf) and (named := _REFERENCE.fullmatch(node.text)):
        node = root.at("vars", *named[1].split("."))
    return node if isinstance(node, Table) else Table(*root.mark, {}, {})


def _renamed(table: Table, names: Mapping[str, str]) -> Table:
    """Return a table with other keys at the same places."""
    entries = {names.get(key, key): one for key, one in table.entries.items()}
    return Table(*table.mark, entries, {names.get(key, key): at for key, at in table.keys.items()})


def _config(node: Node) -> Node:
    if not isinstance(node, Table):
        return node
    made = _renamed(node, _CONFIG)
    destinations = made.entries.get("destinationConfig")
    if not isinstance(destinations, Table):
        return made
    outcomes = {key: _destination(one) for key, one in destinations.entries.items()}
    table = Table(*destinations.mark, outcomes, destinations.keys)
    return with_entry(made, "destinationConfig", table, made.keys["destinationConfig"])


def _destination(node: Node) -> Node:
    """Return a destination that is an ARN as a mapping with the ARN of FC 3.0."""
    if not isinstance(node, Leaf) or not node.text:
        return node
    named = Leaf(*node.mark, arn.without_service(node.text) or node.text)
    return Table(*node.mark, {"destination": named}, {"destination": node.mark})


def _trigger(node: Table, region: str) -> Table:
    if isinstance(node.at("role"), Table):
        node = _less(node, "role")
    made = _renamed(node, TRIGGER_KEYS)
    config = made.entries.get("triggerConfig")
    if not isinstance(config, Table):
        return made
    found = config.entries.get("filter")
    if isinstance(found, Table):
        key = _renamed(_renamed(found, _FILTER).table("key"), _FILTER)
        table = Table(*found.mark, {"key": key}, {"key": found.mark})
        config = with_entry(config, "filter", table, config.keys["filter"])
        made = with_entry(made, "triggerConfig", config, made.keys["triggerConfig"])
    for source, form in _SOURCES.items():
        if name := config.text(source):
            where = config.entries[source].mark
            made = with_entry(made, "sourceArn", Leaf(*where, form.format(region, name)), where)
            config = _less(config, source)
            made = with_entry(made, "triggerConfig", config, made.keys["triggerConfig"])
    return made
