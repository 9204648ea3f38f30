# SPDX-License-Identifier: MIT
"""The wanted state of a template and the state of an account, as data.

:mod:`.wanted` makes the first, :mod:`fc_async_plugin.account.remote` reads the second, and
:mod:`.planner` compares them.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import msgspec

from fc_async_plugin.plan.steps import Code
from fc_async_plugin.template.problems import Position
from fc_async_sdk.models import Alias, AsyncConfig, Function, Trigger
from fc_async_sdk.spec import limits


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
        triggers: Triggers by name, with the names of CreateTrigger and ``triggerConfig`` as an
            object; None: the function is not deployed.
        concurrency: Its concurrency configuration by the name "", empty if it has none; None: the
            function is not deployed.
        position: Where the template names it.
    """

    configs: dict[str, AsyncConfig]
    position: Position
    settings: dict[str, Any] | None = None
    code: Code | None = None
    triggers: dict[str, dict[str, Any]] | None = None
    concurrency: dict[str, dict[str, Any]] | None = None

    @property
    def qualifiers(self) -> set[str]:
        """Versions and aliases that configuration and triggers name, LATEST included."""
        triggers = (self.triggers or {}).values()
        return {*self.configs, *(one["qualifier"] for one in triggers)}


class RemoteFunction(msgspec.Struct, frozen=True, kw_only=True):
    """The state of one function in an account.

    Attributes:
        function: The function; None: it does not exist.
        contents: Digest of the files in its code; None: it was not needed, or cannot be had.
        configs: Asynchronous configuration by qualifier.
        aliases: Aliases by name; None: they were not read.
        versions: Ids of versions; None: they were not read.
        triggers: Triggers by name, as :class:`WantedFunction` has them; None: they were not read.
        concurrency: Concurrency configuration by the name ""; None: it was not read.
    """

    function: Function | None = None
    contents: str | None = None
    configs: dict[str, AsyncConfig] = {}
    aliases: dict[str, Alias] | None = None
    versions: frozenset[str] | None = None
    triggers: dict[str, dict[str, Any]] | None = None
    concurrency: dict[str, dict[str, Any]] | None = None


Wanted = dict[Place, WantedFunction]
Remote = dict[Place, RemoteFunction]


def trigger_document(trigger: Trigger) -> dict[str, Any]:
    """Return a trigger of the account as steps have it: what was configured, nothing else."""
    try:
        config = msgspec.json.decode(trigger.trigger_config or "{}")
    except msgspec.DecodeError:
        config = trigger.trigger_config
    document = {
        "triggerType": trigger.trigger_type,
        "sourceArn": trigger.source_arn,
        "triggerConfig": config,
        "invocationRole": trigger.invocation_role,
        "qualifier": trigger.qualifier or limits.DEFAULT_QUALIFIER,
        "description": trigger.description,
    }
    return {name: value for name, value in document.items() if value is not None and value != ""}
