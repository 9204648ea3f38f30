# SPDX-License-Identifier: MIT
"""Operations on functions and versions, as routes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from starlette.responses import Response

from fc_async_local.api.operation import (
    PageQuery,
    Prefixed,
    body_of,
    local,
    operation,
    page_of,
    read_query,
    routes_of,
)
from fc_async_local.domain.errors import Rejected
from fc_async_local.functions.functions import FunctionFilter
from fc_async_sdk.admin.models import PREFIX
from fc_async_sdk.spec import limits

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from starlette.requests import Request
    from starlette.routing import Route

    from fc_async_local.functions import FunctionRegistry

_ARCHIVES = "/code"


class Archive(Response):
    """The code of a function."""

    media_type = "application/zip"


class ListFunctions(Prefixed, frozen=True, kw_only=True):
    """A page of functions."""

    fc_version: Literal["v3", "v2"] = "v3"
    function_name: str = ""
    description: str = ""
    runtime: str = ""
    tags: str = ""


class ListVersions(PageQuery, frozen=True, kw_only=True):
    """A page of versions."""

    direction: Literal["BACKWARD", "FORWARD"] = "BACKWARD"


class FunctionOperations:
    """Functions and versions.

    Args:
        registry: Where functions are kept.
        abort: Ends the running attempts of a function.
    """

    def __init__(self, registry: FunctionRegistry, abort: Callable[[str], Awaitable[None]]) -> None:
        self._functions = registry.functions
        self._abort = abort

    def routes(self) -> list[Route]:
        """Return the routes of these operations."""
        one = "/functions/{name}"
        return [
            operation("POST", "/functions", self.create_function),
            operation("GET", "/functions", self.list_functions),
            operation("GET", one, self.get_function),
            operation("PUT", one, self.update_function),
            operation("DELETE", one, self.delete_function),
            operation("POST", f"{one}/invoke/disable", self.disable_function_invocation),
            operation("POST", f"{one}/invoke/enable", self.enable_function_invocation),
            operation("GET", f"{one}/code", self.get_function_code),
            operation("POST", f"{one}/versions", self.publish_version),
            operation("GET", f"{one}/versions", self.list_versions),
            operation("DELETE", f"{one}/versions/{{version}}", self.delete_version),
            *routes_of(self),
        ]

    async def create_function(self, request: Request) -> dict[str, Any]:
        """Answer CreateFunction."""
        return await self._functions.create(await body_of(request))

    async def update_function(self, request: Request, name: str) -> dict[str, Any]:
        """Answer UpdateFunction."""
        return await self._functions.update(name, await body_of(request))

    async def get_function(self, request: Request, name: str) -> dict[str, Any]:
        """Answer GetFunction."""
        qualifier = request.query_params.get("qualifier", "")
        return await self._functions.get(name, qualifier)

    async def delete_function(self, _: Request, name: str) -> None:
        """Answer DeleteFunction."""
        await self._functions.delete(name)

    async def disable_function_invocation(self, request: Request, name: str) -> dict[str, Any]:
        """Answer DisableFunctionInvocation: running attempts end only if the caller says so."""
        if await self._functions.disable_invocation(name, await body_of(request)):
            await self._abort(name)
        return {"success": True}

    async def enable_function_invocation(self, _: Request, name: str) -> dict[str, Any]:
        """Answer EnableFunctionInvocation."""
        await self._functions.enable_invocation(name)
        return {"success": True}

    async def list_functions(self, request: Request) -> dict[str, Any]:
        """Answer ListFunctions."""
        query = read_query(request.query_params, ListFunctions)
        if query.fc_version == "v2":
            return page_of("functions", [], "")
        wanted = FunctionFilter(
            prefix=query.prefix,
            name=query.function_name,
            description=query.description,
            runtime=query.runtime,
            tags=query.tags,
        )
        return page_of("functions", *await self._functions.listing(wanted, query.page))

    async def get_function_code(self, request: Request, name: str) -> dict[str, Any]:
        """Answer GetFunctionCode: the url is valid as long as the function exists."""
        qualifier = request.query_params.get("qualifier", "") or limits.DEFAULT_QUALIFIER
        code, _ = await self._functions.code(name, qualifier)
        url = f"{str(request.base_url).rstrip('/')}{PREFIX}{_ARCHIVES}/{name}/{qualifier}"
        return {"checksum": code.checksum, "url": url}

    @local("GET", f"{_ARCHIVES}/{{name}}/{{qualifier}}")
    async def archive(self, name: str, qualifier: str) -> Archive:
        """Return the archive with the code of a function, as GetFunctionCode names it."""
        _code, data = await self._functions.code(name, qualifier)
        if data is None:
            raise Rejected(404, "CodeNotFound", f"function '{name}' has no archive")
        return Archive(data)

    async def publish_version(self, request: Request, name: str) -> dict[str, Any]:
        """Answer PublishFunctionVersion."""
        return await self._functions.publish_version(name, await body_of(request))

    async def list_versions(self, request: Request, name: str) -> dict[str, Any]:
        """Answer ListFunctionVersions."""
        query = read_query(request.query_params, ListVersions)
        versions, token = await self._functions.list_versions(
            name, query.page, backward=query.direction == "BACKWARD"
        )
        return {"direction": query.direction, **page_of("versions", versions, token)}

    async def delete_version(self, _: Request, name: str, version: str) -> None:
        """Answer DeleteFunctionVersion."""
        await self._functions.delete_version(name, version)
