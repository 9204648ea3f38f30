# SPDX-License-Identifier: MIT
"""How an operation becomes a route: a function from a request to what is answered as JSON."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, Final

import msgspec
from starlette.convertors import Convertor, register_url_convertor
from starlette.responses import Response
from starlette.routing import Route

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

Handler = Callable[["Request"], Awaitable[Any]]


def operation(
    method: str, path: str, handler: Handler, *, prefix: str = f"/{limits.API_VERSION}"
) -> Route:
    """A route whose handler returns what is answered: 200 with JSON, or 204 for None."""

    async def endpoint(request: Request) -> Response:
        value = await handler(request)
        if value is None:
            return Response(status_code=204)
        if isinstance(value, Response):
            return value
        return Response(msgspec.json.encode(value), media_type="application/json")

    return Route(prefix + path, endpoint, methods=[method], name=handler.__name__)


def page_of(name: str, items: list[dict[str, Any]], token: str) -> dict[str, Any]:
    """The answer of a list operation; ``nextToken`` is left out on the last page."""
    return {name: items, **({"nextToken": token} if token else {})}
