# SPDX-License-Identifier: MIT
"""Operations on asynchronous configurations, one per (function, qualifier)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fc_async_local.functions import async_rules, paging, refusals
from fc_async_local.functions.records import AsyncConfigRecord
from fc_async_local.functions.triggers import has_http_trigger
from fc_async_sdk.spec import arn, limits

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from fc_async_local.clock import Clock
    from fc_async_local.domain.rules import Place
    from fc_async_local.functions.paging import Page
    from fc_async_local.functions.snapshot import Snapshot, SnapshotCache
    from fc_async_sdk.models import AsyncConfig


class AsyncConfigs:
    """Put, read, delete and list configurations.

    Args:
        cache: The configuration of the runtime.
        clock: For created and modified times.
        place: Region and account in ARNs.
    """

    def __init__(self, cache: SnapshotCache, clock: Clock, place: Place) -> None:
        self._cache = cache
        self._clock = clock
        self._place = place
        self._listener: Callable[[AsyncConfig], Awaitable[None]] | None = None

    def listen(self, listener: Callable[[AsyncConfig], Awaitable[None]]) -> None:
        """Call a function with each configuration that is put, before the put is answered."""
        self._listener = listener

    async def everything(self) -> list[AsyncConfig]:
        """Return all configurations.

        Raises:
            StoreUnavailable: The store cannot be read.
        """
        snapshot = await self._cache.read()
        return [record.config for record in snapshot.all(AsyncConfigRecord)]

    def _describe(self, record: AsyncConfigRecord) -> dict[str, Any]:
        return async_rules.describe(record, self._place)

    async def put(self, function: str, qualifier: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """PutAsyncInvokeConfig: replaces; values that the body leaves out become the default.

        Raises:
            Rejected: 400 InvalidArgument or InvalidDestinationResources; 404 FunctionNotFound,
                AliasNotFound or VersionNotFound.
        """
        config = async_rules.check(body)
        name = qualifier or limits.DEFAULT_QUALIFIER
        async with self._cache.writing:
            snapshot = await self._cache.read()
            snapshot.resolve(function, name)
            _check_functions(snapshot, config)
            before = snapshot.async_config(function, name)
            now = self._clock.now()
            record = AsyncConfigRecord(
                function=function,
                qualifier=name,
                config=config,
                created_at=before.created_at if before is not None else now,
                modified_at=now,
            )
            await self._cache.write([record.stored()])
        if self._listener is not None:
            await self._listener(record.config)
        return self._describe(record)

    async def get(self, function: str, qualifier: str) -> dict[str, Any]:
        """GetAsyncInvokeConfig.

        Raises:
            Rejected: 404 FunctionNotFound or AsyncConfigNotExists.
        """
        return self._describe(await self._find(function, qualifier))

    async def _find(self, function: str, qualifier: str) -> AsyncConfigRecord:
        name = qualifier or limits.DEFAULT_QUALIFIER
        snapshot = await self._cache.read()
        snapshot.function(function)
        record = snapshot.async_config(function, name)
        if record is None:
            raise refusals.async_config_not_exists(function, name)
        return record

    async def delete(self, function: str, qualifier: str) -> None:
        """DeleteAsyncInvokeConfig.

        Raises:
            Rejected: 404 FunctionNotFound or AsyncConfigNotExists.
        """
        async with self._cache.writing:
            record = await self._find(function, qualifier)
            await self._cache.write([record.deleted()])

    async def listing(self, function: str | None, page: Page) -> tuple[list[dict[str, Any]], str]:
        """ListAsyncInvokeConfigs of one function or of all.

        Raises:
            Rejected: 400 InvalidArgument, 404 FunctionNotFound.
        """
        snapshot = await self._cache.read()
        if function is not None:
            snapshot.function(function)
        found = snapshot.all(AsyncConfigRecord, function)
        chosen, token = paging.cut(found, page, lambda record: record.key, of="async-configs")
        return [self._describe(record) for record in chosen], token


def _check_functions(snapshot: Snapshot, config: AsyncConfig) -> None:
    """Refuse functions as destinations that have an HTTP trigger."""
    for field, target in async_rules.destinations(config):
        if isinstance(target, arn.FunctionArn) and has_http_trigger(snapshot, target.function):
            raise refusals.invalid_destination(
                f"{field}: function '{target.function}' has an HTTP trigger; only event "
                "functions can be destinations"
            )
