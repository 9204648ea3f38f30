# SPDX-License-Identifier: MIT
"""The port behind which queues and their messages are kept.

Implementations (memory, SQLite, PostgreSQL) are held to one contract suite. Every verb that writes
is done whole or not at all, and returns when it survives the process; what is sent survives a loss
of power too. What happens to a message is decided by :mod:`fc_async_local.services.mns.queue`,
never by a store.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fc_async_local.services.mns.errors import MnsError
    from fc_async_local.services.mns.model import (
        Counts,
        Creation,
        Draft,
        Message,
        Queue,
        QueueAttributes,
        Receipt,
        Received,
    )


class MessageStore(Protocol):
    """Queues and messages.

    Every verb that names a queue raises :class:`~fc_async_local.services.mns.errors.MnsError`
    QueueNotExist when there is none, and ``StoreUnavailable`` when the store can't do it now.
    """

    async def create_queue(self, queue: Queue) -> Creation:
        """Make a queue; one that exists is left as it is."""
        ...

    async def change_queue(self, name: str, attributes: QueueAttributes, *, now: int) -> None:
        """Replace all attributes of a queue."""
        ...

    async def queue(self, name: str) -> Queue:
        """One queue."""
        ...

    async def queues(self, *, prefix: str = "", after: str = "", limit: int) -> Sequence[Queue]:
        """Queues by name, beginning behind ``after``."""
        ...

    async def delete_queue(self, name: str) -> None:
        """Forget a queue and its messages."""
        ...

    async def send(self, name: str, drafts: Sequence[Draft], *, now: int) -> Sequence[Message]:
        """Put messages into a queue, all or none.

        Raises:
            MnsError: InvalidArgument, see :func:`fc_async_local.services.mns.queue.enqueue`.
        """
        ...

    async def broadcast(
        self, drafts: Sequence[tuple[str, Draft]], *, now: int
    ) -> Sequence[MnsError | None]:
        """Put messages into several queues, in one transaction.

        Returns, for each, why its queue refused it (or that there is no such queue), or None.
        """
        ...

    async def receive(self, name: str, limit: int, *, now: int) -> Received:
        """Take up to ``limit`` visible messages: highest priority, then oldest first."""
        ...

    async def peek(self, name: str, limit: int, *, now: int) -> Sequence[Message]:
        """Look at what :meth:`receive` would take, and take nothing."""
        ...

    async def delete(self, name: str, receipts: Sequence[Receipt], *, now: int) -> Sequence[bool]:
        """Delete received messages; False for each handle that is no longer good."""
        ...

    async def reveal(self, name: str, *, now: int) -> None:
        """Make visible what this node has received: it is not working on any of it.

        What other nodes have received from a shared store stays theirs.
        """
        ...

    async def hide(
        self, name: str, receipt: Receipt, *, seconds: float, now: int
    ) -> Message | None:
        """Change the visibility of a received message. None: the handle is no longer good."""
        ...

    async def counts(self, name: str, *, now: int, group_id: str | None = None) -> Counts:
        """How many messages there are, of one group if asked."""
        ...
