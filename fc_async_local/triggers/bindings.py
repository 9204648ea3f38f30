# SPDX-License-Identifier: MIT
"""How a trigger feeds its function, read from the trigger's settings. Pure.

:mod:`fc_async_sdk.spec.triggers` knows where the settings name the source.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import msgspec

from fc_async_local.services.delivery import Strategy
from fc_async_sdk._decoding import prepare
from fc_async_sdk.spec import limits, triggers

if TYPE_CHECKING:
    from collections.abc import Mapping


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
