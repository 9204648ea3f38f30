# SPDX-License-Identifier: MIT
"""Runs the triggers of queues, topics and buses: fetches for some of them, has the others push.

:mod:`.fetching` takes the messages of queues and RocketMQ; the services of topics and buses push by
themselves.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final

from fc_async_local.background import keep_running, pause_on, start_task
from fc_async_local.services.delivery import function_arn
from fc_async_local.services.eventbridge.model import (
    OF_TRIGGERS,
    DeadLetterQueue,
    Parameter,
    Rule,
    Target,
)
from fc_async_local.services.mns.model import MnsError
from fc_async_local.services.mns.topic import Subscription
from fc_async_local.services.rocketmq.model import RocketMqError
from fc_async_local.store.protocol import StoreUnavailable
from fc_async_local.triggers import bindings
from fc_async_local.triggers.bindings import (
    Binding,
    BusSource,
    QueueSource,
    RocketMqSource,
    TopicSource,
)
from fc_async_sdk._cancellation import end_tasks

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Sequence

    from fc_async_local.services.delivery import PushNode
    from fc_async_local.triggers.bindings import TriggerSource
    from fc_async_local.triggers.fetching import Fetcher

_LOG: Final = logging.getLogger(__name__)
_BLOCKED_MS: Final = 1_000
"""Pause between two looks of a trigger that does not give up at the end of its retries."""
_MISSING_MS: Final = 5_000
"""Pause before a source that does not exist (yet) is read again."""


class TriggerRunner:
    """Fires the triggers of a registry for messages and events, from the first :meth:`refresh` on.

    Args:
        triggers: The triggers as they are now.
        node: Records errors of a trigger.
        fetcher: Fetches the messages of a trigger and fires the function for them.
        pushing: The triggers of topics and buses, which push by themselves.
    """

    def __init__(
        self,
        triggers: TriggerSource,
        node: PushNode,
        fetcher: Fetcher,
        pushing: PushingTriggers,
    ) -> None:
        self._triggers = triggers
        self._fetcher = fetcher
        self._pushing = pushing
        self._log = node.log
        self._clock = node.clock
        self._loops: dict[Binding, asyncio.Task[None]] = {}
        self._stopped = False

    def stop(self) -> None:
        """Fetch no more: to be called before the polls of the sources are cancelled."""
        self._stopped = True
        for task in self._loops.values():
            task.cancel()

    async def aclose(self) -> None:
        """Stop. Messages that are being handled come back."""
        self.stop()
        await end_tasks(*self._loops.values())

    def refresh(self) -> None:
        """Fire the triggers that there are now, and no others."""
        if self._stopped:
            return
        triggers = self._triggers.everything()
        readable = bindings.read_all(triggers)
        self._log.keep(frozenset(f"{trigger.function}/{trigger.name}" for trigger in triggers))
        self._apply([binding for binding in readable if binding.enabled])

    def _apply(self, enabled: Sequence[Binding]) -> None:
        self._pushing.replace(enabled)
        # A trigger that was changed is another binding: its old loop ends, and a new one begins.
        for binding in self._loops.keys() - set(enabled):
            start_task(f"end of trigger {binding.key}", end_tasks(self._loops.pop(binding)))
        fetched = [
            binding
            for binding in enabled
            if isinstance(binding.source, QueueSource | RocketMqSource)
        ]
        for binding in fetched:
            if binding not in self._loops:
                self._loops[binding] = start_task(f"trigger {binding.key}", self._fetch(binding))

    async def _fetch(self, binding: Binding) -> None:
        """Fetch and fire, for as long as the trigger is there."""

        async def turn() -> None:
            pause = await self._fetch_once(binding)
            if pause:
                await self._clock.wait(self._clock.now() + pause)

        with self._clock.work():
            await keep_running(f"trigger {binding.key}", turn, pause_on(self._clock))

    async def _fetch_once(self, binding: Binding) -> int:
        """Fetch and fire once; how long to leave the source alone then (milliseconds)."""
        try:
            if await self._fetcher.is_blocked(binding):
                return _BLOCKED_MS
            await self._fetcher.fetch(binding)
        # A source that does not exist yet is not a fault: a template may make it later.
        except (MnsError, RocketMqError, StoreUnavailable) as error:
            _LOG.warning("trigger %s: %s", binding.key, error)
            self._log.failed(binding.key, str(error), self._clock.now())
            return _MISSING_MS
        except Exception as error:
            self._log.failed(binding.key, f"{type(error).__name__}: {error}", self._clock.now())
            raise
        return 0


class PushingTriggers:
    """The triggers of topics and buses that there are now. Their registry stores them."""

    def __init__(self) -> None:
        self._subscriptions: Sequence[Subscription] = ()
        self._rules: Sequence[Rule] = ()

    def replace(self, bindings: Sequence[Binding]) -> None:
        """Push to the functions of these triggers from now on, and to no others."""
        subscriptions: list[Subscription] = []
        rules: list[Rule] = []
        for binding in bindings:
            if isinstance(binding.source, TopicSource):
                subscriptions.append(_subscription(binding, binding.source))
            elif isinstance(binding.source, BusSource):
                rules.append(_rule(binding, binding.source))
        self._subscriptions = subscriptions
        self._rules = rules

    def subscriptions(self) -> Sequence[Subscription]:
        """Return the subscriptions of functions to topics."""
        return self._subscriptions

    def rules(self) -> Sequence[Rule]:
        """Return the rules that have a function as their only target."""
        return self._rules


def _subscription(binding: Binding, source: TopicSource) -> Subscription:
    return Subscription(
        topic=source.topic,
        name=f"{binding.function}-{binding.trigger}",
        endpoint=function_arn(binding.function, binding.qualifier),
        trigger=binding.key,
        function=binding.function,
        qualifier=binding.qualifier,
        created_at=0,
        modified_at=0,
        notify_strategy=source.notify_strategy,
        notify_content_format="JSON" if source.notify_content_format == "JSON" else "SIMPLIFIED",
        filter_tag=source.filter_tag,
    )


def _rule(binding: Binding, source: BusSource) -> Rule:
    """Return the rule of a trigger on a bus, with the function as its only target."""
    parameters = {
        "functionName": binding.function,
        "Qualifier": binding.qualifier,
        "InvocationType": "Async" if binding.asynchronous else "Sync",
    }
    queue = DeadLetterQueue(arn=binding.dead_letter) if binding.dead_letter else None
    target = Target(
        id="function",
        type="acs.fc.function",
        param_list=tuple(
            [Parameter(resource_key=key, value=value) for key, value in parameters.items()]
        ),
        push_retry_strategy=binding.strategy,
        errors_tolerance="ALL" if binding.tolerant else "NONE",
        dead_letter_queue=queue,
    )
    return Rule(
        bus=source.bus,
        name=f"{OF_TRIGGERS}{binding.key}",
        pattern=source.pattern,
        targets=(target,),
        created_at=0,
        modified_at=0,
    )
