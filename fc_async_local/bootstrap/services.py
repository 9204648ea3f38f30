# SPDX-License-Identifier: MIT
"""Part of the composition root: the services beside Function Compute, and the destinations."""

from __future__ import annotations

import logging
import random
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from fc_async_local.background import start_task
from fc_async_local.clock import RealClock
from fc_async_local.destinations.base import Faulty, HttpEndpoint, Permitted
from fc_async_local.destinations.eventbridge import EventBridgeDestination
from fc_async_local.destinations.function import FunctionDestination
from fc_async_local.destinations.mns import MnsQueueDestination, MnsTopicDestination
from fc_async_local.destinations.rocketmq import RocketMqDestination
from fc_async_local.domain.errors import Rejected
from fc_async_local.domain.settlement import Settler
from fc_async_local.engine.accepting import new_request_id
from fc_async_local.services.delivery import HttpPoster, PushNode, TriggerLog
from fc_async_local.services.eventbridge.endpoint import EventBridgeEndpoint
from fc_async_local.services.eventbridge.service import EventBridgeService
from fc_async_local.services.eventbridge.targets import Targets
from fc_async_local.services.mns.endpoint import MnsEndpoint
from fc_async_local.services.mns.service import MnsService
from fc_async_local.services.mns.topic_service import TopicService
from fc_async_local.services.oss.lazy import LazyOss
from fc_async_local.services.rocketmq.endpoint import RocketMqEndpoint
from fc_async_local.services.rocketmq.service import RocketMqService
from fc_async_local.store.protocol import StoreUnavailable
from fc_async_local.triggers.control import TriggerControl
from fc_async_local.triggers.fetching import Fetcher
from fc_async_local.triggers.firing import Firing, Retries
from fc_async_local.triggers.runner import PushingTriggers, TriggerRunner
from fc_async_local.triggers.timers import Timers
from fc_async_sdk._cancellation import end_tasks
from fc_async_sdk.errors import InvalidArn
from fc_async_sdk.spec import arn

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from contextlib import AsyncExitStack

    from fc_async_local.bootstrap.stores import Foundation
    from fc_async_local.destinations.adapter import ChannelAdapter
    from fc_async_local.destinations.base import Destination, DestinationKind
    from fc_async_local.domain.faults import Faults
    from fc_async_local.functions import FunctionRegistry
    from fc_async_local.functions.async_configs import AsyncConfigs
    from fc_async_local.functions.triggers import Triggers
    from fc_async_local.http.messages import App
    from fc_async_local.services.delivery import FunctionInvoker
    from fc_async_local.settings import DestinationSettings, Settings
    from fc_async_local.wakeups import Wakeups
    from fc_async_sdk.models import AsyncConfig

_LOG: Final = logging.getLogger(__name__)
NAMES: Final = ("mns", "rocketmq", "eventbridge", "oss")
"""The services that have a port, in the order of their ports."""


class Protocols(NamedTuple):
    """The services whose protocols the official clients speak."""

    mns: MnsService
    topics: TopicService
    rocketmq: RocketMqService
    eventbridge: EventBridgeService

    @classmethod
    def of(cls, foundation: Foundation, node: PushNode, pushing: PushingTriggers) -> Protocols:
        """Return the services; ``pushing`` has the triggers to whose functions they push."""
        stores, clock, settings = foundation
        documents = stores.documents
        wakeups = stores.wakeups
        mns = MnsService(stores.messages, clock, settings, wakeups)
        topics = TopicService(mns, documents, node, bound=pushing.subscriptions)
        rocketmq = RocketMqService(
            stores.logs,
            documents,
            clock=clock,
            settings=settings,
            wakeups=wakeups,
        )
        targets = Targets(node, mns, rocketmq)
        eventbridge = EventBridgeService(
            documents, targets, node, settings=settings, bound=pushing.rules
        )
        return cls(mns, topics, rocketmq, eventbridge)


