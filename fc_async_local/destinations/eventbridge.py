# SPDX-License-Identifier: MIT
"""Custom buses of EventBridge as destinations.

The event has the CloudEvents envelope of the user guide: source ``acs:fc``, the ARN of the function
as subject, the document as data. The limit applies to the event before the bus adds attributes of
its own. Times are RFC 3339; parsers of CloudEvents refuse the form of the user guide's sample.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

import msgspec

from fc_async_local.destinations.base import DeliveryResult, fit
from fc_async_local.services import common
from fc_async_local.services.eventbridge import events
from fc_async_local.services.eventbridge.model import STATUS, EventBridgeError
from fc_async_local.store.protocol import StoreUnavailable
from fc_async_sdk.spec import arn

if TYPE_CHECKING:
    from fc_async_local.destinations.base import DestinationKind
    from fc_async_local.domain.invocation import Delivery
    from fc_async_local.services.eventbridge.model import Event
    from fc_async_local.services.eventbridge.service import EventBridgeService
    from fc_async_local.settings import DestinationSettings

SOURCE: Final = "acs:fc"
_ADDRESS: Final = "127.0.0.1"


class EventBridgeDestination:
    """Puts events on a custom bus."""

    kind: DestinationKind = "eventbridge"

    def __init__(self, service: EventBridgeService, settings: DestinationSettings) -> None:
        self._service = service
        self._settings = settings

    async def create(self, target: arn.EventBusArn) -> None:
        """Make the bus unless it exists.

        Raises:
            EventBridgeError: It has no valid name, or there are too many buses.
        """
        await self._service.documents.ensure_bus(target.bus)

    async def deliver(self, delivery: Delivery, *, now: int) -> DeliveryResult:
        """Put the event once."""
        target = arn.parse(delivery.destination)
        assert isinstance(target, arn.EventBusArn)

        def encode(document: bytes) -> tuple[Event, int]:
            event = self.envelope(msgspec.structs.replace(delivery, document=document), now=now)
            return event, len(events.encode(event))

        event = fit(
            delivery,
            encode,
            limit=target.payload_limit,
            form="a CloudEvent",
            settings=self._settings,
        )
        if isinstance(event, DeliveryResult):
            return event
        try:
            if self._settings.create_missing:
                await self.create(target)
            (entry,) = await self._service.put_events(
                [event], bus=target.bus, address=_ADDRESS, call_path=delivery.call_path
            )
        except EventBridgeError as error:
            return DeliveryResult(error.status, error.code, error.message)
        except StoreUnavailable as error:
            return DeliveryResult(503, "ServiceUnavailable", str(error))
        if entry.error_code:
            return DeliveryResult(STATUS[entry.error_code], entry.error_code, entry.error_message)
        return DeliveryResult(200, reference=entry.event_id)

    def envelope(self, delivery: Delivery, *, now: int) -> Event:
        """Return a document as a CloudEvent.

        ``id`` is new for each try: buses do not remove duplicates by it.
        """
        settings = self._settings
        succeeded = delivery.outcome == "success"
        document = json.loads(delivery.document)
        attributes = {
            "id": common.message_id().lower(),
            "source": SOURCE,
            "specversion": "1.0",
            "type": settings.eventbridge_success_type
            if succeeded
            else settings.eventbridge_failure_type,
            "datacontenttype": "application/json",
            "subject": document["requestContext"]["functionArn"],
            "time": events.rfc3339(now),
        }
        event = {name: events.raw(value) for name, value in attributes.items()}
        return event | {"data": msgspec.Raw(delivery.document)}
