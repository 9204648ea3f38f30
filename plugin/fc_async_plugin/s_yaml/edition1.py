# SPDX-License-Identifier: MIT
"""Reads a template of edition 1.0.0, the format for FC 2.0, as one of edition 3.0.0. Pure.

Only what means the same in both is read: functions, their asynchronous configuration, its
destinations, and triggers; for functions that run on this machine also their code and settings.
Names are those that ``s cli fc3 s2tos3`` writes
(https://github.com/devsapp/fc3/blob/0.1.22/src/subCommands/2to3/index.ts).

Invariants:

- Each value keeps the place where it is written.
- The result is for rules and graphs, or to run on this machine. It is never deployed elsewhere.

There are two entries. :func:`resources_of` renames nodes of the first pass, before anything is
merged. :func:`as_of_fc3` is called by the third pass, because what it decides is known there only:
the component (it may be a variable), the region of a trigger's source (``env.yaml`` may set it),
and whether a key of FC 3.0, which takes precedence, stands in another file or in ``template``.
"""

from __future__ import annotations

import contextlib
import json
import re
from typing import TYPE_CHECKING, Final, TypeAlias

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
    from typing import TypeGuard

    from fc_async_plugin.s_yaml.nodes import Mark, Node
    from fc_async_plugin.s_yaml.problems import Kind

Paths: TypeAlias = "dict[str, tuple[str, ...]]"
"""Keys of FC 2.0, and the paths under which FC 3.0 has them."""

_FC3: Final = "fc3"
_COMPONENT: Final = re.compile(r"(?:devsapp/)?fc(?:@.*)?")
_REFERENCE: Final = re.compile(r"\$\{vars\.([\w.-]+)\}")
_VARIABLE: Final = re.compile(r"\$\{env\.(\w+)\}")
_LEFT_OUT: Final = re.compile(r"\$\{(?:resources\.)?([\w-]+)\.props\.(?:function|service)\b")
"""References into parts of props that are not read: their values count as known later."""
_DESTINATIONS: Final = "destinationConfig"
_CONFIG: Final = {"statefulInvocation": "asyncTask", "destination": _DESTINATIONS}
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
    for resource in root.table("resources").entries.values():
        component = resource.at("component") if isinstance(resource, Table) else None
        if isinstance(component, Leaf) and _COMPONENT.fullmatch(component.text):
            yield note(
                component.position,
                f"component {component.text} deploys to FC 2.0: "
                "dev runs its function as service$function",
                "write component: fc3, and props as FC 3.0 has them",
            )
    yield from unread(root, "compatibility")
    for leaf in leaves(root):
        variable = _VARIABLE.search(leaf.text)
        if variable is None:
            continue
        new = f"${{env('{variable[1]}')}}"
        yield note(
            leaf.position,
            f"{variable[0]} is of edition 1.0.0: dev reads it as {new}, s does not",
            f"write {new}",
        )


def unread(root: Table, kind: Kind) -> Iterator[Problem]:
    """Yield the keys of each function that are not read, as one problem of a kind.

    Without it, keys without a place in FC 3.0, such as ``nasConfig`` or a misspelt
    ``environmentVariables``, were left out in silence.
    """
    for name, resource in root.table(_section(root)).entries.items():
        if not _is_of_fc2(resource):
            continue
        props = _referred(resource.at("props"), root)
        tables = {
            "": props,
            "service": _referred(props.at("service"), root),
            "function": _referred(props.at("function"), root),
        }
        # Without a function, the resource is none: what it has is not for this package.
        if not tables["function"].entries:
            continue
        positions: dict[str, Position] = {}
        for owner, table in tables.items():
            positions |= _unread_keys(owner, table)
        if positions:
            yield Problem(
                kind,
                min(positions.values()),
                f"{name}: not read, and without effect here: {', '.join(positions)}",
                "remove what FC 2.0 does not know; the rest has an effect there",
            )


def _section(root: Table) -> str:
    """Return the key under which a template has its resources."""
    return "services" if "services" in root.entries else "resources"


def _is_of_fc2(resource: Node) -> TypeGuard[Table]:
    """Return whether a node is a resource whose component deploys to FC 2.0."""
    if not isinstance(resource, Table):
        return False
    return _COMPONENT.fullmatch(resource.text("component")) is not None


