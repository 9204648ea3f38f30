# SPDX-License-Identifier: MIT
"""Operations on functions and versions, as routes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from starlette.responses import Response

from fc_async_local.api.operation import (
    PageQuery,
    Prefixed,
    Qualified,
    Query,
    local,
    page_of,
    served,
)
from fc_async_local.domain.errors import Rejected
from fc_async_local.functions.functions import FunctionFilter
from fc_async_sdk.admin.models import PREFIX
from fc_async_sdk.spec import limits
from fc_async_sdk.spec.runtimes import CONTAINER

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from starlette.requests import Request

    from fc_async_local.execution.protocol import Deployment
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


class SignedQuery(Query, frozen=True, kw_only=True):
    """The signature of a link."""

    signature: str = ""


class FunctionOperations:
    """Functions and versions.

    Args:
        registry: Where functions are kept.
        abort: Ends the running attempts of a function.
        signed: Returns a path with a signature, for a client that sends no token.
        lack: Returns why a function's image cannot run on this machine; "" if it can.
    """

    def __init__(
        self,
        registry: FunctionRegistry,
        abort: Callable[[str], Awaitable[None]],
        signed: Callable[[str], str],
        lack: Callable[[Deployment], Awaitable[str]],
    ) -> None:
        self._registry = registry
        self._functions = registry.functions
        self._abort = abort
        self._signed = signed
        self._lack = lack

    @served("CreateFunction", "POST", "/functions")
    async def create_function(self, body: dict[str, Any]) -> dict[str, Any]:
        """Answer CreateFunction."""
        return await self._functions.create(body)

    @served("UpdateFunction", "PUT", "/functions/{name}")
    async def update_function(self, name: str, body: dict[str, Any]) -> dict[str, Any]:
        """Answer UpdateFunction."""
        return await self._functions.update(name, body)

    @served("GetFunction", "GET", "/functions/{name}")
    async def get_function(self, name: str, query: Qualified) -> dict[str, Any]:
        """Answer GetFunction: an image that is not on this machine is one that was not pulled."""
        answer = await self._functions.get(name, query.qualifier)
        if answer.get("runtime") != CONTAINER:
            return answer
        qualifier = query.qualifier or limits.DEFAULT_QUALIFIER
        reason = await self._lack(await self._registry.deployment(name, qualifier, roll=0.0))
        if reason:
            answer |= {"state": "Failed", "stateReason": reason, "lastUpdateStatus": "Failed"}
        return answer

    @served("DeleteFunction", "DELETE", "/functions/{name}")
    async def delete_function(self, name: str) -> None:
        """Answer DeleteFunction."""
        await self._functions.delete(name)

    @served("DisableFunctionInvocation", "POST", "/functions/{name}/invoke/disable")
    async def disable_function_invocation(self, name: str, body: dict[str, Any]) -> dict[str, Any]:
        """Answer DisableFunctionInvocation: running attempts end only if the caller says so."""
        if await self._functions.disable_invocation(name, body):
            await self._abort(name)
        return {"success": True}

    @served("EnableFunctionInvocation", "POST", "/functions/{name}/invoke/enable")
    async def enable_function_invocation(self, name: str) -> dict[str, Any]:
        """Answer EnableFunctionInvocation."""
        await self._functions.enable_invocation(name)
        return {"success": True}

    @served("ListFunctions", "GET", "/functions")
    async def list_functions(self, query: ListFunctions) -> dict[str, Any]:
        """Answer ListFunctions."""
        if query.fc_version == "v2":
            return page_of("functions", [], "")
        criteria = FunctionFilter(
            prefix=query.prefix,
            name=query.function_name,
            description=query.description,
            runtime=query.runtime,
            tags=query.tags,
        )
        return page_of("functions", *await self._functions.listing(criteria, query.page))

    @served("GetFunctionCode", "GET", "/functions/{name}/code")
    async def get_function_code(
        self, name: str, request: Request, query: Qualified
    ) -> dict[str, Any]:
        """Answer GetFunctionCode: the url is valid as long as function and runtime exist."""
        qualifier = query.qualifier or limits.DEFAULT_QUALIFIER
        code, _ = await self._functions.code(name, qualifier)
        # Signed, because the admin API needs a token and tools follow the link without one.
        path = self._signed(f"{PREFIX}{_ARCHIVES}/{name}/{qualifier}")
        base = str(request.base_url).rstrip("/")
        return {"checksum": code.checksum, "url": f"{base}{path}"}

    @local("GET", f"{_ARCHIVES}/{{name}}/{{qualifier}}")
    async def archive(self, name: str, qualifier: str, query: SignedQuery) -> Archive:  # noqa: ARG002 -- checked before
        """Return the archive with the code of a function, as GetFunctionCode names it."""
        _code, data = await self._functions.code(name, qualifier)
        if data is None:
            raise Rejected(404, "CodeNotFound", f"function '{name}' has no archive")
        return Archive(data)

    @served("PublishFunctionVersion", "POST", "/functions/{name}/versions")
    async def publish_version(self, name: str, body: dict[str, Any]) -> dict[str, Any]:
        """Answer PublishFunctionVersion."""
        return await self._functions.publish_version(name, body)

    @served("ListFunctionVersions", "GET", "/functions/{name}/versions")
    async def list_versions(self, name: str, query: ListVersions) -> dict[str, Any]:
        """Answer ListFunctionVersions."""
        versions, token = await self._functions.list_versions(
            name, query.page, backward=query.direction == "BACKWARD"
        )
        return {"direction": query.direction, **page_of("versions", versions, token)}

    @served("DeleteFunctionVersion", "DELETE", "/functions/{name}/versions/{version}")
    async def delete_version(self, name: str, version: str) -> None:
        """Answer DeleteFunctionVersion."""
        await self._functions.delete_version(name, version)
