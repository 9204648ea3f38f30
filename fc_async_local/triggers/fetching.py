# SPDX-License-Identifier: MIT
"""Fetches the messages of queues and RocketMQ topics, and fires functions for them.

A fetched message is done when :mod:`.firing` has it. The call path goes along, so that the loop
guard sees loops through queues, topics and buses too.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, TypeVar

from fc_async_local.domain.policy import nearest_to_limit
from fc_async_local.services.mns.model import BATCH, POLLING_SECONDS
from fc_async_local.services.mns.model import handle_of as queue_handle
from fc_async_local.services.rocketmq.model import ConsumeRequest
from fc_async_local.services.rocketmq.model import handle_of as rocketmq_handle
from fc_async_local.triggers import bindings
from fc_async_local.triggers.bindings import Binding, QueueSource, RocketMqSource
from fc_async_sdk.spec import limits

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fc_async_local.clock import Clock
    from fc_async_local.domain.invocation import CallPath
    from fc_async_local.domain.rules import Account
    from fc_async_local.services.mns.model import MnsMessage
    from fc_async_local.services.mns.service import MnsService
    from fc_async_local.services.rocketmq.model import Pending
    from fc_async_local.services.rocketmq.service import RocketMqService
    from fc_async_local.triggers.firing import Retries

M = TypeVar("M")


class Message(NamedTuple):
    """A message that fires a function: as event, and what is needed to be done with it."""

    event: dict[str, Any]
    message_id: str
    call_path: CallPath
    handle: str


class Inbox(Protocol[M]):
    """The messages of the source of one trigger."""

    async def receive(self, limit: int, wait_seconds: int) -> Sequence[M]:
        """Receive at most ``limit`` messages; wait some seconds for the first."""
        ...

    def read(self, received: M, now: int) -> Message:
        """Return a message as the function sees it."""
        ...

    async def done(self, handles: list[str]) -> None:
        """Have the source not deliver some messages again."""
        ...


class QueueInbox:
    """The messages of a queue of MNS."""

    def __init__(
        self, mns: MnsService, account: Account, binding: Binding, source: QueueSource
    ) -> None:
        self._mns = mns
        self._account = account
        self._binding = binding
        self._source = source

    async def receive(self, limit: int, wait_seconds: int) -> Sequence[MnsMessage]:
        """Receive messages; see :class:`Inbox`."""
        queue = self._source.queue_name
        return await self._mns.receive(queue, limit=limit, wait_seconds=wait_seconds)

    def read(self, received: MnsMessage, now: int) -> Message:
        """Return a message as the function sees it."""
        event = bindings.queue_event(received, self._binding, self._source, self._account, now)
        return Message(event, received.message_id, received.call_path, queue_handle(received))

    async def done(self, handles: list[str]) -> None:
        """Delete messages."""
        await self._mns.delete(self._source.queue_name, handles)


class TopicInbox:
    """The messages of a topic of RocketMQ."""

    def __init__(
        self, rocketmq: RocketMqService, account: Account, binding: Binding, source: RocketMqSource
    ) -> None:
        self._rocketmq = rocketmq
        self._account = account
        self._binding = binding
        self._source = source

    @property
    def _group(self) -> str:
        # A group of its own for each trigger, or two triggers would share the messages of a topic.
        return self._source.group_id or f"GID_{self._binding.function}_{self._binding.trigger}"

    async def receive(self, limit: int, wait_seconds: int) -> Sequence[Pending]:
        """Receive messages; see :class:`Inbox`."""
        source = self._source
        request = ConsumeRequest(limit=limit, wait_seconds=wait_seconds, tag=source.tag)
        return await self._rocketmq.consume(source.instance_id, source.topic, self._group, request)

    def read(self, received: Pending, now: int) -> Message:
        """Return a message as the function sees it."""
        event = bindings.rocketmq_event(received, self._binding, self._source, self._account, now)
        message = received.message
        return Message(event, message.message_id, message.call_path, rocketmq_handle(received))

    async def done(self, handles: list[str]) -> None:
        """Acknowledge messages."""
        source = self._source
        await self._rocketmq.acknowledge(source.instance_id, source.topic, self._group, handles)


class Fetcher:
    """Fetches messages and fires functions for them.

    Args:
        retries: Invokes functions for messages.
        clock: The time of the runtime.
        mns: The service of queues.
        rocketmq: The service of RocketMQ topics.
        account: Region and account in the events.
    """

    def __init__(
        self,
        retries: Retries,
        clock: Clock,
        *,
        mns: MnsService,
        rocketmq: RocketMqService,
        account: Account,
    ) -> None:
        self._retries = retries
        self._clock = clock
        self._mns = mns
        self._rocketmq = rocketmq
        self._account = account

    async def is_blocked(self, binding: Binding) -> bool:
        """Return whether messages of a trigger wait for one that failed and is tried again."""
        # Without tolerance of errors the messages behind one that failed wait for it.
        return not binding.tolerant and bool(await self._retries.pending(binding))

    async def fetch(self, binding: Binding) -> None:
        """Wait for the next messages of a trigger, and fire its function for them.

        Raises:
            MnsError: The queue cannot be read.
            RocketMqError: The topic cannot be read.
            StoreUnavailable: None of the messages that were not fired are done with.
        """
        source = binding.source
        if isinstance(source, QueueSource):
            await self._pass_on(binding, QueueInbox(self._mns, self._account, binding, source))
        elif isinstance(source, RocketMqSource):
            await self._pass_on(binding, TopicInbox(self._rocketmq, self._account, binding, source))

    async def _pass_on(self, binding: Binding, inbox: Inbox[M]) -> None:
        """Receive messages, fire the function for them, and be done with those that were fired."""
        received = await self._collect(binding, inbox)
        now = self._clock.now()
        handles = await self._fire_all(binding, [inbox.read(message, now) for message in received])
        if handles:
            await inbox.done(handles)

    async def _collect(self, binding: Binding, inbox: Inbox[M]) -> list[M]:
        """Receive messages until a batch is full, or until its time is over."""
        most = binding.batch or 1
        messages = list(await inbox.receive(min(most, BATCH.high), POLLING_SECONDS.high))
        # The window begins with the first message: an empty queue costs no batch its time.
        ends_at = self._clock.now() + binding.window_ms
        while messages and len(messages) < most:
            room = min(most - len(messages), BATCH.high)
            remaining_ms = max(ends_at - self._clock.now(), 0)
            more = await inbox.receive(room, math.ceil(remaining_ms / 1_000))
            if not more:
                break
            messages += more
        return messages

    async def _fire_all(self, binding: Binding, messages: Sequence[Message]) -> list[str]:
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
