# SPDX-License-Identifier: MIT
"""The wanted state of a template and the state of an account, as data.

:mod:`.wanted` makes the first, :mod:`fc_async_plugin.account.remote` reads the second, and
:mod:`.planner` compares them.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import msgspec

from fc_async_plugin.plan.steps import Code
from fc_async_plugin.template.model import Position
from fc_async_sdk.models import Alias, AsyncConfig, Function


class Place(NamedTuple):
    """A function of one account."""

    region: str
    function: str

    def __str__(self) -> str:
        return f"{self.function} ({self.region})"


class WantedFunction(msgspec.Struct, frozen=True, kw_only=True):
    """The state of one function that a template asks for.

    Attributes:
        configs: Asynchronous configuration by qualifier; empty: the template has no block.
        settings: Settings with the names of CreateFunction; None: the function is not deployed.
        code: Its code, if the function is deployed and has code.
        position: Where the template names it.
    """

    configs: dict[str, AsyncConfig]
    position: Position
    settings: dict[str, Any] | None = None
    code: Code | None = None


class RemoteFunction(msgspec.Struct, frozen=True, kw_only=True):
    """The state of one function in an account.

    Attributes:
        function: The function; None: it does not exist.
        configs: Asynchronous configuration by qualifier.
        aliases: Aliases by name; None: they were not read.
        versions: Ids of versions; None: they were not read.
        triggers: Names of triggers; None: they were not read.
    """

    function: Function | None = None
    configs: dict[str, AsyncConfig] = {}
    aliases: dict[str, Alias] | None = None
    versions: frozenset[str] | None = None
    triggers: frozenset[str] | None = None


Wanted = dict[Place, WantedFunction]
Remote = dict[Place, RemoteFunction]