def _unread_keys(owner: str, table: Table) -> dict[str, Position]:
    """Return the keys of a mapping that are not read, each with its place.

    Args:
        owner: The key of the mapping in props; "" for props themselves.
        table: The mapping.
    """
    unread_keys = table.entries.keys() - _READ[owner]
    prefix = f"{owner}." if owner else ""
    return {f"{prefix}{key}": table.key_position(key) for key in table.keys if key in unread_keys}


def as_of_fc3(props: Table) -> tuple[Table, list[Problem]]:
    """Return props with what stands in them as for FC 2.0, a frequent mistake, as for FC 3.0.

    What stands there as for FC 3.0 stays as it is.

    Returns:
        The props, and a note for each key that was read so.
    """
    notes: list[Problem] = []
    function = props.table("function")
    custom = props.table(_CUSTOM)
    moved: Paths = _MOVED | {_ASYNC: (BLOCK,)}
    # A function may have any key of FC 3.0, too: it keeps its name.
    inside: Paths = {key: (key,) for key in function.entries} | moved
    inside["name"] = ("functionName",)
    # Of two entries at one path the later one wins, so what FC 3.0 has there comes last.
    converted = _with_moved(_empty(props), function, inside)
    converted = _with_moved(converted, props, moved, notes)
    converted = _with_moved(
        converted,
        custom,
        {_PORT: moved[_PORT]},
        notes,
    )
    has_function = bool(function.entries)
    if has_function:
        notes.append(
            note(
                props.key_position("function"),
                "function is a key of FC 2.0: dev reads its keys as those of props, "
                "s deploy ignores it",
                "write its keys in props, name as functionName and codeUri as code",
            )
        )
    for key, node in props.entries.items():
        if key in moved:
            continue
        if key == "function" and has_function:
            continue
        if node is custom:
            node = _less(custom, _PORT)  # noqa: PLW2901 -- moved above
        elif key == "triggers" and isinstance(node, Array):
            node = _as_triggers(node, props.text("region"), notes)  # noqa: PLW2901 -- converted
        converted = _with_inside(
            converted,
            (key,),
            node,
            props.keys[key],
        )
    return converted, notes


def _with_moved(
    converted: Table, source: Table, paths: Paths, notes: list[Problem] | None = None
) -> Table:
    """Return props with entries of a mapping of FC 2.0 at their places in FC 3.0.

    Args:
        converted: The props so far.
        source: The mapping.
        paths: The keys that are moved, with their places.
        notes: Where a note on each entry goes; None: there is none.
    """
    for key, node in source.entries.items():
        path = paths.get(key)
        if path is None:
            continue
        value = _config(node) if key == _ASYNC else node
        converted = _with_inside(converted, path, value, source.keys[key])
        if notes is not None:
            notes.append(_read_here(source, key, ".".join(path)))
    return converted


def _as_triggers(triggers: Array, region: str, notes: list[Problem]) -> Array:
    items = [_as_trigger(trigger, region, notes) for trigger in triggers.items]
    return Array(*triggers.mark, items)


def _as_trigger(node: Node, region: str, notes: list[Problem]) -> Node:
    """Return a trigger with the keys of FC 3.0, and with a name, which may be that of its type."""
    if not isinstance(node, Table):
        return node
    trigger = node
    old_keys = [key for key in TRIGGER_KEYS if key in node.entries]
    if old_keys:
        notes += [_read_here(node, key, TRIGGER_KEYS[key]) for key in old_keys]
        trigger = _trigger(node, region)
    kind = trigger.entries.get("triggerType")
    if not isinstance(kind, Leaf) or "triggerName" in trigger.entries:
        return trigger
    # A public template has no triggerName; s deploy refuses it, the note says so.
    message = f"a trigger has no triggerName: here it is {kind.text}, s deploy needs one"
    notes.append(note(node.position, message, "add triggerName"))
    return with_entry(trigger, "triggerName", kind, kind.mark)


def _read_here(table: Table, key: str, new_key: str) -> Problem:
    text = f"{key} is a key of FC 2.0: dev reads it as {new_key}, s deploy ignores it"
    return note(table.key_position(key), text, f"write it as {new_key}")


def resources_of(root: Table, *, runs: bool = False) -> Table:
    """Return a template with ``resources`` in place of ``services``, and those for FC 3.0.

    Args:
        root: The template.
        runs: Whether the functions run on this machine.
    """
    section = _section(root)
    services = root.table(section)
    converted = {
        name: _resource(name, service, root, runs=runs)
        for name, service in services.entries.items()
    }
    entries = {key: node for key, node in root.entries.items() if key != section}
    entries["resources"] = Table(*services.mark, converted, services.keys)
    # Edition 1.0.0 names a service without a prefix: ${orders.props.region}.
    # An empty alternative would match ${.props: without services it is a name that none has.
    names = "|".join(map(re.escape, services.entries)) or "-"
    service_reference = re.compile(rf"\$\{{({names})\.(?=output\.|props\.)")
    rewritten = {key: _rewritten(node, service_reference) for key, node in entries.items()}
    return Table(*root.mark, rewritten, {"resources": root.keys[section]} | root.keys)


