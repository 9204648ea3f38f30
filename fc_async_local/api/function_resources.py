# SPDX-License-Identifier: MIT
"""Operations on what belongs to a function: aliases, triggers, configurations, tags."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fc_async_local.api.operation import (
    REQUEST_ID,
    ROOT,
    Operation,
    PageQuery,
    PageSize,
    Prefixed,
    Qualified,
    Query,
    page_of,
    served,
)
from fc_async_local.functions import attachments, function_rules, refusals
from fc_async_local.functions.paging import Page
from fc_async_sdk.spec import limits

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from starlette.requests import Request

    from fc_async_local.api.http_triggers.urls import TriggerUrls
    from fc_async_local.functions import FunctionRegistry
    from fc_async_local.functions.aliases import Aliases
    from fc_async_local.functions.async_configs import AsyncConfigs
    from fc_async_local.functions.attachments import InstanceConfigs
    from fc_async_local.functions.triggers import Triggers


Body = dict[str, Any]
"""An object of JSON: of a request or an answer."""


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


def _named(
    word: str,
    every: str,
    collection: Callable[[FunctionRegistry], Aliases | Triggers],
) -> Iterator[Operation]:
    """Yield create, list, get, update and delete of what has a name in a function.

    Args:
        word: The name of one in a path.
        every: The path of the list, below the function, and the field of the list's answer.
        collection: Returns what is stored.
    """

    async def create(self: ResourceOperations, name: str, body: Body) -> Body:
        return self.shown(name, await collection(self.registry).create(name, body))

    async def list_all(self: ResourceOperations, name: str, query: Prefixed) -> Body:
        records, token = await collection(self.registry).listing(
            name, query.page, prefix=query.prefix
        )
        return page_of(every, [self.shown(name, record) for record in records], token)

    async def get(self: ResourceOperations, name: str, **resource: str) -> Body:
        return self.shown(name, await collection(self.registry).get(name, resource[word]))

    async def update(self: ResourceOperations, name: str, body: Body, **resource: str) -> Body:
        return self.shown(name, await collection(self.registry).update(name, resource[word], body))

    async def delete(self: ResourceOperations, name: str, **resource: str) -> None:
        await collection(self.registry).delete(name, resource[word])

    path = f"{ROOT}/functions/{{name}}/{every}"
    title = word.title()
    at = f"{path}/{{{word}}}"
    yield Operation("POST", path, create, f"Create{title}")
    yield Operation("GET", path, list_all, f"List{every.title()}")
    yield Operation("GET", at, get, f"Get{title}")
    yield Operation("PUT", at, update, f"Update{title}")
    yield Operation("DELETE", at, delete, f"Delete{title}")


def _configured(
    title: str,
    path: str,
    listed_as: str,
    configs: Callable[[FunctionRegistry], AsyncConfigs | InstanceConfigs[Any]],
    every: str = "",
) -> Iterator[Operation]:
    """Yield put, get, delete and list of one kind of configuration.

    Args:
        title: Its name in those of the operations.
        path: Of a configuration, below its function.
        listed_as: The field of the list's answer.
        configs: Returns what is stored.
        every: The path of the list, if it is not the plural of ``path``.
    """

    async def put(self: ResourceOperations, name: str, query: Qualified, body: Body) -> Body:
        return await configs(self.registry).put(name, query.qualifier, body)

    async def get(self: ResourceOperations, name: str, query: Qualified) -> Body:
        return await configs(self.registry).get(name, query.qualifier)

    async def delete(self: ResourceOperations, name: str, query: Qualified) -> None:
        await configs(self.registry).delete(name, query.qualifier)

    async def list_all(self: ResourceOperations, query: OfFunction) -> Body:
        documents, token = await configs(self.registry).listing(
            query.function_name or None, query.page
        )
        return page_of(listed_as, documents, token)

    at = f"{ROOT}/functions/{{name}}/{path}"
    yield Operation("PUT", at, put, f"Put{title}")
    yield Operation("GET", at, get, f"Get{title}")
    yield Operation("DELETE", at, delete, f"Delete{title}")
    yield Operation("GET", f"{ROOT}/{every or path + 's'}", list_all, f"List{title}s")


class ResourceOperations:
    """Aliases, triggers, configurations, VPC bindings.

    Args:
        registry: Where they are kept.
        urls: Where HTTP triggers are found.
    """

    operations = (
        *_named("alias", "aliases", lambda registry: registry.aliases),
        *_named("trigger", "triggers", lambda registry: registry.triggers),
        *_configured(
            "AsyncInvokeConfig",
            "async-invoke-config",
            "configs",
            lambda registry: registry.async_configs,
        ),
        *_configured(
            "ConcurrencyConfig",
            "concurrency",
            "configs",
            lambda registry: registry.scaling.concurrency,
            "concurrency-configs",
        ),
        *_configured(
            "ProvisionConfig",
            "provision-config",
            "provisionConfigs",
            lambda registry: registry.scaling.provision,
        ),
        *_configured(
            "ScalingConfig",
            "scaling-config",
            "scalingConfigs",
            lambda registry: registry.scaling.config,
        ),
    )

    def __init__(self, registry: FunctionRegistry, urls: TriggerUrls) -> None:
        self.registry = registry
        self._urls = urls

    def shown(self, function: str, record: Body) -> Body:
        """Return an alias, or a trigger with its URLs, as it is answered."""
        return self._urls.shown(function, record) if "triggerType" in record else record

    @served("CreateVpcBinding", "POST", "/functions/{name}/vpc-bindings")
    async def create_vpc_binding(self, name: str, body: Body) -> None:
        """Answer CreateVpcBinding."""
        await self.registry.scaling.vpcs.bind(name, body)

    @served("ListVpcBindings", "GET", "/functions/{name}/vpc-bindings")
    async def list_vpc_bindings(self, name: str) -> Body:
        """Answer ListVpcBindings."""
        return {"vpcIds": await self.registry.scaling.vpcs.ids(name)}

    @served("DeleteVpcBinding", "DELETE", "/functions/{name}/vpc-bindings/{vpc}")
    async def delete_vpc_binding(self, name: str, vpc: str) -> None:
        """Answer DeleteVpcBinding."""
        await self.registry.scaling.vpcs.unbind(name, vpc)


class TagOperations:
    """Tags of functions. These operations spell their parameters with capitals."""

    def __init__(self, registry: FunctionRegistry) -> None:
        self._tags = registry.tags

    @served("TagResources", "POST", "/tags-v2")
    async def tag_resources(self, body: Body) -> None:
        """Answer TagResources."""
        await self._tags.add(body)

    @served("UntagResources", "DELETE", "/tags-v2")
    async def untag_resources(self, query: UntagResources) -> None:
        """Answer UntagResources."""
        attachments.check_type(query.resource_type)
        await self._tags.remove(
            refusals.json_of(query.resource_id, "ResourceId"),
            refusals.json_of(query.tag_key, "TagKey") or [],
            every=query.all,
        )

    @served("ListTagResources", "GET", "/tags-v2")
    async def list_tag_resources(self, request: Request, query: ListTagResources) -> Body:
        """Answer ListTagResources."""
        attachments.check_type(query.resource_type)
        tagged, token = await self._tags.listing(
            refusals.json_of(query.resource_id, "ResourceId"),
            function_rules.check_tags(refusals.json_of(query.tag, "Tag")),
            Page(query.limit, query.next_token),
        )
        return {
            "RequestId": request.scope[REQUEST_ID],
            "TagResources": tagged,
            **({"NextToken": token} if token else {}),
        }
