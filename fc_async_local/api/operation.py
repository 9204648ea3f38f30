# SPDX-License-Identifier: MIT
"""Routes of operations: a handler takes a request and returns what is answered as JSON."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, Final

import msgspec
from starlette.convertors import Convertor, register_url_convertor
from starlette.responses import Response
from starlette.routing import Route

from fc_async_local.api import parameters
from fc_async_sdk.spec import limits

if TYPE_CHECKING:
    from starlette.requests import Request


class _Number(Convertor[int]):
    """``{name:number}`` in a path. Starlette's own ``int`` fails on more than 4,300 digits."""

    regex = "[0-9]{1,18}"

    def convert(self, value: str) -> int:
        return int(value)

    def to_string(self, value: int) -> str:
        return str(value)


register_url_convertor("number", _Number())

REQUEST_ID: Final = "fc_async_local.request_id"
"""The key of the request's id in the scope of ASGI."""

Handler = Callable[..., Awaitable[Any]]
"""Takes the request and, by name, the parameters of the path."""


def operation(
    method: str, path: str, handler: Handler, *, prefix: str = f"/{limits.API_VERSION}"
) -> Route:
    """Return a route; its answer is 200 with what the handler returns as JSON, or 204 for None."""

    async def endpoint(request: Request) -> Response:
        value = await handler(request, **request.path_params)
        if value is None:
            return Response(status_code=204)
        if isinstance(value, Response):
            return value
        return Response(msgspec.json.encode(value), media_type="application/json")

    return Route(prefix + path, endpoint, methods=[method], name=handler.__name__)


async def body_of(request: Request) -> dict[str, Any]:
    """Return the JSON object that a request has as its body.

    Raises:
        Rejected: 400 InvalidArgument.
    """
    return parameters.json_object(await request.body())


def page_of(name: str, items: list[dict[str, Any]], token: str) -> dict[str, Any]:
    """Return the answer of a list operation; the last page has no ``nextToken``."""
    return {name: items, **({"nextToken": token} if token else {})}
