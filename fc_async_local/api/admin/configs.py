# SPDX-License-Identifier: MIT
"""Configurations, unsigned: limits, a check before saving, put and delete; concurrency."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

import msgspec

from fc_async_local.api import admin
from fc_async_local.api.operation import body_of, read_body
from fc_async_local.domain.errors import Rejected
from fc_async_sdk.admin import models
from fc_async_sdk.models import AsyncConfig
from fc_async_sdk.spec import destinations, limits

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.routing import Route

    from fc_async_local.functions import FunctionRegistry


class ConfigAdmin:
    """Configurations, as the console shows and edits them."""

    def __init__(self, registry: FunctionRegistry) -> None:
        self._registry = registry

    def routes(self) -> list[Route]:
        """Return the routes of these operations."""
        one = "/functions/{function}/async-config"
        return admin.routes(
            [
                ("GET", "/limits", self.limits),
                ("POST", f"{one}/check", self.check),
                ("PUT", one, self.put),
                ("DELETE", one, self.delete),
                ("PUT", "/async-config-places", self.places),
                ("PUT", "/functions/{function}/concurrency", self.put_concurrency),
            ]
        )

    async def limits(self, _: Request) -> models.Limits:
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

    async def check(self, request: Request, function: str) -> models.Cycle:
        """Check a configuration without storing it.

        ``cycle`` has the names along the destination cycle that it would close, if any.
        """
        body = await body_of(request)
        cycle = await self._registry.cycle_with(function, _qualifier(request), body)
        return models.Cycle(cycle=list(cycle))

    async def put(self, request: Request, function: str) -> AsyncConfig:
        """Do what PutAsyncInvokeConfig does."""
        body = await body_of(request)
        stored = await self._registry.async_configs.put(function, _qualifier(request), body)
        return msgspec.convert(stored, AsyncConfig)

    async def delete(self, request: Request, function: str) -> None:
        """Do what DeleteAsyncInvokeConfig does."""
        await self._registry.async_configs.delete(function, _qualifier(request))

    async def places(self, request: Request) -> models.KnownPlaces:
        """Remember where a template has the destinations and triggers that were deployed.

        A place is forgotten when its configuration is put again, or its trigger is updated.
        """
        body = await read_body(request, models.Places)
        ends = await self._registry.async_configs.say_where_written(body.places)
        fired = await self._registry.triggers.say_where_written(body.triggers)
        return models.KnownPlaces(known=ends + fired)

    async def put_concurrency(self, request: Request, function: str) -> models.Concurrency:
        """Do what PutConcurrencyConfig and UpdateFunction do.

        Body: ``reservedConcurrency`` (null: DeleteConcurrencyConfig) and ``instanceConcurrency``;
        what is left out stays as it is.
        """
        wanted = await read_body(request, models.SetConcurrency)
        concurrency, functions = self._registry.scaling.concurrency, self._registry.functions
        if wanted.instance_concurrency is not None:
            await functions.update(function, {"instanceConcurrency": wanted.instance_concurrency})
        found = await functions.get(function)
        reserved: dict[str, Any] = {}
        if isinstance(wanted.reserved_concurrency, int):
            body = {"reservedConcurrency": wanted.reserved_concurrency}
            reserved = await concurrency.put(function, "", body)
        elif wanted.reserved_concurrency is None:
            with contextlib.suppress(Rejected):  # none is reserved
                await concurrency.delete(function)
        else:
            with contextlib.suppress(Rejected):
                reserved = await concurrency.get(function)
        return models.Concurrency(
            reserved_concurrency=reserved.get("reservedConcurrency"),
            instance_concurrency=found.get("instanceConcurrency"),
        )


def _qualifier(request: Request) -> str:
    return request.query_params.get("qualifier") or limits.DEFAULT_QUALIFIER


def _range(allowed: limits.Range) -> models.Range:
    return models.Range(**allowed._asdict())
