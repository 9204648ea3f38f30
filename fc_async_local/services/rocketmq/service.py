# SPDX-License-Identifier: MIT
"""RocketMQ as a service: what the HTTP endpoint, destinations and rules call.

Adds names, ids, the clock and long polls to the store.
"""

from __future__ import annotations

import itertools
import logging
import re
from typing import TYPE_CHECKING, Final

import msgspec

from fc_async_local.services import common
from fc_async_local.services.common import check_range
from fc_async_local.services.rocketmq import model
from fc_async_local.services.rocketmq.model import (
    ConsumeRequest,
    RocketMqError,
    Topic,
    Want,
)
from fc_async_local.store.protocol import Change, ChangeRefused
from fc_async_local.wakeups import Wakeups
from fc_async_sdk.errors import shorten
from fc_async_sdk.spec.destinations import ROCKETMQ_INSTANCE, ROCKETMQ_TOPIC

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fc_async_local.clock import Clock
    from fc_async_local.services.rocketmq.model import NewMessage, Pending, RocketMqMessage
    from fc_async_local.services.rocketmq.tables import TableLogStore
    from fc_async_local.settings import Settings
    from fc_async_local.store.document_cache import DocumentCache

_LOG: Final = logging.getLogger(__name__)
_TOPIC: Final = "rocketmq.topic"
_GROUP: Final = re.compile(r"[A-Za-z0-9_%$-]{1,300}")
"""Longer than the service's 64, and with ``$``: groups of triggers are named after function and
trigger."""

_encode: Final = msgspec.json.Encoder().encode
_topic: Final = msgspec.json.Decoder(Topic).decode
READERS: Final = {_TOPIC: _topic}
"""Decoders of documents by kind."""

_ANY_MESSAGE: Final = ConsumeRequest()


def check_topic(instance_id: str, name: str) -> None:
    """Check that an instance of the 4.0 series can have a topic.

    Raises:
        RocketMqError: InvalidArgument: the name is invalid, or the instance is of version 5.
    """
    # An instance without a namespace has no id in requests.
    problems = [
        ROCKETMQ_INSTANCE.problem(instance_id) if instance_id else None,
        ROCKETMQ_INSTANCE.refused(instance_id),
        ROCKETMQ_TOPIC.problem(name),
    ]
    problem = next(filter(None, problems), None)
    if problem is not None:
        raise RocketMqError("InvalidArgument", problem)


