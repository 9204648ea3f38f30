# SPDX-License-Identifier: MIT
"""Executions in progress in an instance."""

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


class CallsInProgress:
    """The calls that an instance executes, until it ends.

    Attributes:
        reply_at_end: The reply to calls that the end of the instance ends; None before it is known.
    """

    def __init__(self) -> None:
        self.reply_at_end: Reply | None = None
        self._calls: set[Call] = set()

    def add(self, call: Call) -> None:
        """Note that a call has begun."""
        self._calls.add(call)

    def finish(self, call: Call, reply: Reply) -> None:
        """End a call; no-op for one that has ended."""
        self._calls.discard(call)
        call.end(reply)

    def expect_end(self, reply: Reply) -> None:
        """Keep the reply of an instance that is being killed: its process still runs."""
        self.reply_at_end = reply

    def end(self, reply: Reply) -> None:
        """End all calls, because the process has ended."""
        self.reply_at_end = reply
        for call in list(self._calls):
            self.finish(call, reply)
