# SPDX-License-Identifier: MIT
"""Requests and answers of all services, and the ASGI types that they are read from and sent to.

Invariants:
    A request is complete: its body was read before a service sees it.
    Path and query are as on the request line; names of headers and of parameters are lower case.
"""

from __future__ import annotations

import functools
from collections.abc import Awaitable, Callable, Mapping, MutableMapping, Sequence
from typing import Any, Final, NamedTuple
from urllib.parse import unquote

import msgspec

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]
HeaderList = Sequence[tuple[str, str]]

WITHOUT_CONTENT: Final = frozenset({204, 304})
"""Statuses of answers that end with their headers (RFC 9110, sections 15.3.5 and 15.4.5). A length
would be that of another answer's content: none is sent (section 8.6)."""


class Request(msgspec.Struct):
    """One whole request.

    Attributes:
        method: Such as ``GET``.
        path: As sent, without the query.
        query: As sent, without the question mark.
        headers: By lower-case name; of several with one name, the last.
        body: The whole body.
        id: Names the request in the answer and in the log.
        scope: What the server said about the request (ASGI).
    """

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes = b""
    id: str = ""
    scope: Scope = {}

    @classmethod
    def of(cls, scope: Scope, request_id: str) -> Request:
        """Return a request whose body has not been read yet."""
        # As sent, because a signature covers these bytes: ``path`` of the scope is decoded.
        raw_path: bytes = scope.get("raw_path") or scope["path"].encode()
        path, _, _ = raw_path.partition(b"?")
        query: bytes = scope["query_string"]
        return cls(
            method=scope["method"],
            path=path.decode("latin-1"),
            query=query.decode("latin-1"),
            headers={n.decode("latin-1"): value.decode("latin-1") for n, value in scope["headers"]},
            id=request_id,
            scope=scope,
        )

    def has_come(self, body: bytes) -> None:
        """Note the whole body."""
        self.body = body

    def add_header(self, name: str, value: str) -> None:
        """Add a header, unless the client has sent one of this lower-case name."""
        self.headers = {name: value, **self.headers}

    def rename(self, request_id: str) -> None:
        """Name it as the caller does."""
        self.id = request_id

    @property
    def target(self) -> str:
        """Path and query exactly as on the request line: what signatures cover."""
        return f"{self.path}?{self.query}" if self.query else self.path

    @property
    def segments(self) -> tuple[str, ...]:
        """The decoded parts of the path."""
        return _segments(self.path)

    def sent_headers(self) -> list[tuple[str, str]]:
        """Return all headers, those with the same name too."""
        return _decoded(self.scope)

    def parameters(self) -> dict[str, str]:
        """Return the query by lower-case name; see :func:`parameters`."""
        return parameters(self.query)


def _decoded(scope: Scope) -> list[tuple[str, str]]:
    headers: Sequence[tuple[bytes, bytes]] = scope["headers"]
    return [(name.decode("latin-1"), value.decode("latin-1")) for name, value in headers]


def parameters(query: str) -> dict[str, str]:
    """Return a query by lower-case name. ``+`` stays a plus: receipt handles may hold one."""
    if not query:
        return {}
    values: dict[str, str] = {}
    # Each request of a service comes here: most have nothing to decode.
    is_encoded = "%" in query
    for item in query.split("&"):
        name, equals, value = item.partition("=")
        if not name and not equals:
            continue
        if is_encoded:
            name = unquote(name)
            value = unquote(value)
        values[name.lower()] = value
    return values


@functools.lru_cache(maxsize=256)
def _segments(path: str) -> tuple[str, ...]:
    parts = path.strip("/").split("/")
    return tuple([unquote(part) for part in parts if part])


class _Spelled(bytes):
    """The name of a header that keeps its spelling: uvicorn sends what ``lower()`` returns."""

    __slots__ = ()

    def lower(self) -> _Spelled:
        return self


@functools.lru_cache(maxsize=512)
def spelled(name: str) -> bytes:
    """Return the name of a header as it is sent: those of FC as its documentation spells them.

    Programs that read an answer without a library compare with ``X-Fc-Request-Id``.
    """
    if name.startswith("x-fc-"):
        return _Spelled(name.title().encode())
    return name.encode("latin-1")


class Answer(NamedTuple):
    """One whole answer. Names of headers are sent as :func:`spelled` returns them."""

    status: int
    body: bytes = b""
    headers: HeaderList = ()
