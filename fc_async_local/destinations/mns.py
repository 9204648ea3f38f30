# SPDX-License-Identifier: MIT
"""Queues and topics of MNS as destinations.

The event is encoded as a message body and passed to the service in this process. The limit applies
to the body as transmitted: base64 makes four bytes of three.
"""

from __future__ import annotations

import base64
import re
from typing import TYPE_CHECKING, Final

from fc_async_local.destinations.base import DeliveryResult, fit
from fc_async_local.services import common
from fc_async_local.services.mns.errors import MnsError
from fc_async_local.services.mns.model import Draft
from fc_async_local.store.protocol import StoreUnavailable
from fc_async_sdk.spec import arn

if TYPE_CHECKING:
    from fc_async_local.destinations.base import DestinationKind
    from fc_async_local.domain.invocation import Delivery
    from fc_async_local.services.mns.service import MnsService
    from fc_async_local.services.mns.topic_service import TopicService
    from fc_async_local.settings import DestinationSettings

_NOT_XML: Final = re.compile("[\ufffe\uffff]")


def encode_body(document: bytes, settings: DestinationSettings) -> str:
    """Return the message body for an event: base64, or the JSON text with ``mns_body=raw``.

    Two characters that are valid in JSON but not in XML are written as JSON escapes.
    """
    if settings.mns_body == "base64":
        return base64.b64encode(document).decode("ascii")
    return _NOT_XML.sub(lambda match: f"\\u{ord(match[0]):04x}", document.decode("utf-8"))


class MnsQueueDestination:
    """Sends events to a queue."""

    kind: DestinationKind = "mns-queue"

    def __init__(self, service: MnsService, settings: DestinationSettings) -> None:
        self._service = service
        self._settings = settings

    async def create(self, target: arn.MnsQueueArn) -> None:
        """Make the queue unless it exists.

        Raises:
            MnsError: It has no valid name.
        """
        await self._service.create_queue(target.queue)

    async def deliver(self, delivery: Delivery, *, now: int) -> DeliveryResult:  # noqa: ARG002 -- the service has the clock
        """Send the event once."""
        target = arn.parse(delivery.destination)
        assert isinstance(target, arn.MnsQueueArn)
        body = _fit(delivery, target, self._settings)
        if isinstance(body, DeliveryResult):
            return body
        try:
            if self._settings.create_missing:
                await self.create(target)
            draft = Draft(message_id=common.message_id(), body=body, call_path=delivery.call_path)
            (sent,) = await self._service.send(target.queue, [draft])
        except MnsError as error:
            return DeliveryResult(error.status, error.code, error.message)
        except StoreUnavailable as error:
            return DeliveryResult(503, "ServiceUnavailable", str(error))
        return DeliveryResult(201, reference=sent.message_id)


class MnsTopicDestination:
    """Publishes events to a topic. They carry no tag."""

    kind: DestinationKind = "mns-topic"

    def __init__(self, service: TopicService, settings: DestinationSettings) -> None:
        self._service = service
        self._settings = settings

    async def create(self, target: arn.MnsTopicArn) -> None:
        """Make the topic unless it exists.

        Raises:
            MnsError: It has no valid name.
        """
        await self._service.documents.ensure_topic(target.topic)

    async def deliver(self, delivery: Delivery, *, now: int) -> DeliveryResult:  # noqa: ARG002 -- the service has the clock
        """Publish the event once."""
        target = arn.parse(delivery.destination)
        assert isinstance(target, arn.MnsTopicArn)
        body = _fit(delivery, target, self._settings)
        if isinstance(body, DeliveryResult):
            return body
        try:
            if self._settings.create_missing:
                await self.create(target)
            await self._service.publish(target.topic, body, call_path=delivery.call_path)
        except MnsError as error:
            return DeliveryResult(error.status, error.code, error.message)
        except StoreUnavailable as error:
            return DeliveryResult(503, "ServiceUnavailable", str(error))
        return DeliveryResult(201)


def _fit(
    delivery: Delivery, target: arn.MnsQueueArn | arn.MnsTopicArn, settings: DestinationSettings
) -> str | DeliveryResult:
    def encode(document: bytes) -> tuple[str, int]:
        body = encode_body(document, settings)
        return body, len(body.encode())

    return fit(
        delivery,
        encode,
        limit=target.payload_limit,
        form=f"a {settings.mns_body} MNS body",
        settings=settings,
    )
