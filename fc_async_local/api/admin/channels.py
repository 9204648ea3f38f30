# SPDX-License-Identifier: MIT
"""Queues, topics and buses with their messages: look, send, purge.

A queue and a topic of RocketMQ keep messages. A topic of MNS and a bus hand theirs on: the latest
ones since the start are shown.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import msgspec

from fc_async_local.api import admin
from fc_async_local.api.operation import body_of
from fc_async_local.domain.errors import Rejected
from fc_async_local.functions import refusals
from fc_async_local.services import common
from fc_async_local.services.eventbridge import events as cloud_events
from fc_async_local.services.mns import model as mns_model
from fc_async_local.services.rocketmq.model import NewMessage
from fc_async_sdk import events
from fc_async_sdk.admin import models
from fc_async_sdk.errors import InvalidEvent

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from starlette.requests import Request
    from starlette.routing import Route

    from fc_async_local.services.eventbridge.model import Event
    from fc_async_local.services.eventbridge.service import EventBridgeService
    from fc_async_local.services.mns.service import MnsService
    from fc_async_local.services.mns.topic_service import TopicService
    from fc_async_local.services.rocketmq.service import RocketMqService

_PAGE: Final = 1_000
_ADDRESS: Final = "127.0.0.1"


class Channels(NamedTuple):
    """The services that have queues, topics and buses."""

    mns: MnsService
    topics: TopicService
    rocketmq: RocketMqService
    eventbridge: EventBridgeService


class ChannelAdmin:
    """Queues, topics and buses, as the console shows them."""

    def __init__(self, channels: Channels) -> None:
        self._services = channels
        self._kinds: Mapping[str, _Kind] = {
            "queue": _Kind(self._peek, self._send_to_queue, self._purge_queue),
            "topic": _Kind(self._published, self._publish, self._forget_published),
            "rocketmq": _Kind(self._log, self._produce, self._purge_log),
            "bus": _Kind(self._events, self._put_event, self._forget_events),
        }

    def routes(self) -> list[Route]:
        """Return the routes of these operations."""
        messages = "/channels/{kind}/messages"
        return admin.routes(
            [
                ("GET", "/channels", self.channels),
                ("GET", messages, self.messages),
                ("POST", messages, self.send),
                ("DELETE", messages, self.purge),
            ]
        )

    async def channels(self, _: Request) -> models.Channels:
        """List all queues, topics and buses with the numbers of their messages."""
        mns, topics, rocketmq, eventbridge = self._services
        found: list[models.Channel] = []
        for queue in await mns.queues(limit=_PAGE):
            counts = await mns.counts(queue.name)
            facts = {"received": counts.inactive, "delayed": counts.delayed}
            found.append(_channel("queue", queue.name, messages=sum(counts), facts=facts))
        await topics.documents.refresh()
        for name in topics.documents.topics(prefix="", after="", limit=_PAGE)[0]:
            subscriptions = topics.documents.subscriptions(name, prefix="", after="", limit=_PAGE)[
                0
            ]
            facts = {"subscriptions": len(subscriptions), "to push": await topics.waiting(name)}
            number = len(topics.recent.of(name))
            found.append(_channel("topic", name, messages=number, facts=facts))
        for topic in rocketmq.topics():
            number = len(rocketmq.recent.of(f"{topic.instance_id}/{topic.name}"))
            found.append(
                _channel("rocketmq", topic.name, instance=topic.instance_id, messages=number)
            )
        for bus in eventbridge.documents.buses(prefix="", after="", limit=_PAGE)[0]:
            rules = eventbridge.documents.rules(bus.name, prefix="", after="", limit=_PAGE)[0]
            number = len(eventbridge.recent.of(bus.name))
            found.append(_channel("bus", bus.name, messages=number, facts={"rules": len(rules)}))
        return models.Channels(channels=found)

    async def messages(self, request: Request, kind: str) -> models.Messages:
        """Return messages, without receiving them.

        Query: ``name``, and ``instance`` for RocketMQ.
        """
        return models.Messages(messages=await self._kind(kind).look(_name(request)))

    async def send(self, request: Request, kind: str) -> models.Sent:
        """Send a message. Body: ``body`` (for a bus, an event of JSON).

        For topics also ``tag``, and for topics of RocketMQ ``keys``.
        """
        try:
            wanted = msgspec.convert(await body_of(request), models.SendMessage)
        except msgspec.ValidationError as error:
            raise refusals.invalid_argument(str(error)) from None
        message_id = await self._kind(kind).send(_name(request), wanted)
        return models.Sent(message_id=message_id)

    async def purge(self, request: Request, kind: str) -> models.Purged:
        """Delete all messages for good."""
        return models.Purged(purged=await self._kind(kind).purge(_name(request)))

    def _kind(self, name: str) -> _Kind:
        kind = self._kinds.get(name)
        if kind is None:
            raise refusals.invalid_argument(
                f"the kind must be one of {', '.join(self._kinds)}, got {name!r}"
            )
        return kind

    async def _peek(self, name: _Name) -> list[models.Message]:
        found = await self._services.mns.peek(name.name, limit=mns_model.BATCH.high)
        return [
            _message(
                each.message_id,
                each.enqueued_at,
                each.body,
                {"priority": each.priority, "received": each.dequeue_count},
            )
            for each in found
        ]

    async def _send_to_queue(self, name: _Name, wanted: models.SendMessage) -> str:
        draft = mns_model.Draft(message_id=common.message_id(), body=wanted.body)
        (sent,) = await self._services.mns.send(name.name, [draft])
        return sent.message_id

    async def _purge_queue(self, name: _Name) -> int:
        return await self._services.mns.purge(name.name)

    async def _published(self, name: _Name) -> list[models.Message]:
        self._services.topics.documents.topic(name.name)
        return [
            _message(each.message_id, each.published_at, each.body, {"tag": each.tag})
            for each in self._services.topics.recent.of(name.name)
        ]

    async def _publish(self, name: _Name, wanted: models.SendMessage) -> str:
        sent = await self._services.topics.publish(name.name, wanted.body, tag=wanted.tag)
        return sent.message_id

    async def _forget_published(self, name: _Name) -> int:
        self._services.topics.documents.topic(name.name)
        return self._services.topics.recent.forget(name.name)

    async def _log(self, name: _Name) -> list[models.Message]:
        self._services.rocketmq.topic(name.instance, name.name)
        return [
            _message(
                each.message_id,
                each.published_at,
                each.body,
                {"tag": each.tag, "properties": each.properties},
            )
            for each in self._services.rocketmq.recent.of(f"{name.instance}/{name.name}")
        ]

    async def _produce(self, name: _Name, wanted: models.SendMessage) -> str:
        new = NewMessage(body=wanted.body, tag=wanted.tag, keys=wanted.keys)
        return (await self._services.rocketmq.publish(name.instance, name.name, new)).message_id

    async def _purge_log(self, name: _Name) -> int:
        return await self._services.rocketmq.purge(name.instance, name.name)

    async def _events(self, name: _Name) -> list[models.Message]:
        self._services.eventbridge.documents.bus(name.name)
        return [
            _cloud_event(at, event) for at, event in self._services.eventbridge.recent.of(name.name)
        ]

    async def _put_event(self, name: _Name, wanted: models.SendMessage) -> str:
        batch = cloud_events.read_batch(f"[{wanted.body}]".encode())
        if len(batch) != 1:
            raise refusals.invalid_argument(f"expected one event, got {len(batch)}")
        made = {"specversion": "1.0", "id": common.message_id()}
        event = {name: cloud_events.raw(value) for name, value in made.items()} | batch[0]
        (entry,) = await self._services.eventbridge.put_events(
            [event], bus=name.name, address=_ADDRESS
        )
        if entry.error_code:
            raise Rejected(400, entry.error_code, entry.error_message)
        return entry.event_id

    async def _forget_events(self, name: _Name) -> int:
        self._services.eventbridge.documents.bus(name.name)
        return self._services.eventbridge.recent.forget(name.name)


class _Name(NamedTuple):
    name: str
    instance: str


class _Kind(NamedTuple):
    """What is done with the messages of one kind of channel."""

    look: Callable[[_Name], Awaitable[list[models.Message]]]
    send: Callable[[_Name, models.SendMessage], Awaitable[str]]
    purge: Callable[[_Name], Awaitable[int]]


def _name(request: Request) -> _Name:
    query = request.query_params
    return _Name(query.get("name", ""), query.get("instance", ""))


def _channel(
    kind: str,
    name: str,
    *,
    instance: str = "",
    messages: int,
    facts: Mapping[str, int] | None = None,
) -> models.Channel:
    return models.Channel(
        kind=kind, name=name, instance=instance, messages=messages, facts=dict(facts or {})
    )


def _message(
    message_id: str, at: int, body: str, attributes: Mapping[str, object]
) -> models.Message:
    """Return a message as it is, and as the destination event that it carries, if it does."""
    shown = {name: value for name, value in attributes.items() if value != ""}
    summary, document = _event(body)
    return models.Message(
        id=message_id, at=at, body=body, attributes=shown, summary=summary, event=document
    )


def _cloud_event(at: int, event: Event) -> models.Message:
    """Return an event of a bus; one of another source shows what it says of itself."""
    event_id, body = cloud_events.text_of(event, "id"), cloud_events.encode(event).decode()
    message = _message(event_id, at, body, {})
    if message.summary is not None:
        return message
    texts = {name: cloud_events.text_of(event, name) for name in ("source", "type", "subject")}
    summary: dict[str, str | int] = {name: text for name, text in texts.items() if text}
    return msgspec.structs.replace(message, summary=summary)


def _event(body: str) -> tuple[dict[str, str | int] | None, str | None]:
    """Return facts of the destination event in a body, and its document if the body differs."""
    try:
        event = events.parse(body)
    except InvalidEvent:
        return None, None
    if not event.function_arn:
        return None, None
    summary = {
        "function": event.function,
        "outcome": "success" if event.succeeded else "failure",
        "condition": event.condition,
        "attempts": event.attempts,
        "request": event.request_id,
    }
    document = event.source.decode(errors="replace")
    return (
        {name: value for name, value in summary.items() if value},
        document if document != body else None,
    )
