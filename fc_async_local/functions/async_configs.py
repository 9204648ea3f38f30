# SPDX-License-Identifier: MIT
"""Operations on asynchronous configurations, one per (function, qualifier), and their graph.

Destinations are checked for what every delivery would refuse: their form, their names, the default
event bus and RocketMQ 5.x. Whether a queue or function exists is found out by the delivery, as with
the service.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
from msgspec.structs import replace

from fc_async_local.functions import refusals
from fc_async_local.functions.records import AsyncConfigRecord
from fc_async_local.functions.snapshot import Resources
from fc_async_local.functions.triggers import has_http_trigger
from fc_async_sdk.errors import InvalidArn
from fc_async_sdk.models import AsyncConfig
from fc_async_sdk.spec import arn, async_config, limits
from fc_async_sdk.spec.times import rfc3339

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping

    from fc_async_local.functions.snapshot import Snapshot, SnapshotCache
    from fc_async_sdk.admin.models import WrittenAt


class AsyncConfigs(Resources[AsyncConfigRecord]):
    """Put, read, delete and list configurations.

    Args:
        cache: The configuration of the runtime.
        refuse_http: Refuse functions as destinations that have an HTTP trigger.
    """

    record = AsyncConfigRecord

    def __init__(self, cache: SnapshotCache, *, refuse_http: bool) -> None:
        super().__init__(cache)
        self._refuse_http = refuse_http
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

    async def of(self, function: str) -> list[AsyncConfig]:
        """Return the configurations of a function, of all its qualifiers.

        Raises:
            StoreUnavailable: The store cannot be read.
        """
        snapshot = await self._cache.read()
        records = snapshot.all(AsyncConfigRecord)
        return [record.config for record in records if record.function == function]

    def _describe(self, record: AsyncConfigRecord) -> dict[str, Any]:
        """Return a configuration: what was set, its ARN and its times."""
        return {
            **record.config.to_dict(),
            "functionArn": self._cache.account.function_arn(record.function, record.qualifier),
            "createdTime": rfc3339(record.created_at),
            "lastModifiedTime": rfc3339(record.modified_at),
        }

    async def put(
        self,
        function: str,
        qualifier: str,
        body: Mapping[str, Any],
    ) -> dict[str, Any]:
        """PutAsyncInvokeConfig: replaces; values that the body leaves out become the default.

        Raises:
            Rejected: 400 InvalidArgument or InvalidDestinationResources; 404 FunctionNotFound,
                AliasNotFound or VersionNotFound.
        """
        config = check_config(body)
        name = qualifier or limits.DEFAULT_QUALIFIER
        async with self._cache.writing:
            snapshot = await self._cache.read()
            snapshot.resolve(function, name)
            if self._refuse_http:
                _check_functions(snapshot, config)
            before = snapshot.async_config(function, name)
            now = self._cache.now()
            created_at = now if before is None else before.created_at
            record = AsyncConfigRecord(
                function=function,
                qualifier=name,
                config=config,
                created_at=created_at,
                modified_at=now,
            )
            await self._cache.write(record.stored())
        if self._listener is not None:
            await self._listener(record.config)
        return self._describe(record)

    async def say_where_written(self, locations: Iterable[WrittenAt]) -> int:
        """Remember where a template has destinations, until their configuration is put again.

        A place of a destination that the runtime does not have is ignored.

        Args:
            locations: All destinations of each configuration that is named.

        Returns:
            The number of destinations that the runtime has.
        """
        async with self._cache.writing:
            snapshot = await self._cache.read()
            located: dict[str, AsyncConfigRecord] = {}
            for location in locations:
                current = snapshot.async_config(location.function, location.qualifier)
                if current is None:
                    continue
                # What an earlier deployment said is forgotten: the template may have moved.
                record = located.get(current.key) or replace(current, written={}, waived=())
                located[current.key] = _with_location(record, location)
            # Only what differs is written: a write without a change would empty every cache.
            changes = []
            for key, record in located.items():
                if record != snapshot.find(AsyncConfigRecord, key):
                    changes.append(record.stored())
            if changes:
                await self._cache.write(*changes)
        return sum(len(record.written) for record in located.values())


def _with_location(record: AsyncConfigRecord, location: WrittenAt) -> AsyncConfigRecord:
    """Return the record with the place of one of its destinations, if it has that destination."""
    if (location.outcome, location.destination) not in record.config.destinations:
        return record
    waived = set(record.waived)
    if location.waived:
        waived.add(location.outcome)
    written = {
        **record.written,
        location.outcome: location.place,
    }
    return replace(
        record,
        written=written,
        waived=tuple(sorted(waived)),
    )


def _check_functions(snapshot: Snapshot, config: AsyncConfig) -> None:
    """Refuse functions as destinations that have an HTTP trigger."""
    # Only by setting: no page about FC 3.0 says that the service refuses them (FCA041 warns).
    for field, target in destinations_of(config):
        if isinstance(target, arn.FunctionArn) and has_http_trigger(snapshot, target.function):
            raise refusals.invalid_destination(
                f"{field}: function '{target.function}' has an HTTP trigger; only event "
                "functions can be destinations"
            )


def check_config(body: Mapping[str, Any]) -> AsyncConfig:
    """Return the configuration of a PutAsyncInvokeConfig request; only what was set.

    Keys that the operation does not have are ignored, as by the service.

    Raises:
        Rejected: 400 InvalidArgument or InvalidDestinationResources.
    """
    config_body = {}
    for field in async_config.FIELDS:
        value = body.get(field)
        if value is not None:  # null is what some clients send for a field that is not set
            config_body[field] = value
    for violation in async_config.check(config_body):
        # The service has a code of its own for a destination that is empty.
        if violation.kind == "no-destination":
            raise refusals.invalid_destination(violation.message)
        if violation.kind != "unknown-key":
            raise refusals.invalid_argument(violation.message)
    config = msgspec.convert(config_body, AsyncConfig)
    # Refused now, because each delivery would be: its invocations would all become dead events.
    for name, target in destinations_of(config):
        if target.refused:
            raise refusals.invalid_destination(f"{name}: {target.refused}")
    return config


def destinations_of(config: AsyncConfig) -> Iterator[tuple[str, arn.DestinationArn]]:
    """Yield every destination of a configuration, with the name of its field.

    Raises:
        Rejected: 400 InvalidDestinationResources: one is not the ARN of a possible destination.
    """
    fields_of = {outcome: field for field, outcome in async_config.OUTCOMES}
    for outcome, text in config.destinations:
        name = f"destinationConfig.{fields_of[outcome]}.destination"
        try:
            yield name, arn.parse(text)
        except InvalidArn as error:
            raise refusals.invalid_destination(f"{name}: {error}") from None
