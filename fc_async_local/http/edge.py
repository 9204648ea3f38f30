# SPDX-License-Identifier: MIT
"""The one HTTP edge: an ASGI application that a service completes with its own protocol.

:class:`HttpService` reads a request and sends its answer. A subclass says what the answer is and
how its protocol writes an error.

Invariants:
    A caller that is neither a program of this machine nor a page of this runtime gets 403. A
    browser says so for requests without an Origin, too: images, frames and scripts of other sites
    run nothing here.
    Every request that arrives whole is answered. An unforeseen error is logged; its answer is 500.
    A request whose client hangs up while the body arrives has no effect.
    The bodies of all requests in progress take a limited amount of memory. A body is complete
    before its signature can be checked, so anything that can connect could send many large ones.
    A request that there is not enough memory for is answered 503. Bodies for OSS do not count: they
    go to the disk piece by piece, and documents of it have 2 MiB at most.
    A long poll is cancelled as soon as its client hangs up, so that no message is taken in vain.
    A streamed answer that fails after it began is broken off, so that the client sees the failure.
    A request that is cancelled because the server stops is answered 503.
"""

from __future__ import annotations

import asyncio
import functools
import io
import logging
import sys
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, ClassVar, Final
from urllib.parse import urlsplit

from fc_async_local.domain.errors import Rejected
from fc_async_local.http.messages import WITHOUT_CONTENT, Answer, Request, spelled
from fc_async_local.http.streaming import ClientGone, ClientStream
from fc_async_local.store.protocol import StoreUnavailable
from fc_async_sdk.spec import hosts, limits

if TYPE_CHECKING:
    from fc_async_local.http.messages import App, HeaderList, Message, Receive, Scope, Send

_LOG: Final = logging.getLogger(__name__)
_LOOPBACK_NAMES: Final = frozenset({"localhost", "127.0.0.1", "::1"})
_IN_CONTAINERS: Final = "host.docker.internal"
"""The name of this machine in the containers of functions (``execution/containers/spec.py``)."""
_DISCARD_BYTES: Final = 2 * limits.SYNC_PAYLOAD_BYTES
"""Ours: how much of a body over the limit is read, so that the client reads the refusal."""

_MOST_NAMED: Final = 100
"""Ours: how many hosts of the vendor are logged."""

_MOST_HELD_BYTES: Final = 256 * 1024 * 1024
"""Ours: one of the largest bodies (160 MB) and eighty of 1 MB beside it."""


