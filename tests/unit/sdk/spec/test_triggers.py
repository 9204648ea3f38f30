# SPDX-License-Identifier: MIT
"""Which event source invokes a function through a trigger."""

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


@pytest.mark.parametrize(
    ("trigger", "label"),
    [
        ({"triggerType": "timer", "triggerConfig": {"cronExpression": "@every 5m"}}, "@every 5m"),
        ({"triggerType": "timer", "triggerConfig": '{"cronExpression": "@every 5m"}'}, "@every 5m"),
        ({"triggerType": "oss", "sourceArn": "acs:oss:cn-hangzhou:1:pictures"}, "bucket pictures"),
        ({"triggerType": "http"}, "HTTP callers"),
        (
            {
                "triggerType": "eventbridge",
                "triggerConfig": {"eventSourceConfig": {"eventSourceType": "Default"}},
            },
            "event bus default",
        ),
    ],
)
def test_a_source_that_no_destination_can_be_is_an_origin(
    trigger: dict[str, Any], label: str
) -> None:
    found = triggers.origin(trigger, "r", "1")
    assert found is not None
    assert found.label.removeprefix("timer ") == label
    assert triggers.source(trigger, "r", "1") is None


@pytest.mark.parametrize(
    "trigger",
    [
        {"triggerType": "timer", "triggerConfig": "["},
        {"triggerType": "oss", "sourceArn": "acs:oss"},
        {"triggerType": "oss"},
        {"triggerType": "eventbridge", "triggerConfig": {"eventSourceConfig": 1}},
        eventbridge({"sourceKafkaParameters": {"Topic": "t"}}),
        {"triggerType": "log"},
        {},
    ],
)
def test_what_cannot_be_read_has_no_origin(trigger: dict[str, Any]) -> None:
    assert triggers.origin(trigger, "r", "1") is None


def test_a_source_that_can_be_a_destination_is_the_origin() -> None:
    trigger = eventbridge(QUEUE)
    assert triggers.origin(trigger, "r", "1") == triggers.source(trigger, "r", "1")


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
