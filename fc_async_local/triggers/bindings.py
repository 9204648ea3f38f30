# SPDX-License-Identifier: MIT
"""How a trigger feeds its function, and what the function gets of a message. Pure.

:mod:`fc_async_sdk.spec.triggers` knows where the settings name the source. The function gets
the CloudEvents that EventBridge makes of the messages of sources.
"""

from __future__ import annotations

import base64
import binascii
import json
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import msgspec

from fc_async_local.services.delivery import Strategy
from fc_async_local.services.eventbridge.events import rfc3339
from fc_async_sdk._decoding import prepare
from fc_async_sdk.spec import limits, triggers

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from fc_async_local.domain.rules import Place
    from fc_async_local.services.mns.model import Message
    from fc_async_local.services.rocketmq.model import Pending


class TriggerSettings(NamedTuple):
    """A trigger as the registry keeps it; ``settings`` are the API's fields in camel case."""

    function: str
    name: str
    settings: Mapping[str, Any]


class QueueSource(msgspec.Struct, frozen=True, kw_only=True, rename="pascal"):
    """A queue of MNS. ``is_base64_decode``: bodies are decoded before the function sees them."""

    queue_name: str
    is_base64_decode: bool = msgspec.field(default=True, name="IsBase64Decode")


class RocketMqSource(msgspec.Struct, frozen=True, kw_only=True, rename="pascal"):
    """A topic of RocketMQ."""

    instance_id: str
    topic: str
    tag: str = ""
    group_id: str = msgspec.field(default="", name="GroupID")


class TopicSource(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A topic of MNS; it pushes, on its own retry strategy."""

    topic: str = ""
    filter_tag: str = ""
    notify_content_format: Literal["STREAM", "JSON"] = "STREAM"
    notify_strategy: Strategy = "BACKOFF_RETRY"


prepare(QueueSource, RocketMqSource, TopicSource)


class BusSource(msgspec.Struct, frozen=True, kw_only=True):
    """A custom bus with an event pattern."""

    bus: str
    pattern: str


class Binding(msgspec.Struct, frozen=True, kw_only=True):
    """What one trigger does.

    Attributes:
        asynchronous: How the function is invoked.
        batch: Most messages that one invocation gets, as a list; None: one, not in a list.
    """

    function: str
    trigger: str
    qualifier: str
    source: QueueSource | RocketMqSource | TopicSource | BusSource
    asynchronous: bool
    batch: int | None = None

    @property
    def key(self) -> str:
        """Function and trigger."""
        return f"{self.function}/{self.trigger}"


class _Window(msgspec.Struct, frozen=True, kw_only=True, rename="pascal"):
    count_based_window: int = 1


class _RunOptions(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    mode: str = "event-driven"
    batch_window: _Window = _Window()


class _EventBridgeConfig(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    trigger_enable: bool = True
    async_invocation_type: bool = False
    event_rule_filter_pattern: str = "{}"
    run_options: _RunOptions = _RunOptions()


prepare(_EventBridgeConfig)


class Unreadable(Exception):
    """A trigger's configuration does not fit its type. The message names the place."""


def read(trigger: TriggerSettings) -> Binding | None:
    """What a trigger does; None: nothing here fires it, or it is switched off.

    Raises:
        Unreadable: Its configuration is broken.
    """
    kind = trigger.settings.get("triggerType")
    source_arn = str(trigger.settings.get("sourceArn") or "")
    config = str(trigger.settings.get("triggerConfig") or "{}")
    try:
        if kind == "mns_topic":
            return _topic(trigger, source_arn, config)
        if kind == "eventbridge":
            return _eventbridge(trigger, source_arn, config)
    except (msgspec.DecodeError, triggers.UnreadableTrigger) as error:
        raise Unreadable(f"triggerConfig: {error}") from error
    return None


def _topic(trigger: TriggerSettings, source_arn: str, config: str) -> Binding:
    found = triggers.topic(source_arn)
    if found is None:
        raise Unreadable(
            f"sourceArn {source_arn!r}: acs:mns:{{region}}:{{account}}:/topics/{{name}}"
        )
    source = msgspec.structs.replace(
        msgspec.json.decode(config, type=TopicSource), topic=found.name
    )
    return _binding(trigger, source, asynchronous=True)


def _eventbridge(trigger: TriggerSettings, source_arn: str, config: str) -> Binding | None:
    read_config = msgspec.json.decode(config, type=_EventBridgeConfig)
    if not read_config.trigger_enable:
        return None
    source = _source(config, source_arn, read_config.event_rule_filter_pattern)
    if source is None:
        return None
    options = read_config.run_options
    streaming = options.mode == "event-streaming"
    return _binding(
        trigger,
        source,
        asynchronous=read_config.async_invocation_type,
        batch=options.batch_window.count_based_window if streaming else None,
    )


def _source(
    config: str, source_arn: str, pattern: str
) -> QueueSource | RocketMqSource | BusSource | None:
    found = triggers.event_source(config)
    if found is not None:
        kind, parameters = found
        if kind == "mns-queue":
            return msgspec.convert(parameters, QueueSource)
        return msgspec.convert(parameters, RocketMqSource)
    bus = triggers.bus(source_arn)
    return None if bus is None else BusSource(bus=bus.name, pattern=pattern)


def _binding(
    trigger: TriggerSettings,
    source: QueueSource | RocketMqSource | TopicSource | BusSource,
    *,
    asynchronous: bool,
    batch: int | None = None,
) -> Binding:
    return Binding(
        function=trigger.function,
        trigger=trigger.name,
        qualifier=str(trigger.settings.get("qualifier") or limits.DEFAULT_QUALIFIER),
        source=source,
        asynchronous=asynchronous,
        batch=batch,
    )


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