class HttpService(ABC):
    """One service as an ASGI application."""

    holds_bodies: ClassVar[bool] = True
    """The bodies of requests in progress are in memory."""

    _named: frozenset[str] = frozenset()  # the vendor's hosts that a request has named

    @abstractmethod
    def new_request_id(self) -> str:
        """Return an id for a request that has just come."""

    @abstractmethod
    def body_limit(self, request: Request) -> int:
        """Return the largest body in bytes, decided by the head of the request."""

    @abstractmethod
    async def answer(self, request: Request) -> Answer:
        """Answer a request. It may be cancelled at any await if :meth:`waits` is true.

        Raises:
            Rejected: The request is refused.
            StoreUnavailable: The store cannot be reached, or the disk is full.
        """

    @abstractmethod
    def refuse(self, error: Rejected, request: Request) -> Answer:
        """Return an error in the form of the protocol."""

    @abstractmethod
    def common_headers(self, request: Request) -> HeaderList:
        """Return the headers that all answers have, errors too."""

    def waits(self, request: Request) -> bool:  # noqa: ARG002 -- for subclasses
        """Return whether the answer may take as long as other clients like: a long poll."""
        return False

    def streams(self, request: Request) -> bool:  # noqa: ARG002 -- for subclasses
        """Return whether :meth:`answer_stream` answers a request instead of :meth:`answer`."""
        return False

    async def answer_stream(self, request: Request, stream: ClientStream) -> Answer | None:
        """Answer a request whose body has not been read.

        Args:
            request: Without its body.
            stream: Reads the body; can send the answer.

        Returns:
            The answer; None if it was sent.

        Raises:
            Rejected: The request is refused.
        """
        raise NotImplementedError

    def is_open_to(self, request: Request, origin: str) -> bool:  # noqa: ARG002 -- for subclasses
        """Return whether a page of another origin may send a request."""
        return False

    def is_open_to_visitors(self, request: Request) -> bool:  # noqa: ARG002 -- for subclasses
        """Return whether a link of a page of another site may lead a browser's window here."""
        return False

    def is_exempt(self, request: Request) -> bool:  # noqa: ARG002 -- for subclasses
        """Return whether a request may come under a name that is not a loopback name."""
        return False

    def too_large(self, limit: int) -> Rejected:
        """Return the refusal of a body over the limit in bytes."""
        return Rejected(413, "EntityTooLarge", f"the body is longer than {limit} bytes")

    def unavailable(self, error: StoreUnavailable) -> Rejected:
        """Return the refusal while the store is unavailable."""
        return Rejected(503, "ServiceUnavailable", str(error))

    def failed(self) -> Rejected:
        """Return what is answered to a request that met an unforeseen error."""
        return Rejected(500, "InternalError", "see the runtime's log")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            # The ASGI specification: an application raises for protocols that it doesn't speak.
            raise RuntimeError(f"{scope['type']!r} is not served here, only http is")
        request = Request.of(scope, self.new_request_id())
        sending = _Sending(send)
        try:
            await self._serve(request, receive, sending)
        except asyncio.CancelledError:
            # The server stops and waits no longer. A streamed answer is broken off.
            if not sending.begun:
                await _send(self._refused(_stopping(), request), send)
            raise

    async def _serve(self, request: Request, receive: Receive, send: Send) -> None:
        try:
            self._check_origin(request)
            if self.streams(request):
                await self._stream(request, receive, send)
                return
            request.has_come(await self._body(request, receive))
        except ClientGone:
            return
        except Exception as error:  # noqa: BLE001 -- every error gets an answer
            await _send(self._refused(error, request), send)
            return
        answer = await self._handle_while_connected(request, receive)
        if answer is not None:
            await _send(answer, send)

    async def handle(self, request: Request) -> Answer:
        """Answer a whole request, errors too."""
        try:
            answer = await self.answer(request)
        except Exception as error:  # noqa: BLE001 -- every error gets an answer
            return self._refused(error, request)
        return self._finished(answer, request)

    async def _stream(self, request: Request, receive: Receive, send: Send) -> None:
        limit = self.body_limit(request)
        stream = ClientStream(request, receive, send, limit=limit, too_large=self.too_large)
        try:
            answer = await stream.while_connected(self.answer_stream(request, stream))
            if answer is not None:
                answer = self._finished(answer, request)
        except ClientGone:
            return
        except Exception as error:  # noqa: BLE001 -- every error gets an answer
            answer = self._refused(error, request)
        if stream.begun:
            # Without the end of the body the server closes the connection.
            if answer is None:
                await stream.end()
        elif answer is not None:
            await _send(answer, send)

    async def _handle_while_connected(self, request: Request, receive: Receive) -> Answer | None:
        """Answer; None if the client hung up during a long poll."""
        if not self.waits(request):
            return await self.handle(request)
        watch = _DisconnectWatch(receive)
        try:
            return await self.handle(request)
        except asyncio.CancelledError:
            if watch.has_cancelled():
                return None
            raise
        finally:
            watch.end()

    def _check_origin(self, request: Request) -> None:
        host = request.headers.get("host", "")
        from_page = request.headers.get("origin", "")
        reason = _refusal_of(request)
        if reason and from_page and self.is_open_to(request, from_page):
            reason = origin_refusal(host, "")
        if reason:
            is_exempt = not from_page and self.is_exempt(request)
            if not is_exempt:
                raise Rejected(403, "AccessDenied", reason)
        # A form or an image of another site has no Origin: Sec-Fetch-Site tells it apart.
        if not from_page and is_from_other_site(request):
            is_visit = is_navigation(request) and self.is_open_to_visitors(request)
            if not is_visit:
                raise Rejected(403, "AccessDenied", _OTHER_SITE)
        is_of_cloud = not is_loopback(host) and hosts.service_of(host)
        if is_of_cloud and host not in self._named:
            self._note(host)

    def _note(self, host: str) -> None:
        """Log once that a request to the cloud has come here instead."""
        if len(self._named) < _MOST_NAMED:
            self._named = self._named | {host}
            _LOG.warning(
                "a function called %s: this runtime answers, not the cloud (--allow-cloud lets "
                "functions call it)",
                host,
            )

    async def _body(self, request: Request, receive: Receive) -> bytes:
        limit = self.body_limit(request)
        buffer = io.BytesIO()  # its value is not a copy
        size = 0
        more = True
        # A little more than is allowed is read: a client that still sends may not see the refusal.
        while more and size <= max(limit, _DISCARD_BYTES):
            message = await receive()
            if message["type"] == "http.disconnect":
                raise ClientGone
            chunk: bytes = message.get("body", b"")
            size += len(chunk)
            if size <= limit:
                buffer.write(chunk)
            more = message.get("more_body", False)
        if size > limit:
            raise self.too_large(limit)
        return buffer.getvalue()

    def _refused(self, error: Exception, request: Request) -> Answer:
        rejected = self._as_rejection(error, request)
        answer = self._finished(self.refuse(rejected, request), request)
        if rejected.retry_after is None:
            return answer
        retry_after = ("Retry-After", str(rejected.retry_after))
        return answer._replace(headers=(*answer.headers, retry_after))

    def _as_rejection(self, error: Exception, request: Request) -> Rejected:
        if isinstance(error, Rejected):
            return error
        if isinstance(error, StoreUnavailable):
            return self.unavailable(error)
        if isinstance(error, MemoryError):
            text = "there is not enough memory for this request"
            return Rejected(503, "ServiceUnavailable", text, retry_after=1)
        _LOG.error("%s %s failed [%s]", request.method, request.path, request.id, exc_info=error)
        return self.failed()

    def _finished(self, answer: Answer, request: Request) -> Answer:
        return Answer(answer.status, answer.body, (*answer.headers, *self.common_headers(request)))


