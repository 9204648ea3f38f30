# SPDX-License-Identifier: MIT
"""Routes of operations, and the values of query strings, headers and JSON bodies.

A handler says by the types of its parameters what it needs of a request; the OpenAPI description is
derived from them. A value that is not allowed is refused with 400 InvalidArgument.
"""

from __future__ import annotations

import functools
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Annotated, Any, Final, NamedTuple, TypeVar, cast, get_type_hints

import msgspec
from msgspec import Meta
from starlette.convertors import Convertor, register_url_convertor
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from fc_async_local.domain import json_input
from fc_async_local.domain.rules import converted
from fc_async_local.functions import refusals
from fc_async_local.functions.paging import Page
from fc_async_sdk.admin.models import PREFIX
from fc_async_sdk.errors import shorten
from fc_async_sdk.spec import limits

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from starlette.datastructures import QueryParams

T = TypeVar("T")
Q = TypeVar("Q", bound="Query")
H = TypeVar("H", bound=Callable[..., Awaitable[Any]])

ROOT: Final = f"/{limits.API_VERSION}"
_INT64: Final = 2**63
_DELAY_DIGITS: Final = 10
Number = Annotated[int, Meta(ge=-_INT64, le=_INT64 - 1, description="an integer")]
Natural = Annotated[int, Meta(ge=0, le=_INT64 - 1, description="an integer, at least 0")]
PageSize = Annotated[int, Meta(ge=limits.PAGE_SIZE.low, le=limits.PAGE_SIZE.high)]


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
"""A method. Its parameter ``query`` is a :class:`Query`; ``body`` is the body as a struct, as an
object of JSON or as bytes; ``request`` is the request. The others are those of the path."""


