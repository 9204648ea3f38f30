# SPDX-License-Identifier: MIT
"""The HTTP endpoint of MNS: paths, query parameters, headers and statuses of its protocol.

Translates and delegates; what a queue does is :mod:`fc_async_local.services.mns.service`'s.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, NamedTuple

from fc_async_local.http import messages
from fc_async_local.http.messages import Answer
from fc_async_local.services import identifiers, signature
from fc_async_local.services.mns import routing, wire
from fc_async_local.services.mns.errors import MnsError, message_missing, queue_missing
from fc_async_local.services.mns.model import QueueAttributes
from fc_async_local.services.mns.topic_endpoint import TopicEndpoint
from fc_async_local.services.xml_service import XmlService, xml

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from fc_async_local.clock import Clock
    from fc_async_local.http.messages import Request
    from fc_async_local.services.mns.service import MnsService
    from fc_async_local.services.mns.topic_service import TopicService


class MnsEndpoint(XmlService):
    """Answers requests in the MNS protocol; without ``topics``, to its queues alone."""

    scheme = signature.MNS
    namespace = wire.NAMESPACE
    largest_body = 8 * 1024 * 1024
    """A full batch, 16 times 64 KB, with every character written as an entity."""

    def __init__(
        self, service: MnsService, clock: Clock, topics: TopicService | None = None
    ) -> None:
        super().__init__(service.settings, clock)
        self._service = service
        self._topics = None if topics is None else TopicEndpoint(topics)
        self._queue_routes: dict[str, Callable[[Request, str], Awaitable[Answer]]] = {
            "PUT": self._put_queue,
            "GET": self._get_queue,
            "DELETE": self._delete_queue,
        }
        self._message_routes: dict[str, Callable[[Request, str], Awaitable[Answer]]] = {
            "POST": self._send,
            "GET": self._receive,
            "DELETE": self._delete,
            "PUT": self._change_visibility,
        }

    async def answer(self, request: Request) -> Answer:
        """Answer one request."""
        self.authenticate(request)
        answer = await self._route(request)
        if answer is None:
            raise _no_operation(request)
        return answer

    def waits(self, request: Request) -> bool:
        """Whether the request receives: that may wait for a message."""
        return request.method == "GET" and not f"&{request.query}".endswith("&waitseconds=0")

    def _route(self, request: Request) -> Awaitable[Answer | None]:
        match request.segments:
            case ("queues", name, "messages") if request.method in self._message_routes:
                return self._message_routes[request.method](request, _public(name))
            case ("queues", name) if request.method in self._queue_routes:
                return self._queue_routes[request.method](request, _public(name))
            case ("queues",) if request.method == "GET":
                return self._list_queues(request)
            case ("topics", *rest) if self._topics is not None:
                return self._topics.handle(request, tuple(rest))
        raise _no_operation(request)

    async def _put_queue(self, request: Request, name: str) -> Answer:
        if routing.flag(request.parameters(), "metaoverride"):
            existing = await self._service.queue(name)
            attributes = wire.read_attributes(request.body, existing.attributes)
            await self._service.change_queue(name, attributes)
            return Answer(204)
        attributes = wire.read_attributes(request.body, QueueAttributes())
        return routing.created(
            await self._service.create_queue(name, attributes),
            routing.url(request, "queues", name),
            conflict="QueueAlreadyExist",
            what=f"the queue {name!r}",
        )

    async def _get_queue(self, _request: Request, name: str) -> Answer:
        queue = await self._service.queue(name)
        return xml(200, wire.queue_attributes(queue, await self._service.counts(name)))

    async def _delete_queue(self, _request: Request, name: str) -> Answer:
        await self._service.delete_queue(name)
        return Answer(204)

    async def _list_queues(self, request: Request) -> Answer:
        prefix, marker, limit = routing.page_of(request)
        queues = await self._service.queues(prefix=prefix, after=marker, limit=limit + 1)
        urls = [routing.url(request, "queues", queue.name) for queue in queues[:limit]]
        following = queues[limit - 1].name if len(queues) > limit else ""
        return routing.listing("Queues", urls, following)

    async def _send(self, request: Request, name: str) -> Answer:
        batch, drafts = wire.read_drafts(request.body, identifiers.message_id)
        return xml(201, wire.sent(await self._service.send(name, drafts), batch=batch))

    async def _receive(self, request: Request, name: str) -> Answer:
        wish = _wish(request.query)
        if wish.peek:
            messages = await self._service.peek(name, limit=wish.limit)
            written = wire.peeked
        else:
            messages = await self._service.receive(
                name, limit=wish.limit, wait_seconds=wish.wait_seconds
            )
            written = wire.received
        if not messages:
            raise message_missing()
        return xml(200, written(messages, batch=wish.batch))

    async def _delete(self, request: Request, name: str) -> Answer:
        handle = request.parameters().get("receipthandle")
        if handle is not None:
            (failure,) = await self._service.delete(name, [handle])
            if failure is not None:
                raise failure
            return Answer(204)
        if not request.body.strip():
            raise MnsError("MissingReceiptHandle", "the parameter ReceiptHandle is missing")
        handles = wire.read_handles(request.body)
        results = await self._service.delete(name, handles)
        failures = [
            (handle, error)
            for handle, error in zip(handles, results, strict=True)
            if error is not None
        ]
        return xml(404, wire.undeleted(failures)) if failures else Answer(204)

    async def _change_visibility(self, request: Request, name: str) -> Answer:
        parameters = request.parameters()
        handle = parameters.get("receipthandle")
        seconds = routing.number(parameters, "visibilitytimeout")
        if not handle:
            raise MnsError("MissingReceiptHandle", "the parameter ReceiptHandle is missing")
        if seconds is None:
            raise MnsError("MissingVisibilityTimeout", "the parameter VisibilityTimeout is missing")
        return xml(200, wire.hidden(await self._service.change_visibility(name, handle, seconds)))


class _Wish(NamedTuple):
    """What ReceiveMessage, PeekMessage and their batches ask for."""

    limit: int
    batch: bool
    peek: bool
    wait_seconds: int | None


@functools.lru_cache(maxsize=256)
def _wish(query: str) -> _Wish:
    # Clients that poll send the same query again and again.
    parameters = messages.parameters(query)
    count = routing.number(parameters, "numofmessages")
    return _Wish(
        limit=1 if count is None else count,
        batch=count is not None,
        peek=routing.flag(parameters, "peekonly"),
        wait_seconds=routing.number(parameters, "waitseconds"),
    )


def _no_operation(request: Request) -> MnsError:
    return MnsError(
        "InvalidRequestURL", f"{request.method} {request.path} is not an operation of MNS"
    )


def _public(name: str) -> str:
    """Return the name of a queue; those of the services themselves do not exist for clients."""
    if name.startswith("."):
        raise queue_missing(name)
    return name
