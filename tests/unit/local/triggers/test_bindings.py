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
        trigger("log"),
        trigger("http"),
        trigger("eventbridge"),
        trigger("eventbridge", sourceArn="acs:oss:cn-hangzhou:1:bucket"),
    ],
)
def test_triggers_without_a_local_event_source_have_no_binding(given):
    assert read(given) is None


@pytest.mark.parametrize(
    "given",
    [
        trigger("eventbridge", {"triggerEnable": False}, sourceArn=BUS),
        trigger("timer", {"cronExpression": "@every 5m", "enable": False}),
    ],
)
def test_a_trigger_that_is_switched_off_is_bound_and_not_enabled(given):
    assert not read(given).enabled


def test_a_timer_has_its_schedule_and_its_payload():
    settings = trigger("timer", {"cronExpression": "@every 5m", "payload": "x"})
    binding = read(settings._replace(trigger_id="id", modified_at=60_000))
    assert (binding.asynchronous, binding.enabled, binding.source.payload) == (True, True, "x")
    assert binding.source.next_firing(60_000) == 360_000


def test_a_change_of_a_timer_is_another_revision_also_at_the_same_time():
    every = [trigger("timer", {"cronExpression": f"@every {n}m"}) for n in (5, 7)]
    revisions = {
        read(settings._replace(trigger_id="id", modified_at=at)).source.revision
        for settings in every
        for at in (1, 2)
    }
    assert len(revisions) == 4


def test_an_oss_trigger_names_its_bucket():
    config = {"events": ["oss:ObjectCreated:*"], "filter": {"key": {"prefix": "in/"}}}
    binding = read(trigger("oss", config, sourceArn="acs:oss:cn-hangzhou:1:pictures"))
    assert (binding.source.bucket, binding.source.prefix) == ("pictures", "in/")


@pytest.mark.parametrize(
    "given",
    [
        trigger("timer"),
        trigger("timer", {"cronExpression": "0 4 * * *"}),
        trigger("oss", {"events": ["oss:ObjectCreated:*"]}),
        trigger("oss", {"events": ["all"]}, sourceArn="acs:oss:cn-hangzhou:1:pictures"),
    ],
)
def test_an_invalid_timer_or_oss_trigger_is_refused_by_field(given):
    with pytest.raises(Unreadable, match=r"sourceArn|triggerConfig|cronExpression|events"):
        read(given)


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
