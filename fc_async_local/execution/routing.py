# SPDX-License-Identifier: MIT
"""Runs functions with handlers in this process, or in worker processes: the function decides."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from fc_async_local.domain.invocation import Outcome, OutcomeKind
from fc_async_local.execution import replies
from fc_async_local.execution.inprocess import Handler, InProcessRunner

if TYPE_CHECKING:
    from collections.abc import MutableMapping

    from fc_async_local.clock import Clock
    from fc_async_local.execution.protocol import Attempt
    from fc_async_local.execution.runner import ProcessRunner

_ABORTED: Final = "it was ended because invocation of the function was disabled"


class RoutingRunner:
    """A runner that passes each attempt to one of two runners.

    Args:
        handlers: Handlers by the name of the function that they stand for. May change.
        clock: Measures the time limits of handlers.
        processes: Runs all other functions.
    """

    def __init__(
        self, handlers: MutableMapping[str, Handler], clock: Clock, processes: ProcessRunner
    ) -> None:
        self._handlers = handlers
        self._callables = InProcessRunner(handlers, clock)
        self._processes = processes
        self._running: dict[str, set[str]] = {}
        self._aborted: set[str] = set()

    async def run(self, attempt: Attempt) -> Outcome:
        """Execute one attempt."""
        function, request_id = attempt.deployment.function, attempt.request_id
        runner = self._callables if function in self._handlers else self._processes
        running = self._running.setdefault(function, set())
        running.add(request_id)
        try:
            outcome = await runner.run(attempt)
            if outcome.kind is OutcomeKind.INTERRUPTED and request_id in self._aborted:
                # Not stopped by a user: an asynchronous invocation goes back to the queue.
                return replies.exhausted(attempt.deployment, _ABORTED)
            return outcome
        finally:
            self._aborted.discard(request_id)
            running.discard(request_id)
            if not running:
                self._running.pop(function, None)

    async def abort(self, function: str) -> None:
        """End all attempts of a function that are running in this process."""
        running = self._running.get(function, set())
        self._aborted |= running
        for request_id in tuple(running):
            await self.interrupt(request_id)

    async def interrupt(self, request_id: str) -> bool:
        """Stop a running attempt."""
        if await self._callables.interrupt(request_id):
            return True
        return await self._processes.interrupt(request_id)

    async def aclose(self) -> None:
        """End all instances."""
        await self._callables.aclose()
        await self._processes.aclose()
