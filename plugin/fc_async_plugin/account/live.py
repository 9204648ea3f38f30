# SPDX-License-Identifier: MIT
"""Reads what an account has in one region, for rules and the graph.

Invariant: an error of the service ends the reading, so that what could not be read does not count
as missing.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Final

from fc_async_plugin.account import lists
from fc_async_plugin.graph.build import LiveFunction, LiveRegion
from fc_async_sdk.errors import NotFound

if TYPE_CHECKING:
    from fc_async_sdk import Client
    from fc_async_sdk.models import Alias, Function, Trigger

WORKERS: Final = 8
"""Requests at a time."""


def read(client: Client, region: str, account_id: str) -> LiveRegion:
    """Read one region.

    Args:
        client: The client of the region.
        region: Region id.
        account_id: Account id as the templates have it, "" if unknown.

    Raises:
        FcAsyncError: The region cannot be read.
    """
    functions = list(lists.functions(client))
    configs = lists.all_configs(client)

    def one(function: Function) -> LiveFunction:
        name = function.function_name
        return LiveFunction(
            function=function,
            configs=configs.get(name, {}),
            aliases={
                alias: versions_of(found) for alias, found in lists.aliases(client, name).items()
            },
            versions=lists.versions(client, name),
            triggers=_triggers(client, name),
        )

    with ThreadPoolExecutor(WORKERS, thread_name_prefix="live") as pool:
        found = list(pool.map(one, functions))
    return LiveRegion(region, account_id, {item.function.function_name: item for item in found})


def versions_of(alias: Alias) -> tuple[str, ...]:
    """Return the versions that an alias may lead to: its own, and those with a weight above 0."""
    weighted = [name for name, weight in (alias.additional_version_weight or {}).items() if weight]
    return tuple(dict.fromkeys([*([alias.version_id] if alias.version_id else []), *weighted]))


def _triggers(client: Client, function: str) -> tuple[Trigger, ...]:
    try:
        return lists.triggers(client, function)
    except NotFound:
        # The function was deleted meanwhile, or the endpoint is a runtime without triggers.
        return ()
