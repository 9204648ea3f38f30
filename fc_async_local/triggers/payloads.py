# SPDX-License-Identifier: MIT
"""What a function gets of a message: the CloudEvents that EventBridge makes of sources. Pure."""

from __future__ import annotations

import base64
import binascii
import json
from typing import TYPE_CHECKING, Any

from fc_async_local.services.eventbridge.events import rfc3339

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fc_async_local.domain.rules import Place
    from fc_async_local.services.mns.model import Message
    from fc_async_local.services.rocketmq.model import Pending
    from fc_async_local.triggers.bindings import Binding, QueueSource, RocketMqSource


def queue_event(
    message: Message, binding: Binding, source: QueueSource, place: Place, now: int
) -> dict[str, Any]:
    """The event for a message of a queue."""
    body = _decoded(message.body) if source.is_base64_decode else message.body
    return _event(
        binding,
        place,
        now,
        event_id=message.message_id,
        kind="mns:Queue:SendMessage",
        subject=f"acs:mns:{place.region}:{place.account_id}:queues/{source.queue_name}",
        occurred=message.enqueued_at,
        data={
            "requestId": message.message_id,
            "messageId": message.message_id,
            "messageBody": body,
        },
    )


def rocketmq_event(
    pending: Pending, binding: Binding, source: RocketMqSource, place: Place, now: int
) -> dict[str, Any]:
    """The event for a message of a RocketMQ topic."""
    message = pending.message
    pairs = dict(pair.split(":", 1) for pair in message.properties.split("|") if ":" in pair)
    system = {
        "UNIQ_KEY": message.message_id,
        "KEYS": pairs.pop("KEYS", ""),
        "TAGS": message.tag,
        "MSG_REGION": place.region,
        "INSTANCE_ID": source.instance_id,
        "CONSUME_START_TIME": str(now),
    }
    resource = f"{source.instance_id}%{source.topic}"
    return _event(
        binding,
        place,
        now,
        event_id=message.message_id,
        kind="mq:Topic:SendMessage",
        subject=f"acs:mq:{place.region}:{place.account_id}:{resource}",
        occurred=message.published_at,
        data={
            "topic": source.topic,
            "body": message.body,
            "systemProperties": {name: value for name, value in system.items() if value},
            "userProperties": pairs,
        },
    )


def encode(events: Sequence[dict[str, Any]], *, batched: bool) -> bytes:
    """What the function gets: a list, or the one event."""
    content = list(events) if batched else events[0]
    return json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode()


def _event(
    binding: Binding,
    place: Place,
    now: int,
    *,
    event_id: str,
    kind: str,
    subject: str,
    occurred: int,
    data: dict[str, Any],
) -> dict[str, Any]:
    bus = f"{binding.function}-{binding.trigger}"
    return {
        "id": event_id,
        "source": bus,
        "specversion": "1.0",
        "type": kind,
        "datacontenttype": "application/json; charset=utf-8",
        "subject": subject,
        "time": rfc3339(occurred),
        "aliyunaccountid": place.account_id,
        "aliyunpublishtime": rfc3339(now),
        "aliyuneventbusname": bus,
        "aliyunregionid": place.region,
        "aliyunpublishaddr": "127.0.0.1",
        "data": data,
    }


def _decoded(body: str) -> str:
    """The text behind base64; what is none stays as it is."""
    try:
        return base64.b64decode(body, validate=True).decode("utf-8")
    except (binascii.Error, ValueError):
        return body
