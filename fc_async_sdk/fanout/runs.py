# SPDX-License-Identifier: MIT
"""A fan-out as it goes: for ``for`` and for ``async for``."""

from __future__ import annotations

import collections
from typing import TYPE_CHECKING, Any

from fc_async_sdk.errors import FcAsyncError
from fc_async_sdk.fanout.feed import AsyncFeed, Feed
from fc_async_sdk.fanout.plan import Job, Outcome, Plan, Progress
from fc_async_sdk.fanout.tally import Tally

if TYPE_CHECKING:
    from collections.abc import (
        AsyncIterable,
        AsyncIterator,
        Awaitable,
        Callable,
        Iterable,
        Iterator,
    )

    from fc_async_sdk.fanout.senders import Sender
    from fc_async_sdk.operations import AcceptedInvocation


class _Run:
    """What both kinds of run tell about themselves."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._tally = Tally(plan)
        self._started = False

    @property
    def failures(self) -> list[Outcome]:
        """Outcomes so far that were not accepted."""
        return list(self._tally.failures)

    @property
    def progress(self) -> Progress:
        """How far it is."""
        return self._tally.progress

    @property
    def duplicates(self) -> int:
        """How many had been accepted before, under their task ids."""
        return self._tally.duplicates

    def _begin(self) -> None:
        if self._started:
            raise RuntimeError("a fan_out runs once; call fan_out again")
        self._started = True

    def __repr__(self) -> str:
        progress = self.progress
        total = "?" if progress.total is None else progress.total
        return (
            f"<fan_out {self._plan.function}: {progress.done} of {total}, {progress.failed} failed>"
        )


class FanOut(_Run):
    """A run: iterate over it to make it go. Leaving the loop ends it.

    Attributes:
        failures: Outcomes so far that were not accepted.
        progress: How far it is.
        duplicates: How many had been accepted before.
    """

    def __init__(
        self, plan: Plan, payloads: Iterable[Any], sender: Callable[[int], Sender]
    ) -> None:
        super().__init__(plan)
        self._payloads = payloads
        self._sender = sender

    def __iter__(self) -> Iterator[Outcome]:
        self._begin()
        waiting = 0
        # Twice as many are handed over as are on the wire, so that the wire never waits.
        window = 2 * self._plan.concurrency
        feed = Feed(self._plan, self._payloads)
        sender = self._sender(self._plan.concurrency)
        try:
            while waiting or not feed.exhausted:
                for prepared in feed.take(window - waiting):
                    if isinstance(prepared, Outcome):
                        yield self._tally.add(prepared)
                    else:
                        waiting += 1
                        sender.submit(prepared)
                for job, result in sender.completed() if waiting else ():
                    waiting -= 1
                    yield self._tally.add(job.conclude(result))
        finally:
            sender.close()
            self._tally.close()
        feed.raise_problem()

    def run(self) -> FanOut:
        """Make it go to its end and return itself, for ``failures`` and ``progress``."""
        collections.deque(self, maxlen=0)
        return self


class AsyncFanOut(_Run):
    """A run: iterate over it with ``async for`` to make it go. Leaving the loop ends it."""

    def __init__(
        self,
        plan: Plan,
        payloads: Iterable[Any] | AsyncIterable[Any],
        send: Callable[[Job], Awaitable[AcceptedInvocation]],
    ) -> None:
        super().__init__(plan)
        self._payloads = payloads
        self._send = send

    async def __aiter__(self) -> AsyncIterator[Outcome]:
        import asyncio  # noqa: PLC0415 -- the synchronous run does without it

        self._begin()
        done: asyncio.Queue[Outcome | None] = asyncio.Queue()
        room = asyncio.Semaphore(2 * self._plan.concurrency)
        turn = asyncio.Lock()
        feed = AsyncFeed(self._plan, self._payloads)

        async def work() -> None:
            while True:
                await room.acquire()
                async with turn:
                    taken = await feed.take()
                if taken is None:
                    return
                if not isinstance(taken, Outcome):
                    taken = await self._deliver(taken)
                done.put_nowait(taken)

        workers = asyncio.gather(*[work() for _ in range(self._plan.concurrency)])
        workers.add_done_callback(lambda _: done.put_nowait(None))
        try:
            while (outcome := await done.get()) is not None:
                room.release()
                yield self._tally.add(outcome)
            await workers
        finally:
            workers.cancel()
            await asyncio.gather(workers, return_exceptions=True)
            self._tally.close()
        feed.raise_problem()

    async def _deliver(self, job: Job) -> Outcome:
        try:
            accepted = await self._send(job)
        except FcAsyncError as error:
            return job.conclude(error)
        return job.conclude(accepted)

    async def run(self) -> AsyncFanOut:
        """Make it go to its end and return itself, for ``failures`` and ``progress``."""
        async for _ in self:
            pass
        return self
