# SPDX-License-Identifier: MIT
"""Deliveries to a RocketMQ topic and to an event bus, as a consumer's parser sees them."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, NamedTuple

import pytest
from cloudevents.core.bindings.http import HTTPMessage, from_http_event

from fc_async_local.clock import VirtualClock
from fc_async_local.destinations.eventbridge import EventBridgeDestination
from fc_async_local.destinations.rocketmq import RocketMqDestination
from fc_async_local.services.eventbridge.model import Rule, Target
from fc_async_local.services.eventbridge.service import EventBridgeService
from fc_async_local.services.eventbridge.targets import Targets
from fc_async_local.services.mns.service import MnsService
from fc_async_local.services.rocketmq.service import RocketMqService
from fc_async_local.settings import DestinationSettings, Settings
from fc_async_local.store.document_cache import DocumentCache
from fc_async_local.store.memory import MemoryDocuments, MemoryStore
from fc_async_local.store.protocol import StoreUnavailable
from fc_async_local.wakeups import Wakeups
from fc_async_tests import service_stores
from fc_async_tests.invocations import a_delivery
from fc_async_tests.jobs import push_node

if TYPE_CHECKING:
    from fc_async_local.destinations.base import DeliveryResult
    from fc_async_local.services.rocketmq.model import RocketMqMessage

FUNCTION = "acs:fc:cn-hangzhou:1:functions/f"
TOPIC = "acs:mq:cn-hangzhou:1:/instances/MQ_INST_1/topic/t"
BUS = "acs:eventbridge:cn-hangzhou:1:eventbus/bus"


def document(padding=0):
    return json.dumps(
        {
            "timestamp": 1,
            "requestContext": {"requestId": "r", "functionArn": FUNCTION},
            "responsePayload": "中" + "x" * padding,
        },
        ensure_ascii=False,
    ).encode()


def delivery(destination, body, outcome="success"):
    return a_delivery(
        request_id="1-r", function="f", outcome=outcome, destination=destination, document=body
    )


class Poster:
    def __init__(self):
        self.bodies = []

    async def post(self, url, body, headers):
        self.bodies.append(body)
        return 204


class World:
    """A topic, and a bus with a rule that sends everything to an HTTP endpoint."""

    def __init__(self, settings):
        self.settings = settings
        self.clock = VirtualClock()
        self.poster = Poster()
        self.jobs = MemoryStore()
        self.logs = service_stores.logs()

    async def open(self, *, empty):
        kept = DocumentCache(MemoryDocuments(), Wakeups(self.clock))
        queues = MnsService(service_stores.messages(self.jobs), self.clock, self.settings)
        self.rocketmq = RocketMqService(self.logs, kept, clock=self.clock, settings=self.settings)
        node = push_node(self.jobs, self.clock, self.settings, poster=self.poster)
        targets = Targets(node, queues, self.rocketmq)
        self.buses = EventBridgeService(kept, targets, node, settings=self.settings)
        self.buses.pushes.start()
        if not empty:
            await self.rocketmq.create_topic("MQ_INST_1", "t")
            await self.buses.documents.create_bus("bus")
            url = Target(id="t", type="http", endpoint="http://127.0.0.1:9/")
            await self.buses.documents.create_rule(
                Rule(
                    bus="bus",
                    name="r",
                    pattern='{"source": ["acs:fc"]}',
                    targets=(url,),
                    created_at=0,
                    modified_at=0,
                )
            )

    async def deliver(self, to, body, outcome):
        adapter = (
            RocketMqDestination(self.rocketmq, self.settings.destinations)
            if to == TOPIC
            else EventBridgeDestination(self.buses, self.settings.destinations)
        )
        return await adapter.deliver(delivery(to, body, outcome), now=self.clock.now())


class Played(NamedTuple):
    """The result of the delivery, the topic's messages, and the bodies that the bus posted."""

    result: DeliveryResult
    messages: list[RocketMqMessage]
    posted: list[bytes]


