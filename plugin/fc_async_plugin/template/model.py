# SPDX-License-Identifier: MIT
"""The project that rules, plan and graph read."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

import msgspec

from fc_async_plugin.template.actions import Build
from fc_async_plugin.template.problems import Path, Place, Position, Problem
from fc_async_plugin.template.reading import Suppression

_ROLE: Final = re.compile(r"acs:ram::(?P<account>\d+):role/")


class Resource(msgspec.Struct, frozen=True, kw_only=True):
    """One entry under ``resources:``.

    Attributes:
        name: Its key.
        component: Such as ``fc3``.
        region: From props; "" if props has none.
        account_id: Of the access alias, or given on the command line; "" if unknown.
        function_name: Its ``functionName``; its key if it has none.
        props: Its props, as plain values.
        places: Returns where the values on a path were written, as far as the path leads.
        position: Where the resource's key was written.
        unset: Props that were left out because an environment variable has no value.
    """

    name: str
    component: str
    region: str
    account_id: str
    function_name: str
    props: dict[str, Any]
    places: Callable[[Path], list[Place]]
    position: Position
    unset: frozenset[str] = frozenset()

    def at(self, *path: str | int) -> Any:
        """Return the value at a path of keys in the props; None if the path leads to none."""
        value: Any = self.props
        for key in path:
            value = value.get(key) if isinstance(value, dict) else None
        return value

    def each(self, *path: str | int) -> Iterator[tuple[int, dict[str, Any]]]:
        """Yield the mappings in the list at a path of keys, such as triggers, by their indices."""
        listed = self.at(*path)
        for index, one in enumerate(listed if isinstance(listed, list) else ()):
            if isinstance(one, dict):
                yield index, one

    def where(self, *path: str | int) -> Position:
        """Return where a value was written, or its nearest parent that has a place."""
        places = self.places(path)
        return places[-1].value if places else self.position

    def where_key(self, *path: str | int) -> Position:
        """Return where the key of a value was written, or what is nearest to it."""
        places = self.places(path)
        if len(places) < len(path):
            return self.where(*path)
        return places[-1].key or places[-1].value


class Project(msgspec.Struct, frozen=True, kw_only=True):
    """One template after reading.

    Attributes:
        file: The template.
        name: Its ``name``.
        access: The access alias that is used.
        resources: In the order of the file.
        files: All files that were read: the template, the file it extends, environments.
        notes: Places that ``s`` reads differently.
        suppressions: Comments that suppress findings.
        secrets: Secrets of the access alias that are in the props and must not be shown.
        unset: Environment variables without a value, for which something was left out.
        builds: Commands that ``s`` runs before a deployment.
        left_out: Resources that have problems, with these, of a template that was read for this
            machine.
    """

    file: str
    name: str
    access: str
    resources: tuple[Resource, ...]
    files: tuple[str, ...] = ()
    notes: tuple[Problem, ...] = ()
    suppressions: tuple[Suppression, ...] = ()
    secrets: tuple[str, ...] = ()
    unset: tuple[str, ...] = ()
    builds: tuple[Build, ...] = ()
    left_out: Mapping[str, Sequence[Problem]] = {}


def with_account(resources: tuple[Resource, ...]) -> tuple[Resource, ...]:
    """Return resources of which those without a role have the account that the others' roles name.

    All resources of a template belong to one account: the alias is the template's.
    """
    accounts = {one.account_id for one in resources} - {""}
    if len(accounts) != 1:
        return resources
    (account,) = accounts
    return tuple(msgspec.structs.replace(one, account_id=account) for one in resources)


def account_of(role: object) -> str:
    """Return the account in a role's ARN, which is always the function's account."""
    match = _ROLE.match(role) if isinstance(role, str) else None
    return match["account"] if match else ""
