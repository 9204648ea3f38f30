# SPDX-License-Identifier: MIT
"""Triggers are read from their settings into bindings."""

from __future__ import annotations

import json

import pytest

from fc_async_local.triggers.bindings import (
    BusSource,
    QueueSource,
    RocketMqSource,
    TopicSource,
    TriggerSettings,
    Unreadable,
    read,
)

TOPIC = "acs:mns:cn-hangzhou:1:/topics/t"
BUS = "acs:eventbridge:cn-hangzhou:1:eventbus/bus"


def trigger(kind, config=None, **settings):
    text = {} if config is None else {"triggerConfig": json.dumps(config)}
    return TriggerSettings("f", "tr", {"triggerType": kind} | text | settings)


def source_config(name, **parameters):
    return {"eventSourceConfig": {"eventSourceParameters": {name: parameters}}}


def test_a_topic_is_named_by_its_arn():
    binding = read(trigger("mns_topic", {"filterTag": "a"}, sourceArn=TOPIC, qualifier="prod"))
    assert binding.source == TopicSource(topic="t", filter_tag="a")
    assert (binding.qualifier, binding.asynchronous, binding.batch) == ("prod", True, None)


@pytest.mark.parametrize("arn", ["acs:mns:::topics/t", "acs:mns:cn-hangzhou:1:/topics/t/messages"])
def test_all_forms_of_a_topic_arn_are_read(arn):
    assert read(trigger("mns_topic", sourceArn=arn)).source.topic == "t"


def test_a_queue_is_named_by_its_parameters():
    config = source_config("sourceMNSParameters", QueueName="q", RegionId="cn-hangzhou")
    binding = read(trigger("eventbridge", config | {"asyncInvocationType": True}))
    assert binding.source == QueueSource(queue_name="q")
    assert (binding.asynchronous, binding.batch) == (True, None)


def test_a_rocketmq_topic_is_named_by_its_parameters():
    config = source_config(
        "sourceRocketMQParameters", InstanceId="i", Topic="t", Tag="a", GroupID="GID_1"
    )
    binding = read(trigger("eventbridge", config))
    assert binding.source == RocketMqSource(instance_id="i", topic="t", tag="a", group_id="GID_1")
    assert not binding.asynchronous


def test_a_bus_is_named_by_its_arn():
    config = {"eventRuleFilterPattern": '{"source": ["a"]}'}
    binding = read(trigger("eventbridge", config, sourceArn=BUS))
    assert binding.source == BusSource(bus="bus", pattern='{"source": ["a"]}')


@pytest.mark.parametrize(
    ("options", "batch"),
    [
        ({}, None),
        ({"mode": "event-driven"}, None),
        ({"mode": "event-streaming"}, 1),
        ({"mode": "event-streaming", "batchWindow": {"CountBasedWindow": 100}}, 100),
    ],
)
def test_a_stream_comes_in_batches(options, batch):
    config = source_config("sourceMNSParameters", QueueName="q") | {"runOptions": options}
    assert read(trigger("eventbridge", config)).batch == batch


@pytest.mark.parametrize(
    "given",
    [
        trigger("timer"),
        trigger("http"),
        trigger("eventbridge"),
        trigger("eventbridge", {"triggerEnable": False}, sourceArn=BUS),
        trigger("eventbridge", sourceArn="acs:oss:cn-hangzhou:1:bucket"),
    ],
)
def test_triggers_without_a_local_event_source_have_no_binding(given):
    assert read(given) is None


@pytest.mark.parametrize(
    "given",
    [
        trigger("mns_topic"),
        trigger("mns_topic", {"notifyContentFormat": "XML"}, sourceArn=TOPIC),
        trigger("mns_topic", {"notifyStrategy": "NEVER"}, sourceArn=TOPIC),
        trigger("eventbridge", source_config("sourceMNSParameters")),
        trigger("eventbridge", {"asyncInvocationType": "yes"}),
    ],
)
def test_an_invalid_trigger_is_refused_by_field(given):
    with pytest.raises(Unreadable, match=r"sourceArn|triggerConfig"):
        read(given)