class Services(NamedTuple):
    """The services of one runtime.

    Attributes:
        mns: Queues.
        topics: Topics of MNS.
        rocketmq: Topics of RocketMQ.
        eventbridge: Buses and rules.
        oss: Buckets.
        apps: The ASGI application on the port of each of :data:`NAMES`.
        destinations: The adapter of each kind of destination.
        triggers: Fires functions for messages and events.
        trigger_retries: Does so again for messages whose function could not be invoked.
        timers: Fires functions by the clock.
        trigger_control: Shows triggers, and fires them by hand.
        channels: The adapters of the kinds that have messages to look at.
        wakeups: Wakes polls of the services.
    """

    mns: MnsService
    topics: TopicService
    rocketmq: RocketMqService
    eventbridge: EventBridgeService
    oss: LazyOss
    apps: Mapping[str, App]
    destinations: Mapping[DestinationKind, Destination]
    triggers: TriggerRunner
    trigger_retries: Retries
    timers: Timers
    trigger_control: TriggerControl
    channels: tuple[ChannelAdapter[Any, Any], ...]
    wakeups: Wakeups

    @classmethod
    async def open(
        cls,
        foundation: Foundation,
        invoker: FunctionInvoker,
        registry: FunctionRegistry,
        faults: Faults,
        closing: AsyncExitStack,
    ) -> Services:
        """Open the services and fire triggers. :meth:`start` before anything is pushed.

        Args:
            foundation: Stores, clock and settings.
            invoker: Invokes functions, for destinations, rules and triggers.
            registry: Triggers, roles and destinations of functions.
            faults: Of destinations.
            closing: Closes the services.

        Raises:
            StoreUnavailable: The store cannot be read.
        """
        stores, clock, settings = foundation
        await stores.documents.refresh()
        poster = HttpPoster(allow_others=foundation.settings.execution.allow_cloud)
        closing.push_async_callback(poster.aclose)
        node = _push_node(foundation, invoker, poster)
        pushing = PushingTriggers()
        protocols = Protocols.of(foundation, node, pushing)
        runner, retries, timers, control = _firing(
            node, settings, protocols, registry.triggers, pushing
        )
        runner.refresh()
        closing.push_async_callback(runner.aclose)
        oss = LazyOss(stores.objects, clock, settings, control.object_event, durable=stores.durable)
        closing.push_async_callback(oss.aclose)
        registry.code.use_objects(oss.read)
        closing.push_async_callback(end_tasks, start_task("documents", stores.documents.follow()))
        channels = channels_of(protocols, settings.destinations)
        adapters = _adapters(channels, node, registry, settings.destinations)
        services = cls(
            *protocols,
            oss=oss,
            apps=_apps(protocols, oss),
            destinations={adapter.kind: Faulty(adapter, faults, clock) for adapter in adapters},
            triggers=runner,
            trigger_retries=retries,
            timers=timers,
            trigger_control=control,
            channels=channels,
            wakeups=stores.wakeups,
        )
        # When they are configured, so that a consumer can subscribe before the first event.
        if settings.destinations.create_missing:
            await services.follow(registry.async_configs)
        return services

    def start(self, closing: AsyncExitStack) -> None:
        """Start to push and to fire timers.

        To be called after the node has given back the jobs that it held before.

        Args:
            closing: Stops both.
        """
        pushes = self.topics.pushes, self.eventbridge.pushes, self.trigger_retries.runner
        for work in (*pushes, self.timers):
            work.start()
            closing.push_async_callback(work.aclose)
        self.oss.start()

    async def follow(self, configs: AsyncConfigs) -> None:
        """Make the destinations of all configurations, now and whenever one is written."""
        configs.listen(self.create_destinations)
        await self.create_all_destinations(configs)

    async def create_all_destinations(self, configs: AsyncConfigs) -> None:
        """Make the destinations of all configurations, unless they exist."""
        for config in await configs.everything():
            await self.create_destinations(config)

    async def create_destinations(self, config: AsyncConfig) -> None:
        """Make the queues, topics and buses that a configuration names, unless they exist.

        A consumer can then subscribe before the first event. A failure is logged: the delivery
        of an event will fail for the same reason.
        """
        for _, destination in config.destinations:
            await self._create(destination)

    async def _create(self, destination: str) -> None:
        try:
            target = arn.parse(destination)
            for channel in self.channels:
                if channel.kind == target.kind:
                    await channel.create(target)
        except (InvalidArn, Rejected, StoreUnavailable) as error:
            _LOG.warning("destination %s cannot be made: %s", destination, error)

    def release(self) -> None:
        """Cancel all long polls and the triggers, so that the servers can stop."""
        self.triggers.stop()
        self.wakeups.end_polls()


def _push_node(foundation: Foundation, invoker: FunctionInvoker, poster: HttpPoster) -> PushNode:
    stores, _, settings = foundation
    return PushNode(
        stores.store,
        stores.wakeups,
        stores.node_id,
        settings.engine.lease_ms,
        invoker=invoker,
        poster=poster,
        log=TriggerLog(),
        settler=Settler(settings.rules, settings.account),
        random=random.SystemRandom(),
    )


def _adapters(
    channels: Sequence[ChannelAdapter[Any, Any]],
    node: PushNode,
    registry: FunctionRegistry,
    settings: DestinationSettings,
) -> Sequence[Destination]:
    """Return the adapter of each kind of destination."""
    function = FunctionDestination(node.invoker, registry.triggers.has_http, settings)
    adapters: Sequence[Destination] = (*channels, function, HttpEndpoint(node.poster))
    if not settings.enforce_roles:
        return adapters
    return [Permitted(adapter, registry.role, settings) for adapter in adapters]


def _firing(
    node: PushNode,
    settings: Settings,
    protocols: Protocols,
    triggers: Triggers,
    pushing: PushingTriggers,
) -> tuple[TriggerRunner, Retries, Timers, TriggerControl]:
    """Return what fires the triggers; it looks again when they change."""
    firing = Firing(node, new_request_id)
    retries = Retries(node, triggers, firing, protocols.eventbridge.dead_letter)
    fetcher = Fetcher(
        retries,
        node.clock,
        mns=protocols.mns,
        rocketmq=protocols.rocketmq,
        account=settings.account,
    )
    runner = TriggerRunner(triggers, node, fetcher, pushing)
    timers = Timers(node, firing, triggers, grace_ms=settings.services.timer_grace_ms)
    triggers.listen(runner.refresh)
    triggers.listen(timers.refresh)
    publish = protocols.eventbridge.publish
    control = TriggerControl(triggers, firing, node, settings.account, publish)
    return runner, retries, timers, control


def channels_of(
    protocols: Protocols, settings: DestinationSettings
) -> tuple[ChannelAdapter[Any, Any], ...]:
    """Return the adapter of each kind of queue, topic or bus, in the order of the console."""
    return (
        MnsQueueDestination(protocols.mns, settings),
        MnsTopicDestination(protocols.topics, settings),
        RocketMqDestination(protocols.rocketmq, settings),
        EventBridgeDestination(protocols.eventbridge, settings),
    )


def _apps(protocols: Protocols, oss: LazyOss) -> Mapping[str, App]:
    # Clients sign with the machine's time, also when the runtime's is virtual.
    clock = RealClock()
    return {
        "mns": MnsEndpoint(protocols.mns, clock, protocols.topics),
        "rocketmq": RocketMqEndpoint(protocols.rocketmq, clock),
        "eventbridge": EventBridgeEndpoint(protocols.eventbridge, clock),
        "oss": oss,
    }
