# SPDX-License-Identifier: MIT
"""Topics of RocketMQ 4.x as destinations.

The body is the event as JSON text, the message key is the request id. No tag and no further
property: an ARN can't be a property's value.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from fc_async_local.destinations.base import DeliveryResult, fit
from fc_async_local.services.rocketmq.model import NewMessage, RocketMqError
from fc_async_local.store.protocol import StoreUnavailable
from fc_async_sdk.spec import arn

if TYPE_CHECKING:
    from fc_async_local.destinations.base import DestinationKind
    from fc_async_local.domain.invocation import Delivery
    from fc_async_local.services.rocketmq.service import RocketMqService
    from fc_async_local.settings import DestinationSettings

_NOT_XML: Final = re.compile("[\ufffe\uffff]")


class RocketMqDestination:
    """Publishes events to a topic."""

    kind: DestinationKind = "rocketmq"

    def __init__(self, service: RocketMqService, settings: DestinationSettings) -> None:
        self._service = service
        self._settings = settings

    async def create(self, target: arn.RocketMqTopicArn) -> None:
        """Make the topic unless it exists.

        Raises:
            RocketMqError: It has no valid name.
        """
        await self._service.ensure_topic(target.instance_id, target.topic)

    async def deliver(self, delivery: Delivery, *, now: int) -> DeliveryResult:  # noqa: ARG002 -- the service has the clock
        """Publish the event once."""
        target = arn.parse(delivery.destination)
        assert isinstance(target, arn.RocketMqTopicArn)
        body = fit(
            delivery,
            _encode_body,
            limit=target.payload_limit,
            form="a RocketMQ body",
            settings=self._settings,
        )
        if isinstance(body, DeliveryResult):
            return body
        message = NewMessage(body=body, keys=delivery.request_id, call_path=delivery.call_path)
        try:
            if self._settings.create_missing:
                await self.create(target)
            sent = await self._service.publish(target.instance_id, target.topic, message)
        except RocketMqError as error:
            return DeliveryResult(error.status, error.code, error.message)
        except StoreUnavailable as error:
            return DeliveryResult(503, "ServiceUnavailable", str(error))
        return DeliveryResult(201, reference=sent.message_id)


def _encode_body(document: bytes) -> tuple[str, int]:
    # JSON may hold two characters that XML may not; as JSON escapes they are the same text.
    body = _NOT_XML.sub(lambda match: f"\\u{ord(match[0]):04x}", document.decode("utf-8"))
    return body, len(body.encode())
