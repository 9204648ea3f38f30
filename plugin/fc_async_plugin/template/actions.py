# SPDX-License-Identifier: MIT
"""Commands that a template has ``s`` run before a deployment: ``actions: pre-deploy``. Pure.

``s`` 3.1.10 gives the text of ``run`` to the system's shell, in ``path``, which is relative to the
folder of the template. The key is ``pre-deploy``, or ``pre-${regex('…')}`` with a pattern that the
command matches.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, NamedTuple

from fc_async_plugin.template.nodes import Array, Leaf, Table

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from fc_async_plugin.template.nodes import Node
    from fc_async_plugin.template.scopes import Scope
    from fc_async_plugin.template.variables import Resolver

_REGEX: Final = re.compile(r"pre-\$\{\s*regex\(.*\)\s*\}")


class Build(NamedTuple):
    """One command.

    Attributes:
        resource: The resource that it belongs to; "" if it belongs to the whole template.
        written: A line for the shell; of a component: its name and its arguments.
        folder: Where ``s`` runs it.
        command: The same with the values of variables, which may be secrets: it must not be shown.
        component: Whether a component of ``s`` runs it, not the shell.
    """

    resource: str
    written: str
    folder: Path
    command: str
    component: bool = False

    def __repr__(self) -> str:
        """Return it without the values of variables."""
        return f"Build({self.resource!r}, {self.written!r}, {str(self.folder)!r})"


def builds(
    root: Table, scopes: Mapping[str, Scope], top: Scope, resolver: Resolver, folder: Path
) -> Iterator[Build]:
    """Yield the commands in the order in which ``s`` runs them.

    Args:
        root: The merged document.
        scopes: The scopes of the resources.
        top: The scope of the template.
        resolver: Resolves the commands; one that cannot be resolved stays as it is written.
        folder: The folder of the template.
    """
    resources = root.table("resources")
    owners = [("", root, top), *((name, resources.table(name), scopes[name]) for name in scopes)]
    for name, owner, scope in owners:
        for key, items in owner.table("actions").entries.items():
            if not isinstance(items, Array) or not _matches(key, items, scope, resolver):
                continue
            for item in items.items:
                run = item.at("run") if isinstance(item, Table) else None
                component = item.at("component") if isinstance(item, Table) else None
                found = run or component
                if isinstance(item, Table) and isinstance(found, Leaf) and found.text:
                    command = str(resolver.attempt(found, scope))
                    place = folder / (item.text("path") or ".")
                    yield Build(name, found.text, place.resolve(), command, run is None)


def _matches(key: str, items: Node, scope: Scope, resolver: Resolver) -> bool:
    if not _REGEX.fullmatch(key):
        return key == "pre-deploy"
    return bool(resolver.attempt(Leaf(*items.mark, key), scope) == "pre-true")
