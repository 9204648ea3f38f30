# SPDX-License-Identifier: MIT
"""State as data: what a template asks of an account, and what an account has.

:mod:`.wanted` makes the first, :mod:`fc_async_plugin.account.remote` reads the second.

Invariants:

- All of it is frozen data. No function here reads or changes an account.
"""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

import msgspec

from fc_async_plugin.s_yaml.problems import Position
from fc_async_sdk.models import Alias, AsyncConfig, Function, Trigger
from fc_async_sdk.spec import limits

Documents = dict[str, dict[str, Any]]
"""Triggers of a function by name, or what else of it has names, as the API has them."""
Of = Literal["queue", "topic", "event bus", "alias", "async config", "concurrency", "trigger"]
"""Kinds of documents. The first three stand alone: ``function`` is then their own name."""


class Place(NamedTuple):
    """A function of one account."""

    region: str
    function: str

    def __str__(self) -> str:
        return f"{self.function} ({self.region})"


class Channel(NamedTuple):
    """A queue, topic or event bus of the account."""

    of: Of
    region: str
    name: str


class Code(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Source of the code of a function.

    Attributes:
        path: Folder or zip on this machine, absolute; None if it is an object in OSS.
        checksum: CRC-64 of the zip, decimal; the service reports the same of what it runs.
        contents: Digest of the files in the zip; zips with other bytes may have the same.
        bucket: OSS bucket.
        object_name: OSS object.
    """

    path: str | None = None
    checksum: str | None = None
    contents: str | None = None
    bucket: str | None = None
    object_name: str | None = None


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
    triggers: Documents | None = None
    concurrency: Documents | None = None

    @property
    def qualifiers(self) -> set[str]:
        """Versions and aliases that configuration and triggers name, LATEST included."""
        triggers = (self.triggers or {}).values()
        return {*self.configs, *(trigger["qualifier"] for trigger in triggers)}


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
    triggers: Documents | None = None
    concurrency: Documents | None = None


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
    return {name: value for name, value in document.items() if value not in (None, "")}
