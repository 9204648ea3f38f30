# SPDX-License-Identifier: MIT
"""Runs functions as callables in the runtime's own process, for tests on virtual time.

:class:`RoutingRunner` passes functions without a callable on to worker processes.

Nothing is isolated: ``os._exit`` ends the runtime. Handlers are called one after the other, in a
thread of their own, so that they can send requests to the runtime.
``sys.exit`` fails the attempt, as the exit of a worker process does.
"""

from __future__ import annotations

import asyncio
import inspect
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Protocol

from msgspec.structs import replace

import fc_async_local
from fc_async_local.clock import VirtualClock
from fc_async_local.domain.invocation import Outcome, OutcomeKind
from fc_async_local.execution.instances import replies
from fc_async_local.execution.instances.duplicates import IN_THREAD
from fc_async_local.execution.instances.pool import over_reserved
from fc_async_local.execution.instances.replies import Ending, Reply, Run
from fc_async_local.execution.protocol import Attempt
from fc_async_local.execution.worker.errors import Frames, LoadFailure, describe, encode_result
from fc_async_sdk._cancellation import end_tasks

if TYPE_CHECKING:
    from collections.abc import MutableMapping
    from concurrent.futures import Executor

    from fc_async_local.clock import Clock
    from fc_async_local.execution.instances.runner import ProcessRunner
    from fc_async_local.execution.protocol import Deployment

_FRAMES: Final = Frames(own=(str(Path(fc_async_local.__file__).parent),))

_INSTANCE: Final = "in-process"
_ABORTED: Final = "it was ended because invocation of the function was disabled"

Handler = Callable[[bytes, Attempt], Any]
"""A handler, called with event and attempt; returns bytes, str, JSON or an Outcome, or raises.

A coroutine function has a time limit and can be interrupted.
"""


class Observer(Protocol):
    """An observer of executions, called in the event loop; must not block."""

    def began(self, attempt: Attempt, at: int) -> None:
        """Note that an attempt was passed to a function.

        Args:
            attempt: The attempt.
            at: When, in milliseconds since the epoch.
        """
        ...

    def ended(self, attempt: Attempt, at: int, outcome: Outcome) -> None:
        """Note an outcome; one without an instance did not run.

        Args:
            attempt: The attempt.
            at: When it began.
            outcome: Its outcome.
        """
        ...


class InProcessRunner:
    """A :class:`~fc_async_local.execution.protocol.FunctionRunner` over a table of handlers.

    Args:
        handlers: Function name to handler; read at each attempt, so it may change.
        clock: Measures time limits and durations.
        thread: Calls handlers, one after the other; None: the thread of the event loop does.
    """

    def __init__(
        self, handlers: Mapping[str, Handler], clock: Clock, thread: Executor | None = None
    ) -> None:
        self._handlers = handlers
        self._clock = clock
        self._thread = thread
        self._running: dict[str, asyncio.Future[Any]] = {}
        self._calls: Counter[str] = Counter()

    async def run(self, attempt: Attempt) -> Outcome:
        """Call the handler and return the outcome of what it returns or raises."""
        deployment, function = attempt.deployment, attempt.deployment.function
        handler = self._handlers.get(function)
        if handler is None:
            error = LookupError(f"no handler for {function!r}")
            body = describe(error, LoadFailure("HandlerNotFound", str(error), error)).document
            return replies.outcome(Reply(Ending.FAILED, body), Run(deployment))
        if limit := over_reserved(
            deployment, self._calls[function] // deployment.instance_concurrency
        ):
            text = f"function {function!r}: {limit}"
            return replies.refused(deployment, Ending.THROTTLED, text)
        self._calls[function] += 1
        try:
            if not await attempt.may_begin():
                return replies.outcome(Reply(Ending.INTERRUPTED), Run(deployment))
            return await self._execute(handler, attempt)
        finally:
            self._calls[function] -= 1

    async def _execute(self, handler: Handler, attempt: Attempt) -> Outcome:
        began = self._clock.now()
        try:
            result = await self._call(handler, attempt)
            if inspect.isawaitable(result):
                result = await self._await(result, attempt)
            if not isinstance(result, (Outcome, Reply)):
                result = Reply(Ending.RETURNED, encode_result(result))
        except (SystemExit, _Exited):
            result = Reply(Ending.EXITED)
        except Exception as error:  # noqa: BLE001 -- what a function raises is its outcome
            result = Reply(Ending.FAILED, describe(error, frames=_FRAMES).document)
        run = Run(attempt.deployment, _INSTANCE, self._clock.now() - began)
        if isinstance(result, Reply):
            return replies.outcome(result, run)
        outcome: Outcome = replace(
            result,
            instance_id=result.instance_id or run.instance_id,
            duration_ms=result.duration_ms or run.duration_ms,
        )
        return outcome

    async def _call(self, handler: Handler, attempt: Attempt) -> Any:
        if IN_THREAD.get():  # beside another execution
            return await asyncio.to_thread(handler, attempt.payload, attempt)
        if self._thread is None:
            return handler(attempt.payload, attempt)
        context = copy_context()

        def call() -> Any:  # not the handler itself: uvloop refuses coroutine functions
            return context.run(handler, attempt.payload, attempt)

        return await asyncio.get_running_loop().run_in_executor(self._thread, call)

    async def _await(self, result: Awaitable[Any], attempt: Attempt) -> Any:
        """Return the result of a coroutine handler, or a Reply if it has none in time."""
        key, limit = attempt.key, attempt.deployment.timeout_ms
        work = asyncio.ensure_future(_contain_exit(result))
        if inspect.iscoroutine(result):
            work.add_done_callback(lambda _: result.close())  # cancelled before it began
        self._running[key] = work
        with VirtualClock.aside():
            timer = asyncio.ensure_future(self._clock.wait(self._clock.now() + limit))
        try:
            await asyncio.wait({work, timer}, return_when=asyncio.FIRST_COMPLETED)
            if not work.done():
                return Reply(Ending.TIMED_OUT)
            return Reply(Ending.INTERRUPTED) if work.cancelled() else work.result()
        finally:
            self._running.pop(key, None)
            timer.cancel()
            work.cancel()

    async def interrupt(self, key: str) -> bool:
        """Cancel a coroutine handler; return False for other handlers."""
        work = self._running.get(key)
        return work is not None and work.cancel()

    async def aclose(self) -> None:
        """Cancel all running handlers."""
        await end_tasks(*self._running.values())


