# SPDX-License-Identifier: MIT
"""The HTTP endpoint of MNS topics and subscriptions. Translates and delegates."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fc_async_local.http.messages import Answer
from fc_async_local.services.mns import routing, topic_wire
from fc_async_local.services.mns.errors import MnsError
from fc_async_local.services.xml_service import xml

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from fc_async_local.http.messages import Request
    from fc_async_local.services.mns.topic_service import TopicService


class TopicEndpoint:
    """Answers requests below ``/topics``."""

    def __init__(self, service: TopicService) -> None:
        self._service = service
        self._routes: dict[tuple[str, ...], dict[str, Callable[..., Awaitable[Answer]]]] = {
            (): {"GET": self._list},
            ("topic",): {"PUT": self._put, "GET": self._get, "DELETE": self._delete},
            ("topic", "messages"): {"POST": self._publish},
            ("topic", "subscriptions"): {"GET": self._list_subscriptions},
            ("topic", "subscriptions", "name"): {
                "PUT": self._subscribe,
                "GET": self._get_subscription,
                "DELETE": self._unsubscribe,
            },
        }

    async def handle(self, request: Request, segments: tuple[str, ...]) -> Answer | None:
        """Answer a request for what follows ``/topics``; None: there is no such operation."""
        shape: tuple[str, ...]
        names: tuple[str, ...]
        match segments:
            case ():
                shape, names = (), ()
            case (topic,):
                shape, names = ("topic",), (topic,)
            case (topic, ("messages" | "subscriptions") as what):
                shape, names = ("topic", what), (topic,)
            case (topic, "subscriptions", name):
                shape, names = ("topic", "subscriptions", "name"), (topic, name)
            case _:
                return None
        operation = self._routes[shape].get(request.method)
        if operation is None:
            return None
        await self._service.refresh()
        return await operation(request, *names)

    async def _list(self, request: Request) -> Answer:
        prefix, marker, limit = routing.page_of(request)
        names, following = self._service.topics(prefix=prefix, after=marker, limit=limit)
        urls = [routing.url(request, "topics", name) for name in names]
        return routing.listing("Topics", urls, following)

    async def _put(self, request: Request, topic: str) -> Answer:
        attributes = topic_wire.read_topic(request.body)
        if routing.flag(request.parameters(), "metaoverride"):
            await self._service.change_topic(topic, attributes)
            return Answer(204)
        return routing.created(
            await self._service.create_topic(topic, attributes),
            routing.url(request, "topics", topic),
            conflict="TopicAlreadyExist",
            what=f"the topic {topic!r}",
        )

    async def _get(self, _request: Request, topic: str) -> Answer:
        found = self._service.topic(topic)
        return xml(200, topic_wire.topic(found, await self._service.waiting(topic)))

    async def _delete(self, _request: Request, topic: str) -> Answer:
        await self._service.delete_topic(topic)
        return Answer(204)

    async def _publish(self, request: Request, topic: str) -> Answer:
        body, tag = topic_wire.read_publication(request.body)
        publication = await self._service.publish(topic, body, tag=tag)
        return xml(201, topic_wire.published(publication))

    async def _list_subscriptions(self, request: Request, topic: str) -> Answer:
        prefix, marker, limit = routing.page_of(request)
        names, following = self._service.subscriptions(
            topic, prefix=prefix, after=marker, limit=limit
        )
        urls = [routing.url(request, "topics", topic, "subscriptions", name) for name in names]
        return routing.listing("Subscriptions", urls, following)

    async def _subscribe(self, request: Request, topic: str, name: str) -> Answer:
        if routing.flag(request.parameters(), "metaoverride"):
            strategy = topic_wire.read_strategy(request.body)
            if strategy is None:
                raise MnsError("InvalidArgument", "<Subscription> holds no <NotifyStrategy>")
            await self._service.change_subscription(topic, name, strategy)
            return Answer(204)
        subscription = topic_wire.read_subscription(request.body, topic, name)
        return routing.created(
            await self._service.subscribe(subscription),
            routing.url(request, "topics", topic, "subscriptions", name),
            conflict="SubscriptionAlreadyExist",
            what=f"the subscription {name!r} of {topic!r}",
        )

    async def _get_subscription(self, _request: Request, topic: str, name: str) -> Answer:
        found = self._service.subscription(topic, name)
        return xml(200, topic_wire.subscription(found, self._service.owner))

    async def _unsubscribe(self, _request: Request, topic: str, name: str) -> Answer:
        await self._service.unsubscribe(topic, name)
        return Answer(204)
