# SPDX-License-Identifier: MIT
"""Queues and topics of MNS as destinations and channels.

The event is encoded as a message body and passed to the service in this process. The limit applies
to the body as transmitted: base64 makes four bytes of three.
"""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

from fc_async_local.destinations.adapter import (
    PAGE,
    A,
    ChannelAdapter,
    Entry,
    ShownMessage,
    text_for_xml,
)
from fc_async_local.destinations.base import DeliveryResult
from fc_async_local.services import common
from fc_async_local.services.mns.model import BATCH, Draft, QueueAttributes, handle_of
from fc_async_sdk.spec import arn
from fc_async_sdk.spec.limits import QUEUE_RETENTION_SECONDS

if TYPE_CHECKING:
    from collections.abc import Container

    from fc_async_local.domain.invocation import Delivery
    from fc_async_local.services.mns.service import MnsService
    from fc_async_local.services.mns.topic import Publication
    from fc_async_local.services.mns.topic_service import TopicService
    from fc_async_local.settings import DestinationSettings
    from fc_async_sdk.spec.destinations import Kind


class _Body(ChannelAdapter[A, str]):
    """Encodes events as bodies: base64, or the JSON text with ``mns_body=raw``."""

    def __init__(self, settings: DestinationSettings) -> None:
        super().__init__(settings)
        self.form = f"a {settings.mns_body} MNS body"

    def encode(self, document: bytes, delivery: Delivery, now: int) -> tuple[str, int]:
        if self.settings.mns_body == "base64":
            body = base64.b64encode(document).decode("ascii")
        else:
            body = text_for_xml(document)
        return body, len(body.encode())


class MnsQueueDestination(_Body[arn.MnsQueueArn]):
    """Sends events to a queue."""

    kind: Kind = "mns-queue"
    channel = "queue"

    def __init__(self, service: MnsService, settings: DestinationSettings) -> None:
        super().__init__(settings)
        self._service = service

    async def create(self, target: arn.MnsQueueArn) -> None:
        # As deploy --create-missing makes it: a failure that waits over a weekend is still there.
        longest = QueueAttributes(message_retention_period=QUEUE_RETENTION_SECONDS.high)
        await self._service.create_queue(target.queue, longest)

    async def hand_over(
        self, target: arn.MnsQueueArn, event: str, delivery: Delivery
    ) -> DeliveryResult:
        draft = Draft(
            message_id=common.message_id(),
            body=event,
            call_path=delivery.call_path,
        )
        (sent,) = await self._service.send(target.queue, [draft])
        return DeliveryResult(201, reference=sent.message_id)

    async def entries(self) -> list[Entry]:
        entries = []
        for queue in await self._service.queues(limit=PAGE):
            counts = await self._service.counts(queue.name)
            facts = {"received": counts.inactive, "delayed": counts.delayed}
            entries.append(Entry(queue.name, messages=sum(counts), facts=facts))
        return entries

    async def peek(self, target: arn.MnsQueueArn) -> list[ShownMessage]:
        shown = []
        for message in await self._service.peek(target.queue, limit=BATCH.high):
            attributes = {"priority": message.priority, "received": message.dequeue_count}
            shown.append(
                ShownMessage(message.message_id, message.enqueued_at, message.body, attributes)
            )
        return shown

    async def send(
        self,
        target: arn.MnsQueueArn,
        body: str,
        *,
        tag: str,
        keys: str,
    ) -> str:
        draft = Draft(message_id=common.message_id(), body=body)
        (sent,) = await self._service.send(target.queue, [draft])
        return sent.message_id

    async def remove(self, target: arn.MnsQueueArn, message_ids: Container[str]) -> None:
        # Only who has received a message can delete it.
        received = await self._service.receive(
            target.queue,
            limit=BATCH.high,
            wait_seconds=0,
        )
        for message in received:
            if message.message_id in message_ids:
                await self._service.delete(target.queue, [handle_of(message)])
            else:
                # It was received only to be looked at: its consumers get it again after a second.
                await self._service.change_visibility(target.queue, handle_of(message), 1)

    async def purge(self, target: arn.MnsQueueArn) -> int:
        return await self._service.purge(target.queue)


class MnsTopicDestination(_Body[arn.MnsTopicArn]):
    """Publishes events to a topic. They carry no tag."""

    kind: Kind = "mns-topic"
    channel = "topic"

    def __init__(self, service: TopicService, settings: DestinationSettings) -> None:
        super().__init__(settings)
        self._service = service

    async def create(self, target: arn.MnsTopicArn) -> None:
        await self._service.documents.ensure_topic(target.topic)

    async def hand_over(
        self, target: arn.MnsTopicArn, event: str, delivery: Delivery
    ) -> DeliveryResult:
        sent = await self._service.publish(target.topic, event, call_path=delivery.call_path)
        return DeliveryResult(201, reference=sent.message_id)

    async def entries(self) -> list[Entry]:
        service = self._service
        documents = service.documents
        await documents.refresh()
        names, _ = documents.topics(
            prefix="",
            after="",
            limit=PAGE,
        )
        entries = []
        for name in names:
            subscriptions, _ = documents.subscriptions(
                name,
                prefix="",
                after="",
                limit=PAGE,
            )
            waiting = await service.waiting(name)
            facts = {"subscriptions": len(subscriptions), "to push": waiting}
            number = len(service.recent.of(name))
            entries.append(Entry(name, messages=number, facts=facts))
        return entries

    async def peek(self, target: arn.MnsTopicArn) -> list[ShownMessage]:
        self._service.documents.topic(target.topic)
        return [_shown(publication) for publication in self._service.recent.of(target.topic)]

    async def send(
        self,
        target: arn.MnsTopicArn,
        body: str,
        *,
        tag: str,
        keys: str,
    ) -> str:
        publication = await self._service.publish(target.topic, body, tag=tag)
        return publication.message_id

    async def purge(self, target: arn.MnsTopicArn) -> int:
        self._service.documents.topic(target.topic)
        return self._service.recent.forget(target.topic)


def _shown(publication: Publication) -> ShownMessage:
    return ShownMessage(
        publication.message_id,
        publication.published_at,
        publication.body,
        {"tag": publication.tag},
    )
