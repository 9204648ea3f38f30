# SPDX-License-Identifier: MIT
"""The official client of FC creates a trigger of every kind that fires here, and it fires."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
import requests
from alibabacloud_fc20230330 import models
from alibabacloud_fc20230330.client import Client
from alibabacloud_tea_openapi.models import Config

from fc_async_local.services.eventbridge import model as eb
from fc_async_local.services.mns.model import Draft
from fc_async_local.services.rocketmq.model import NewMessage

if TYPE_CHECKING:
    from collections.abc import Callable

    from fc_async_local.testing import FcLocal

PLACE = "cn-hangzhou:1234567890123456"


def eventbridge(source: models.EventSourceConfig | None) -> str:
    config = models.EventBridgeTriggerConfig(
        trigger_enable=True,
        async_invocation_type=True,
        event_rule_filter_pattern="{}",
        event_source_config=source,
        run_options=models.RunOptions(mode="event-driven"),
    )
    return json.dumps(config.to_map())


def reading(parameters: models.EventSourceParameters, kind: str) -> models.EventSourceConfig:
    return models.EventSourceConfig(event_source_type=kind, event_source_parameters=parameters)


def timer(_: FcLocal) -> dict[str, str]:
    config = models.TimerTriggerConfig(cron_expression="@every 1m", enable=True, payload="go")
    return {"trigger_type": "timer", "trigger_config": json.dumps(config.to_map())}


def oss(_: FcLocal) -> dict[str, str]:
    config = models.OSSTriggerConfig(
        events=["oss:ObjectCreated:*"],
        filter=models.Filter(key=models.Key(prefix="in/", suffix=".zip")),
    )
    return {
        "trigger_type": "oss",
        "source_arn": f"acs:oss:{PLACE}:uploads",
        "trigger_config": json.dumps(config.to_map()),
    }


def topic(local: FcLocal) -> dict[str, str]:
    config = {"notifyContentFormat": "JSON", "notifyStrategy": "BACKOFF_RETRY"}
    arn = local.create_topic("t").removesuffix("/messages")
    return {
        "trigger_type": "mns_topic",
        "source_arn": arn,
        "trigger_config": json.dumps(config),
    }


def queue(local: FcLocal) -> dict[str, str]:
    local.create_queue("q")
    parameters = models.EventSourceParameters(
        source_mnsparameters=models.SourceMNSParameters(
            region_id="cn-hangzhou", queue_name="q", is_base_64decode=False
        )
    )
    return {
        "trigger_type": "eventbridge",
        "trigger_config": eventbridge(reading(parameters, "MNS")),
    }


def rocketmq(local: FcLocal) -> dict[str, str]:
    local.create_rocketmq_topic("MQ_INST_1", "t")
    parameters = models.EventSourceParameters(
        source_rocket_mqparameters=models.SourceRocketMQParameters(
            region_id="cn-hangzhou", instance_id="MQ_INST_1", topic="t", group_id="GID_1"
        )
    )
    return {
        "trigger_type": "eventbridge",
        "trigger_config": eventbridge(reading(parameters, "RocketMQ")),
    }


def bus(local: FcLocal) -> dict[str, str]:
    return {
        "trigger_type": "eventbridge",
        "source_arn": local.create_bus("orders"),
        "trigger_config": eventbridge(None),
    }


def http(_: FcLocal) -> dict[str, str]:
    config = models.HTTPTriggerConfig(auth_type="anonymous", methods=["GET"])
    return {"trigger_type": "http", "trigger_config": json.dumps(config.to_map())}


def wait_a_minute(local: FcLocal, _: models.Trigger) -> None:
    local.advance(60)


def upload(local: FcLocal, _: models.Trigger) -> None:
    local.send_oss_event("uploads", "in/a.zip")


def publish(local: FcLocal, _: models.Trigger) -> None:
    local.runtime.call(local.runtime.services.topics.publish("t", "text"))


def send(local: FcLocal, _: models.Trigger) -> None:
    draft = Draft(message_id="1", body="text")
    local.runtime.call(local.runtime.services.mns.send("q", [draft]))


def produce(local: FcLocal, _: models.Trigger) -> None:
    message = NewMessage(body="text")
    local.runtime.call(local.runtime.services.rocketmq.publish("MQ_INST_1", "t", message))


def put(local: FcLocal, _: models.Trigger) -> None:
    made = {"id": "1", "source": "s", "type": "t", "specversion": "1.0", "data": {"a": 1}}
    event = {name: eb.raw(value) for name, value in made.items()}
    local.runtime.call(local.runtime.services.eventbridge.put_events([event], bus="orders"))


def get(_: FcLocal, trigger: models.Trigger) -> None:
    requests.get(f"{trigger.http_trigger.url_internet}/path", timeout=10)


KINDS = {
    "timer": (timer, wait_a_minute, "payload"),
    "oss": (oss, upload, "events"),
    "mns_topic": (topic, publish, "Message"),
    "mns queue": (queue, send, "data"),
    "rocketmq": (rocketmq, produce, "data"),
    "bus": (bus, put, "data"),
    "http": (http, get, "rawPath"),
}


@pytest.fixture
def client(fc_local: FcLocal) -> Client:
    return Client(
        Config(
            access_key_id="id",
            access_key_secret="secret",
            endpoint=fc_local.endpoint.removeprefix("http://"),
            protocol="HTTP",
            region_id="cn-hangzhou",
        )
    )


@pytest.mark.parametrize("kind", KINDS)
def test_a_trigger_of_each_kind_is_created_read_and_fires(
    fc_local: FcLocal, client: Client, kind: str
) -> None:
    make: Callable[[FcLocal], dict[str, str]]
    act: Callable[[FcLocal, models.Trigger], None]
    make, act, field = KINDS[kind]
    seen: list[dict[str, object]] = []
    fc_local.deploy("f", lambda event, _: seen.append(json.loads(event)))
    body = models.CreateTriggerInput(trigger_name="t", **make(fc_local))
    client.create_trigger("f", models.CreateTriggerRequest(body=body))
    trigger = client.get_trigger("f", "t").body
    assert trigger.to_map()["triggerConfig"] == body.trigger_config
    act(fc_local, trigger)
    fc_local.advance(1)
    (event,) = seen
    assert field in event
