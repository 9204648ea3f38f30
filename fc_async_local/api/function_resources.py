# SPDX-License-Identifier: MIT
"""Operations on what belongs to a function, as routes: aliases, triggers, configurations, tags."""

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
from fc_async_local.functions import function_rules, refusals, tags
from fc_async_local.functions.paging import Page

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from starlette.requests import Request
    from starlette.routing import Route

    from fc_async_local.api.http_triggers.urls import TriggerUrls
    from fc_async_local.functions import FunctionRegistry
    from fc_async_local.functions.aliases import Aliases
    from fc_async_local.functions.async_configs import AsyncConfigs
    from fc_async_local.functions.scaling import InstanceConfigs
    from fc_async_local.functions.triggers import Triggers


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
        query = request.query_params
        found, token = await kept.listing(name, query_page(query), prefix=query.get("prefix", ""))
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
        function = request.query_params.get("functionName") or None
        return page_of(
            listed_as, *await configs.listing(function, query_page(request.query_params))
        )

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
    return refusals.json_of(query.get(name, ""), name)
