# SPDX-License-Identifier: MIT
"""Reads whole lists of an account in one region, page by page.

Invariants:

- Every list of an account is read here.
- An error ends a list: what could not be read does not count as missing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Protocol

from fc_async_sdk.paginators import Paginator
from fc_async_sdk.spec import limits

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from fc_async_sdk.models import (
        Alias,
        AliasPage,
        AsyncConfig,
        AsyncConfigPage,
        Function,
        FunctionPage,
        FunctionVersion,
        FunctionVersionPage,
        Trigger,
        TriggerPage,
    )

_PAGE: Final = limits.PAGE_SIZE.high


class Lists(Protocol):
    """The list operations of the FC API that reading needs; see the SDK's client."""

    def list_functions(
        self, *, limit: int | None = None, next_token: str | None = None
    ) -> FunctionPage:
        """Return one page of functions."""
        ...

    def list_async_invoke_configs(
        self,
        function: str | None = None,
        *,
        limit: int | None = None,
        next_token: str | None = None,
    ) -> AsyncConfigPage:
        """Return one page of configurations."""
        ...

    def list_aliases(
        self, function: str, *, limit: int | None = None, next_token: str | None = None
    ) -> AliasPage:
        """Return one page of aliases."""
        ...

    def list_function_versions(
        self, function: str, *, limit: int | None = None, next_token: str | None = None
    ) -> FunctionVersionPage:
        """Return one page of versions."""
        ...

    def list_triggers(
        self, function: str, *, limit: int | None = None, next_token: str | None = None
    ) -> TriggerPage:
        """Return one page of triggers."""
        ...


def functions(account: Lists) -> Iterator[Function]:
    """Yield all functions of the region."""
    return _all(account.list_functions, "functions")


def configs(account: Lists, function: str) -> dict[str, AsyncConfig]:
    """Return a function's configurations by qualifier."""
    found: Iterator[AsyncConfig] = _all(account.list_async_invoke_configs, "configs", function)
    return {config.qualifier: config for config in found}


def all_configs(account: Lists) -> dict[str, dict[str, AsyncConfig]]:
    """Return the region's configurations by function and qualifier."""
    found: Iterator[AsyncConfig] = _all(account.list_async_invoke_configs, "configs")
    by_function: dict[str, dict[str, AsyncConfig]] = {}
    for config in found:
        by_function.setdefault(_owner(config), {})[config.qualifier] = config
    return by_function


def aliases(account: Lists, function: str) -> dict[str, Alias]:
    """Return a function's aliases by name."""
    found: Iterator[Alias] = _all(account.list_aliases, "aliases", function)
    return {alias.alias_name: alias for alias in found}


def versions(account: Lists, function: str) -> frozenset[str]:
    """Return the ids of a function's versions."""
    found: Iterator[FunctionVersion] = _all(account.list_function_versions, "versions", function)
    return frozenset(version.version_id for version in found)


def triggers(account: Lists, function: str) -> tuple[Trigger, ...]:
    """Return a function's triggers."""
    return tuple(_all(account.list_triggers, "triggers", function))


def _all(operation: Callable[..., Any], items: str, *of: str) -> Iterator[Any]:
    pages: Paginator[Any, Any] = Paginator(operation, items)
    return pages.paginate(*of, limit=_PAGE).items()


def _owner(config: AsyncConfig) -> str:
    """Return the function in the ARN that the service set, "" if it set none."""
    parts = (config.function_arn or "").split("/")
    return parts[1] if len(parts) > 1 else ""
