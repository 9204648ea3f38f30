# SPDX-License-Identifier: MIT
"""Topics of RocketMQ 4.x as destinations and channels.

The body is the event as JSON text, the message key is the request id. No tag and no further
property: an ARN can't be a property's value.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from fc_async_local.destinations.adapter import Channel, Entry, Message, text_for_xml
from fc_async_local.destinations.base import DeliveryResult
from fc_async_local.services.rocketmq.model import NewMessage
from fc_async_sdk.spec.arn import RocketMqTopicArn

if TYPE_CHECKING:
    from fc_async_local.domain.invocation import Delivery
    from fc_async_local.services.rocketmq.service import RocketMqService
    from fc_async_local.settings import DestinationSettings
    from fc_async_sdk.spec.destinations import Kind


class RocketMqDestination(Channel[RocketMqTopicArn, str]):
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
        new = NewMessage(body=event, keys=delivery.request_id, call_path=delivery.call_path)
        sent = await self._service.publish(target.instance_id, target.topic, new)
        return DeliveryResult(201, reference=sent.message_id)

    async def entries(self) -> list[Entry]:
        recent = self._service.recent
        return [
            Entry(one.name, one.instance_id, len(recent.of(f"{one.instance_id}/{one.name}")))
            for one in self._service.topics()
        ]

    async def peek(self, target: RocketMqTopicArn) -> list[Message]:
        self._service.topic(target.instance_id, target.topic)
        return [
            Message(
                each.message_id,
                each.published_at,
                each.body,
                {"tag": each.tag, "properties": each.properties},
            )
            for each in self._service.recent.of(f"{target.instance_id}/{target.topic}")
        ]

    async def send(self, target: RocketMqTopicArn, body: str, *, tag: str, keys: str) -> str:
        new = NewMessage(body=body, tag=tag, keys=keys)
        return (await self._service.publish(target.instance_id, target.topic, new)).message_id

    async def purge(self, target: RocketMqTopicArn) -> int:
        return await self._service.purge(target.instance_id, target.topic)
