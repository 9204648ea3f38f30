# SPDX-License-Identifier: MIT
"""Which queue, topic or bus feeds a function through a trigger."""

from __future__ import annotations

import json
from typing import Any

import pytest

from fc_async_sdk.spec import triggers
from fc_async_sdk.spec.graph import Node

BUS = "acs:eventbridge:cn-hangzhou:1:eventbus/b"
QUEUE = {"sourceMNSParameters": {"QueueName": "q"}}


def eventbridge(parameters, **more) -> dict[str, Any]:
    config = {"eventSourceConfig": {"eventSourceParameters": parameters}}
    return {"triggerType": "eventbridge", "triggerConfig": config, **more}


@pytest.mark.parametrize(
    ("trigger", "node"),
    [
        (eventbridge(QUEUE), Node("mns-queue", "r", "1", "q")),
        (eventbridge(QUEUE, sourceArn=BUS), Node("mns-queue", "r", "1", "q")),
        (eventbridge(None, sourceArn=BUS), Node("eventbridge", "cn-hangzhou", "1", "b")),
        (eventbridge("{", sourceArn=BUS), Node("eventbridge", "cn-hangzhou", "1", "b")),
        (
            eventbridge({"sourceRocketMQParameters": {"InstanceId": "i", "Topic": "t"}}),
            Node("rocketmq", "r", "1", "i/t"),
        ),
        (
            {"triggerType": "mns_topic", "sourceArn": "acs:mns:::/topics/t"},
            Node("mns-topic", "r", "1", "t"),
        ),
        ({"triggerType": "timer", "sourceArn": BUS}, None),
    ],
)
def test_a_trigger_has_one_source(trigger: dict[str, Any], node: Node | None) -> None:
    assert triggers.source(trigger, "r", "1") == node


def test_an_unknown_account_is_the_account_of_the_source() -> None:
    found = triggers.source(eventbridge(None, sourceArn=BUS), "r", "")
    assert found == Node("eventbridge", "cn-hangzhou", "", "b")


@pytest.mark.parametrize("config", ["{", "[]", {"eventSourceConfig": 1}, 7])
def test_a_configuration_of_another_type_is_an_error(config) -> None:
    with pytest.raises(triggers.UnreadableTrigger, match=r"triggerConfig"):
        triggers.event_source(config)


def test_a_configuration_may_be_json_text() -> None:
    config = {"eventSourceConfig": {"eventSourceParameters": QUEUE}}
    assert triggers.event_source(json.dumps(config)) == ("mns-queue", {"QueueName": "q"})
