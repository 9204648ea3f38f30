# SPDX-License-Identifier: MIT
"""Commands that a template has ``s`` run before a deployment: ``actions: pre-deploy``. Pure.

``s`` 3.1.10 gives the text of ``run`` to the system's shell, in ``path``, which is relative to the
folder of the template. The key is ``pre-deploy``, or ``pre-${regex('…')}`` with a pattern that the
command matches.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, NamedTuple

from fc_async_plugin.s_yaml.nodes import Array, Leaf, Table

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from fc_async_plugin.s_yaml.masking import Masking
    from fc_async_plugin.s_yaml.nodes import Node
    from fc_async_plugin.s_yaml.scopes import Scope
    from fc_async_plugin.s_yaml.variables import Resolver

_OF_S: Final = ("component", "plugin")
_REGEX: Final = re.compile(r"pre-\$\{\s*regex\(.*\)\s*\}")


class Build(NamedTuple):
    """One command.

    Attributes:
        resource: The resource that it belongs to; "" if it belongs to the whole template.
        written: A line for the shell, without values of environment variables and access keys; of a
            component its name and arguments, of a plugin its name.
        folder: Where ``s`` runs it.
        command: The same with these values, which may be secrets: it must not be shown.
        component: Whether a component or a plugin of ``s`` runs it, not the shell.
        may_fail: Exit codes after which the next command runs all the same; None: after each.
        any_file: Whether any file of the folder may be an input, also what functions read.
        asked: What a user is shown before it runs: ``written`` with the values of variables that
            came with the repository, in ``.env`` files; "": there are none.
    """

    resource: str
    written: str
    folder: Path
    command: str
    component: bool = False
    may_fail: frozenset[object] | None = frozenset()
    any_file: bool = False
    asked: str = ""

    def __repr__(self) -> str:
        """Return it without the values of variables."""
        return f"Build({self.resource!r}, {self.written!r}, {str(self.folder)!r})"


def builds(
    root: Table,
    scopes: Mapping[str, Scope],
    top: Scope,
    resolver: Resolver,
    masking: Masking,
    folder: Path,
) -> Iterator[Build]:
    """Yield the commands in the order in which ``s`` runs them.

    Args:
        root: The merged document.
        scopes: The scopes of the resources.
        top: The scope of the template.
        resolver: Resolves the commands; one that cannot be resolved stays as it is written.
        masking: Resolves them once more without values that may be secrets.
        folder: The folder of the template.
    """
    resources = root.table("resources")
    owners = [("", root, top), *((name, resources.table(name), scopes[name]) for name in scopes)]
    for name, owner, scope in owners:
        for key, items in owner.table("actions").entries.items():
            if not isinstance(items, Array) or not _matches(key, items, scope, resolver):
                continue
            for item in items.items:
                if not isinstance(item, Table):
                    continue
                run = item.at("run")
                command_node = run or next(filter(None, map(item.at, _OF_S)), None)
                if isinstance(command_node, Leaf) and command_node.text:
                    command = str(resolver.attempt(command_node, scope))
                    command_folder = folder / (item.text("path") or ".")
                    may_fail = _may_fail(item.at("allow_failure"))
                    written, asked = masking.texts(command_node, scope, command)
                    yield Build(
                        name,
                        written,
                        command_folder.resolve(),
                        command,
                        run is None,
                        may_fail,
                        asked=asked,
                    )


def _matches(key: str, items: Node, scope: Scope, resolver: Resolver) -> bool:
    if not _REGEX.fullmatch(key):
        return key == "pre-deploy"
    return bool(resolver.attempt(Leaf(*items.mark, key), scope) == "pre-true")


def _may_fail(node: Node | None) -> frozenset[object] | None:
    """Return the exit codes that ``allow_failure`` of an action accepts; None: all."""
    if isinstance(node, Leaf) and node.value is True:
        return None
    if not isinstance(node, Table) or "deploy" not in _values(node.at("command"), "deploy"):
        return frozenset()
    codes = node.at("exit_code")
    return _values(codes) if codes else None


def _values(node: Node | None, *default: object) -> frozenset[object]:
    if not isinstance(node, Array):
        return frozenset(default)
    return frozenset(leaf.value for leaf in node.items if isinstance(leaf, Leaf))
