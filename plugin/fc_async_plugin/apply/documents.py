# SPDX-License-Identifier: MIT
"""The operations on documents that belong to functions, one row for each kind.

Invariant: a row is data. When an operation is repeated, and what its errors mean, is decided by
:mod:`.perform` for all kinds alike.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

from fc_async_plugin.plan.kinds import config_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from fc_async_plugin.plan.model import Delete, Of, Put
    from fc_async_sdk import Client


class Operations(NamedTuple):
    """The operations on one kind of document.

    Attributes:
        create: Creates a document; a kind that can only be put has the same for ``update``.
        update: Changes a document.
        delete: Deletes a document.
    """

    create: Callable[[Client, Put], object]
    update: Callable[[Client, Put], object]
    delete: Callable[[Client, Delete], object]


def _alias(step: Put) -> dict[str, Any]:
    return {
        "version_id": step.after.get("versionId") or "",
        "description": step.after.get("description"),
        "additional_version_weight": step.after.get("additionalVersionWeight"),
    }


def _put_config(client: Client, step: Put) -> object:
    config = config_of(step.after)
    return client.put_async_invoke_config(step.function, qualifier=step.name, config=config)


def _put_concurrency(client: Client, step: Put) -> object:
    count: int = step.after["reservedConcurrency"]
    return client.put_concurrency_config(step.function, reserved_concurrency=count)


def _trigger(step: Put) -> dict[str, Any]:
    return {
        "trigger_config": step.after["triggerConfig"],
        "invocation_role": step.after.get("invocationRole"),
        "qualifier": step.after.get("qualifier"),
        "description": step.after.get("description", ""),
    }


OPERATIONS: Final[dict[Of, Operations]] = {
    "alias": Operations(
        lambda client, step: client.create_alias(step.function, step.name, **_alias(step)),
        lambda client, step: client.update_alias(step.function, step.name, **_alias(step)),
        lambda client, step: client.delete_alias(step.function, step.name),
    ),
    "async config": Operations(
        _put_config,
        _put_config,
        lambda client, step: client.delete_async_invoke_config(step.function, qualifier=step.name),
    ),
    "concurrency": Operations(
        _put_concurrency,
        _put_concurrency,
        lambda client, step: client.delete_concurrency_config(step.function),
    ),
    "trigger": Operations(
        lambda client, step: client.create_trigger(
            step.function,
            step.name,
            trigger_type=step.after["triggerType"],
            source_arn=step.after.get("sourceArn"),
            **_trigger(step),
        ),
        lambda client, step: client.update_trigger(step.function, step.name, **_trigger(step)),
        lambda client, step: client.delete_trigger(step.function, step.name),
    ),
}
