# SPDX-License-Identifier: MIT
"""``--create-missing``: destinations are made when they are configured, and again when missing."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor

import pytest
from mns.account import Account
from mq_http_sdk.mq_client import MQClient

from fc_async_local.embedded import LocalRuntime
from fc_async_local.services.rocketmq.model import RocketMqError
from fc_async_local.settings import Settings
from fc_async_sdk import events
from fc_async_tests.invocations import a_delivery

TARGETS = {
    "mns-queue": "acs:mns:::/queues/fresh/messages",
    "mns-topic": "acs:mns:::/topics/fresh/messages",
    "eventbridge": "acs:eventbridge:::eventbus/fresh",
    "rocketmq": "acs:mq:::/instances/MQ_INST_1/topic/fresh",
}
CREATING = Settings.of(create_missing=True)
MANY = 64


@pytest.fixture
def fc_local_settings():
    return CREATING


def config(destination):
    return {"destinationConfig": {"onSuccess": {"destination": destination}}}


async def tell(runtime, kind):
    """Hand many events to a destination, all at once, and again while it is unavailable."""

    async def arrive(delivery):
        while (result := await adapter.deliver(delivery, now=0)).code == "ServiceUnavailable":
            pass
        return result

    adapter = runtime.services.destinations[kind]
    deliveries = [
        a_delivery(number, destination=TARGETS[kind], document=DOCUMENT) for number in range(MANY)
    ]
    return await asyncio.gather(*map(arrive, deliveries))


DOCUMENT = (
    b'{"requestContext":{"functionArn":"acs:fc:::functions/f","condition":""},'
    b'"requestPayload":"","responseContext":{},"responsePayload":""}'
)


def test_parallel_events_to_a_destination_that_does_not_exist_all_arrive(tmp_path):
    with LocalRuntime(data=tmp_path, port=0, settings=CREATING) as local:
        for kind in TARGETS:
            results = local.call(tell(local, kind))
            assert {(result.status // 100, result.code) for result in results} == {(2, "")}, kind


@pytest.mark.real_time
def test_parallel_events_on_two_nodes_make_a_destination_once(empty_postgres, tmp_path):
    url = empty_postgres()
    with (
        LocalRuntime(data=tmp_path / "a", port=0, store=url, settings=CREATING) as a,
        LocalRuntime(data=tmp_path / "b", port=0, store=url, settings=CREATING) as b,
        ThreadPoolExecutor() as threads,
    ):
        for kind in TARGETS:
            both = threads.map(lambda node, kind: node.call(tell(node, kind)), (a, b), (kind, kind))
            results = [result for found in both for result in found]
            assert len(results) == 2 * MANY
            assert {(result.status // 100, result.code) for result in results} == {(2, "")}, kind


@pytest.mark.filterwarnings("ignore:Call to deprecated:DeprecationWarning")
def test_a_consumer_can_wait_for_the_first_event_of_a_queue(fc_local):
    fc_local.deploy("f", lambda *_: "done", async_config=config(TARGETS["mns-queue"]))
    queue = Account(fc_local.mns_endpoint, "id", "secret").get_queue("fresh")
    attributes = queue.get_attributes()
    assert attributes.active_messages == 0
    assert attributes.message_retention_period == 604_800, "as deploy --create-missing makes it"
    fc_local.client.invoke_async("f", {})
    fc_local.run_until_idle()
    assert events.from_mns_message(queue.receive_message(0)).response.text() == "done"
    queue.mns_client.http.conn.close()


def test_a_consumer_can_subscribe_before_the_first_event_of_a_rocketmq_topic(fc_local):
    fc_local.deploy("f", lambda *_: "done", async_config=config(TARGETS["rocketmq"]))
    client = MQClient(fc_local.rocketmq_endpoint, "id", "secret")
    consumer = client.get_consumer("MQ_INST_1", "fresh", "GID_test")
    fc_local.client.invoke_async("f", {})
    fc_local.run_until_idle()
    (message,) = consumer.consume_message(1, 1)
    assert events.from_rocketmq_message(message).response.text() == "done"
    client.close_connection()


def exists(services, kind):
    if kind == "mns-topic":
        return services.topics.documents.topic("fresh").name == "fresh"
    if kind == "eventbridge":
        return services.eventbridge.documents.bus("fresh").name == "fresh"
    return services.rocketmq.topic("MQ_INST_1", "fresh").name == "fresh"


@pytest.mark.parametrize("kind", ["mns-topic", "eventbridge", "rocketmq"])
def test_a_destination_is_there_as_soon_as_it_is_configured(fc_local, kind):
    fc_local.deploy("f", lambda *_: "done")
    fc_local.client.put_async_invoke_config("f", on_failure=TARGETS[kind])
    assert exists(fc_local.runtime.services, kind)


def test_destinations_that_were_configured_before_are_made_at_the_next_start(tmp_path):
    def client_of(local):
        return local.registry

    async def configure(registry):
        body = {
            "functionName": "f",
            "runtime": "python3.10",
            "handler": "index.handler",
            "code": {"zipFile": EMPTY},
        }
        await registry.functions.create(body)
        await registry.async_configs.put("f", "", config(TARGETS["rocketmq"]))

    with LocalRuntime(data=tmp_path, port=0) as before:
        before.call(configure(client_of(before)))
        with pytest.raises(RocketMqError):
            exists(before.services, "rocketmq")
    with LocalRuntime(data=tmp_path, port=0, settings=CREATING) as after:
        assert exists(after.services, "rocketmq")


def test_a_destination_that_cannot_be_made_does_not_refuse_the_configuration(fc_local, caplog):
    fc_local.deploy("f", lambda *_: "done")
    for number in range(50):  # as many as an account may have
        fc_local.create_bus(f"bus-{number}")
    fc_local.client.put_async_invoke_config("f", on_success=TARGETS["eventbridge"])
    assert f"destination {TARGETS['eventbridge']} cannot be made: " in caplog.text


EMPTY = "UEsFBgAAAAAAAAAAAAAAAAAAAAAAAA=="
