# SPDX-License-Identifier: MIT
"""Operations on the resources of a function, as routes: triggers, scaling, VPC bindings, tags.

Deploy tools read and write these beside the functions that they deploy.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fc_async_local.api.operation import (
    REQUEST_ID,
    body_of,
    operation,
    page_of,
    query_flag,
    query_number,
    query_page,
)
from fc_async_local.domain import json_input
from fc_async_local.functions import function_rules, refusals, tags
from fc_async_local.functions.paging import Page
from fc_async_sdk.errors import shorten

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.requests import Request
    from starlette.routing import Route

    from fc_async_local.functions import FunctionRegistry
    from fc_async_local.functions.http_triggers import TriggerUrls


class TriggerOperations:
    """Triggers.

    Args:
        registry: Where they are kept.
        urls: Where HTTP triggers are found.
    """

    def __init__(self, registry: FunctionRegistry, urls: TriggerUrls) -> None:
        self._triggers = registry.triggers
        self._urls = urls

    def routes(self) -> list[Route]:
        """Return the routes of these operations."""
        every = "/functions/{name}/triggers"
        one = f"{every}/{{trigger}}"
        return [
            operation("POST", every, self.create_trigger),
            operation("GET", every, self.list_triggers),
            operation("GET", one, self.get_trigger),
            operation("PUT", one, self.update_trigger),
            operation("DELETE", one, self.delete_trigger),
        ]

    async def create_trigger(self, request: Request, name: str) -> dict[str, Any]:
        """Answer CreateTrigger."""
        return self._shown(name, await self._triggers.create(name, await body_of(request)))

    async def update_trigger(self, request: Request, name: str, trigger: str) -> dict[str, Any]:
        """Answer UpdateTrigger."""
        return self._shown(name, await self._triggers.update(name, trigger, await body_of(request)))

    async def get_trigger(self, _: Request, name: str, trigger: str) -> dict[str, Any]:
        """Answer GetTrigger."""
        return self._shown(name, await self._triggers.get(name, trigger))

    async def delete_trigger(self, _: Request, name: str, trigger: str) -> None:
        """Answer DeleteTrigger."""
        await self._triggers.delete(name, trigger)

    async def list_triggers(self, request: Request, name: str) -> dict[str, Any]:
        """Answer ListTriggers."""
        triggers, token = await self._triggers.listing(
            name,
            query_page(request.query_params),
            prefix=request.query_params.get("prefix", ""),
        )
        return page_of("triggers", [self._shown(name, trigger) for trigger in triggers], token)

    def _shown(self, function: str, trigger: dict[str, Any]) -> dict[str, Any]:
        return self._urls.shown(function, trigger)


class ScalingOperations:
    """Reserved concurrency, provisioned instances, scaling configuration, VPC bindings."""

    def __init__(self, registry: FunctionRegistry) -> None:
        self._scaling = registry.scaling

    def routes(self) -> list[Route]:
        """Return the routes of these operations."""
        one = "/functions/{name}"
        return [
            operation("PUT", f"{one}/concurrency", self.put_concurrency_config),
            operation("GET", f"{one}/concurrency", self.get_concurrency_config),
            operation("DELETE", f"{one}/concurrency", self.delete_concurrency_config),
            operation("GET", "/concurrency-configs", self.list_concurrency_configs),
            operation("PUT", f"{one}/provision-config", self.put_provision_config),
            operation("GET", f"{one}/provision-config", self.get_provision_config),
            operation("DELETE", f"{one}/provision-config", self.delete_provision_config),
            operation("GET", "/provision-configs", self.list_provision_configs),
            operation("PUT", f"{one}/scaling-config", self.put_scaling_config),
            operation("GET", f"{one}/scaling-config", self.get_scaling_config),
            operation("DELETE", f"{one}/scaling-config", self.delete_scaling_config),
            operation("GET", "/scaling-configs", self.list_scaling_configs),
            operation("POST", f"{one}/vpc-bindings", self.create_vpc_binding),
            operation("GET", f"{one}/vpc-bindings", self.list_vpc_bindings),
            operation("DELETE", f"{one}/vpc-bindings/{{vpc}}", self.delete_vpc_binding),
        ]

    async def put_concurrency_config(self, request: Request, name: str) -> dict[str, Any]:
        """Answer PutConcurrencyConfig."""
        return await self._scaling.put_concurrency(name, await body_of(request))

    async def get_concurrency_config(self, _: Request, name: str) -> dict[str, Any]:
        """Answer GetConcurrencyConfig."""
        return await self._scaling.get_concurrency(name)

    async def delete_concurrency_config(self, _: Request, name: str) -> None:
        """Answer DeleteConcurrencyConfig."""
        await self._scaling.delete_concurrency(name)

    async def list_concurrency_configs(self, request: Request) -> dict[str, Any]:
        """Answer ListConcurrencyConfigs."""
        return page_of("configs", *await self._scaling.concurrency_listing(*_listed(request)))

    async def put_provision_config(self, request: Request, name: str) -> dict[str, Any]:
        """Answer PutProvisionConfig."""
        return await self._scaling.put_provision(name, _qualifier(request), await body_of(request))

    async def get_provision_config(self, request: Request, name: str) -> dict[str, Any]:
        """Answer GetProvisionConfig."""
        return await self._scaling.get_provision(name, _qualifier(request))

    async def delete_provision_config(self, request: Request, name: str) -> None:
        """Answer DeleteProvisionConfig."""
        await self._scaling.delete_provision(name, _qualifier(request))

    async def list_provision_configs(self, request: Request) -> dict[str, Any]:
        """Answer ListProvisionConfigs."""
        configs, token = await self._scaling.provision_listing(*_listed(request))
        return page_of("provisionConfigs", configs, token)

    async def put_scaling_config(self, request: Request, name: str) -> dict[str, Any]:
        """Answer PutScalingConfig."""
        return await self._scaling.put_scaling(name, _qualifier(request), await body_of(request))

    async def get_scaling_config(self, request: Request, name: str) -> dict[str, Any]:
        """Answer GetScalingConfig."""
        return await self._scaling.get_scaling(name, _qualifier(request))

    async def delete_scaling_config(self, request: Request, name: str) -> None:
        """Answer DeleteScalingConfig."""
        await self._scaling.delete_scaling(name, _qualifier(request))

    async def list_scaling_configs(self, request: Request) -> dict[str, Any]:
        """Answer ListScalingConfigs."""
        configs, token = await self._scaling.scaling_listing(*_listed(request))
        return page_of("scalingConfigs", configs, token)

    async def create_vpc_binding(self, request: Request, name: str) -> None:
        """Answer CreateVpcBinding."""
        await self._scaling.bind_vpc(name, await body_of(request))

    async def list_vpc_bindings(self, _: Request, name: str) -> dict[str, Any]:
        """Answer ListVpcBindings."""
        return {"vpcIds": await self._scaling.vpcs(name)}

    async def delete_vpc_binding(self, _: Request, name: str, vpc: str) -> None:
        """Answer DeleteVpcBinding."""
        await self._scaling.unbind_vpc(name, vpc)


def _qualifier(request: Request) -> str:
    return request.query_params.get("qualifier", "")


def _listed(request: Request) -> tuple[str | None, Page]:
    name = request.query_params.get("functionName") or None
    return name, query_page(request.query_params)


class TagOperations:
    """Tags of functions. These operations spell their parameters with capitals."""

    def __init__(self, registry: FunctionRegistry) -> None:
        self._tags = registry.tags

    def routes(self) -> list[Route]:
        """Return the routes of these operations."""
        return [
            operation("POST", "/tags-v2", self.tag_resources),
            operation("GET", "/tags-v2", self.list_tag_resources),
            operation("DELETE", "/tags-v2", self.untag_resources),
        ]

    async def tag_resources(self, request: Request) -> None:
        """Answer TagResources."""
        await self._tags.add(await body_of(request))

    async def untag_resources(self, request: Request) -> None:
        """Answer UntagResources."""
        query = request.query_params
        tags.check_type(query.get("ResourceType"))
        await self._tags.remove(
            _json(query, "ResourceId"),
            _json(query, "TagKey") or [],
            every=query_flag(query, "All"),
        )

    async def list_tag_resources(self, request: Request) -> dict[str, Any]:
        """Answer ListTagResources."""
        query = request.query_params
        tags.check_type(query.get("ResourceType"))
        limit = query_number(query, "Limit")
        page = Page(token=query.get("NextToken", ""))
        found, token = await self._tags.listing(
            _json(query, "ResourceId"),
            function_rules.check_tags(_json(query, "Tag")),
            page if limit is None else page._replace(limit=limit),
        )
        return {
            "RequestId": request.scope[REQUEST_ID],
            "TagResources": found,
            **({"NextToken": token} if token else {}),
        }


def _json(query: Mapping[str, str], name: str) -> Any:
    text = query.get(name)
    if not text:
        return None
    try:
        return json_input.read(text)
    except json_input.InvalidJson as error:
        raise refusals.invalid_argument(
            f"{name} {shorten(text)} cannot be read as JSON: {error}"
        ) from None
