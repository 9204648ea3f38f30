# SPDX-License-Identifier: MIT
"""Ten thousand events to each kind of destination: none lost, none invented."""

from __future__ import annotations

import asyncio
import json

import pytest

from fc_async_local.clock import RealClock
from fc_async_local.destinations.eventbridge import EventBridgeDestination
from fc_async_local.destinations.function import FunctionDestination
from fc_async_local.destinations.mns import MnsQueueDestination, MnsTopicDestination
from fc_async_local.destinations.rocketmq import RocketMqDestination
from fc_async_local.domain.invocation import Delivery
from fc_async_local.engine.ports import Accepted
from fc_async_local.services.eventbridge.model import Parameter, Rule, Target
from fc_async_local.services.eventbridge.service import EventBridgeService
from fc_async_local.services.eventbridge.targets import Targets
from fc_async_local.services.mns.model import handle_of
from fc_async_local.services.mns.service import MnsService
from fc_async_local.services.mns.tables import TableMessageStore
from fc_async_local.services.mns.topic import Subscription, Topic
from fc_async_local.services.mns.topic_service import TopicService
from fc_async_local.services.rocketmq.model import ConsumeRequest
from fc_async_local.services.rocketmq.model import handle_of as rocketmq_handle
from fc_async_local.services.rocketmq.service import RocketMqService
from fc_async_local.services.rocketmq.tables import TableLogStore
from fc_async_local.settings import Settings
from fc_async_local.store.document_cache import DocumentCache
from fc_async_local.store.memory import MemoryDocuments
from fc_async_local.store.sqlite.database import Database
from fc_async_local.store.sqlite.store import SCHEMA, SqliteStore
from fc_async_local.wakeups import Wakeups
from fc_async_tests.jobs import push_node

COUNT = 10_000
SETTINGS = Settings.of(mns_body="raw")
PLACE = "cn-hangzhou:1"
ARNS = {
    "mns-queue": f"acs:mns:{PLACE}:/queues/q/messages",
    "mns-topic": f"acs:mns:{PLACE}:/topics/t/messages",
    "function": f"acs:fc:{PLACE}:functions/f",
    "eventbridge": f"acs:eventbridge:{PLACE}:eventbus/bus",
    "rocketmq": f"acs:mq:{PLACE}:/instances/MQ_INST_1/topic/t",
}


class Invoker:
    def __init__(self):
        self.payloads = []

    async def invoke_async(self, request):
        self.payloads.append(request.payload)
        return Accepted(str(len(self.payloads)), "")


async def _no_http(function):
    return False


class World:
    async def open(self, folder):
        self.clock = RealClock()
        self.database = await Database.open(folder / "test.db", SCHEMA)
        messages = await TableMessageStore.open(self.database)
        logs = await TableLogStore.open(self.database)
        kept = DocumentCache(MemoryDocuments(), Wakeups(self.clock))
        self.invoker = Invoker()
        store = await SqliteStore.open(self.database)
        node = push_node(store, self.clock, SETTINGS, invoker=self.invoker)
        self.mns = MnsService(messages, self.clock, SETTINGS)
        self.topics = TopicService(self.mns, kept, node)
        self.rocketmq = RocketMqService(logs, kept, clock=self.clock, settings=SETTINGS)
        targets = Targets(node, self.mns, self.rocketmq)
        self.buses = EventBridgeService(kept, targets, node, settings=SETTINGS)
        self.adapters = {
            adapter.kind: adapter
            for adapter in (
                MnsQueueDestination(self.mns, SETTINGS.destinations),
                MnsTopicDestination(self.topics, SETTINGS.destinations),
                FunctionDestination(self.invoker, _no_http, SETTINGS.destinations),
                EventBridgeDestination(self.buses, SETTINGS.destinations),
                RocketMqDestination(self.rocketmq, SETTINGS.destinations),
            )
        }
        self.topics.pushes.start()
        self.buses.pushes.start()
        await self.mns.create_queue("q")
        await self.topics.documents.create_topic(Topic(name="t"))
        await self.topics.documents.subscribe(
            Subscription(
                topic="t",
                name="s",
                endpoint=f"acs:mns:{PLACE}:queues/q",
                notify_content_format="SIMPLIFIED",
                created_at=0,
                modified_at=0,
            )
        )
        await self.rocketmq.create_topic("MQ_INST_1", "t")
        await self.buses.documents.create_bus("bus")
        parameters = {"queue": "q", "IsBase64Encode": "false"}
        target = Target(
            id="t",
            type="acs.mns.queue",
            param_list=tuple(Parameter(resource_key=k, value=v) for k, v in parameters.items()),
        )
        await self.buses.documents.create_rule(
            Rule(bus="bus", name="r", pattern="{}", targets=(target,), created_at=0, modified_at=0)
        )

    async def close(self):
        await self.topics.pushes.aclose()
        await self.buses.pushes.aclose()
        await self.database.aclose()

    async def told(self, kind):
        """Every event that arrives, until there is no more."""
        if kind == "function":
            return self.invoker.payloads
        found = []
        while True:
            bodies = await (self._log() if kind == "rocketmq" else self._queue())
            if not bodies and len(found) >= COUNT:
                return found
            found += bodies

    async def _queue(self):
        messages = await self.mns.receive("q", limit=16, wait_seconds=1)
        await self.mns.delete("q", [handle_of(message) for message in messages])
        return [message.body for message in messages]

    async def _log(self):
        found = await self.rocketmq.consume(
            "MQ_INST_1", "t", "g", ConsumeRequest(limit=16, wait_seconds=1)
        )
        handles = [rocketmq_handle(pending) for pending in found]
        await self.rocketmq.acknowledge("MQ_INST_1", "t", "g", handles)
        return [pending.message.body for pending in found]


def delivery(kind, number):
    context = {"requestId": str(number), "functionArn": "acs:fc:cn-hangzhou:1:functions/a"}
    return Delivery(
        request_id=f"1-{number}",
        task_id="t",
        function="a",
        qualifier="LATEST",
        outcome="success",
        destination=ARNS[kind],
        document=json.dumps({"requestContext": context}).encode(),
        call_path=(),
    )


def number_of(body):
    event = json.loads(body)
    return int(event.get("data", event)["requestContext"]["requestId"])


@pytest.mark.slow
@pytest.mark.parametrize("kind", ARNS)
def test_ten_thousand_events_arrive_once_each(tmp_path, kind):
    async def main():
        world = World()
        await world.open(tmp_path)
        adapter = world.adapters[kind]
        consumer = asyncio.ensure_future(world.told(kind)) if kind != "function" else None
        for start in range(0, COUNT, 500):
            results = await asyncio.gather(
                *(
                    adapter.deliver(delivery(kind, number), now=world.clock.now())
                    for number in range(start, start + 500)
                )
            )
            assert {result.status // 100 for result in results} == {2}
        bodies = await (consumer or world.told(kind))
        await world.close()
        return sorted(number_of(body) for body in bodies)

    assert asyncio.run(main()) == list(range(COUNT))
