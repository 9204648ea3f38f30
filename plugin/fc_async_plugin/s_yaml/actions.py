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
    # s runs the actions of the template first, then those of each resource.
    owners = [("", root, top)]
    for name, scope in scopes.items():
        owners.append((name, resources.table(name), scope))
    for name, owner, scope in owners:
        for action in _actions(owner, scope, resolver):
            build = _build(name, action, scope, resolver, masking, folder)
            if build is not None:
                yield build


def _actions(owner: Table, scope: Scope, resolver: Resolver) -> Iterator[Table]:
    """Yield the actions before a deployment of a template or of a resource."""
    for key, items in owner.table("actions").entries.items():
        if not isinstance(items, Array):
            continue
        if not _matches(key, items, scope, resolver):
            continue
        for item in items.items:
            if isinstance(item, Table):
                yield item


def _build(
    resource: str,
    action: Table,
    scope: Scope,
    resolver: Resolver,
    masking: Masking,
    folder: Path,
) -> Build | None:
    """Return the command of an action; None if it has none. For arguments see :func:`builds`."""
    run = action.at("run")
    command_node = run
    for key in _OF_S:
        command_node = command_node or action.at(key)
    if not isinstance(command_node, Leaf) or not command_node.text:
        return None
    command = str(resolver.attempt(command_node, scope))
    command_folder = folder / (action.text("path") or ".")
    # Shown before it runs: a command that is built of variables looked like another one.
    written, asked = masking.texts(command_node, scope, command)
    return Build(
        resource,
        written,
        command_folder.resolve(),
        command,
        component=run is None,
        may_fail=_may_fail(action.at("allow_failure")),
        asked=asked,
    )


def _matches(key: str, items: Node, scope: Scope, resolver: Resolver) -> bool:
    if not _REGEX.fullmatch(key):
        return key == "pre-deploy"
    # ${regex('…')} tests the command that a user gives to s, which is deploy.
    resolved = resolver.attempt(Leaf(*items.mark, key), scope)
    return bool(resolved == "pre-true")


def _may_fail(node: Node | None) -> frozenset[object] | None:
    """Return the exit codes that ``allow_failure`` of an action accepts; None: all."""
    if isinstance(node, Leaf) and node.value is True:
        return None
    if not isinstance(node, Table):
        return frozenset()
    # It may name other commands of s, such as remove; what runs here belongs to deploy.
    commands = _values(node.at("command"), "deploy")
    if "deploy" not in commands:
        return frozenset()
    codes = node.at("exit_code")
    return _values(codes) if codes else None


def _values(node: Node | None, *default: object) -> frozenset[object]:
    if not isinstance(node, Array):
        return frozenset(default)
    leaves = [item for item in node.items if isinstance(item, Leaf)]
    return frozenset(leaf.value for leaf in leaves)
