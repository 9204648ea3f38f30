# SPDX-License-Identifier: MIT
"""The services beside Function Compute, put together: what each needs and where it is reached.

Part of the composition root. What a service does is its own package's.
"""

from __future__ import annotations

import asyncio
import logging
import random
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from fc_async_local.background import start_task
from fc_async_local.clock import RealClock
from fc_async_local.destinations.eventbridge import EventBridgeDestination
from fc_async_local.destinations.faults import Faults, Faulty
from fc_async_local.destinations.function import FunctionDestination
from fc_async_local.destinations.http import HttpEndpoint
from fc_async_local.destinations.mns import MnsQueueDestination, MnsTopicDestination
from fc_async_local.destinations.permissions import Permitted
from fc_async_local.destinations.rocketmq import RocketMqDestination
from fc_async_local.services.eventbridge.endpoint import EventBridgeEndpoint
from fc_async_local.services.eventbridge.errors import EventBridgeError
from fc_async_local.services.eventbridge.service import EventBridgeService
from fc_async_local.services.eventbridge.targets import Targets
from fc_async_local.services.mns.endpoint import MnsEndpoint
from fc_async_local.services.mns.errors import MnsError
from fc_async_local.services.mns.service import MnsService
from fc_async_local.services.mns.topic_service import TopicService
from fc_async_local.services.posting import HttpPoster
from fc_async_local.services.rocketmq.endpoint import RocketMqEndpoint
from fc_async_local.services.rocketmq.errors import RocketMqError
from fc_async_local.services.rocketmq.service import RocketMqService
from fc_async_local.store.protocol import StoreUnavailable
from fc_async_local.triggers.runner import TriggerRunner
from fc_async_local.wakeups import SURVEY_MS
from fc_async_sdk.errors import InvalidArn
from fc_async_sdk.spec import arn

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence
    from contextlib import AsyncExitStack

    from fc_async_local.bootstrap.stores import Stores
    from fc_async_local.clock import Clock
    from fc_async_local.destinations.protocol import Creating, Destination, DestinationKind
    from fc_async_local.functions.triggers import Triggers
    from fc_async_local.http.messages import App
    from fc_async_local.services.invoking import FunctionInvoker
    from fc_async_local.settings import DestinationSettings, Settings
    from fc_async_local.store.document_cache import DocumentCache
    from fc_async_local.wakeups import Wakeups
    from fc_async_sdk.models import AsyncConfig

_LOG: Final = logging.getLogger(__name__)
NAMES: Final = ("mns", "rocketmq", "eventbridge")
"""The services that have a port, in the order of their ports."""


class Services(NamedTuple):
    """The services of one runtime.

    Attributes:
        mns: Queues.
        topics: Topics of MNS.
        rocketmq: Topics of RocketMQ.
        eventbridge: Buses and rules.
        apps: What answers on the port of each of :data:`NAMES`.
        destinations: The adapters that hand events to them, and to functions.
        faults: What is to go wrong with those on purpose.
        triggers: What fires functions for messages and events.
        creators: What makes destinations, by kind.
        wakeups: Wakes polls of the services.
    """

    mns: MnsService
    topics: TopicService
    rocketmq: RocketMqService
    eventbridge: EventBridgeService
    apps: Mapping[str, App]
    destinations: Mapping[DestinationKind, Destination]
    faults: Faults
    triggers: TriggerRunner
    creators: Mapping[DestinationKind, Creating]
    wakeups: Wakeups

    @classmethod
    async def open(
        cls,
        stores: Stores,
        clock: Clock,
        settings: Settings,
        invoker: FunctionInvoker,
        triggers: Triggers,
        role_of: Callable[[str, str], Awaitable[str]],
        closing: AsyncExitStack,
    ) -> Services:
        """Put them together and let them take up what they had left to do.

        Args:
            stores: Where they keep things.
            clock: Their time.
            settings: The runtime's.
            invoker: Runs functions, for destinations, rules and triggers.
            triggers: What invokes functions besides the API.
            role_of: A function's role by name and qualifier.
            closing: Closes what has to be closed.

        Raises:
            StoreUnavailable: The store can't be asked.
        """
        kept = stores.documents
        await kept.refresh()
        poster = HttpPoster()
        closing.push_async_callback(poster.aclose)
        services = _services(stores, kept, poster, invoker, clock=clock, settings=settings)
        fired = _trigger_runner(
            services,
            triggers,
            invoker,
            clock=clock,
            settings=settings,
        )
        for service in (services.topics, services.eventbridge, fired):
            await service.start()
            closing.push_async_callback(service.aclose)
        closing.push_async_callback(_end, start_task("documents", kept.follow()))
        faults = Faults(clock)
        creators = _creators(services, settings.destinations)
        adapters: Sequence[Destination] = (
            *creators,
            FunctionDestination(invoker, triggers.has_http, settings.destinations),
            HttpEndpoint(poster),
        )
        if settings.destinations.enforce_roles:
            adapters = [Permitted(adapter, role_of, settings.destinations) for adapter in adapters]
        return cls(
            *services,
            apps=_apps(services),
            destinations={adapter.kind: Faulty(adapter, faults, clock) for adapter in adapters},
            faults=faults,
            triggers=fired,
            creators={creator.kind: creator for creator in creators},
            wakeups=stores.wakeups,
        )

    async def create_destinations(self, config: AsyncConfig) -> None:
        """Make the queues, topics and buses that a configuration names, unless they are there.

        So a consumer can subscribe before the first event. What cannot be made is logged: the
        delivery of an event will fail with the same reason.
        """
        for _, destination in config.destinations:
            await self._create(destination)

    async def _create(self, destination: str) -> None:
        try:
            target = arn.parse(destination)
            creator = self.creators.get(target.kind)
            if creator is not None:
                await creator.create(target)
        except (InvalidArn, MnsError, RocketMqError, EventBridgeError, StoreUnavailable) as error:
            _LOG.warning("destination %s cannot be made: %s", destination, error)

    def release(self) -> None:
        """Cancel all long polls, so that servers can stop."""
        self.triggers.stop()
        self.wakeups.end_polls()


