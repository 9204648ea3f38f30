# SPDX-License-Identifier: MIT
"""All services on virtual time and in memory, with an HTTP world and functions that are made up."""

from __future__ import annotations

import asyncio

import pytest

from fc_async_local.clock import VirtualClock
from fc_async_local.domain.invocation import Outcome, OutcomeKind
from fc_async_local.services.eventbridge.service import EventBridgeService
from fc_async_local.services.eventbridge.targets import Targets
from fc_async_local.services.mns.service import MnsService
from fc_async_local.services.rocketmq.service import RocketMqService
from fc_async_local.settings import Settings
from fc_async_local.store.document_cache import DocumentCache
from fc_async_local.store.memory import MemoryDocuments, MemoryStore
from fc_async_local.wakeups import Wakeups
from fc_async_tests import service_stores
from fc_async_tests.jobs import push_node
from fc_async_tests.posting import Poster


class Invoker:
    """Remembers calls; a synchronous one ends as ``kind`` says, any is refused with ``refusal``."""

    def __init__(self):
        self.calls = []
        self.kind = OutcomeKind.SUCCESS
        self.refusal = None

    async def invoke_async(self, request):
        if self.refusal is not None:
            raise self.refusal
        self.calls.append(("async", request.function, request.qualifier, request.payload))

    async def invoke_sync(self, request):
        self.calls.append(("sync", request.function, request.qualifier, request.payload))
        return "r", Outcome(kind=self.kind, error_type="UnhandledInvocationError")


class World:
    """Everything, as one composition root would build it."""

    def __init__(self, settings):
        self.settings = settings
        self.clock = VirtualClock()
        self.poster = Poster(self.clock)
        self.invoker = Invoker()
        self.jobs = MemoryStore()
        self.messages = service_stores.messages(self.jobs)
        self.logs = service_stores.logs()
        self.documents = MemoryDocuments()

    async def open(self):
        self.wakeups = Wakeups(self.clock)
        kept = DocumentCache(self.documents, self.wakeups)
        self.queues = MnsService(self.messages, self.clock, self.settings)
        self.rocketmq = RocketMqService(
            self.logs, kept, clock=self.clock, settings=self.settings, wakeups=self.wakeups
        )
        node = push_node(
            self.jobs, self.clock, self.settings, invoker=self.invoker, poster=self.poster
        )
        targets = Targets(node, self.queues, self.rocketmq)
        self.buses = EventBridgeService(kept, targets, node, settings=self.settings)
        self.buses.pushes.start()

    async def close(self):
        await self.buses.pushes.aclose()

    async def bodies(self, queue="q"):
        return [message.body for message in await self.queues.peek(queue, limit=16)]


@pytest.fixture
def play():
    """``play(scene, **settings)``: run ``scene(world)`` and return what it returns."""

    def player(scene, **settings):
        async def main():
            world = World(Settings.of(account_id="42", **settings))
            await world.open()
            try:
                return await scene(world)
            finally:
                await world.close()

        return asyncio.run(main())

    return player
