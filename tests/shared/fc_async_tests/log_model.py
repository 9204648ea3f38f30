# SPDX-License-Identifier: MIT
"""RocketMQ logs in plain Python: what their stores must do, for tests that compare them."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

from fc_async_local.services.rocketmq import tables
from fc_async_local.services.rocketmq.model import RETENTION_MS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fc_async_local.services.common import Receipt
    from fc_async_local.services.rocketmq.model import Message, Pending, Taken, Want


class _Topic:
    def __init__(self) -> None:
        self.log: dict[int, tuple[int, Message]] = {}
        """Sequence -> when the message joined the log, and the message."""
        self.delayed: list[tuple[int, int, Message]] = []
        self.positions: dict[str, int] = {}
        self.pending: dict[str, dict[int, Pending]] = {}

    def expire(self, before: int) -> None:
        gone = [key for key, (joined_at, _) in self.log.items() if joined_at <= before]
        for sequence in gone:
            del self.log[sequence]
            for pending in self.pending.values():
                pending.pop(sequence, None)


class LogModel:
    """Logs and groups. ``topic`` is a key that includes the instance."""

    def __init__(self) -> None:
        self._sequence = itertools.count(1)
        self._arrival = itertools.count(1)
        self._topics: dict[str, _Topic] = {}

    async def append(self, topic: str, message: Message, *, deliver_at: int | None = None) -> None:
        """Store a message; return when it is durable.

        Args:
            topic: Key of the topic.
            message: The message.
            deliver_at: When it joins the log; None for at once.
        """
        kept = self._topics.setdefault(topic, _Topic())
        kept.expire(message.published_at - RETENTION_MS)
        if deliver_at is None:
            kept.log[next(self._sequence)] = (message.published_at, message)
        else:
            kept.delayed.append((deliver_at, next(self._arrival), message))

    async def take(self, topic: str, group: str, want: Want, *, now: int) -> Taken:
        """Hand out messages to a consumer of a group."""
        return await tables.take(self._group(topic, group), want, now=now)

    async def acknowledge(
        self, topic: str, group: str, receipts: Sequence[Receipt], *, now: int
    ) -> Sequence[bool]:
        """Delete processed messages; return False for each receipt that is not valid any more."""
        return await tables.acknowledge(self._group(topic, group), receipts, now=now)

    async def forget(self, topic: str) -> int:
        """Delete the messages and groups of a topic; return how many messages there were."""
        gone = self._topics.pop(topic, _Topic())
        return len(gone.log) + len(gone.delayed)

    def _group(self, topic: str, group: str) -> _Group:
        return _Group(self._topics.setdefault(topic, _Topic()), group, self._sequence)


class _Group(tables.ConsumerGroup):
    """The rows of one topic and group, without a table."""

    def __init__(self, topic: _Topic, name: str, sequence: itertools.count[int]) -> None:
        self._topic = topic
        self._name = name
        self._sequence = sequence
        self._pending = topic.pending.setdefault(name, {})

    async def expire(self, before: int) -> None:
        self._topic.expire(before)

    async def append_due(self, now: int) -> None:
        topic = self._topic
        for at, _, message in sorted(topic.delayed, key=lambda item: item[:2]):
            if at <= now:
                topic.log[next(self._sequence)] = (at, message)
        topic.delayed = [item for item in topic.delayed if item[0] > now]

    async def lock(self) -> None:
        """Do nothing: no method waits, so no other call can come in between."""

    async def next_delayed(self) -> int | None:
        return min((at for at, _, _ in self._topic.delayed), default=None)

    async def position(self) -> int:
        return self._topic.positions.get(self._name, 0)

    async def move(self, position: int) -> None:
        self._topic.positions[self._name] = position

    async def log(self, after: int, limit: int) -> Sequence[tuple[int, Message]]:
        found = sorted((key, kept[1]) for key, kept in self._topic.log.items() if key > after)
        return found[:limit]

    async def due(self, now: int, limit: int) -> Sequence[Pending]:
        return [item for item in await self.pending() if item.next_at <= now][:limit]

    async def pending(self) -> Sequence[Pending]:
        return [item for _, item in sorted(self._pending.items())]

    async def find(self, sequence: int) -> Pending | None:
        return self._pending.get(sequence)

    async def put(self, pending: Sequence[Pending]) -> None:
        self._pending.update({item.sequence: item for item in pending})

    async def drop(self, sequence: int) -> None:
        self._pending.pop(sequence, None)

    async def next_due(self, now: int) -> int | None:
        hidden = (item.next_at for item in self._pending.values() if item.next_at > now)
        return min(hidden, default=None)