class _Services(NamedTuple):
    """What speaks a protocol of its own, before anything is handed to it."""

    mns: MnsService
    topics: TopicService
    rocketmq: RocketMqService
    eventbridge: EventBridgeService


async def _end(task: asyncio.Task[Any]) -> None:
    task.cancel()
    await asyncio.wait({task})


def _services(
    stores: Stores,
    kept: DocumentCache,
    poster: HttpPoster,
    invoker: FunctionInvoker,
    *,
    clock: Clock,
    settings: Settings,
) -> _Services:
    dice, wakeups = random.SystemRandom(), stores.wakeups
    survey = SURVEY_MS if wakeups.shared else None
    mns = MnsService(stores.messages, clock, settings, wakeups)
    topics = TopicService(
        mns, stores.messages, kept, poster, invoker, clock=clock, random=dice, survey_ms=survey
    )
    rocketmq = RocketMqService(stores.logs, kept, clock=clock, settings=settings, wakeups=wakeups)
    targets = Targets(poster=poster, queues=mns, rocketmq=rocketmq, invoker=invoker)
    eventbridge = EventBridgeService(
        stores.messages,
        kept,
        targets,
        clock=clock,
        settings=settings,
        random=dice,
        survey_ms=survey,
    )
    return _Services(mns, topics, rocketmq, eventbridge)


def _trigger_runner(
    services: _Services,
    triggers: Triggers,
    invoker: FunctionInvoker,
    *,
    clock: Clock,
    settings: Settings,
) -> TriggerRunner:
    """Make what fires functions; it is told whenever triggers change."""
    runner = TriggerRunner(
        triggers.everything,
        mns=services.mns,
        topics=services.topics,
        rocketmq=services.rocketmq,
        eventbridge=services.eventbridge,
        invoker=invoker,
        clock=clock,
        place=settings.place,
    )
    triggers.listen(runner.refresh)
    return runner


def _creators(
    services: _Services, settings: DestinationSettings
) -> tuple[MnsQueueDestination, MnsTopicDestination, EventBridgeDestination, RocketMqDestination]:
    """What hands an event to a service, and makes what it is handed to."""
    return (
        MnsQueueDestination(services.mns, settings),
        MnsTopicDestination(services.topics, settings),
        EventBridgeDestination(services.eventbridge, settings),
        RocketMqDestination(services.rocketmq, settings),
    )


def _apps(services: _Services) -> Mapping[str, App]:
    # Clients sign with the machine's time, also when the runtime's is virtual.
    clock = RealClock()
    return {
        "mns": MnsEndpoint(services.mns, clock, services.topics),
        "rocketmq": RocketMqEndpoint(services.rocketmq, clock),
        "eventbridge": EventBridgeEndpoint(services.eventbridge, clock),
    }
