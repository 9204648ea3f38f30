# SPDX-License-Identifier: MIT
"""Custom buses of EventBridge as destinations and channels.

The event has the CloudEvents envelope of the user guide: source ``acs:fc``, the ARN of the function
as subject, the document as data. The limit applies to the event before the bus adds attributes of
its own. Times are RFC 3339; parsers of CloudEvents refuse the form of the user guide's sample.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

import msgspec

from fc_async_local.destinations.adapter import PAGE, ChannelAdapter, Entry, ShownMessage
from fc_async_local.destinations.base import DeliveryResult
from fc_async_local.services import common
from fc_async_local.services.eventbridge import model
from fc_async_local.services.eventbridge.model import Event, EventBridgeError
from fc_async_sdk.spec.arn import EventBusArn
from fc_async_sdk.spec.times import rfc3339_millis

if TYPE_CHECKING:
    from fc_async_local.domain.invocation import CallPath, Delivery
    from fc_async_local.services.eventbridge.service import EventBridgeService
    from fc_async_local.settings import DestinationSettings
    from fc_async_sdk.spec.destinations import Kind

SOURCE: Final = "acs:fc"


class EventBridgeDestination(ChannelAdapter[EventBusArn, Event]):
    """Puts events on a custom bus."""

    kind: Kind = "eventbridge"
    channel = "bus"
    form = "a CloudEvent"

    def __init__(self, service: EventBridgeService, settings: DestinationSettings) -> None:
        super().__init__(settings)
        self._service = service

    def encode(self, document: bytes, delivery: Delivery, now: int) -> tuple[Event, int]:
        """Return a document as a CloudEvent.

        ``id`` is new for each try: buses do not remove duplicates by it.
        """
        settings = self.settings
        event_type = settings.eventbridge_failure_type
        if delivery.outcome == "success":
            event_type = settings.eventbridge_success_type
        attributes = {
            "id": common.message_id().lower(),
            "source": SOURCE,
            "specversion": "1.0",
            "type": event_type,
            "datacontenttype": "application/json",
            "subject": json.loads(document)["requestContext"]["functionArn"],
            "time": rfc3339_millis(now),
        }
        event = {name: model.raw(value) for name, value in attributes.items()}
        event["data"] = msgspec.Raw(document)  # byte for byte: patterns compare the text
        return event, len(model.encode(event))

    async def create(self, target: EventBusArn) -> None:
        await self._service.documents.ensure_bus(target.bus)

    async def hand_over(
        self, target: EventBusArn, event: Event, delivery: Delivery
    ) -> DeliveryResult:
        event_id = await self._put(target, event, delivery.call_path)
        return DeliveryResult(200, reference=event_id)

    async def _put(self, target: EventBusArn, event: Event, call_path: CallPath = ()) -> str:
        (entry,) = await self._service.put_events(
            [event],
            bus=target.bus,
            call_path=call_path,
        )
        # A refused event of the batch is not an error of the request: the one event makes it one.
        if entry.error_code:
            raise EventBridgeError(entry.error_code, entry.error_message)
        return entry.event_id

    async def entries(self) -> list[Entry]:
        service = self._service
        buses, _, _ = service.documents.buses(
            prefix="",
            after="",
            limit=PAGE,
        )
        entries = []
        for bus in buses:
            rules, _, _ = service.documents.rules(
                bus.name,
                prefix="",
                after="",
                limit=PAGE,
            )
            number = len(service.recent.of(bus.name))
            entries.append(Entry(bus.name, messages=number, facts={"rules": len(rules)}))
        return entries

    async def peek(self, target: EventBusArn) -> list[ShownMessage]:
        self._service.documents.bus(target.bus)
        return [_message(at, event) for at, event in self._service.recent.of(target.bus)]

    async def send(
        self,
        target: EventBusArn,
        body: str,
        *,
        tag: str,
        keys: str,
    ) -> str:
        """Put one event; ``body`` is its JSON."""
        batch = model.read_batch(f"[{body}]".encode())
        if len(batch) != 1:
            raise EventBridgeError("InvalidArgument", f"expected one event, got {len(batch)}")
        # A person who writes an event by hand may leave these out.
        event = {
            "specversion": model.raw("1.0"),
            "id": model.raw(common.message_id()),
            **batch[0],
        }
        return await self._put(target, event)

    async def purge(self, target: EventBusArn) -> int:
        self._service.documents.bus(target.bus)
        return self._service.recent.forget(target.bus)


def _message(at: int, event: Event) -> ShownMessage:
    """Return an event of a bus; one of another source shows what it says of itself."""
    texts = {name: model.text_of(event, name) for name in ("source", "type", "subject")}
    summary = {name: text for name, text in texts.items() if text}
    body = model.encode(event).decode()
    return ShownMessage(model.text_of(event, "id"), at, body, summary=summary)
