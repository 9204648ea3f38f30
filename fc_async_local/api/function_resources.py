# SPDX-License-Identifier: MIT
"""Operations on what belongs to a function, as routes: aliases, triggers, configurations, tags."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fc_async_local.api.operation import (
    REQUEST_ID,
    PageQuery,
    PageSize,
    Prefixed,
    Query,
    body_of,
    operation,
    page_of,
    read_query,
)
from fc_async_local.functions import function_rules, refusals, tags
from fc_async_local.functions.paging import Page
from fc_async_sdk.spec import limits

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.requests import Request
    from starlette.routing import Route

    from fc_async_local.api.http_triggers.urls import TriggerUrls
    from fc_async_local.functions import FunctionRegistry
    from fc_async_local.functions.aliases import Aliases
    from fc_async_local.functions.async_configs import AsyncConfigs
    from fc_async_local.functions.scaling import InstanceConfigs
    from fc_async_local.functions.triggers import Triggers


class OfFunction(PageQuery, frozen=True, kw_only=True):
    """A page of what belongs to a function, or to any."""

    function_name: str = ""


class Tagged(Query, frozen=True, kw_only=True, rename="pascal"):
    """The resources whose tags are meant."""

    resource_type: str = ""
    resource_id: str = ""


class ListTagResources(Tagged, frozen=True, kw_only=True, rename="pascal"):
    """A page of the tags of resources."""

    tag: str = ""
    limit: PageSize = limits.PAGE_SIZE.default
    next_token: str = ""


class UntagResources(Tagged, frozen=True, kw_only=True, rename="pascal"):
    """The tags that are taken away."""

    tag_key: str = ""
    all: bool = False


class ResourceOperations:
    """Aliases, triggers, configurations, VPC bindings.

    Args:
        registry: Where they are kept.
        urls: Where HTTP triggers are found.
    """

    def __init__(self, registry: FunctionRegistry, urls: TriggerUrls) -> None:
        self._registry = registry
        self._urls = urls

    def routes(self) -> list[Route]:
        """Return the routes of these operations."""
        registry, scaling = self._registry, self._registry.scaling
        vpcs = "/functions/{name}/vpc-bindings"
        return [
            *_named_routes("alias", "aliases", registry.aliases, lambda _, alias: alias),
            *_named_routes("trigger", "triggers", registry.triggers, self._urls.shown),
            *_config_routes("async-invoke-config", "configs", registry.async_configs),
            *_config_routes("concurrency", "configs", scaling.concurrency, "concurrency-configs"),
            *_config_routes("provision-config", "provisionConfigs", scaling.provision),
            *_config_routes("scaling-config", "scalingConfigs", scaling.config),
            operation("POST", vpcs, self.create_vpc_binding),
            operation("GET", vpcs, self.list_vpc_bindings),
            operation("DELETE", f"{vpcs}/{{vpc}}", self.delete_vpc_binding),
        ]

    async def create_vpc_binding(self, request: Request, name: str) -> None:
        """Answer CreateVpcBinding."""
        await self._registry.scaling.vpcs.bind(name, await body_of(request))

    async def list_vpc_bindings(self, _: Request, name: str) -> dict[str, Any]:
        """Answer ListVpcBindings."""
        return {"vpcIds": await self._registry.scaling.vpcs.ids(name)}

    async def delete_vpc_binding(self, _: Request, name: str, vpc: str) -> None:
        """Answer DeleteVpcBinding."""
        await self._registry.scaling.vpcs.unbind(name, vpc)


def _named_routes(
    word: str,
    every: str,
    kept: Aliases | Triggers,
    shown: Callable[[str, dict[str, Any]], dict[str, Any]],
) -> list[Route]:
    """Return the routes of create, list, get, update and delete of what has a name in a function.

    Args:
        word: The name of one in a path.
        every: The path of the list, below the function, and the field of the list's answer.
        kept: What is stored.
        shown: Returns what is answered, of the function and the description of one.
    """

    async def create(request: Request, name: str) -> dict[str, Any]:
        return shown(name, await kept.create(name, await body_of(request)))

    async def list_all(request: Request, name: str) -> dict[str, Any]:
        query = read_query(request.query_params, Prefixed)
        found, token = await kept.listing(name, query.page, prefix=query.prefix)
        return page_of(every, [shown(name, one) for one in found], token)

    async def get(_: Request, name: str, **own: str) -> dict[str, Any]:
        return shown(name, await kept.get(name, own[word]))

    async def update(request: Request, name: str, **own: str) -> dict[str, Any]:
        return shown(name, await kept.update(name, own[word], await body_of(request)))

    async def delete(_: Request, name: str, **own: str) -> None:
        await kept.delete(name, own[word])

    path = f"/functions/{{name}}/{every}"
    one = f"{path}/{{{word}}}"
    return [
        operation("POST", path, create),
        operation("GET", path, list_all),
        operation("GET", one, get),
        operation("PUT", one, update),
        operation("DELETE", one, delete),
    ]


def _config_routes(
    path: str,
    listed_as: str,
    configs: AsyncConfigs | InstanceConfigs[Any],
    every: str = "",
) -> list[Route]:
    """Return the routes of put, get, delete and list of one kind of configuration.

    Args:
        path: Of a configuration, below its function.
        listed_as: The field of the list's answer.
        configs: What is stored.
        every: The path of the list, if it is not the plural of ``path``.
    """

    async def put(request: Request, name: str) -> dict[str, Any]:
        return await configs.put(name, _qualifier(request), await body_of(request))

    async def get(request: Request, name: str) -> dict[str, Any]:
        return await configs.get(name, _qualifier(request))

    async def delete(request: Request, name: str) -> None:
        await configs.delete(name, _qualifier(request))

    async def list_all(request: Request) -> dict[str, Any]:
        query = read_query(request.query_params, OfFunction)
        return page_of(listed_as, *await configs.listing(query.function_name or None, query.page))

    one = f"/functions/{{name}}/{path}"
    return [
        operation("PUT", one, put),
        operation("GET", one, get),
        operation("DELETE", one, delete),
        operation("GET", f"/{every or path + 's'}", list_all),
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
        query = read_query(request.query_params, UntagResources)
        tags.check_type(query.resource_type)
        await self._tags.remove(
            refusals.json_of(query.resource_id, "ResourceId"),
            refusals.json_of(query.tag_key, "TagKey") or [],
            every=query.all,
        )

    async def list_tag_resources(self, request: Request) -> dict[str, Any]:
        """Answer ListTagResources."""
        query = read_query(request.query_params, ListTagResources)
        tags.check_type(query.resource_type)
        found, token = await self._tags.listing(
            refusals.json_of(query.resource_id, "ResourceId"),
            function_rules.check_tags(refusals.json_of(query.tag, "Tag")),
            Page(query.limit, query.next_token),
        )
        return {
            "RequestId": request.scope[REQUEST_ID],
            "TagResources": found,
            **({"NextToken": token} if token else {}),
        }