def _rewritten(node: Node, service_reference: re.Pattern[str]) -> Node:
    """Return a node with its variables spelled as in edition 3.0.0."""
    if isinstance(node, Table):
        entries = {key: _rewritten(child, service_reference) for key, child in node.entries.items()}
        return Table(*node.mark, entries, node.keys)
    if isinstance(node, Array):
        items = [_rewritten(item, service_reference) for item in node.items]
        return Array(*node.mark, items)
    # Most texts have no variable, and each of three patterns takes time.
    if "${" not in node.text:
        return node
    text = _VARIABLE.sub(r"${env('\1')}", node.text)
    text = service_reference.sub(r"${resources.\1.", text)
    text = _LEFT_OUT.sub(r"${resources.\1.output", text)
    return Leaf(*node.mark, text)


def _resource(name: str, node: Node, root: Table, *, runs: bool) -> Node:
    """Return a resource with the props of a function of FC 3.0, if it is a function."""
    if not _is_of_fc2(node):
        return node
    props = _referred(node.at("props"), root)
    function = _referred(props.at("function"), root)
    if not function.entries:
        return node
    converted = _with_basics(
        name,
        props,
        function,
        _referred(props.at("service"), root),
    )
    config = function.entries.get(_ASYNC)
    if config is not None:
        converted = with_entry(
            converted,
            BLOCK,
            _config(config),
            function.keys[_ASYNC],
        )
    triggers = props.entries.get("triggers")
    if isinstance(triggers, Array):
        array = _triggers(triggers, props.text("region"))
        converted = with_entry(converted, "triggers", array, props.keys["triggers"])
    entries: dict[str, Node] = {}
    component = FC2
    if runs:
        converted = _with_settings(converted, function)
        component = _FC3
        if "actions" in node.entries:
            entries["actions"] = node.entries["actions"]
    entries["component"] = Leaf(*node.entries["component"].mark, component)
    entries["props"] = converted
    keys = {key: node.keys[key] for key in entries}
    return Table(*node.mark, entries, keys)


def _with_basics(name: str, props: Table, function: Table, service: Table) -> Table:
    """Return props with region, role, time limit and name of a function of FC 2.0.

    Args:
        name: The key of the resource.
        props: Its props.
        function: The function in them.
        service: The service in them.
    """
    converted = _empty(props)
    for key, source in (("region", props), ("role", service), ("timeout", function)):
        value = source.entries.get(key)
        if value is None:
            continue
        if not isinstance(value, Leaf):
            # s makes the role that a mapping describes: its ARN is known after a deployment.
            value = Leaf(*value.mark, f"${{resources.{name}.output}}")
        converted = with_entry(converted, key, value, source.keys[key])
    function_name = function.entries.get("name")
    if isinstance(function_name, Leaf):
        # FC 2.0 knows a function by its service and its name; FC 3.0 has one name for both.
        full = "$".join(filter(None, [service.text("name"), function_name.text]))
        leaf = Leaf(*function_name.mark, full)
        converted = with_entry(converted, "functionName", leaf, function.keys["name"])
    return converted


def _triggers(triggers: Array, region: str) -> Array:
    items: list[Node] = []
    for node in triggers.items:
        trigger = _trigger(node, region) if isinstance(node, Table) else node
        items.append(trigger)
    return Array(*triggers.mark, items)


def _with_settings(converted: Table, function: Table) -> Table:
    """Return props with the settings of a function of FC 2.0."""
    for key, value in function.entries.items():
        path = _SETTINGS.get(key)
        if path is None:
            continue
        setting = value
        if key == _HOOKS and isinstance(value, Table):
            # FC 3.0 has no preFreeze, s2tos3 leaves it out: each deployment differed from the last.
            setting = _less(value, "preFreeze")
        elif key == _IMAGE and isinstance(value, Table):
            setting = _image(value)
        converted = _with_inside(converted, path, setting, function.keys[key])
    return converted


