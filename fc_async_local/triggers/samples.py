# SPDX-License-Identifier: MIT
"""The event that a trigger would make of a made-up message, and its source in words. Pure."""

from __future__ import annotations

import functools
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


@functools.singledispatch
def _document(source: Source, trigger: str, origin: events.Origin, now: int) -> events.Document:
    raise NotImplementedError(f"{trigger}: a {type(source).__name__} has no sample")


@_document.register
def _(source: TimerSource, trigger: str, _: events.Origin, now: int) -> events.Document:
    return events.timer(trigger, now, payload=source.payload)


@_document.register
def _(source: OssTrigger, _: str, origin: events.Origin, now: int) -> events.Document:
    key = f"{source.prefix}{_BODY}{source.suffix}"
    name = source.events[0].partition(":")[2].replace("*", "PutObject")
    return events.oss(source.bucket, key, event=name, at=now, size=_SIZE, origin=origin)


@_document.register
def _(source: TopicSource, _: str, origin: events.Origin, now: int) -> events.Document:
    return events.mns_topic(source.topic, _BODY, at=now, origin=origin, tag=source.filter_tag)


@_document.register
def _(source: QueueSource, trigger: str, origin: events.Origin, now: int) -> events.Document:
    occurred = events.Occurred(_MESSAGE_ID, now, now, events.bus_of("MNS", trigger))
    return events.mns_queue(source.queue_name, _BODY, occurred, origin)


@_document.register
def _(source: RocketMqSource, trigger: str, origin: events.Origin, now: int) -> events.Document:
    occurred = events.Occurred(_MESSAGE_ID, now, now, events.bus_of("RocketMQ", trigger))
    return events.rocketmq(
        source.instance_id, source.topic, _BODY, occurred, origin, tag=source.tag
    )


@_document.register
def _(source: BusSource, _: str, origin: events.Origin, now: int) -> events.Document:
    subject = f"acs:eventbridge:{origin.region}:{origin.account_id}"
    occurred = events.Occurred(_MESSAGE_ID, now, now, source.bus)
    return events.cloud_event("sample:Event", subject, {}, occurred, origin)


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