def too_many_bodies(most: int) -> Rejected:
    """Return a 503: the requests in progress fill the memory that is set aside for bodies."""
    return Rejected(
        503,
        "ServiceUnavailable",
        f"the requests in progress have bodies of {most} bytes together, and no more are kept "
        "at a time; try again when some of them are answered",
        retry_after=1,
    )


class BodyMemory:
    """Bytes of bodies in memory, over all servers of a runtime."""

    def __init__(self, most: int = _MOST_HELD_BYTES) -> None:
        self._most = most
        self._held = 0

    def around(self, app: App) -> App:
        """Return an ASGI application that counts the bodies that ``app`` receives.

        ``receive`` raises :func:`too_many_bodies` in the application, which answers so.
        """

        async def counted(scope: Scope, receive: Receive, send: Send) -> None:
            held = 0

            async def receive_counted() -> Message:
                nonlocal held
                message = await receive()
                size = len(message.get("body", b""))
                if size:
                    if self._held + size > self._most:
                        raise too_many_bodies(self._most)
                    self._held += size
                    held += size
                return message

            try:
                await app(scope, receive_counted, send)
            finally:
                self._held -= held

        return counted


class _Sending:
    """Sends messages of ASGI, and knows whether an answer was begun."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self.begun = False

    async def __call__(self, message: Message) -> None:
        self.begun = True
        await self._send(message)


def _stopping() -> Rejected:
    text = "the runtime stops; this request took longer than it waits for requests in progress"
    return Rejected(503, "ServiceUnavailable", text)


async def _send(answer: Answer, send: Send) -> None:
    headers = [(spelled(name), value.encode("latin-1")) for name, value in answer.headers]
    body = b"" if answer.status in WITHOUT_CONTENT else answer.body
    if answer.status not in WITHOUT_CONTENT:
        headers.append((b"Content-Length", b"%d" % len(body)))
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


class _DisconnectWatch:
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
        """Return whether this watch cancelled the task, and take the cancellation back."""
        if self._cancelled and self._watched is not None and sys.version_info >= (3, 11):
            self._watched.uncancel()
        return self._cancelled

    def end(self) -> None:
        """Stop watching; cancel nothing from now on."""
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


_OTHER_SITE: Final = (
    "a page of another site sent this request: it may only lead a window to the console or to an "
    "HTTP trigger; a page of this machine can send an Origin (fetch, or crossorigin on an element)"
)


def is_from_other_site(request: Request) -> bool:
    """Return whether a browser says that a page of another origin caused a request.

    Pages cannot set these headers (https://www.w3.org/TR/fetch-metadata/). Programs send none.
    """
    return request.headers.get("sec-fetch-site", "") in {"cross-site", "same-site"}


def is_navigation(request: Request) -> bool:
    """Return whether a browser's window is led here, and not a frame in a page."""
    headers = request.headers
    return (
        request.method == "GET"
        and headers.get("sec-fetch-mode") == "navigate"
        and headers.get("sec-fetch-dest") == "document"
    )


def _refusal_of(request: Request) -> str:
    """Return why a request is refused for its Host and Origin, "" if it is not."""
    headers = request.headers
    host = headers.get("host", "")
    # A browser's request without an Origin has this header, whatever page has caused it.
    if _name_of(host) == _IN_CONTAINERS and "sec-fetch-site" in headers:
        return f"{_IN_CONTAINERS} is a name for functions in containers, not for browsers"
    return origin_refusal(host, headers.get("origin", ""), request.scope.get("scheme", "http"))


def origin_refusal(host: str, origin: str, scheme: str = "http") -> str:
    """Return why a request is refused, "" if it is not.

    A page of another site in a browser can reach loopback ports. Such a request has a Host that is
    not a loopback name (DNS rebinding) or an Origin that is not this server. Functions of this
    runtime send requests with the vendor's names (``execution/worker/hosts.py``), which no other
    site can have; those of buckets open the endpoint of OSS only.

    Args:
        host: The Host header.
        origin: The Origin header, "" when it is absent (programs send none).
        scheme: Of the connection.
    """
    # Of programs only: a browser can be told that this name is another machine.
    if not origin and _name_of(host) == _IN_CONTAINERS:
        return ""
    if not is_loopback(host) and (origin or hosts.service_of(host) in ("", "oss")):
        return (
            f"Host {host!r} is not a loopback name: this runtime answers on 127.0.0.1 and "
            "localhost only"
        )
    if origin and origin != f"{scheme}://{host}":
        return f"Origin {origin!r} may not call this runtime"
    return ""


@functools.lru_cache(maxsize=256)
def is_loopback(host: str) -> bool:
    """Return whether an authority (``name[:port]``) names this machine."""
    name = _name_of(host)
    return name in _LOOPBACK_NAMES or name.endswith(".localhost")


def _name_of(host: str) -> str:
    """Return the name in an authority; "" if it is not one."""
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""
