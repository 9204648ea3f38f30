# SPDX-License-Identifier: MIT
"""The HTTP side that all services share: bare ASGI, whole requests in, whole answers out.

A service is a function from :class:`Request` to :class:`Answer`. This module reads the body within
a limit, keeps browsers of other sites out (loopback names and no foreign Origin only), and drops
a waiting call as soon as its client has gone, so that no message is taken for nobody. It knows
nothing of any protocol above HTTP.
"""

from __future__ import annotations

import asyncio
import functools
import logging
import sys
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Protocol
from urllib.parse import unquote

from fc_async_local.http import origin
from fc_async_local.http.bodies import TooManyBodies

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

_LOG: Final = logging.getLogger(__name__)
_NO_CONTENT: Final = 204
"""Says nothing of a length: RFC 9110, section 8.6."""


class Headers(Mapping[str, str]):
    """Headers of a request by lower-case name; of several with one name, the last.

    Most are never looked at, so each is decoded when it is.
    """

    __slots__ = ("_sent",)

    def __init__(self, sent: Mapping[bytes, bytes]) -> None:
        """Args: as they were sent."""
        self._sent = sent

    def __getitem__(self, name: str) -> str:
        return self._sent[name.encode("latin-1")].decode("latin-1")

    def __iter__(self) -> Iterator[str]:
        return (name.decode("latin-1") for name in self._sent)

    def __len__(self) -> int:
        return len(self._sent)


class Request(NamedTuple):
    """One whole request. ``path`` and ``query`` are as sent; header names are lower case."""

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes = b""

    @property
    def target(self) -> str:
        """Path and query exactly as on the request line: what signatures cover."""
        return f"{self.path}?{self.query}" if self.query else self.path

    @property
    def segments(self) -> tuple[str, ...]:
        """The decoded parts of the path."""
        return _segments(self.path)

    def parameters(self) -> dict[str, str]:
        """The query by lower-case name; see :func:`parameters`."""
        return parameters(self.query)


def parameters(query: str) -> dict[str, str]:
    """A query by lower-case name. ``+`` stays a plus: receipt handles may hold one."""
    if not query:
        return {}
    pairs = (item.partition("=") for item in query.split("&") if item)
    if "%" not in query:
        return {name.lower(): value for name, _, value in pairs}
    return {unquote(name).lower(): unquote(value) for name, _, value in pairs}


@functools.lru_cache(maxsize=256)
def _segments(path: str) -> tuple[str, ...]:
    return tuple([unquote(part) for part in path.strip("/").split("/") if part])


class Answer(NamedTuple):
    """One whole answer. Header names go out exactly as they are written here."""

    status: int
    body: bytes = b""
    headers: Sequence[tuple[str, str]] = ()


class Service(Protocol):
    """What answers requests."""

    async def handle(self, request: Request) -> Answer:
        """Answer; may take as long as a long poll and may be cancelled at any await."""
        ...

    def waits(self, request: Request) -> bool:
        """Whether answering may take as long as somebody else likes: a long poll."""
        ...

    def refuse(self, status: int, code: str, message: str) -> Answer:
        """An error in the form of the service's protocol."""
        ...


class _Gone(Exception):
    """The client has hung up."""


class _TooLong(Exception):
    """The body is over the limit."""


class Endpoint:
    """An ASGI application around a service."""

    def __init__(self, service: Service, *, body_limit: int) -> None:
        """Args: the service, and the largest body in bytes that is read."""
        self._service = service
        self._body_limit = body_limit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            # The ASGI specification: an application raises for protocols that it doesn't speak.
            raise RuntimeError(f"{scope['type']!r} is not served here, only http is")
        try:
            answer = await self._answer(scope, receive)
        except _Gone:
            return
        headers = [
            (name.encode("latin-1"), value.encode("latin-1")) for name, value in answer.headers
        ]
        if answer.status != _NO_CONTENT:
            headers.append((b"Content-Length", b"%d" % len(answer.body)))
        await send({"type": "http.response.start", "status": answer.status, "headers": headers})
        await send({"type": "http.response.body", "body": answer.body})

    async def _answer(self, scope: Scope, receive: Receive) -> Answer:
        sent = dict(scope["headers"])
        foreign = origin.refusal(
            sent.get(b"host", b"").decode("latin-1"), sent.get(b"origin", b"").decode("latin-1")
        )
        if foreign:
            return self._service.refuse(403, "AccessDenied", foreign)
        try:
            body = await _read(receive, self._body_limit)
        except _TooLong:
            return self._service.refuse(
                413, "EntityTooLarge", f"the body is longer than {self._body_limit} bytes"
            )
        except TooManyBodies as error:
            refused = self._service.refuse(503, "ServiceUnavailable", str(error))
            return refused._replace(headers=(*refused.headers, ("Retry-After", "1")))
        raw_path: bytes = scope.get("raw_path") or scope["path"].encode()
        request = Request(
            scope["method"],
            raw_path.partition(b"?")[0].decode("latin-1"),
            scope["query_string"].decode("latin-1"),
            Headers(sent),
            body,
        )
        watch = _Watch(receive) if self._service.waits(request) else None
        try:
            return await self._service.handle(request)
        except asyncio.CancelledError:
            if watch is not None and watch.has_cancelled():
                raise _Gone from None
            raise
        except Exception:  # noqa: BLE001 -- the edge: it would end the connection without an answer
            _LOG.exception("%s %s failed", request.method, request.path)
            return self._service.refuse(500, "InternalError", "see the runtime's log")
        finally:
            if watch is not None:
                watch.end()


async def _read(receive: Receive, limit: int) -> bytes:
    message = await receive()
    body: bytes | None = message.get("body")
    if body is not None and len(body) <= limit and not message.get("more_body", False):
        return body  # in one piece, as nearly all come
    chunks: list[bytes] = []
    size = 0
    while True:
        if message["type"] == "http.disconnect":
            raise _Gone
        chunk: bytes = message.get("body", b"")
        size += len(chunk)
        if size > limit:
            raise _TooLong
        chunks.append(chunk)
        if not message.get("more_body", False):
            return b"".join(chunks)
        message = await receive()


class _Watch:
    """Cancels the task that makes it as soon as the client hangs up.

    It begins in the loop's next turn: what can be answered at once is done by then.
    """

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._watched = asyncio.current_task()
        self._cancelled = False
        self._watching: asyncio.Task[None] | None = None
        self._beginning = asyncio.get_running_loop().call_soon(self._begin)

    def has_cancelled(self) -> bool:
        """Whether the task's cancellation is this one's doing; it is over by this."""
        if self._cancelled and self._watched is not None and sys.version_info >= (3, 11):
            self._watched.uncancel()
        return self._cancelled

    def end(self) -> None:
        """Look no longer, and cancel nothing from now on."""
        self._beginning.cancel()
        if self._watching is not None:
            self._watching.cancel()

    def _begin(self) -> None:
        self._watching = asyncio.ensure_future(self._watch())

    async def _watch(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass
        self._cancelled = True
        if self._watched is not None:
            self._watched.cancel()
