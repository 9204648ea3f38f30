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

    from fc_async_local.api.http_triggers.urls import TriggerUrls
    from fc_async_local.functions import FunctionRegistry
    from fc_async_local.functions.scaling import InstanceConfigs


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
        vpcs = "/functions/{name}/vpc-bindings"
        scaling = self._scaling
        return [
            *_config_routes("concurrency", "/concurrency-configs", "configs", scaling.concurrency),
            *_config_routes(
                "provision-config", "/provision-configs", "provisionConfigs", scaling.provision
            ),
            *_config_routes("scaling-config", "/scaling-configs", "scalingConfigs", scaling.config),
            operation("POST", vpcs, self.create_vpc_binding),
            operation("GET", vpcs, self.list_vpc_bindings),
            operation("DELETE", f"{vpcs}/{{vpc}}", self.delete_vpc_binding),
        ]

    async def create_vpc_binding(self, request: Request, name: str) -> None:
        """Answer CreateVpcBinding."""
        await self._scaling.vpcs.bind(name, await body_of(request))

    async def list_vpc_bindings(self, _: Request, name: str) -> dict[str, Any]:
        """Answer ListVpcBindings."""
        return {"vpcIds": await self._scaling.vpcs.ids(name)}

    async def delete_vpc_binding(self, _: Request, name: str, vpc: str) -> None:
        """Answer DeleteVpcBinding."""
        await self._scaling.vpcs.unbind(name, vpc)


def _config_routes(
    path: str, every: str, listed_as: str, configs: InstanceConfigs[Any]
) -> list[Route]:
    """Return the routes of put, get, delete and list of one kind of configuration.

    Args:
        path: Of a configuration, below its function.
        every: The path of the list.
        listed_as: The field of the list's answer.
        configs: What is stored.
    """

    async def put(request: Request, name: str) -> dict[str, Any]:
        return await configs.put(name, _qualifier(request), await body_of(request))

    async def get(request: Request, name: str) -> dict[str, Any]:
        return await configs.get(name, _qualifier(request))

    async def delete(request: Request, name: str) -> None:
        await configs.delete(name, _qualifier(request))

    async def list_all(request: Request) -> dict[str, Any]:
        function = request.query_params.get("functionName") or None
        return page_of(
            listed_as, *await configs.listing(function, query_page(request.query_params))
        )

    one = f"/functions/{{name}}/{path}"
    return [
        operation("PUT", one, put),
        operation("GET", one, get),
        operation("DELETE", one, delete),
        operation("GET", every, list_all),
    ]


def _qualifier(request: Request) -> str:
    return request.query_params.get("qualifier", "")


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
