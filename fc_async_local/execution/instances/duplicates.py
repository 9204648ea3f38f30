# SPDX-License-Identifier: MIT
"""Runs events twice on purpose, for tests of handlers: the service promises at least once.

Set by users' tests through the fixture, and kept in memory only.
"""

from __future__ import annotations

import asyncio
from contextvars import ContextVar
from typing import TYPE_CHECKING, Final, Literal, get_args

from fc_async_local.domain.errors import Rejected
from fc_async_local.execution.instances import replies

if TYPE_CHECKING:
    from fc_async_local.domain.invocation import Outcome
    from fc_async_local.execution.protocol import Attempt, FunctionRunner

How = Literal["together", "crash", "redelivery"]
"""``together``: two executions at the same time. ``crash``: the instance ends after the function
has finished and before its result arrives, and the invocation is retried. ``redelivery``: the
result is lost, and the same attempt is delivered again."""

IN_THREAD: Final[ContextVar[bool]] = ContextVar("fc_async_local_in_thread", default=False)
"""True where a handler in this process must not block the loop: another one runs beside it."""


class Duplicates:
    """A :class:`~fc_async_local.execution.protocol.FunctionRunner` that runs some attempts twice.

    Args:
        runner: Runs the attempts.
    """

    def __init__(self, runner: FunctionRunner) -> None:
        self._runner = runner
        self._wanted: dict[str, list[How]] = {}

    def add(self, function: str, how: How, times: int) -> None:
        """Run the next attempts of a function twice.

        Args:
            function: Name of the function.
            how: The kind of duplicate.
            times: For how many attempts.

        Raises:
            Rejected: 400 InvalidArgument: the kind is unknown, or the number is below 1.
        """
        if how not in get_args(How):
            text = f"how must be one of {', '.join(get_args(How))}, got {how!r}"
            raise Rejected(400, "InvalidArgument", text)
        if times < 1:
            raise Rejected(400, "InvalidArgument", f"times must be at least 1, got {times!r}")
        duplicates: list[How] = [how] * times
        self._wanted.setdefault(function, []).extend(duplicates)

    async def run(self, attempt: Attempt) -> Outcome:
        """Execute an attempt, or execute it twice."""
        duplicates = self._wanted.get(attempt.deployment.function)
        if not duplicates or attempt.exchange is not None:  # a body that is streamed comes once
            return await self._runner.run(attempt)
        how = duplicates.pop(0)
        if how == "together":
            return await self._together(attempt)
        lost = await self._runner.run(attempt)
        if how == "redelivery":
            return await self._runner.run(attempt)
        facts = lost.instance_id, lost.duration_ms, lost.log, lost.told
        ended = replies.Run(attempt.deployment, *facts)
        return replies.outcome(replies.Reply(replies.Ending.EXITED), ended)

    async def _together(self, attempt: Attempt) -> Outcome:
        """Return the outcome of the first delivery; that of the second one is dropped."""
        token = IN_THREAD.set(True)
        try:
            first, _ = await asyncio.gather(self._runner.run(attempt), self._runner.run(attempt))
        finally:
            IN_THREAD.reset(token)
        return first

    async def interrupt(self, key: str) -> bool:
        """Stop a running attempt."""
        return await self._runner.interrupt(key)

    async def aclose(self) -> None:
        """End all instances."""
        await self._runner.aclose()
