# SPDX-License-Identifier: MIT
"""The HTTP endpoint of MNS: paths, query parameters, headers and statuses of its protocol."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, ClassVar, NamedTuple

from fc_async_local.http import messages
from fc_async_local.http.messages import Answer
from fc_async_local.services import common, signature
from fc_async_local.services.markup import XmlService, base_url, xml
from fc_async_local.services.mns import model, wire
from fc_async_local.services.mns.model import MnsError, QueueAttributes, message_missing
from fc_async_local.services.mns.topic import Topic

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fc_async_local.clock import Clock
    from fc_async_local.http.messages import Request
    from fc_async_local.services.mns.model import Creation
    from fc_async_local.services.mns.service import MnsService
    from fc_async_local.services.mns.topic_service import TopicService


class MnsEndpoint(XmlService):
    """Answers requests in the MNS protocol."""

    name = "MNS"
    scheme = signature.MNS
    dialect = wire.DIALECT
    unknown_parameter = "InvalidQueryString"
    parameters: ClassVar = {
        "PUT queues/*": "metaoverride",
        "GET queues/*/messages": "numofmessages peekonly waitseconds",
        "DELETE queues/*/messages": "receipthandle",
        "PUT queues/*/messages": "receipthandle visibilitytimeout",
        "PUT topics/*": "metaoverride",
        "PUT topics/*/subscriptions/*": "metaoverride",
    }
    largest_body = 8 * 1024 * 1024
    """A full batch, 16 times 64 KB, with every character written as an entity."""

    def __init__(self, service: MnsService, clock: Clock, topics: TopicService) -> None:
        super().__init__(service.settings, clock)
        self._service = service
        self._topics = topics
        self.operations = {
            "GET queues": self._list_queues,
            "PUT queues/*": self._put_queue,
            "GET queues/*": self._get_queue,
            "DELETE queues/*": self._delete_queue,
            "POST queues/*/messages": self._send,
            "GET queues/*/messages": self._receive,
            "DELETE queues/*/messages": self._delete,
            "PUT queues/*/messages": self._change_visibility,
            "GET topics": self._list_topics,
            "PUT topics/*": self._put_topic,
            "GET topics/*": self._get_topic,
            "DELETE topics/*": self._delete_topic,
            "POST topics/*/messages": self._publish,
            "GET topics/*/subscriptions": self._list_subscriptions,
            "PUT topics/*/subscriptions/*": self._subscribe,
            "GET topics/*/subscriptions/*": self._get_subscription,
            "DELETE topics/*/subscriptions/*": self._unsubscribe,
        }

    def waits(self, request: Request) -> bool:
        """Return whether the request may wait for a message."""
        # Without the parameter the queue's own time applies, which is not known before it is read.
        return request.method == "GET" and not f"&{request.query}".endswith("&waitseconds=0")

    async def refresh(self, request: Request) -> None:
        """Read the topics; queues are not documents."""
        if request.segments[:1] == ("topics",):
            await self._topics.documents.refresh()

    async def _put_queue(self, request: Request, name: str) -> Answer:
        # SetQueueAttributes: what the body leaves out stays, where CreateQueue takes the defaults.
        if _flag(request.parameters(), "metaoverride"):
            existing = await self._service.queue(name)
            attributes = wire.read_attributes(request.body, existing.attributes)
            await self._service.change_queue(name, attributes)
            return Answer(204)
        attributes = wire.read_attributes(request.body, QueueAttributes())
        return _created(
            await self._service.create_queue(name, attributes),
            _url(request, "queues", name),
            conflict="QueueAlreadyExist",
            resource=f"the queue {name!r}",
        )

    async def _get_queue(self, _request: Request, name: str) -> Answer:
        queue = await self._service.queue(name)
        return xml(200, wire.queue_attributes(queue, await self._service.counts(name)))

    async def _delete_queue(self, _request: Request, name: str) -> Answer:
        await self._service.delete_queue(name)
        return Answer(204)

    async def _list_queues(self, request: Request) -> Answer:
        prefix, marker, limit = _page(request)
        # One queue more than the page has shows whether there is a next page.
        queues = await self._service.queues(
            prefix=prefix,
            after=marker,
            limit=limit + 1,
        )
        urls = [_url(request, "queues", queue.name) for queue in queues[:limit]]
        following = queues[limit - 1].name if len(queues) > limit else ""
        return _listing("Queues", urls, following)

    async def _send(self, request: Request, name: str) -> Answer:
        batch, drafts = wire.read_drafts(request.body, common.message_id)
        sent = await self._service.send(name, drafts)
        return xml(201, wire.sent(sent, batch=batch))

    async def _receive(self, request: Request, name: str) -> Answer:
        parameters = _receive_parameters(request.query)
        if parameters.peek:
            messages = await self._service.peek(name, limit=parameters.limit)
            written = wire.peeked
        else:
            messages = await self._service.receive(
                name,
                limit=parameters.limit,
                wait_seconds=parameters.wait_seconds,
            )
            written = wire.received
        if not messages:
            raise message_missing()
        return xml(200, written(messages, batch=parameters.batch))

    async def _delete(self, request: Request, name: str) -> Answer:
        handle = request.parameters().get("receipthandle")
        if handle is not None:
            (failure,) = await self._service.delete(name, [handle])
            if failure is not None:
                raise failure
            return Answer(204)
        # BatchDeleteMessage has the same method and path; its handles are in the body.
        if not request.body.strip():
            raise MnsError("MissingReceiptHandle", "the parameter ReceiptHandle is missing")
        handles = self.dialect.read_handles(request.body, model.BATCH)
        results = await self._service.delete(name, handles)
        failures = []
        for handle, error in zip(handles, results, strict=True):
            if error is not None:
                failures.append((handle, error.code, error.message))
        if not failures:
            return Answer(204)
        return xml(404, self.dialect.undeleted(failures))

    async def _change_visibility(self, request: Request, name: str) -> Answer:
        parameters = request.parameters()
        handle = parameters.get("receipthandle")
        seconds = _number(parameters, "visibilitytimeout")
        if not handle:
            raise MnsError("MissingReceiptHandle", "the parameter ReceiptHandle is missing")
        if seconds is None:
            raise MnsError("MissingVisibilityTimeout", "the parameter VisibilityTimeout is missing")
        message = await self._service.change_visibility(name, handle, seconds)
        return xml(200, wire.hidden(message))

    async def _list_topics(self, request: Request) -> Answer:
        prefix, marker, limit = _page(request)
        names, following = self._topics.documents.topics(
            prefix=prefix,
            after=marker,
            limit=limit,
        )
        urls = [_url(request, "topics", name) for name in names]
        return _listing("Topics", urls, following)

    async def _put_topic(self, request: Request, topic: str) -> Answer:
        if _flag(request.parameters(), "metaoverride"):
            existing = self._topics.documents.topic(topic)
            changed = wire.read_topic(request.body, existing)
            await self._topics.documents.change_topic(changed)
            return Answer(204)
        attributes = wire.read_topic(request.body, Topic(name=topic))
        return _created(
            await self._topics.documents.create_topic(attributes),
            _url(request, "topics", topic),
            conflict="TopicAlreadyExist",
            resource=f"the topic {topic!r}",
        )

    async def _get_topic(self, _request: Request, topic: str) -> Answer:
        attributes = self._topics.documents.topic(topic)
        return xml(200, wire.write_topic(attributes, await self._topics.waiting(topic)))

    async def _delete_topic(self, _request: Request, topic: str) -> Answer:
        await self._topics.documents.delete_topic(topic)
        return Answer(204)

    async def _publish(self, request: Request, topic: str) -> Answer:
        body, tag = wire.read_publication(request.body)
        publication = await self._topics.publish(topic, body, tag=tag)
        return xml(201, wire.write_published(publication))

    async def _list_subscriptions(self, request: Request, topic: str) -> Answer:
        prefix, marker, limit = _page(request)
        names, following = self._topics.documents.subscriptions(
            topic,
            prefix=prefix,
            after=marker,
            limit=limit,
        )
        urls = [_url(request, "topics", topic, "subscriptions", name) for name in names]
        return _listing("Subscriptions", urls, following)

    async def _subscribe(self, request: Request, topic: str, name: str) -> Answer:
        if _flag(request.parameters(), "metaoverride"):
            strategy = wire.read_strategy(request.body)
            if strategy is None:
                raise MnsError("InvalidArgument", "<Subscription> has no <NotifyStrategy>")
            await self._topics.documents.change_subscription(topic, name, strategy)
            return Answer(204)
        subscription = wire.read_subscription(request.body, topic, name)
        return _created(
            await self._topics.documents.subscribe(subscription),
            _url(request, "topics", topic, "subscriptions", name),
            conflict="SubscriptionAlreadyExist",
            resource=f"the subscription {name!r} of {topic!r}",
        )

    async def _get_subscription(self, _request: Request, topic: str, name: str) -> Answer:
        subscription = self._topics.documents.subscription(topic, name)
        return xml(200, wire.write_subscription(subscription, self._topics.owner))

    async def _unsubscribe(self, _request: Request, topic: str, name: str) -> Answer:
        await self._topics.documents.unsubscribe(topic, name)
        return Answer(204)


class _ReceiveParameters(NamedTuple):
    """The parameters of ReceiveMessage, PeekMessage and their batches."""

    limit: int
    batch: bool
    peek: bool
    wait_seconds: int | None


@functools.lru_cache(maxsize=256)
def _receive_parameters(query: str) -> _ReceiveParameters:
    # Clients that poll send the same query again and again.
    parameters = messages.parameters(query)
    count = _number(parameters, "numofmessages")
    return _ReceiveParameters(
        limit=1 if count is None else count,
        batch=count is not None,
        peek=_flag(parameters, "peekonly"),
        wait_seconds=_number(parameters, "waitseconds"),
    )


def _page(request: Request) -> tuple[str, str, int]:
    """Return prefix, marker and size of a page, which are in headers and not in the query."""
    headers = request.headers
    size = headers.get("x-mns-ret-number", "")
    plain = size.isascii() and size.isdigit()
    # int() fails on more than 4,300 digits; nine are more than the largest page has.
    limit = int(size[:9]) if plain else model.PAGE.default
    return (
        headers.get("x-mns-prefix", ""),
        headers.get("x-mns-marker", ""),
        min(max(limit, model.PAGE.low), model.PAGE.high),
    )


def _flag(parameters: dict[str, str], name: str) -> bool:
    return parameters.get(name, "").lower() == "true"


def _number(parameters: dict[str, str], name: str) -> int | None:
    return common.read_integer(parameters, name, MnsError, "InvalidQueryString")


def _url(request: Request, *segments: str) -> str:
    """Return the URL of a queue, a topic or a subscription."""
    return "/".join((base_url(request), *segments))


def _created(
    creation: Creation,
    location: str,
    *,
    conflict: str,
    resource: str,
) -> Answer:
    """Return the answer to a request that creates a resource.

    Raises:
        MnsError: With the code ``conflict``: it exists with other attributes.
    """
    if creation == "different":
        raise MnsError(conflict, f"{resource} exists with other attributes")
    status = 201 if creation == "created" else 204
    return Answer(status, headers=(("Location", location),))


def _listing(root: str, urls: Sequence[str], marker: str) -> Answer:
    """Return a page of a list, such as ``Queues`` of ``Queue`` with a ``QueueURL``."""
    item = root.removesuffix("s")
    content = {item: [{f"{item}URL": url} for url in urls], "NextMarker": marker or None}
    return xml(200, wire.DIALECT.document(root, content))
