# SPDX-License-Identifier: MIT
"""The kinds of documents that belong to a function, in one table.

Planning, reports and plan files treat all kinds alike; the operations of each are in
:mod:`fc_async_plugin.deploy.apply.operations`. Pure.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

import msgspec

from fc_async_plugin.deploy.plan.differences import config_to_put, same, settings_of, trigger_to_put
from fc_async_plugin.deploy.plan.model import CURRENT_VERSION
from fc_async_sdk.models import AsyncConfig

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from fc_async_plugin.project.state import Of, Place, RemoteFunction, WantedFunction
    from fc_async_sdk.models import Alias

Document = dict[str, Any]
"""A document with the names of the API."""


class Kind(NamedTuple):
    """One kind of document that belongs to a function.

    Attributes:
        desired: Returns the documents of the template by name; None: the kind is not deployed.
        current: Returns the documents of the account by name.
        to_put: Returns the document to send for the template's and the account's; None: no
            difference.
        shown: Returns the fields of a document as a plan shows them.
        fixed: Fields that no operation changes: the document is deleted and created again.
    """

    desired: Callable[[WantedFunction], dict[str, Document] | None]
    current: Callable[[RemoteFunction], dict[str, Document]]
    to_put: Callable[[Document, Document | None, Place], Document | None]
    shown: Callable[[Document], Document]
    fixed: tuple[str, ...] = ()


def config_of(document: Document) -> AsyncConfig:
    """Return a document as an asynchronous configuration."""
    return msgspec.convert(document, AsyncConfig)


def _config_to_put(desired: Document, current: Document | None, address: Place) -> Document | None:
    config = None if current is None else config_of(current)
    config_to_send = config_to_put(config_of(desired), config, address.region)
    return None if config_to_send is None else config_to_send.to_dict()


def _concurrency_to_put(desired: Document, current: Document | None, _: Place) -> Document | None:
    if current is not None and same(desired, current):
        return None
    return desired


def _shown_alias(document: Document) -> Document:
    version = document.get("versionId")
    if version == CURRENT_VERSION:
        version = "the version published now"
    return {"version": version}


def _shown_trigger(document: Document) -> Document:
    shown = {name: document[name] for name in document if name != "triggerConfig"}
    config = document.get("triggerConfig")
    # The configuration of a trigger may be a text that is not JSON.
    if not isinstance(config, dict):
        return shown | {"triggerConfig": config}
    return shown | {f"triggerConfig.{name}": value for name, value in config.items()}


def _documents(models: Mapping[str, Alias] | Mapping[str, AsyncConfig]) -> dict[str, Document]:
    return {name: model.to_dict() for name, model in models.items()}


_ALONE: Final = Kind(lambda _: None, lambda _: {}, lambda *_: None, lambda document: document)
"""A queue, topic or bus belongs to no function; :mod:`.channels` finds it."""

KINDS: Final[dict[Of, Kind]] = {
    "queue": _ALONE,
    "topic": _ALONE,
    "event bus": _ALONE,
    "alias": Kind(
        lambda _: None,  # they are created for what names them, and never moved
        lambda have: _documents(have.aliases or {}),
        lambda *_: None,
        _shown_alias,
    ),
    "async config": Kind(
        lambda want: _documents(want.configs),
        lambda have: _documents(have.configs),
        _config_to_put,
        lambda document: settings_of(config_of(document)),
    ),
    "concurrency": Kind(
        lambda want: want.concurrency,
        lambda have: have.concurrency or {},
        _concurrency_to_put,
        lambda document: document,
    ),
    "trigger": Kind(
        lambda want: want.triggers,
        lambda have: have.triggers or {},
        trigger_to_put,
        _shown_trigger,
        fixed=("triggerType", "sourceArn"),
    ),
}
"""All kinds, in the order in which they are put: a trigger fires when everything else is there."""
