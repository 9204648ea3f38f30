# SPDX-License-Identifier: MIT
"""Event sources that invoke a function through a trigger.

``mns_topic`` triggers name their topic in ``sourceArn``. ``eventbridge`` triggers name a queue or a
RocketMQ topic in ``eventSourceConfig``, or a bus in ``sourceArn``; the first counts if both are
given. Timers, buckets, callers of HTTP and the default bus are sources that no destination can
reach.

Source: structures ``EventSourceParameters`` and ``CreateTriggerInput`` of the official
client ``alibabacloud-fc20230330`` on PyPI (docs/reference/sources.md).
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, Final, Literal, NamedTuple

from fc_async_sdk.spec import limits, oss
from fc_async_sdk.spec.destinations import KINDS, Kind
from fc_async_sdk.spec.graph import Node

SourceKind = Literal["mns-queue", "rocketmq"]
"""Kinds of sources that ``eventSourceConfig`` can name and that a destination can be."""

Strategy = Literal["BACKOFF_RETRY", "EXPONENTIAL_DECAY_RETRY"]
"""Retry strategies of MNS subscriptions, of targets of EventBridge, and so of triggers."""

MessageFormat = Literal["STREAM", "JSON"]
"""Values of ``notifyContentFormat``: the text of a message alone, or its event."""

ERRORS_TOLERANCE: Final = "NONE"
"""``errorsTolerance`` of an EventBridge trigger that sets none (API)."""

BATCH_MESSAGES: Final = limits.Range(1, 10_000, 1)
"""``CountBasedWindow`` of an EventBridge trigger (user guide, "Advanced trigger features")."""

BATCH_SECONDS: Final = limits.Range(0, 15, 0)
"""``TimeBasedWindow`` of an EventBridge trigger, in seconds (same page)."""

DEFAULTS: Final[Mapping[str, Any]] = {
    "authType": "function",
    "disableURLInternet": False,
    "triggerEnable": True,
    "asyncInvocationType": False,
    "errorsTolerance": ERRORS_TOLERANCE,
    "IsBase64Decode": True,
}
"""Values of keys of ``triggerConfig``, at any depth, that are not set (API reference)."""

_PARAMETERS: Final[tuple[tuple[str, SourceKind], ...]] = (
    ("sourceMNSParameters", "mns-queue"),
    ("sourceRocketMQParameters", "rocketmq"),
)


class UnreadableTrigger(ValueError):
    """The configuration of a trigger has another type than the API defines."""


class SourceArn(NamedTuple):
    """The parts of a ``sourceArn``; region and account may be ""."""

    region: str
    account_id: str
    name: str


def topic(source_arn: str) -> SourceArn | None:
    """Return the MNS topic that a ``sourceArn`` names, or None."""
    return _named("mns-topic", source_arn)


def bus(source_arn: str) -> SourceArn | None:
    """Return the event bus that a ``sourceArn`` names, or None."""
    return _named("eventbridge", source_arn)


def _named(kind: Kind, source_arn: str) -> SourceArn | None:
    record = KINDS[kind]
    form = rf"acs:{record.service}:([a-z0-9-]*):(\d*):{record.read}(?:/.*)?"
    match = re.fullmatch(form, source_arn)
    return SourceArn(*match.groups()) if match else None


def event_source(trigger_config: Any) -> tuple[SourceKind, Mapping[str, Any]] | None:
    """Return kind and parameters of the queue or topic that an EventBridge trigger reads from.

    Args:
        trigger_config: ``triggerConfig``, as a mapping or as JSON text.

    Raises:
        UnreadableTrigger: The configuration is not a mapping where it must be one.
    """
    parameters = trigger_config
    for name in ("eventSourceConfig", "eventSourceParameters"):
        parameters = _mapping(parameters, "triggerConfig").get(name)
    parameters = _mapping(parameters, "eventSourceParameters")
    for name, kind in _PARAMETERS:
        if parameters.get(name) is not None:
            return kind, _mapping(parameters[name], name)
    return None


def source(trigger: Mapping[str, Any], region: str, account_id: str) -> Node | None:
    """Return what feeds a function through a trigger.

    Args:
        trigger: As ``s.yaml`` and the API spell it; ``triggerConfig`` may be JSON text.
        region: Of the function.
        account_id: Of the function.

    Returns:
        The node, or None if it is nothing that a destination can be or if it cannot be read.
    """
    kind = trigger.get("triggerType")
    text = trigger.get("sourceArn")
    name = text if isinstance(text, str) else ""
    if kind == "mns_topic":
        return _node("mns-topic", topic(name), region, account_id)
    if kind != "eventbridge":
        return None
    node = _from_event_source(trigger.get("triggerConfig"), region, account_id)
    return node or _node("eventbridge", bus(name), region, account_id)


def origin(trigger: Mapping[str, Any], region: str, account_id: str) -> Node | None:
    """Return what invokes a function through a trigger, whether a destination can be it or not.

    Args:
        trigger: As ``s.yaml`` and the API spell it; ``triggerConfig`` may be JSON text.
        region: Of the function.
        account_id: Of the function.

    Returns:
        :func:`source`, a timer, a bucket, the callers of HTTP or the default bus; None for another
        type, or if it cannot be read.
    """
    kind = trigger.get("triggerType")
    config = trigger.get("triggerConfig")
    try:
        match kind:
            case "timer":
                schedule = _mapping(config, "triggerConfig").get("cronExpression", "")
                return Node("timer", region, account_id, str(schedule))
            case "oss":
                bucket = oss.bucket_of(str(trigger.get("sourceArn")))
                return Node("oss", region, account_id, bucket) if bucket else None
            case "http":
                return Node("http", region, account_id, "callers")
            case "eventbridge" if reads_default_bus(config):
                default = Node("eventbridge", region, account_id, limits.DEFAULT_EVENT_BUS)
                return source(trigger, region, account_id) or default
    except UnreadableTrigger:
        return None
    return source(trigger, region, account_id)


def reads_default_bus(trigger_config: Any) -> bool:
    """Return whether an EventBridge trigger gets the events of services.

    Args:
        trigger_config: ``triggerConfig``, as a mapping or as JSON text.

    Raises:
        UnreadableTrigger: The configuration is not a mapping where it must be one.
    """
    config = _mapping(trigger_config, "triggerConfig")
    return (
        _mapping(config.get("eventSourceConfig"), "triggerConfig").get("eventSourceType")
        == "Default"
    )


def _node(
    kind: Literal["mns-topic", "eventbridge"],
    resource: SourceArn | None,
    region: str,
    account_id: str,
) -> Node | None:
    if resource is None:
        return None
    # If the function's account is unknown, the account of the source counts as the same one.
    account = ""
    if account_id:
        account = resource.account_id or account_id
    return Node(kind, resource.region or region, account, resource.name)


def _from_event_source(config: Any, region: str, account_id: str) -> Node | None:
    try:
        queue_or_topic = event_source(config)
    except UnreadableTrigger:
        return None
    if queue_or_topic is None:
        return None
    kind, parameters = queue_or_topic
    is_queue = kind == "mns-queue"
    name = parameters.get("QueueName" if is_queue else "Topic")
    if not name:
        return None
    # A topic of RocketMQ is known by its instance, too: names are unique within one.
    path = str(name) if is_queue else f"{parameters.get('InstanceId', '')}/{name}"
    region = str(parameters.get("RegionId") or region)
    return Node(kind, region, account_id, path)


def _mapping(value: Any, name: str) -> Mapping[str, Any]:
    """Return a mapping, read from JSON if it is text; empty for None."""
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except (ValueError, RecursionError) as error:
            raise UnreadableTrigger(f"{name} is not valid JSON: {error}") from None
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise UnreadableTrigger(f"{name} must be a mapping, got {type(value).__name__}")
    return value