class _Exited(Exception):
    """A coroutine handler called ``sys.exit``."""


async def _contain_exit(result: Awaitable[Any]) -> Any:
    """Await the result of a handler; asyncio ends the event loop if a task raises SystemExit."""
    try:
        return await result
    except SystemExit as error:
        raise _Exited from error


class RoutingRunner:
    """A runner that passes each attempt to one of two runners.

    Args:
        handlers: Handlers by the name of the function that they stand for. May change.
        clock: Measures the time limits of handlers.
        processes: Runs all other functions.
        observe: Is told of all attempts.

    Attributes:
        debuggers: The debuggers of functions that run in processes.
    """

    def __init__(
        self,
        handlers: MutableMapping[str, Handler],
        clock: Clock,
        processes: ProcessRunner,
        *,
        observe: Observer | None = None,
    ) -> None:
        self._handlers = handlers
        self._clock = clock
        self._thread = ThreadPoolExecutor(1, "fc-async-handlers")  # begins with the first handler
        self._callables = InProcessRunner(handlers, clock, self._thread)
        self._processes = processes
        self.debuggers = processes.debuggers
        self._observe = observe
        self._running: dict[str, set[str]] = {}
        self._aborted: set[str] = set()

    async def run(self, attempt: Attempt) -> Outcome:
        """Execute one attempt."""
        function, key = attempt.deployment.function, attempt.key
        runner = self._callables if function in self._handlers else self._processes
        running = self._running.setdefault(function, set())
        running.add(key)
        began = self._clock.now()
        if self._observe is not None:
            self._observe.began(attempt, began)
        try:
            outcome = await runner.run(attempt)
            if self._observe is not None:
                self._observe.ended(attempt, began, outcome)
            if outcome.kind is OutcomeKind.INTERRUPTED and key in self._aborted:
                # Not stopped by a user: an asynchronous invocation goes back to the queue.
                return replies.refused(attempt.deployment, Ending.EXHAUSTED, _ABORTED)
            return outcome
        finally:
            self._aborted.discard(key)
            running.discard(key)
            if not running:
                self._running.pop(function, None)

    async def lack_of(self, deployment: Deployment) -> str:
        """Return why the image of a function cannot run here; "" if it can."""
        if deployment.function in self._handlers:
            return ""
        return await self._processes.lack_of(deployment)

    async def abort(self, function: str) -> None:
        """End all attempts of a function that run in this process."""
        running = self._running.get(function, set())
        self._aborted |= running
        for key in tuple(running):
            await self.interrupt(key)

    async def interrupt(self, key: str) -> bool:
        """Stop a running attempt."""
        if await self._callables.interrupt(key):
            return True
        return await self._processes.interrupt(key)

    async def aclose(self) -> None:
        """End all instances."""
        await self._callables.aclose()
        self._thread.shutdown(wait=False, cancel_futures=True)
        await self._processes.aclose()
