# SPDX-License-Identifier: MIT
"""Configurations, unsigned: limits, a check before saving, put and delete; concurrency."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

import msgspec

from fc_async_local.api.operation import Query, local
from fc_async_local.domain.errors import Rejected
from fc_async_sdk.admin import models
from fc_async_sdk.models import AsyncConfig
from fc_async_sdk.spec import destinations, limits

if TYPE_CHECKING:
    from fc_async_local.functions import FunctionRegistry


class QualifierQuery(Query, frozen=True, kw_only=True):
    """The qualifier of a configuration."""

    qualifier: str = limits.DEFAULT_QUALIFIER


class ConfigAdmin:
    """Configurations, as the console shows and edits them."""

    def __init__(self, registry: FunctionRegistry) -> None:
        self._registry = registry

    @local("GET", "/limits")
    async def limits(self) -> models.Limits:
        """Return the ranges of the fields, and the fields that each kind of destination has."""
        return models.Limits(
            max_async_retry_attempts=_range(limits.RETRY_ATTEMPTS),
            max_async_event_age_in_seconds=_range(limits.EVENT_AGE_SECONDS),
            delay=_range(limits.DELAY_SECONDS),
            instance_concurrency=_range(limits.INSTANCE_CONCURRENCY),
            destinations=[
                models.DestinationKind(
                    kind=kind,
                    label=record.label,
                    fields=list(record.names),
                    template=record.template,
                    payload_limit=record.payload_bytes,
                )
                for kind, record in destinations.KINDS.items()
            ],
        )

    @local("POST", "/functions/{function}/async-config/check")
    async def check(
        self, function: str, query: QualifierQuery, body: dict[str, Any]
    ) -> models.Cycle:
        """Check a configuration without storing it.

        ``cycle`` has the names along the destination cycle that it would close, if any.
        """
        cycle = await self._registry.cycle_with(function, query.qualifier, body)
        return models.Cycle(cycle=list(cycle))

    @local("PUT", "/functions/{function}/async-config")
    async def put(self, function: str, query: QualifierQuery, body: dict[str, Any]) -> AsyncConfig:
        """Do what PutAsyncInvokeConfig does."""
        stored = await self._registry.async_configs.put(function, query.qualifier, body)
        return msgspec.convert(stored, AsyncConfig)

    @local("DELETE", "/functions/{function}/async-config")
    async def delete(self, function: str, query: QualifierQuery) -> None:
        """Do what DeleteAsyncInvokeConfig does."""
        await self._registry.async_configs.delete(function, query.qualifier)

    @local("PUT", "/async-config-places")
    async def places(self, body: models.Places) -> models.KnownPlaces:
        """Remember where a template has the destinations and triggers that were deployed.

        A place is forgotten when its configuration is put again, or its trigger is updated.
        """
        ends = await self._registry.async_configs.say_where_written(body.places)
        fired = await self._registry.triggers.say_where_written(body.triggers)
        return models.KnownPlaces(known=ends + fired)

    @local("PUT", "/functions/{function}/concurrency")
    async def put_concurrency(
        self, function: str, body: models.SetConcurrency
    ) -> models.Concurrency:
        """Do what PutConcurrencyConfig, DeleteConcurrencyConfig and UpdateFunction do."""
        concurrency, functions = self._registry.scaling.concurrency, self._registry.functions
        if body.instance_concurrency is not None:
            await functions.update(function, {"instanceConcurrency": body.instance_concurrency})
        found = await functions.get(function)
        reserved: dict[str, Any] = {}
        if isinstance(body.reserved_concurrency, int):
            wanted = {"reservedConcurrency": body.reserved_concurrency}
            reserved = await concurrency.put(function, "", wanted)
        elif body.reserved_concurrency is None:
            with contextlib.suppress(Rejected):  # none is reserved
                await concurrency.delete(function)
        else:
            with contextlib.suppress(Rejected):
                reserved = await concurrency.get(function)
        return models.Concurrency(
            reserved_concurrency=reserved.get("reservedConcurrency"),
            instance_concurrency=found.get("instanceConcurrency"),
        )


def _range(allowed: limits.Range) -> models.Range:
    return models.Range(**allowed._asdict())
