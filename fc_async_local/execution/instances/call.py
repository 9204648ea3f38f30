# SPDX-License-Identifier: MIT
"""One execution in progress, in an instance."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fc_async_local.execution.instances.replies import Reply
    from fc_async_local.execution.protocol import Attempt


class Call:
    """One execution in progress.

    Attributes:
        attempt: What is executed.
        done: Resolved once, by the instance, a deadline or an interruption.
        position: Position in the log of its instance when it began there.
        told: Position up to which the lines of that log were told.
    """

    __slots__ = ("attempt", "done", "position", "told")

    def __init__(self, attempt: Attempt) -> None:
        self.attempt = attempt
        self.done: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
        self.position = self.told = 0

    def follow(self, position: int) -> None:
        """Begin to be told of the log of an instance, from a position on."""
        self.position = self.told = position

    def tell_until(self, position: int) -> None:
        """Note that the lines of the log before a position were told."""
        self.told = position

    def end(self, reply: Reply) -> None:
        """Resolve the call, unless it is resolved already."""
        if not self.done.done():
            self.done.set_result(reply)

    async def ends_before(
        self, other: asyncio.Future[Any], seconds: float | None = None
    ) -> Reply | None:
        """Wait for something else; return the reply if the call has ended meanwhile.

        Args:
            other: What is waited for. It is not cancelled.
            seconds: Longest wait; None: no limit.
        """
        waited: set[asyncio.Future[Any]] = {other, self.done}
        await asyncio.wait(waited, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        return self.done.result() if self.done.done() else None