class Query(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Base of the parameters that a query may have. An empty one counts as left out."""


class PageQuery(Query, frozen=True, kw_only=True):
    """A page of a list."""

    limit: PageSize = limits.PAGE_SIZE.default
    next_token: str = ""

    @property
    def page(self) -> Page:
        """The page that is asked for."""
        return Page(self.limit, self.next_token)


class Prefixed(PageQuery, frozen=True, kw_only=True):
    """A page of what begins with a text."""

    prefix: str = ""


class Qualified(Query, frozen=True, kw_only=True):
    """A version or an alias."""

    qualifier: str = ""


class Octets(Response):
    """An answer of bytes."""

    media_type = "application/octet-stream"


class Operation(NamedTuple):
    """One operation.

    Attributes:
        path: As in a route.
        name: That of the FC API; "": an operation of the admin API.
    """

    method: str
    path: str
    handler: Handler
    name: str = ""


class Types(NamedTuple):
    """Types of the parameters of a handler, None if it has none, and of its answer."""

    query: type[Query] | None
    body: Any
    answer: Any
    takes_request: bool


def local(method: str, path: str, *, prefix: str = PREFIX) -> Callable[[H], H]:
    """Return a decorator for the handler of an operation of the admin API."""
    return functools.partial(_mark, method, prefix + path, "")


def served(
    name: str,
    method: str,
    path: str,
    *,
    prefix: str = ROOT,
) -> Callable[[H], H]:
    """Return a decorator for the handler of an operation of the FC API."""
    return functools.partial(_mark, method, prefix + path, name)


def _mark(
    method: str,
    path: str,
    name: str,
    handler: H,
) -> H:
    vars(handler)["operation"] = Operation(method, path, handler, name)
    return handler


def operations_of(owner: type) -> list[Operation]:
    """Return the operations that a class has methods for, and those in its list ``operations``."""
    operations: list[Operation] = []
    for member in vars(owner).values():
        operation = getattr(member, "operation", None)
        if isinstance(operation, Operation):
            operations.append(operation)
    # Operations that are made in a loop have no method of their own in the class.
    operations += getattr(owner, "operations", ())
    return operations


@functools.cache
def types_of(handler: Handler) -> Types:
    """Return what the types of a handler say."""
    hints = get_type_hints(handler, localns={"Request": Request}, include_extras=True)
    takes_request = "request" in hints
    return Types(hints.get("query"), hints.get("body"), hints["return"], takes_request)


def routes_of(owner: object) -> list[Route]:
    """Return the routes of the operations of an object."""
    return [_route(operation, owner) for operation in operations_of(type(owner))]


def _route(operation: Operation, owner: object) -> Route:
    """Return a route; its answer is 200 with what the handler returns as JSON, or 204 for None."""

    async def endpoint(request: Request) -> Response:
        types = types_of(operation.handler)
        arguments = dict(request.path_params)
        query = read_query(request.query_params, types.query or Query)
        if types.query is not None:
            arguments["query"] = query
        if types.body is not None:
            arguments["body"] = await read_body(request, types.body)
        if types.takes_request:
            arguments["request"] = request
        value = await operation.handler(owner, **arguments)
        if value is None:
            return Response(status_code=204)
        if isinstance(value, Response):
            return value
        return Response(msgspec.json.encode(value), media_type="application/json")

    return Route(
        operation.path, endpoint, methods=[operation.method], name=operation.handler.__name__
    )


def read_query(params: QueryParams, kind: type[Q]) -> Q:
    """Return the parameters of a query.

    Args:
        params: As sent.
        kind: The parameters that there are; others are refused, because an operation that goes
            without one may do more than was asked for.

    Raises:
        Rejected: 400 InvalidArgument.
    """
    fields = fields_of(kind)
    # A filter with a misspelled name would look applied, and a deletion would delete everything.
    refuse_unknown(params, fields)
    values: dict[str, Any] = {}
    for name, field in fields.items():
        texts = tuple(filter(None, params.getlist(name)))
        if not texts:
            continue
        takes_several = isinstance(field.default, tuple)
        # Of a parameter that is given twice the last one counts, as clients overwrite theirs.
        value = texts if takes_several else texts[-1]
        try:
            values[field.name] = converted(name, value, field.type)
        except ValueError as error:
            raise refusals.invalid_argument(str(error)) from None
    return kind(**values)


def refuse_unknown(names: Iterable[str], allowed: Collection[str]) -> None:
    """Refuse parameters of a query that an operation does not have.

    Raises:
        Rejected: 400 InvalidArgument, with the name of the first one.
    """
    for name in names:
        if name in allowed:
            continue
        choices = f"there are {', '.join(allowed)}" if allowed else "there are none"
        text = f"the query has an unknown parameter {shorten(name)}: {choices}"
        raise refusals.invalid_argument(text)


@functools.cache
def fields_of(kind: type[Query]) -> dict[str, msgspec.structs.FieldInfo]:
    """Return the fields of a struct by their names in JSON."""
    return {field.encode_name: field for field in msgspec.structs.fields(kind)}


# --- values of requests -------------------------------------------------------------------------


async def read_body(request: Request, kind: type[T]) -> T:
    """Return the body of a request as bytes, or its JSON object as another type.

    No body counts as an empty object.

    Raises:
        Rejected: 400 InvalidArgument.
    """
    body: Any = await request.body()
    if kind is bytes:
        return cast("T", body)
    try:
        value = json_input.read(body or b"{}")
    except json_input.InvalidJson as error:
        raise refusals.invalid_argument(f"the body cannot be read as JSON: {error}") from None
    if not isinstance(value, dict):
        raise refusals.invalid_argument("the body must be a JSON object")
    return refusals.convert(value, kind)


def page_of(name: str, items: list[dict[str, Any]], token: str) -> dict[str, Any]:
    """Return the answer of a list operation; the last page has no ``nextToken``."""
    if not token:
        return {name: items}
    return {name: items, "nextToken": token}


def delay_of(text: str) -> int:
    """Return ``x-fc-async-delay`` in seconds from 1 to 3599, 0 if the header is absent ("").

    Raises:
        Rejected: 400 InvalidArgument.
    """
    if not text:
        return 0
    # int() would also take "+5", "5_0" and digits of other scripts, and be slow for a long text.
    is_short_number = text.isascii() and text.isdigit() and len(text) < _DELAY_DIGITS
    delay = int(text) if is_short_number else -1
    if delay not in limits.DELAY_SECONDS:
        low, high, _ = limits.DELAY_SECONDS
        raise refusals.invalid_argument(
            f"x-fc-async-delay must be a whole number of seconds between {low} and {high}, "
            f"got {text!r}"
        )
    return delay
