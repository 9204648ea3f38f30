# SPDX-License-Identifier: MIT
"""Ports of functions for the debugger of an editor, and ``.vscode/launch.json``. Pure.

The functions run from their own folders, so no editor has to map paths.

Invariants:
    A ``launch.json`` is changed only if nothing in it is lost: one with comments is not.
"""

from __future__ import annotations

import json
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from fc_async_plugin import PluginError
from fc_async_sdk.spec.runtimes import NODE, PYTHON

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from fc_async_plugin.project.sources import Source

_HOST: Final = "127.0.0.1"
_FIRST_PORTS: Final = {"python": 5678, "node": 9229}
"""The ports that debugpy and Node document; each further function has the next one."""
_KINDS: Final = dict.fromkeys(PYTHON, "python") | dict.fromkeys(NODE, "node")
_ARCHIVES: Final = frozenset({".zip", ".jar"})
"""Code that an editor cannot show beside the function that runs."""
_HIGHEST_PORT: Final = 65_535
LAUNCH_FILE: Final = Path(".vscode", "launch.json")


class Target(NamedTuple):
    """A function that can be debugged.

    Attributes:
        function: The function.
        kind: ``python`` or ``node``.
        port: Where the editor connects.
        folder: Its code.
    """

    function: str
    kind: str
    port: int
    folder: Path


def targets(sources: Sequence[Source]) -> list[Target]:
    """Return all functions that can be debugged, each with its own port."""
    debuggable: list[Target] = []
    ports = dict(_FIRST_PORTS)
    for source in sources:
        kind = _KINDS.get(source.runtime)
        if kind is None or source.code is None or source.code.suffix in _ARCHIVES:
            continue
        debuggable.append(Target(source.function, kind, ports[kind], source.code))
        ports[kind] += 1
    return debuggable


def chosen(sources: Sequence[Source], wishes: Iterable[str]) -> list[Target]:
    """Return the functions that were asked for as ``FUNCTION`` or ``FUNCTION:PORT``.

    Raises:
        PluginError: A function is not in a template or cannot be debugged, or a port is invalid.
    """
    debuggable = {target.function: target for target in targets(sources)}
    functions = {source.resource: source.function for source in sources}
    asked: list[Target] = []
    # The name of a resource means its function, as in all other commands.
    for wish in wishes:
        name, _, port = wish.partition(":")
        function = functions.get(name, name)
        target = debuggable.get(function)
        if target is None:
            raise PluginError(_refusal(name, function, sources, list(debuggable)))
        if port:
            target = target._replace(port=_port(wish, port))
        asked.append(target)
    _check_ports(asked)
    return asked


def _check_ports(asked: Sequence[Target]) -> None:
    ports: set[int] = set()
    for target in asked:
        if target.port in ports:
            raise PluginError(f"--debug: two functions have port {target.port}; give each its own")
        ports.add(target.port)


def _refusal(name: str, function: str, sources: Sequence[Source], debuggable: Sequence[str]) -> str:
    """Return why a function that was asked for cannot be debugged."""
    by_name = {source.function: source for source in sources}
    source = by_name.get(function)
    if source is None:
        hint = f"; it has {', '.join(debuggable) or 'none'}"
        near = get_close_matches(name, by_name, n=1)
        if near:
            hint = f", did you mean {near[0]}?"
        return f"--debug {name}: the template has no such function{hint}"
    if source.runtime not in _KINDS:
        return (
            f"--debug {name}: functions with the runtime {source.runtime!r} start a debugger "
            "themselves; only Python and Node can be debugged"
        )
    return f"--debug {name}: its code is not a folder on this machine"


def _port(wish: str, text: str) -> int:
    # int() would also take "+5678", "5_678" and digits of other scripts.
    is_number = text.isascii() and text.isdigit()
    if not is_number or not 0 < int(text) <= _HIGHEST_PORT:
        raise PluginError(f"--debug {wish}: the port must be a number from 1 to {_HIGHEST_PORT}")
    return int(text)


def attach_lines(target: Target) -> str:
    """Return how to attach, for people."""
    address = f"{_HOST}:{target.port}"
    if target.kind == "python":
        kind = "debugpy"
        attach = f"DAP, address {address}"
    else:
        kind = "node --inspect"
        attach = f"Node.js/Chrome, port {target.port}"
    return (
        f"Debugger of {target.function} ({kind}) on {address}\n"
        f'VS Code  Run and Debug > "{_name(target)}" (fc-async dev --write-launch writes it)\n'
        f"PyCharm  Run > Edit Configurations > Attach to {attach}"
    )


def _name(target: Target) -> str:
    return f"fc-async: {target.function}"


def configuration(target: Target) -> dict[str, Any]:
    """Return the entry of ``launch.json`` for a function; it has no path of this machine."""
    entry: dict[str, Any] = {"name": _name(target), "request": "attach"}
    if target.kind == "python":
        entry["type"] = "debugpy"
        entry["connect"] = {"host": _HOST, "port": target.port}
        return entry
    entry["type"] = "node"
    entry["address"] = _HOST
    entry["port"] = target.port
    # Each save ends the instance with its inspector: the editor waits for the next one.
    entry["restart"] = True
    return entry


def merged(text: str | None, entries: Sequence[dict[str, Any]]) -> str:
    """Return a ``launch.json`` with some entries; others, and other members, stay.

    Args:
        text: The file as it is; None: there is none.
        entries: They replace entries of the same name.

    Raises:
        PluginError: The file has comments, or is not what VS Code reads.
    """
    document: dict[str, Any] = {"version": "0.2.0", "configurations": []}
    if text is not None:
        document = _read(text)
    new: dict[str, Any] = {entry["name"]: entry for entry in entries}
    configurations: list[Any] = []
    # In its old position: a user may have sorted the list that the editor shows.
    for former in document.get("configurations", []):
        name = None
        if isinstance(former, dict):
            name = former.get("name")
        if isinstance(name, str) and name in new:
            configurations.append(new.pop(name))
        else:
            configurations.append(former)
    document["configurations"] = [*configurations, *new.values()]
    return json.dumps(document, ensure_ascii=False, indent=2) + "\n"


def _read(text: str) -> dict[str, Any]:
    try:
        document: Any = json.loads(text)
    except ValueError as error:
        raise PluginError(
            f"{LAUNCH_FILE} cannot be changed without losing its comments ({error}): add the "
            "configurations by hand"
        ) from None
    configurations = None
    if isinstance(document, dict):
        configurations = document.get("configurations", [])
    # An object of another tool in a file of this name must not be written over.
    if not isinstance(configurations, list):
        raise PluginError(f"{LAUNCH_FILE} has no list of configurations: it is not changed")
    members: dict[str, Any] = document
    return members
