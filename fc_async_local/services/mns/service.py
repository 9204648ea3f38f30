# SPDX-License-Identifier: MIT
"""MNS queues as a service: what the HTTP endpoint and the destination adapter call.

Adds checks, the clock and long polls to the store.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from fc_async_local.services import common
from fc_async_local.services.common import read_handle
from fc_async_local.services.mns import model
from fc_async_local.services.mns.model import (
    MnsError,
    Queue,
    QueueAttributes,
    handle_unknown,
    message_missing,
)
from fc_async_local.wakeups import Wakeups

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fc_async_local.clock import Clock
    from fc_async_local.domain.invocation import Job
    from fc_async_local.services.mns.model import Counts, Creation, Draft, MnsMessage, Offer
    from fc_async_local.services.mns.tables import TableMessageStore
    from fc_async_local.settings import Settings


class MnsService:
    """Queues: create, send, receive, delete.

    Args:
        store: Keeps queues and messages.
        clock: Decides what is visible and when a poll ends.
        settings: The runtime's settings.
        wakeups: Wakes long polls; None: those of this object alone.
    """

    def __init__(
        self,
        store: TableMessageStore,
        clock: Clock,
        settings: Settings,
        wakeups: Wakeups | None = None,
    ) -> None:
        self._store = store
        self._clock = clock
        self.settings = settings
        self._wakeups = wakeups or Wakeups(clock)

    async def create_queue(self, name: str, attributes: QueueAttributes | None = None) -> Creation:
        """Create a queue.

        Raises:
            MnsError: InvalidQueueName, QueueNameLengthError, InvalidArgument.
        """
        attributes = attributes or QueueAttributes()
        model.check_name(name)
        model.check_attributes(attributes)
        now = self._clock.now()
        return await self._store.create_queue(
            Queue(
                name=name,
                attributes=attributes,
                created_at=now,
                modified_at=now,
            )
        )

    async def change_queue(self, name: str, attributes: QueueAttributes) -> None:
        """Replace the attributes of a queue; for errors see :meth:`create_queue`."""
        model.check_attributes(attributes)
        await self._store.change_queue(name, attributes, now=self._clock.now())

    async def queue(self, name: str) -> Queue:
        """Return a queue."""
        return await self._store.queue(name)

    async def counts(self, name: str) -> Counts:
        """Count the messages of a queue."""
        return await self._store.counts(name, now=self._clock.now())

    async def queues(self, *, prefix: str = "", after: str = "", limit: int) -> Sequence[Queue]:
        """Return queues sorted by name, after the name ``after``."""
        return await self._store.queues(
            prefix=prefix,
            after=after,
            limit=limit,
        )

    async def delete_queue(self, name: str) -> None:
        """Delete a queue and its messages; its long polls fail at once."""
        # Its polls are woken below: they would wait for their whole time on a queue that is gone.
        await self._store.delete_queue(name)
        self._wakeups.announce(topic_of(name))

    async def send(self, name: str, drafts: Sequence[Draft]) -> Sequence[MnsMessage]:
        """Put messages into a queue, all or none; return when they are durable."""
        messages = await self._store.send(name, drafts, now=self._clock.now())
        # As many polls as there are messages: the others would look and find nothing.
        self._wakeups.announce(topic_of(name), count=len(messages))
        return messages

    async def broadcast(self, offers: Sequence[Offer], jobs: Sequence[Job]) -> None:
        """Put messages into several queues and write jobs, all at once.

        The job of an offer is written if its queue refuses the message.
        """
        taken = await self._store.broadcast(offers, jobs, now=self._clock.now())
        for offer, took in zip(offers, taken, strict=True):
            if took:
                self._wakeups.announce(topic_of(offer.queue), count=1)

    async def receive(
        self, name: str, *, limit: int = 1, wait_seconds: int | None = None
    ) -> Sequence[MnsMessage]:
        """Receive messages; wait if there are none.

        Args:
            name: The queue.
            limit: 1 to 16.
            wait_seconds: 0 to 30; None for the queue's PollingWaitSeconds.

        Returns:
            The messages; none if the wait has ended.
        """
        common.check_range("numOfMessages", limit, model.BATCH, MnsError)
        # None is the queue's own time, which the store tells with the messages.
        if wait_seconds is not None:
            common.check_range("waitseconds", wait_seconds, model.POLLING_SECONDS, MnsError)
        started_at = self._clock.now()
        received = await self._store.receive(name, limit, now=started_at)
        seconds = received.polling_wait_seconds if wait_seconds is None else wait_seconds
        if received.messages or seconds <= 0:
            return received.messages
        deadline = started_at + seconds * 1_000

        async def look() -> tuple[Sequence[MnsMessage], int | None]:
            again = await self._store.receive(name, limit, now=self._clock.now())
            return again.messages, again.next_visible_at

        return await self._wakeups.poll(topic_of(name), look, deadline=deadline)

    async def peek(self, name: str, *, limit: int = 1) -> Sequence[MnsMessage]:
        """Return visible messages without receiving them."""
        common.check_range("numOfMessages", limit, model.BATCH, MnsError)
        return await self._store.peek(name, limit, now=self._clock.now())

    async def delete(self, name: str, handles: Sequence[str]) -> Sequence[MnsError | None]:
        """Delete received messages; return an error for each handle that is not valid."""
        receipts = [read_handle(handle) for handle in handles]
        readable = [receipt for receipt in receipts if receipt is not None]
        deleted = iter(await self._store.delete(name, readable, now=self._clock.now()))
        errors: list[MnsError | None] = []
        for handle, receipt in zip(handles, receipts, strict=True):
            if receipt is None:
                errors.append(handle_unknown(handle))
            elif next(deleted):
                errors.append(None)
            else:
                errors.append(message_missing())
        return errors

    async def purge(self, name: str) -> int:
        """Delete all messages, also received and delayed ones; return how many there were."""
        return await self._store.purge(name, now=self._clock.now())

    async def change_visibility(self, name: str, handle: str, seconds: int) -> MnsMessage:
        """Hide a received message from now on; return it with a new handle.

        Args:
            name: The queue.
            handle: Of the message.
            seconds: How long.

        Raises:
            MnsError: MessageNotExist: the handle is not valid.
        """
        common.check_range("VisibilityTimeout", seconds, model.VISIBILITY_SECONDS, MnsError)
        receipt = read_handle(handle)
        if receipt is None:
            raise handle_unknown(handle)
        hidden = await self._store.hide(
            name,
            receipt,
            seconds=seconds,
            now=self._clock.now(),
        )
        if hidden is None:
            raise message_missing()
        # Polls wait until the time at which it would have become visible.
        self._wakeups.announce(topic_of(name), count=1)
        return hidden


def topic_of(queue: str) -> str:
    """Return the topic of wake-ups that polls of a queue wait for."""
    return f"mns/{queue}"