def play(to, body=None, *, outcome="success", empty=False, **settings):
    async def main():
        world = World(Settings.of(account_id="1", **settings))
        await world.open(empty=empty)
        result = await world.deliver(to, document() if body is None else body, outcome)
        await world.clock.advance(0)
        found = []
        if not empty:
            found = await world.rocketmq.consume("MQ_INST_1", "t", "g")
        await world.buses.pushes.aclose()
        return Played(result, [pending.message for pending in found], world.poster.bodies)

    return asyncio.run(main())


def test_a_topic_gets_the_document_under_the_request_id():
    played = play(TOPIC)
    (message,) = played.messages
    assert played.result.status == 201
    assert message.body == document().decode()
    assert (message.properties, message.tag) == ("KEYS:1-r|", "")


@pytest.mark.parametrize(("more", "status"), [(0, 201), (1, 413)])
def test_a_topic_takes_four_megabytes(more, status):
    fit = 4 * 1024 * 1024 - len(document())
    played = play(TOPIC, document(fit + more))
    assert (played.result.status, len(played.messages)) == (status, int(status == 201))


@pytest.mark.parametrize(
    ("outcome", "kind"),
    [("success", "fc:AsyncInvoke:succeeded"), ("failure", "fc:AsyncInvoke:failed")],
)
def test_a_bus_gets_a_cloudevent_that_parses(outcome, kind):
    played = play(BUS, outcome=outcome)
    (body,) = played.posted
    assert played.result.status == 200
    headers = {"content-type": "application/cloudevents+json"}
    event = from_http_event(HTTPMessage(headers, body))
    assert (event.get_type(), event.get_source(), event.get_subject()) == (kind, "acs:fc", FUNCTION)
    assert event.get_data() == json.loads(document())
    assert event.get_attributes()["aliyuneventbusname"] == "bus"
    assert event.get_time().year == 2023


@pytest.mark.parametrize(("more", "status"), [(0, 200), (1, 413)])
def test_a_bus_takes_sixty_four_kilobytes_with_the_envelope(more, status):
    destination = EventBridgeDestination(None, DestinationSettings())
    _, size = destination.encode(document(), delivery(BUS, document()), 1)
    played = play(BUS, document(65_536 - size + more))
    assert (played.result.status, len(played.posted)) == (status, int(status == 200))


@pytest.mark.parametrize(("to", "code"), [(TOPIC, "TopicNotExist"), (BUS, "EventBusNotExist")])
def test_a_missing_topic_or_bus_is_a_404(to, code):
    result = play(to, empty=True).result
    assert (result.status, result.code) == (404, code)


@pytest.mark.parametrize(("to", "status"), [(TOPIC, 201), (BUS, 200)])
def test_a_missing_topic_or_bus_is_made_with_create_missing(to, status):
    assert play(to, empty=True, create_missing=True).result.status == status


def test_an_instance_of_version_five_is_refused():
    five = "acs:mq:cn-hangzhou:1:/instances/rmq-cn-abc/topic/t"

    async def main():
        world = World(Settings.of(create_missing=True))
        await world.open(empty=True)
        adapter = RocketMqDestination(world.rocketmq, world.settings.destinations)
        result = await adapter.deliver(delivery(five, b"{}"), now=0)
        await world.buses.pushes.aclose()
        return result

    result = asyncio.run(main())
    assert result.status == 400
    assert "5.x" in result.message


@pytest.mark.parametrize("to", [TOPIC, BUS])
def test_a_store_that_is_away_is_worth_another_try(to):
    async def main():
        world = World(Settings())
        await world.open(empty=False)

        async def away(*_args, **_kwargs):
            raise StoreUnavailable("disk full")

        world.logs.append = away
        world.jobs.add_jobs = away
        result = await world.deliver(to, document(), "success")
        await world.buses.pushes.aclose()
        return result

    assert asyncio.run(main())[:3] == (503, "ServiceUnavailable", "disk full")