class RocketMqService:
    """Topics, publishing, consuming."""

    def __init__(
        self,
        store: TableLogStore,
        documents: DocumentCache,
        *,
        clock: Clock,
        settings: Settings,
        wakeups: Wakeups | None = None,
    ) -> None:
        self._store = store
        self.recent: common.Recent[RocketMqMessage] = common.Recent()
        self._documents = documents
        self._clock = clock
        self.settings = settings
        self._wakeups = wakeups or Wakeups(clock)

    async def refresh(self) -> None:
        """Read the changes of other nodes."""
        await self._documents.refresh()

    async def create_topic(self, instance_id: str, name: str) -> bool:
        """Create a topic; return False if it exists.

        Raises:
            RocketMqError: InvalidArgument: the name is invalid, or the instance is of version 5.
        """
        check_topic(instance_id, name)
        return await self._keep_topic(instance_id, name)

    async def ensure_topic(self, instance_id: str, name: str) -> None:
        """Create a topic unless it exists; another node may do so at the same time.

        Raises:
            RocketMqError: As :meth:`create_topic`.
        """
        await self.refresh()
        if self._documents.get(_TOPIC, _key(instance_id, name)) is None:
            await self.create_topic(instance_id, name)

    async def _keep_topic(self, instance_id: str, name: str) -> bool:
        topic = Topic(
            instance_id=instance_id,
            name=name,
            created_at=self._clock.now(),
        )
        change = Change(_TOPIC, _key(instance_id, name), _encode(topic), "absent")
        try:
            await self._documents.write(change)
        except ChangeRefused:
            return False
        return True

    def topic(self, instance_id: str, name: str) -> Topic:
        """Return a topic.

        Raises:
            RocketMqError: TopicNotExist.
        """
        body = self._documents.get(_TOPIC, _key(instance_id, name))
        if body is None:
            message = f"the topic {name!r} of instance {instance_id!r} does not exist: create it"
            raise RocketMqError("TopicNotExist", message)
        return _topic(body)

    def topics(self) -> list[Topic]:
        """Return all topics, sorted by instance and name."""
        return [_topic(body) for _key, body in self._documents.items(_TOPIC)]

    async def delete_topic(self, instance_id: str, name: str) -> None:
        """Delete a topic, its messages and its groups."""
        self.topic(instance_id, name)
        key = _key(instance_id, name)
        await self._documents.write(Change(_TOPIC, key, None))
        await self._store.forget(key)

    async def purge(self, instance_id: str, name: str) -> int:
        """Delete the messages of a topic and where its groups are in it.

        Returns how many messages there were.

        Raises:
            RocketMqError: TopicNotExist.
        """
        self.topic(instance_id, name)
        key = _key(instance_id, name)
        self.recent.forget(key)
        return await self._store.forget(key)

    async def publish(self, instance_id: str, topic: str, new: NewMessage) -> RocketMqMessage:
        """Publish a message; return when it is durable.

        Raises:
            RocketMqError: TopicNotExist, InvalidArgument.
        """
        await self.refresh()
        self.topic(instance_id, topic)
        now = self._clock.now()
        message = model.message_of(
            new,
            message_id=common.message_id(),
            now=now,
        )
        deliver_at = new.deliver_at
        if deliver_at is not None and deliver_at <= now:
            deliver_at = None  # at once
        key = _key(instance_id, topic)
        await self._store.append(key, message, deliver_at=deliver_at)
        # After it is durable: what is shown to a person was sent.
        self.recent.add(key, message)
        # Every group has a cursor of its own, so a consumer of each may find the message.
        self._wakeups.announce(_wakeup_topic(key))
        return message

    async def consume(
        self,
        instance_id: str,
        topic: str,
        group: str,
        request: ConsumeRequest = _ANY_MESSAGE,
    ) -> Sequence[Pending]:
        """Hand out messages to a group; wait if there are none.

        Args:
            instance_id: The instance.
            topic: The topic.
            group: Consumer group; a new one starts at the oldest message.
            request: Number and kind of messages, and how long to wait.

        Raises:
            RocketMqError: TopicNotExist, InvalidArgument.
        """
        self.topic(instance_id, topic)
        if not _GROUP.fullmatch(group):
            raise RocketMqError(
                "InvalidArgument", f"consumer {shorten(group)}: letters, digits, '-', '_' and '%'"
            )
        check_range("numOfMessages", request.limit, model.BATCH, RocketMqError)
        check_range("waitseconds", request.wait_seconds, model.POLLING_SECONDS, RocketMqError)
        want = self._want(request)
        key = _key(instance_id, topic)
        deadline = self._clock.now() + request.wait_seconds * 1_000

        async def look() -> tuple[Sequence[Pending], int | None]:
            taken = await self._store.take(key, group, want, now=self._clock.now())
            for lost in taken.given_up:
                await self._dead_letter(instance_id, topic, group, lost)
            return taken.messages, taken.next_at

        return await self._wakeups.poll(_wakeup_topic(key), look, deadline=deadline)

    def _want(self, request: ConsumeRequest) -> Want:
        hold = self.settings.services.rocketmq_redelivery_ms
        if request.ordered:
            hold = self.settings.services.rocketmq_ordered_redelivery_ms
        tags = model.read_tags(request.tag)
        return Want(
            limit=request.limit,
            tags=tags,
            ordered=request.ordered,
            hold_ms=hold,
        )

    async def _dead_letter(
        self,
        instance_id: str,
        topic: str,
        group: str,
        lost: Pending,
    ) -> None:
        """Move a message that a group was handed too often to the group's dead-letter topic."""
        dead_letters = f"%DLQ%{group}"
        _LOG.warning(
            "topic %s of %s, group %s: message %s was handed out %d times, it is in %s now",
            topic,
            instance_id,
            group,
            lost.message.message_id,
            lost.consumed,
            dead_letters,
        )
        # Made without the check of names: a percent sign is in no name that a user may give.
        await self._keep_topic(instance_id, dead_letters)
        key = _key(instance_id, dead_letters)
        await self._store.append(key, lost.message)
        self._wakeups.announce(_wakeup_topic(key))

    async def acknowledge(
        self,
        instance_id: str,
        topic: str,
        group: str,
        handles: Sequence[str],
    ) -> list[bool]:
        """Delete processed messages; return False for each handle that is not valid.

        Raises:
            RocketMqError: TopicNotExist.
        """
        self.topic(instance_id, topic)
        receipts = [common.read_handle(handle) for handle in handles]
        readable = [receipt for receipt in receipts if receipt is not None]
        key = _key(instance_id, topic)
        results = await self._store.acknowledge(key, group, readable, now=self._clock.now())
        acknowledged = set(itertools.compress(readable, results))
        # An ordered group may go on with the sharding key now.
        self._wakeups.announce(_wakeup_topic(key))
        return [receipt in acknowledged for receipt in receipts]


def _key(instance_id: str, topic: str) -> str:
    return f"{instance_id}/{topic}"


def _wakeup_topic(key: str) -> str:
    return f"rocketmq/{key}"
