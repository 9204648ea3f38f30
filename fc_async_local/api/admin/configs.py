# SPDX-License-Identifier: MIT
"""Configurations, unsigned: limits, a check before saving, put and delete; concurrency."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any, Final

import msgspec

from fc_async_local.api import admin
from fc_async_local.api.operation import body_of
from fc_async_local.domain.errors import Rejected
from fc_async_local.functions import refusals
from fc_async_sdk.admin import models
from fc_async_sdk.spec import arn, async_config, limits

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.routing import Route

    from fc_async_local.functions import FunctionRegistry

_DESTINATIONS: Final = (
    arn.FunctionArn,
    arn.MnsQueueArn,
    arn.MnsTopicArn,
    arn.RocketMqTopicArn,
    arn.EventBusArn,
)


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

    async def limits(self, _: Request) -> dict[str, Any]:
        """Return the ranges of the fields, and the fields that each kind of destination has.

        ``template`` is the ARN of a kind with the names of its fields in braces. Region and
        account are empty: those of the runtime are meant.
        """
        ranges = {
            **async_config.RANGES,
            "delay": limits.DELAY_SECONDS,
            "instanceConcurrency": limits.INSTANCE_CONCURRENCY,
        }
        return {
            **{name: allowed._asdict() for name, allowed in ranges.items()},
            "destinations": [_described(kind) for kind in _DESTINATIONS],
        }

    async def check(self, request: Request, function: str) -> dict[str, Any]:
        """Check a configuration without storing it.

        ``cycle`` has the names along the destination cycle that it would close, if any.
        """
        _, cycle = await self._registry.graph_with(
            function, _qualifier(request), await body_of(request)
        )
        return {"cycle": cycle}

    async def put(self, request: Request, function: str) -> dict[str, Any]:
        """Do what PutAsyncInvokeConfig does."""
        body = await body_of(request)
        return await self._registry.async_configs.put(function, _qualifier(request), body)

    async def delete(self, request: Request, function: str) -> None:
        """Do what DeleteAsyncInvokeConfig does."""
        await self._registry.async_configs.delete(function, _qualifier(request))

    async def places(self, request: Request) -> models.KnownPlaces:
        """Remember where a template has the destinations that were deployed.

        Body: ``places``: ``function``, ``qualifier``, ``outcome``, ``destination`` and ``place``
        (``file:line:column``) of each. It is forgotten when a configuration is put again. ``known``
        is the number of destinations that the runtime has.
        """
        try:
            body = msgspec.convert(await body_of(request), models.Places)
        except msgspec.ValidationError as error:
            raise refusals.invalid_argument(str(error)) from None
        known = await self._registry.async_configs.say_where_written(body.places)
        return models.KnownPlaces(known=known)

    async def put_concurrency(self, request: Request, function: str) -> dict[str, Any]:
        """Do what PutConcurrencyConfig and UpdateFunction do.

        Body: ``reservedConcurrency`` (null: DeleteConcurrencyConfig) and ``instanceConcurrency``;
        what is left out stays as it is.
        """
        body = await body_of(request)
        concurrency, functions = self._registry.scaling.concurrency, self._registry.functions
        if body.get("instanceConcurrency") is not None:
            wanted = {"instanceConcurrency": body["instanceConcurrency"]}
            await functions.update(function, wanted)
        found = await functions.get(function)
        reserved: dict[str, Any] = {}
        if body.get("reservedConcurrency") is not None:
            reserved = await concurrency.put(function, "", body)
        elif "reservedConcurrency" in body:
            with contextlib.suppress(Rejected):  # none is reserved
                await concurrency.delete(function)
        else:
            with contextlib.suppress(Rejected):
                reserved = await concurrency.get(function)
        return {
            "reservedConcurrency": reserved.get("reservedConcurrency"),
            "instanceConcurrency": found.get("instanceConcurrency"),
        }


def _qualifier(request: Request) -> str:
    return request.query_params.get("qualifier") or limits.DEFAULT_QUALIFIER


def _described(kind: type[arn.Arn]) -> dict[str, Any]:
    fields = [
        field.name
        for field in msgspec.structs.fields(kind)
        if field.name not in {"region", "account_id"}
    ]
    return {
        "kind": kind.kind,
        "fields": fields,
        "template": str(kind(**{name: f"{{{name}}}" for name in fields})),
        "payloadLimit": kind.payload_limit,
    }
