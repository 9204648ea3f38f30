# SPDX-License-Identifier: MIT
"""Fires triggers for messages: fetches those of queues and RocketMQ, has topics and buses push.

A fetched message is done when :mod:`fc_async_local.triggers.firing` has it. The call path goes
along, so that the loop guard sees loops through queues, topics and buses too.
"""

from __future__ import annotations

import logging
import math
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeVar

from fc_async_local.background import keep_running, pause_on, start_task
from fc_async_local.domain.policy import nearest_to_limit
from fc_async_local.services.delivery import function_arn
from fc_async_local.services.eventbridge.model import (
    OF_TRIGGERS,
    DeadLetterQueue,
    Parameter,
    Rule,
    Target,
)
from fc_async_local.services.mns.model import BATCH, POLLING_SECONDS, MnsError
from fc_async_local.services.mns.model import handle_of as queue_handle
from fc_async_local.services.mns.topic import Subscription
from fc_async_local.services.rocketmq.model import ConsumeRequest, RocketMqError
from fc_async_local.services.rocketmq.model import handle_of as rocketmq_handle
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
from fc_async_sdk.spec import limits

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Awaitable, Callable, Sequence

    from fc_async_local.domain.invocation import CallPath
    from fc_async_local.domain.rules import Account
    from fc_async_local.services.delivery import PushNode
    from fc_async_local.services.mns.model import MnsMessage
    from fc_async_local.services.mns.service import MnsService
    from fc_async_local.services.rocketmq.model import Pending
    from fc_async_local.services.rocketmq.service import RocketMqService
    from fc_async_local.triggers.bindings import TriggerSource
    from fc_async_local.triggers.firing import Retries

M = TypeVar("M")

_LOG: Final = logging.getLogger(__name__)
_BLOCKED_MS: Final = 1_000
"""Pause between two looks of a trigger that does not give up at the end of its retries."""
_MISSING_MS: Final = 5_000
"""Pause before a source that does not exist (yet) is read again."""


class _Message(NamedTuple):
    """A message that fires a function: as event, and what is needed to be done with it."""

    event: dict[str, Any]
    message_id: str
    call_path: CallPath
    handle: str


class TriggerRunner:
    """Fires the triggers of a registry for messages and events, from the first :meth:`refresh` on.

    Args:
        triggers: The triggers as they are now.
        mns: The service of queues.
        rocketmq: The service of RocketMQ topics.
        pushing: The triggers of topics and buses, which push by themselves.
        retries: Invokes functions for messages.
        node: Records errors of a trigger.
        account: Region and account in the events.
    """

    def __init__(
        self,
        triggers: TriggerSource,
        retries: Retries,
        node: PushNode,
        *,
        mns: MnsService,
        rocketmq: RocketMqService,
        pushing: PushingTriggers,
        account: Account,
    ) -> None:
        self._triggers = triggers
        self._mns = mns
        self._rocketmq = rocketmq
        self._pushing = pushing
        self._retries = retries
        self._log = node.log
        self._clock = node.clock
        self._account = account
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
            # Without tolerance of errors the messages behind one that failed wait for it.
            if not binding.tolerant and await self._retries.pending(binding):
                return _BLOCKED_MS
            if isinstance(binding.source, QueueSource):
                await self._queue(binding, binding.source)
            elif isinstance(binding.source, RocketMqSource):
                await self._topic(binding, binding.source)
        # A source that does not exist yet is not a fault: a template may make it later.
        except (MnsError, RocketMqError, StoreUnavailable) as error:
            _LOG.warning("trigger %s: %s", binding.key, error)
            self._log.failed(binding.key, str(error), self._clock.now())
            return _MISSING_MS
        except Exception as error:
            self._log.failed(binding.key, f"{type(error).__name__}: {error}", self._clock.now())
            raise
        return 0

    async def _queue(self, binding: Binding, source: QueueSource) -> None:
        async def receive(limit: int, wait_seconds: int) -> Sequence[MnsMessage]:
            return await self._mns.receive(
                source.queue_name,
                limit=limit,
                wait_seconds=wait_seconds,
            )

        def read(message: MnsMessage, now: int) -> _Message:
            event = bindings.queue_event(message, binding, source, self._account, now)
            return _Message(event, message.message_id, message.call_path, queue_handle(message))

        done = await self._pass_on(binding, receive, read)
        if done:
            await self._mns.delete(source.queue_name, done)

    async def _topic(self, binding: Binding, source: RocketMqSource) -> None:
        # A group of its own for each trigger, or two triggers would share the messages of a topic.
        group = source.group_id or f"GID_{binding.function}_{binding.trigger}"

        async def receive(limit: int, wait_seconds: int) -> Sequence[Pending]:
            request = ConsumeRequest(
                limit=limit,
                wait_seconds=wait_seconds,
                tag=source.tag,
            )
            return await self._rocketmq.consume(source.instance_id, source.topic, group, request)

        def read(pending: Pending, now: int) -> _Message:
            event = bindings.rocketmq_event(pending, binding, source, self._account, now)
            message = pending.message
            return _Message(event, message.message_id, message.call_path, rocketmq_handle(pending))

        done = await self._pass_on(binding, receive, read)
        if done:
            await self._rocketmq.acknowledge(source.instance_id, source.topic, group, done)

    async def _pass_on(
        self,
        binding: Binding,
        receive: Callable[[int, int], Awaitable[Sequence[M]]],
        read: Callable[[M, int], _Message],
    ) -> list[str]:
        """Receive messages and fire the function for them; the handles of those done with."""
        messages = await self._collect(binding, receive)
        now = self._clock.now()
        return await self._fire_all(binding, [read(message, now) for message in messages])

    async def _collect(
        self, binding: Binding, receive: Callable[[int, int], Awaitable[Sequence[M]]]
    ) -> list[M]:
        """Receive messages until a batch is full, or until its time is over.

        Args:
            binding: The trigger.
            receive: Takes the most messages and the seconds to wait for the first.
        """
        most = binding.batch or 1
        messages = list(await receive(min(most, BATCH.high), POLLING_SECONDS.high))
        # The window begins with the first message: an empty queue costs no batch its time.
        ends_at = self._clock.now() + binding.window_ms
        while messages and len(messages) < most:
            room = min(most - len(messages), BATCH.high)
            remaining_ms = max(ends_at - self._clock.now(), 0)
            more = await receive(room, math.ceil(remaining_ms / 1_000))
            if not more:
                break
            messages += more
        return messages

    async def _fire_all(self, binding: Binding, messages: Sequence[_Message]) -> list[str]:
        """Fire a function for some messages; the handles of those that are done with.

        Raises:
            StoreUnavailable: None of the rest is done with.
        """
        limit = limits.ASYNC_PAYLOAD_BYTES if binding.asynchronous else limits.SYNC_PAYLOAD_BYTES
        done: list[str] = []
        for indices in bindings.cut([message.event for message in messages], limit):
            batch = [messages[index] for index in indices]
            events = [message.event for message in batch]
            payload = bindings.encode(events, batched=binding.batch is not None)
            paths = [message.call_path for message in batch]
            call_path = nearest_to_limit(paths, binding.function)
            await self._retries.fire(
                binding,
                payload,
                key=batch[0].message_id,
                call_path=call_path,
            )
            # Only now: a batch that could be neither fired nor kept must be received again.
            done += [message.handle for message in batch]
        return done


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
