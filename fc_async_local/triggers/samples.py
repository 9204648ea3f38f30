# SPDX-License-Identifier: MIT
"""The event that a trigger would make of a made-up message, and its source in words. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from fc_async_local.triggers.bindings import (
    BusSource,
    QueueSource,
    RocketMqSource,
    Source,
    TimerSource,
    TopicSource,
)
from fc_async_sdk.events import triggers as events
from fc_async_sdk.spec.oss import OssTrigger

if TYPE_CHECKING:
    from fc_async_local.triggers.bindings import Binding

_BODY: Final = "sample"
_MESSAGE_ID: Final = "0A1B2C3D4E5F60718293A4B5C6D7E8F9"
_SIZE: Final = 1_024


def of(binding: Binding, origin: events.Origin, now: int) -> bytes:
    """Return the payload for a made-up message, or for the moment of a timer.

    Args:
        binding: The trigger.
        origin: Region and account of its source.
        now: The time in the event.
    """
    source = binding.source
    if isinstance(source, TopicSource) and source.notify_content_format == "STREAM":
        return _BODY.encode()
    document = _document(source, binding.trigger, origin, now)
    return events.encode(document if binding.batch is None else [document])


def _document(source: Source, trigger: str, origin: events.Origin, now: int) -> events.Document:
    def occurred(bus: str) -> events.Occurred:
        return events.Occurred(_MESSAGE_ID, now, now, bus)

    match source:
        case TimerSource():
            return events.timer(trigger, now, payload=source.payload)
        case OssTrigger():
            key = f"{source.prefix}{_BODY}{source.suffix}"
            name = source.events[0].partition(":")[2].replace("*", "PutObject")
            return events.oss(source.bucket, key, event=name, at=now, size=_SIZE, origin=origin)
        case TopicSource():
            tag = source.filter_tag
            return events.mns_topic(source.topic, _BODY, at=now, origin=origin, tag=tag)
        case QueueSource():
            bus = events.bus_of("MNS", trigger)
            return events.mns_queue(source.queue_name, _BODY, occurred(bus), origin)
        case RocketMqSource():
            found = occurred(events.bus_of("RocketMQ", trigger))
            topic, tag = source.topic, source.tag
            return events.rocketmq(source.instance_id, topic, _BODY, found, origin, tag=tag)
        case BusSource():
            subject = f"acs:eventbridge:{origin.region}:{origin.account_id}"
            return events.cloud_event("sample:Event", subject, {}, occurred(source.bus), origin)


def described(source: Source) -> str:
    """Return in words what fires a trigger."""
    match source:
        case TimerSource():
            return source.expression
        case OssTrigger():
            return f"bucket {source.bucket}, {source.prefix}*{source.suffix}"
        case QueueSource():
            return f"queue {source.queue_name}"
        case RocketMqSource():
            return f"RocketMQ topic {source.instance_id}/{source.topic}"
        case TopicSource():
            return f"topic {source.topic}"
        case BusSource():
            return f"bus {source.bus}"
