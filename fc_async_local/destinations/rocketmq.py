# SPDX-License-Identifier: MIT
"""Topics of RocketMQ 4.x as destinations and channels.

The body is the event as JSON text, the message key is the request id. No tag and no further
property: an ARN can't be a property's value.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from fc_async_local.destinations.adapter import ChannelAdapter, Entry, ShownMessage, text_for_xml
from fc_async_local.destinations.base import DeliveryResult
from fc_async_local.services.rocketmq.model import NewMessage
from fc_async_sdk.spec.arn import RocketMqTopicArn

if TYPE_CHECKING:
    from fc_async_local.domain.invocation import Delivery
    from fc_async_local.services.rocketmq.service import RocketMqService
    from fc_async_local.settings import DestinationSettings
    from fc_async_sdk.spec.destinations import Kind


class RocketMqDestination(ChannelAdapter[RocketMqTopicArn, str]):
    """Publishes events to a topic."""

    kind: Kind = "rocketmq"
    channel = "rocketmq"
    form = "a RocketMQ body"

    def __init__(self, service: RocketMqService, settings: DestinationSettings) -> None:
        super().__init__(settings)
        self._service = service

    def encode(self, document: bytes, delivery: Delivery, now: int) -> tuple[str, int]:
        body = text_for_xml(document)
        return body, len(body.encode())

    async def create(self, target: RocketMqTopicArn) -> None:
        await self._service.ensure_topic(target.instance_id, target.topic)

    async def hand_over(
        self, target: RocketMqTopicArn, event: str, delivery: Delivery
    ) -> DeliveryResult:
        new = NewMessage(
            body=event,
            # A message can be looked up by its key: that of the invocation.
            keys=delivery.request_id,
            call_path=delivery.call_path,
        )
        sent = await self._service.publish(target.instance_id, target.topic, new)
        return DeliveryResult(201, reference=sent.message_id)

    async def entries(self) -> list[Entry]:
        entries = []
        for topic in self._service.topics():
            recent = self._service.recent.of(f"{topic.instance_id}/{topic.name}")
            entries.append(Entry(topic.name, topic.instance_id, len(recent)))
        return entries

    async def peek(self, target: RocketMqTopicArn) -> list[ShownMessage]:
        self._service.topic(target.instance_id, target.topic)
        shown = []
        for message in self._service.recent.of(f"{target.instance_id}/{target.topic}"):
            attributes = {"tag": message.tag, "properties": message.properties}
            shown.append(
                ShownMessage(message.message_id, message.published_at, message.body, attributes)
            )
        return shown

    async def send(
        self,
        target: RocketMqTopicArn,
        body: str,
        *,
        tag: str,
        keys: str,
    ) -> str:
        new = NewMessage(
            body=body,
            tag=tag,
            keys=keys,
        )
        message = await self._service.publish(target.instance_id, target.topic, new)
        return message.message_id

    async def purge(self, target: RocketMqTopicArn) -> int:
        return await self._service.purge(target.instance_id, target.topic)