def _image(config: Table) -> Table:
    """Return the configuration of an image; FC 2.0 takes command and arguments as JSON texts."""
    words: list[object] = []
    for key in ("command", "args"):
        text = config.text(key) or "[]"
        with contextlib.suppress(ValueError, TypeError):
            words += json.loads(text)
    values = {
        "image": Leaf(*config.mark, config.text("image")),
        "command": from_plain(words, config.mark),
    }
    return Table(*config.mark, values, dict.fromkeys(values, config.mark))


def _empty(table: Table) -> Table:
    """Return a mapping without entries at the place of another one."""
    return Table(*table.mark, {}, {})


def _with_inside(table: Table, path: Sequence[str], node: Node, mark: Mark) -> Table:
    """Return a table with one more entry, which may be further inside."""
    key = path[0]
    inner_path = path[1:]
    before = table.table(key)
    if inner_path:
        node = _with_inside(before, inner_path, node, mark)
    elif isinstance(node, Table):
        # caPort may be there already, moved into customRuntimeConfig: both stay.
        entries = before.entries | node.entries
        keys = before.keys | node.keys
        node = Table(*node.mark, entries, keys)
    return with_entry(table, key, node, mark)


def _less(table: Table, key: str) -> Table:
    """Return a table without an entry."""
    entries = dict(table.entries)
    entries.pop(key, None)
    return table.with_entries(entries)


def _referred(node: Node | None, root: Table) -> Table:
    """Return a mapping that is written in place or under ``vars``; an empty one if neither."""
    reference = _REFERENCE.fullmatch(node.text) if isinstance(node, Leaf) else None
    if reference is not None:
        path = reference[1].split(".")
        node = root.at("vars", *path)
    return node if isinstance(node, Table) else _empty(root)


def _renamed(table: Table, names: Mapping[str, str]) -> Table:
    """Return a table with other keys at the same places."""
    entries = {names.get(key, key): node for key, node in table.entries.items()}
    keys = {names.get(key, key): mark for key, mark in table.keys.items()}
    return Table(*table.mark, entries, keys)


def _config(node: Node) -> Node:
    """Return an asynchronous configuration of FC 2.0 as one of FC 3.0."""
    if not isinstance(node, Table):
        return node
    config = _renamed(node, _CONFIG)
    destinations = config.entries.get(_DESTINATIONS)
    if not isinstance(destinations, Table):
        return config
    outcomes = {key: _destination(child) for key, child in destinations.entries.items()}
    table = Table(*destinations.mark, outcomes, destinations.keys)
    return with_entry(config, _DESTINATIONS, table, config.keys[_DESTINATIONS])


def _destination(node: Node) -> Node:
    """Return a destination that is an ARN as a mapping with the ARN of FC 3.0."""
    if not isinstance(node, Leaf) or not node.text:
        return node
    text = arn.without_service(node.text) or node.text
    entries: dict[str, Node] = {"destination": Leaf(*node.mark, text)}
    return Table(*node.mark, entries, {"destination": node.mark})


def _trigger(node: Table, region: str) -> Table:
    """Return a trigger of FC 2.0 as one of FC 3.0.

    Args:
        node: The trigger.
        region: The region of its function, for the ARN of its source.
    """
    if isinstance(node.at("role"), Table):
        node = _less(node, "role")  # a described role, which s makes
    trigger = _renamed(node, TRIGGER_KEYS)
    config = trigger.entries.get("triggerConfig")
    if not isinstance(config, Table):
        return trigger
    config_mark = trigger.keys["triggerConfig"]
    filter_ = config.entries.get("filter")
    if isinstance(filter_, Table):
        config = with_entry(
            config,
            "filter",
            _filter(filter_),
            config.keys["filter"],
        )
        trigger = with_entry(trigger, "triggerConfig", config, config_mark)
    for key, form in _SOURCES.items():
        name = config.text(key)
        if not name:
            continue
        # FC 2.0 has the bucket or topic in the configuration, FC 3.0 its ARN beside it.
        mark = config.entries[key].mark
        source_arn = Leaf(*mark, form.format(region, name))
        trigger = with_entry(trigger, "sourceArn", source_arn, mark)
        config = _less(config, key)
        trigger = with_entry(trigger, "triggerConfig", config, config_mark)
    return trigger


def _filter(table: Table) -> Table:
    """Return the filter of a trigger for OSS, whose keys begin with a capital in FC 2.0."""
    key_filter = _renamed(table, _FILTER).table("key")
    entries: dict[str, Node] = {"key": _renamed(key_filter, _FILTER)}
    return Table(*table.mark, entries, {"key": table.mark})
