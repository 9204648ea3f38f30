# SPDX-License-Identifier: MIT
"""Which queue, topic or bus feeds a function through a trigger. Pure.

Forms: ``mns_topic`` triggers name their topic in ``sourceArn``; ``eventbridge`` triggers name a
queue or a RocketMQ topic in ``eventSourceConfig``, or a bus in ``sourceArn``. Every other trigger
(timer, OSS, HTTP ...) has a source that no destination can reach.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, Final

from fc_async_sdk.spec.graph import Node

if TYPE_CHECKING:
    from fc_async_sdk.arn import Kind

_TOPIC: Final = re.compile(
    r"acs:mns:(?P<region>[a-z0-9-]*):(?P<account>\d*):/?topics/(?P<name>[^/]+)(?:/.*)?"
)
_BUS: Final = re.compile(
    r"acs:eventbridge:(?P<region>[a-z0-9-]*):(?P<account>\d*):eventbus/(?P<name>[^/]+)(?:/.*)?"
)


def source(trigger: dict[str, Any], region: str, account_id: str) -> Node | None:
    """What feeds a function through a trigger.

    Args:
        trigger: As ``s.yaml`` and the API spell it; ``triggerConfig`` may be JSON in a text.
        region: Of the function.
        account_id: Of the function.

    Returns:
        The node, or None if it is nothing that a destination can be.
    """
    kind = trigger.get("triggerType")
    arn = trigger.get("sourceArn")
    text = arn if isinstance(arn, str) else ""
    if kind == "mns_topic":
        return _from_arn("mns-topic", _TOPIC.fullmatch(text), region, account_id)
    if kind != "eventbridge":
        return None
    found = _from_arn("eventbridge", _BUS.fullmatch(text), region, account_id)
    return found or _from_source(_mapping(trigger.get("triggerConfig")), region, account_id)


def _from_arn(kind: Kind, match: re.Match[str] | None, region: str, account_id: str) -> Node | None:
    if match is None:
        return None
    account = match["account"] if account_id else ""
    return Node(kind, match["region"] or region, account or account_id, match["name"])


def _from_source(config: dict[str, Any], region: str, account_id: str) -> Node | None:
    event_source = _mapping(config.get("eventSourceConfig"))
    parameters = _mapping(event_source.get("eventSourceParameters"))
    queue = _mapping(parameters.get("sourceMNSParameters"))
    if name := queue.get("QueueName"):
        return Node("mns-queue", str(queue.get("RegionId") or region), account_id, str(name))
    topic = _mapping(parameters.get("sourceRocketMQParameters"))
    if name := topic.get("Topic"):
        path = f"{topic.get('InstanceId', '')}/{name}"
        return Node("rocketmq", str(topic.get("RegionId") or region), account_id, path)
    return None


def _mapping(value: Any) -> dict[str, Any]:
    """A mapping, read from JSON if it is a text; empty if it is neither."""
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            return {}
    return value if isinstance(value, dict) else {}
