# SPDX-License-Identifier: MIT
"""What a trigger's settings say: which source feeds which function, and how. Pure.

Forms: ``mns_topic`` names its topic in ``sourceArn``; ``eventbridge`` names a queue or a RocketMQ
topic in ``eventSourceConfig``, else a bus in ``sourceArn`` (API: the trigger configurations).
Everything else (timers, OSS, HTTP …) is fired by nothing in this runtime.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple

import msgspec

from fc_async_local.services.retry import Strategy
from fc_async_sdk.decoding import prepare

if TYPE_CHECKING:
    from collections.abc import Mapping

_TOPIC: Final = re.compile(r"acs:mns:[a-z0-9-]*:\d*:/?topics/(?P<name>[^/]+)(?:/.*)?")
_BUS: Final = re.compile(r"acs:eventbridge:[a-z0-9-]*:\d*:eventbus/(?P<name>[^/]+)(?:/.*)?")


class TriggerSettings(NamedTuple):
    """A trigger as the catalog keeps it; ``settings`` are the API's fields in camel case."""

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


prepare(TopicSource)


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


class _SourceParameters(msgspec.Struct, frozen=True, kw_only=True):
    mns: QueueSource | None = msgspec.field(default=None, name="sourceMNSParameters")
    rocketmq: RocketMqSource | None = msgspec.field(default=None, name="sourceRocketMQParameters")


class _SourceConfig(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    event_source_parameters: _SourceParameters | None = None


class _EventBridgeConfig(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    trigger_enable: bool = True
    async_invocation_type: bool = False
    event_rule_filter_pattern: str = "{}"
    event_source_config: _SourceConfig = _SourceConfig()
    run_options: _RunOptions = _RunOptions()


prepare(_EventBridgeConfig)


class Unreadable(Exception):
    """A trigger's configuration isn't what its type has. The message names the place."""


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
    except msgspec.DecodeError as error:
        raise Unreadable(f"triggerConfig: {error}") from error
    return None


def _topic(trigger: TriggerSettings, source_arn: str, config: str) -> Binding:
    match = _TOPIC.fullmatch(source_arn)
    if match is None:
        raise Unreadable(
            f"sourceArn {source_arn!r}: acs:mns:{{region}}:{{account}}:/topics/{{name}}"
        )
    source = msgspec.structs.replace(
        msgspec.json.decode(config, type=TopicSource), topic=match["name"]
    )
    return _binding(trigger, source, asynchronous=True)


def _eventbridge(trigger: TriggerSettings, source_arn: str, config: str) -> Binding | None:
    read_config = msgspec.json.decode(config, type=_EventBridgeConfig)
    if not read_config.trigger_enable:
        return None
    source = _source(read_config, source_arn)
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
    config: _EventBridgeConfig, source_arn: str
) -> QueueSource | RocketMqSource | BusSource | None:
    parameters = config.event_source_config.event_source_parameters
    if parameters is not None and parameters.mns is not None:
        return parameters.mns
    if parameters is not None and parameters.rocketmq is not None:
        return parameters.rocketmq
    match = _BUS.fullmatch(source_arn)
    if match is None:
        return None
    return BusSource(bus=match["name"], pattern=config.event_rule_filter_pattern)


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
        qualifier=str(trigger.settings.get("qualifier") or "LATEST"),
        source=source,
        asynchronous=asynchronous,
        batch=batch,
    )
