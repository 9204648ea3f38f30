# SPDX-License-Identifier: MIT
"""Reads whole lists of an account in one region, page by page.

Invariants:

- Every list of an account is read here.
- An error ends a list: what could not be read does not count as missing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from fc_async_sdk.paginators import Paginator
from fc_async_sdk.spec import limits

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from fc_async_sdk import Client
    from fc_async_sdk.models import (
        Alias,
        AsyncConfig,
        ConcurrencyConfig,
        Function,
        FunctionVersion,
        Trigger,
    )

_PAGE: Final = limits.PAGE_SIZE.high


def functions(client: Client) -> Iterator[Function]:
    """Yield all functions of the region."""
    return _all(client.list_functions, "functions")


def configs(client: Client, function: str) -> dict[str, AsyncConfig]:
    """Return a function's configurations by qualifier."""
    listed: Iterator[AsyncConfig] = _all(client.list_async_invoke_configs, "configs", function)
    return {config.qualifier: config for config in listed}


def in_task_mode(client: Client, function: str, qualifier: str | None) -> bool:
    """Return whether invocations of a function by a qualifier are tasks.

    Args:
        client: A client of the function's region.
        function: Name of the function.
        qualifier: Version or alias; None: any.
    """
    by_qualifier = configs(client, function)
    if qualifier is None:
        return any(config.async_task for config in by_qualifier.values())
    config = by_qualifier.get(qualifier)
    return config is not None and bool(config.async_task)


def all_configs(client: Client) -> dict[str, dict[str, AsyncConfig]]:
    """Return the region's configurations by function and qualifier."""
    listed: Iterator[AsyncConfig] = _all(client.list_async_invoke_configs, "configs")
    by_function: dict[str, dict[str, AsyncConfig]] = {}
    for config in listed:
        by_function.setdefault(_owner(config), {})[config.qualifier] = config
    return by_function


def aliases(client: Client, function: str) -> dict[str, Alias]:
    """Return a function's aliases by name."""
    listed: Iterator[Alias] = _all(client.list_aliases, "aliases", function)
    return {alias.alias_name: alias for alias in listed}


def versions(client: Client, function: str) -> frozenset[str]:
    """Return the ids of a function's versions."""
    listed: Iterator[FunctionVersion] = _all(client.list_function_versions, "versions", function)
    return frozenset(version.version_id for version in listed)


def triggers(client: Client, function: str) -> tuple[Trigger, ...]:
    """Return a function's triggers, without those that EventBridge keeps for itself."""
    listed: Iterator[Trigger] = _all(client.list_triggers, "triggers", function)
    # A plan would offer to delete them as leftovers.
    return tuple(trigger for trigger in listed if "|" not in trigger.trigger_name)


def concurrency(client: Client, function: str) -> int | None:
    """Return a function's reserved concurrency, or None."""
    listed: Iterator[ConcurrencyConfig] = _all(client.list_concurrency_configs, "configs", function)
    return next((config.reserved_concurrency for config in listed), None)


def _all(operation: Callable[..., Any], items: str, *of: str) -> Iterator[Any]:
    pages: Paginator[Any, Any] = Paginator(operation, items)
    return pages.paginate(*of, limit=_PAGE).items()


def _owner(config: AsyncConfig) -> str:
    """Return the function in the ARN that the service set, "" if it set none."""
    parts = (config.function_arn or "").split("/")
    return parts[1] if len(parts) > 1 else ""
