# SPDX-License-Identifier: MIT
"""Routes of operations, and the values of query strings, headers and JSON bodies.

A handler takes a request and returns what is answered as JSON. A value that is not allowed is
refused with 400 InvalidArgument.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, Final, TypeVar

import msgspec
from starlette.convertors import Convertor, register_url_convertor
from starlette.responses import Response
from starlette.routing import Route

from fc_async_local.domain import json_input
from fc_async_local.functions import refusals
from fc_async_local.functions.paging import Page, check_limit
from fc_async_sdk.errors import shorten
from fc_async_sdk.spec import limits

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.requests import Request

T = TypeVar("T")


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
    return json_object(await request.body())


async def read_body(request: Request, kind: type[T]) -> T:
    """Return the JSON object that a request has as its body, as a struct.

    Raises:
        Rejected: 400 InvalidArgument.
    """
    try:
        return msgspec.convert(await body_of(request), kind)
    except msgspec.ValidationError as error:
        raise refusals.invalid_argument(str(error)) from None


def page_of(name: str, items: list[dict[str, Any]], token: str) -> dict[str, Any]:
    """Return the answer of a list operation; the last page has no ``nextToken``."""
    return {name: items, **({"nextToken": token} if token else {})}


def query_flag(query: Mapping[str, str], name: str) -> bool:
    """Return a boolean, False if it is absent. Clients write ``true`` and ``True``.

    Raises:
        Rejected: 400 InvalidArgument.
    """
    text = query.get(name, "").lower()
    if text not in {"", "true", "false"}:
        raise refusals.invalid_argument(f"{name} must be true or false, got {query[name]!r}")
    return text == "true"


def query_number(query: Mapping[str, str], name: str) -> int | None:
    """Return an integer, None if it is absent.

    Raises:
        Rejected: 400 InvalidArgument.
    """
    text = query.get(name, "")
    if not text:
        return None
    if not text.isascii() or not text.removeprefix("-").isdigit() or len(text) > 18:  # noqa: PLR2004 -- fits int64
        raise refusals.invalid_argument(f"{name} must be an integer, got {text!r}")
    return int(text)


def query_page(query: Mapping[str, str]) -> Page:
    """Return the page that ``limit`` and ``nextToken`` ask for.

    Raises:
        Rejected: 400 InvalidArgument.
    """
    limit = query_number(query, "limit")
    return Page(
        limit=limits.PAGE_SIZE.default if limit is None else check_limit(limit),
        token=query.get("nextToken", ""),
    )


def query_choice(query: Mapping[str, str], name: str, choices: tuple[str, ...]) -> str:
    """Return one of several words, the first if it is absent.

    Raises:
        Rejected: 400 InvalidArgument.
    """
    text = query.get(name, "") or choices[0]
    if text not in choices:
        raise refusals.invalid_argument(f"{name} must be one of {', '.join(choices)}, got {text!r}")
    return text


def json_object(body: bytes) -> dict[str, Any]:
    """Return a JSON object, an empty one if the body is empty.

    Raises:
        Rejected: 400 InvalidArgument.
    """
    if not body:
        return {}
    try:
        value = json_input.read(body)
    except json_input.InvalidJson as error:
        raise refusals.invalid_argument(f"the body cannot be read as JSON: {error}") from None
    if not isinstance(value, dict):
        raise refusals.invalid_argument("the body must be a JSON object")
    return value


def given_request_id(text: str) -> str:
    """Return the value of ``x-fc-request-id``, "" if the header is absent ("").

    Raises:
        Rejected: 400 InvalidArgument.
    """
    if text and not limits.REQUEST_ID_PATTERN.fullmatch(text):
        raise refusals.invalid_argument(
            f"x-fc-request-id must be 1 to 128 letters, digits, '_' and '-', got {shorten(text)}"
        )
    return text


def delay_of(text: str) -> int:
    """Return ``x-fc-async-delay`` in seconds from 1 to 3599, 0 if the header is absent ("").

    Raises:
        Rejected: 400 InvalidArgument.
    """
    if not text:
        return 0
    delay = int(text) if text.isascii() and text.isdigit() and len(text) < 10 else -1  # noqa: PLR2004 -- bounds int()
    if delay not in limits.DELAY_SECONDS:
        low, high, _ = limits.DELAY_SECONDS
        raise refusals.invalid_argument(
            f"x-fc-async-delay must be a whole number of seconds between {low} and {high}, "
            f"got {text!r}"
        )
    return delay
