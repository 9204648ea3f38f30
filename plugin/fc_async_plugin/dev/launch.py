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
    found: list[Target] = []
    for source in sources:
        kind = _KINDS.get(source.runtime)
        if kind and source.code is not None and source.code.suffix not in {".zip", ".jar"}:
            port = _FIRST_PORTS[kind] + sum(one.kind == kind for one in found)
            found.append(Target(source.function, kind, port, source.code))
    return found


def chosen(sources: Sequence[Source], wishes: Iterable[str]) -> list[Target]:
    """Return the functions that were asked for as ``FUNCTION`` or ``FUNCTION:PORT``.

    Raises:
        PluginError: A function is not in a template or cannot be debugged, or a port is invalid.
    """
    known = {target.function: target for target in targets(sources)}
    names = {source.resource: source.function for source in sources}
    found: list[Target] = []
    for wish in wishes:
        name, _, text = wish.partition(":")
        function = names.get(name, name)
        if function not in known:
            raise PluginError(_reason(name, function, sources, list(known)))
        port = _port(wish, text) if text else known[function].port
        found.append(known[function]._replace(port=port))
    ports = [target.port for target in found]
    twice = next((port for port in ports if ports.count(port) > 1), None)
    if twice is not None:
        raise PluginError(f"--debug: two functions have port {twice}; give each its own")
    return found


def _reason(name: str, function: str, sources: Sequence[Source], known: list[str]) -> str:
    source = next((one for one in sources if one.function == function), None)
    if source is None:
        near = get_close_matches(name, [one.function for one in sources], n=1)
        hint = f", did you mean {near[0]}?" if near else f"; it has {', '.join(known) or 'none'}"
        return f"--debug {name}: the template has no such function{hint}"
    if source.runtime not in _KINDS:
        return (
            f"--debug {name}: functions with the runtime {source.runtime!r} start a debugger "
            "themselves; only Python and Node can be debugged"
        )
    return f"--debug {name}: its code is not a folder on this machine"


def _port(wish: str, text: str) -> int:
    if not text.isascii() or not text.isdigit() or not 0 < int(text) <= _HIGHEST_PORT:
        raise PluginError(f"--debug {wish}: the port must be a number from 1 to {_HIGHEST_PORT}")
    return int(text)


def attach_lines(target: Target) -> str:
    """Return how to attach, for people."""
    address = f"{_HOST}:{target.port}"
    kind, attach = "node --inspect", f"Node.js/Chrome, port {target.port}"
    if target.kind == "python":
        kind, attach = "debugpy", f"DAP, address {address}"
    return (
        f"Debugger of {target.function} ({kind}) on {address}\n"
        f'VS Code  Run and Debug > "{_name(target)}" (fc-async dev --write-launch writes it)\n'
        f"PyCharm  Run > Edit Configurations > Attach to {attach}"
    )


def _name(target: Target) -> str:
    return f"fc-async: {target.function}"


def configuration(target: Target) -> dict[str, Any]:
    """Return the entry of ``launch.json`` for a function; it has no path of this machine."""
    common = {"name": _name(target), "request": "attach"}
    if target.kind == "python":
        return {**common, "type": "debugpy", "connect": {"host": _HOST, "port": target.port}}
    return {**common, "type": "node", "address": _HOST, "port": target.port, "restart": True}


def merged(text: str | None, entries: Sequence[dict[str, Any]]) -> str:
    """Return a ``launch.json`` with some entries; others, and other members, stay.

    Args:
        text: The file as it is; None: there is none.
        entries: They replace entries of the same name.

    Raises:
        PluginError: The file has comments, or is not what VS Code reads.
    """
    document = {"version": "0.2.0", "configurations": []} if text is None else _read(text)
    names: dict[str, Any] = {entry["name"]: entry for entry in entries}
    kept: list[Any] = []
    for one in document.get("configurations", []):
        name = one.get("name") if isinstance(one, dict) else None
        kept.append(names.pop(name, one) if isinstance(name, str) else one)
    document["configurations"] = [*kept, *names.values()]
    return json.dumps(document, ensure_ascii=False, indent=2) + "\n"


def _read(text: str) -> dict[str, Any]:
    try:
        document = json.loads(text)
    except ValueError as error:
        raise PluginError(
            f"{LAUNCH_FILE} cannot be changed without losing its comments ({error}): add the "
            "configurations by hand"
        ) from None
    if not isinstance(document, dict) or not isinstance(document.get("configurations", []), list):
        raise PluginError(f"{LAUNCH_FILE} has no list of configurations: it is not changed")
    return document
