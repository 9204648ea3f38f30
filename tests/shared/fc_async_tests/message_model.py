# SPDX-License-Identifier: MIT
"""Queues in plain Python: what the stores of queues must do, for tests that compare them."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import msgspec

from fc_async_local.services import common
from fc_async_local.services.mns import model as rules
from fc_async_local.services.mns.model import (
    Counts,
    Creation,
    MnsError,
    MnsMessage,
    Queue,
    QueueAttributes,
    Received,
    queue_missing,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fc_async_local.domain.invocation import Job
    from fc_async_local.services.common import Receipt
    from fc_async_local.services.mns.model import Draft, Offer
    from fc_async_local.store.protocol import JobStore


class MessageModel:
    """Queues and messages. Clear rather than fast: it reads all messages of a queue.

    Methods with the name of a queue raise :class:`~fc_async_local.services.mns.model.MnsError`
    QueueNotExist if it does not exist.

    Args:
        jobs: Where :meth:`broadcast` writes jobs.
    """

    def __init__(self, jobs: JobStore) -> None:
        self._jobs = jobs
        self._sequence = itertools.count(1)
        self._queues: dict[str, Queue] = {}
        self._messages: dict[str, dict[int, MnsMessage]] = {}

    async def create_queue(self, queue: Queue) -> Creation:
        """Create a queue; an existing one is not changed."""
        existing = self._queues.get(queue.name)
        if existing is not None:
            return rules.compare(existing, queue.attributes)
        self._queues[queue.name] = queue
        self._messages[queue.name] = {}
        return "created"

    async def change_queue(self, name: str, attributes: QueueAttributes, *, now: int) -> None:
        """Replace all attributes of a queue."""
        self._queues[name] = msgspec.structs.replace(
            self._queue(name), attributes=attributes, modified_at=now
        )

    async def queue(self, name: str) -> Queue:
        """Return a queue."""
        return self._queue(name)

    async def queues(self, *, prefix: str = "", after: str = "", limit: int) -> Sequence[Queue]:
        """Return queues sorted by name, after the name ``after``."""
        names, _ = common.page(self._queues, prefix=prefix, after=after, limit=limit)
        return [self._queues[name] for name in names]

    async def delete_queue(self, name: str) -> None:
        """Delete a queue and its messages."""
        self._queue(name)
        del self._queues[name], self._messages[name]

    async def send(self, name: str, drafts: Sequence[Draft], *, now: int) -> Sequence[MnsMessage]:
        """Put messages into a queue, all or none.

        Raises:
            MnsError: InvalidArgument, see :func:`fc_async_local.services.mns.model.enqueue`.
        """
        return self._send(name, drafts, now)

    async def broadcast(
        self, offers: Sequence[Offer], jobs: Sequence[Job], *, now: int
    ) -> Sequence[bool]:
        """Put messages into several queues and write jobs, in one transaction.

        The job of an offer is written if its queue refuses the message or does not exist.

        Returns:
            For each offer, whether its queue took the message.
        """
        taken = [self._offer(offer, now) for offer in offers]
        await self._jobs.add_jobs([*jobs, *rules.refused(offers, taken)])
        return taken

    async def receive(self, name: str, limit: int, *, now: int) -> Received:
        """Receive up to ``limit`` visible messages: highest priority first, then the oldest."""
        queue = self._queue(name)
        self._expire(name, now)
        taken = [rules.take(queue, message, now) for message in self._visible(name, limit, now)]
        self._messages[name].update({message.sequence: message for message in taken})
        hidden = [m.visible_at for m in self._kept(name, now) if m.visible_at > now]
        visible = None if taken else min(hidden, default=None)
        return Received(tuple(taken), visible, queue.attributes.polling_wait_seconds)

    async def peek(self, name: str, limit: int, *, now: int) -> Sequence[MnsMessage]:
        """Return the messages that :meth:`receive` would return, without changing them."""
        return self._visible(name, limit, now)

    async def delete(self, name: str, receipts: Sequence[Receipt], *, now: int) -> Sequence[bool]:
        """Delete received messages; return False for each receipt that is not valid."""
        results, gone = rules.delete(self._held(name, now), receipts, now)
        for sequence in gone:
            del self._messages[name][sequence]
        return results

    async def purge(self, name: str, *, now: int) -> int:
        """Delete all messages, also received and delayed ones; return how many there were."""
        kept = self._kept(name, now)
        self._messages[name].clear()
        return len(kept)

    async def hide(
        self, name: str, receipt: Receipt, *, seconds: float, now: int
    ) -> MnsMessage | None:
        """Change the visibility of a received message; return None if the receipt is not valid."""
        hidden = rules.hide(self._held(name, now), receipt, seconds=seconds, now=now)
        if hidden is not None:
            self._messages[name][hidden.sequence] = hidden
        return hidden

    async def counts(self, name: str, *, now: int) -> Counts:
        """Count messages."""
        return count(self._kept(name, now), now)

    def _send(self, name: str, drafts: Sequence[Draft], now: int) -> Sequence[MnsMessage]:
        queue = self._queue(name)
        # All are checked before the first gets its sequence, because a refusal must change nothing.
        checked = [rules.enqueue(queue, draft, now=now) for draft in drafts]
        self._expire(name, now)
        messages = [
            msgspec.structs.replace(message, sequence=next(self._sequence)) for message in checked
        ]
        self._messages[name].update({message.sequence: message for message in messages})
        return messages

    def _offer(self, offer: Offer, now: int) -> bool:
        try:
            self._send(offer.queue, [offer.draft], now)
        except MnsError:
            return False
        return True

    def _queue(self, name: str) -> Queue:
        try:
            return self._queues[name]
        except KeyError:
            raise queue_missing(name) from None

    def _expire(self, name: str, now: int) -> None:
        """Delete expired messages, as sends and receives do; other verbs only leave them out."""
        self._messages[name] = self._held(name, now)

    def _held(self, name: str, now: int) -> dict[int, MnsMessage]:
        return {message.sequence: message for message in self._kept(name, now)}

    def _kept(self, name: str, now: int) -> list[MnsMessage]:
        queue = self._queue(name)
        messages = self._messages[name].values()
        return [message for message in messages if not is_expired(queue, message, now)]

    def _visible(self, name: str, limit: int, now: int) -> list[MnsMessage]:
        visible = [message for message in self._kept(name, now) if message.visible_at <= now]
        return sorted(visible, key=order)[:limit]


def is_expired(queue: Queue, message: MnsMessage, now: int) -> bool:
    """Return whether the retention period of a message has ended."""
    return message.enqueued_at <= rules.kept_since(queue, now)


def order(message: MnsMessage) -> tuple[int, int]:
    """Return the sort key for receives: priority (1 is the highest), then arrival."""
    return message.priority, message.sequence


def count(messages: list[MnsMessage], now: int) -> Counts:
    """Count the messages that are visible, received and hidden, and not yet due."""
    hidden = [message for message in messages if message.visible_at > now]
    delayed = sum(message.dequeue_count == 0 for message in hidden)
    return Counts(len(messages) - len(hidden), len(hidden) - delayed, delayed)
