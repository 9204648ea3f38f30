# SPDX-License-Identifier: MIT
"""The run of a fan-out: takes payloads as there is room, yields outcomes as they complete.

:class:`FanOut` is for ``for``, :class:`AsyncFanOut` for ``async for``.
"""

from __future__ import annotations

import collections
from collections.abc import AsyncIterable, Iterable, Iterator
from typing import TYPE_CHECKING, Any

from fc_async_sdk.errors import FcAsyncError, InvalidRequest
from fc_async_sdk.fanout.plan import Outcome
from fc_async_sdk.fanout.progress import Progress, Reporter

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from fc_async_sdk.fanout.feeds import Fed
    from fc_async_sdk.fanout.plan import Job, Plan
    from fc_async_sdk.fanout.replay import ReplayPlan
    from fc_async_sdk.fanout.senders import Sender
    from fc_async_sdk.operations import AcceptedInvocation


class AsyncInput:
    """The input of an asynchronous run: an iterable or an asynchronous iterable.

    Attributes:
        problem: The error of the input, which ends the reading and is raised after all outcomes.
    """

    def __init__(
        self, plan: Plan | ReplayPlan, payloads: Iterable[Any] | AsyncIterable[Any]
    ) -> None:
        self._plan = plan
        self._source: Iterator[Any] | AsyncIterator[Any] | None = (
            iter(payloads) if isinstance(payloads, Iterable) else payloads.__aiter__()
        )
        self._next = 0
        self._taken: dict[str, int] = {}
        self.problem: Exception | None = None

    async def take(self) -> Job | Outcome | None:
        """Return the next payload as a job or an outcome; None at the end."""
        source = self._source
        if source is None:
            return None
        try:
            payload = next(source) if isinstance(source, Iterator) else await source.__anext__()
            index = self._next
            self._next += 1
            return await self._prepare(index, payload)
        except (StopIteration, StopAsyncIteration):
            self._source = None
        except Exception as error:  # noqa: BLE001 -- raised when the run has ended
            self._source = None
            self.problem = error
        return None

    async def _prepare(self, index: int, payload: Any) -> Job | Outcome:
        plan = self._plan
        # A thread for each payload would cost more than the payload: only a booking needs one.
        if plan.slots is None or plan.slots.ready(payload):
            return plan.prepare(index, payload, self._taken)
        import asyncio  # noqa: PLC0415 -- the synchronous run does without it

        # Stores are synchronous: a request to one must not block the event loop.
        return await asyncio.to_thread(plan.prepare, index, payload, self._taken)


class _Run:
    """The state that both kinds of run show.

    Attributes:
        duplicates: The number of payloads that were already accepted under their task ids.
    """

    def __init__(
        self, plan: Plan | ReplayPlan, payloads: Any, send: Any, fed: Fed | None = None
    ) -> None:
        self.duplicates = 0
        self._plan = plan
        self._payloads = payloads
        self._send = send
        self._fed = fed
        self._done = 0
        self._failures: list[Outcome] = []
        self._report = Reporter(plan.progress, plan.title)
        self._started = False

    @property
    def failures(self) -> list[Outcome]:
        """Outcomes so far that were not accepted."""
        return list(self._failures)

    @property
    def progress(self) -> Progress:
        """The counts so far."""
        return Progress(
            done=self._done,
            failed=len(self._failures),
            total=self._plan.total,
        )

    def _begin(self) -> None:
        if self._started:
            raise RuntimeError("a run runs once; make another one")
        self._started = True

    def _store(self, fed: Fed, job: Job) -> Outcome | None:
        """Add a message to the batch of a feed; return its outcome if it cannot be sent."""
        try:
            fed.add(job)
        except InvalidRequest as error:
            return self._plan.conclude(job, error)
        return None

    def _add(self, outcome: Outcome) -> Outcome:
        """Count an outcome, report the progress and return the outcome."""
        self._done += 1
        if outcome.error is not None:
            self._failures.append(outcome)
        elif outcome.accepted is not None and outcome.accepted.duplicate:
            self.duplicates += 1
        self._report(self.progress)
        return outcome

    def __repr__(self) -> str:
        progress = self.progress
        total = "?" if progress.total is None else progress.total
        return (
            f"<fan_out, {self._plan.title}: {progress.done} of {total}, {progress.failed} failed>"
        )


class FanOut(_Run):
    """A run, carried out while it is iterated over. Leaving the loop ends it."""

    _payloads: Iterable[Any]
    _send: Callable[[int], Sender]
    _problem: Exception | None = None

    def __iter__(self) -> Iterator[Outcome]:
        self._begin()
        if self._fed is not None:
            yield from self._feed(self._fed)
            return
        self._plan.begin()
        waiting = 0
        # Twice as many are handed over as are on the wire, so that the wire never waits.
        window = 2 * self._plan.concurrency
        prepared_payloads = self._prepared()
        exhausted = False
        sender = self._send(self._plan.concurrency)
        try:
            while waiting or not exhausted:
                for _ in range(window - waiting):
                    prepared = next(prepared_payloads, None)
                    if prepared is None:
                        exhausted = True
                        break
                    if isinstance(prepared, Outcome):
                        yield self._add(prepared)
                    else:
                        waiting += 1
                        sender.submit(prepared)
                for job, result in sender.completed() if waiting else ():
                    waiting -= 1
                    yield self._add(self._plan.conclude(job, result))
        finally:
            sender.close()
            self._report.close()
            self._plan.end()
        if self._problem is not None:
            raise self._problem

    def _feed(self, fed: Fed) -> Iterator[Outcome]:
        """Write all payloads and have a feed send them; their outcomes come after that."""
        try:
            for prepared in self._prepared():
                outcome = prepared if isinstance(prepared, Outcome) else self._store(fed, prepared)
                if outcome is not None:
                    yield self._add(outcome)
            # A batch that is not whole is not begun: the next call would have another one.
            if self._problem is not None:
                raise self._problem
            for accepted in fed.outcomes(fed.start(fed.request())):
                yield self._add(accepted)
        finally:
            self._report.close()

    def _prepared(self) -> Iterator[Job | Outcome]:
        """Yield the payloads as jobs, or as outcomes if they cannot be sent.

        An error of the input ends the reading; it is raised after all outcomes.
        """
        taken: dict[str, int] = {}
        try:
            for index, payload in enumerate(self._payloads):
                yield self._plan.prepare(index, payload, taken)
        except Exception as error:  # noqa: BLE001 -- raised when the run has ended
            self._problem = error

    def run(self) -> FanOut:
        """Do the whole run and return it, for ``failures`` and ``progress``."""
        collections.deque(self, maxlen=0)
        return self


class AsyncFanOut(_Run):
    """A run, carried out while ``async for`` iterates over it. Leaving the loop ends it."""

    _payloads: Iterable[Any] | AsyncIterable[Any]
    _send: Callable[[Job], Awaitable[AcceptedInvocation]]

    async def __aiter__(self) -> AsyncIterator[Outcome]:
        import asyncio  # noqa: PLC0415 -- the synchronous run does without it

        from fc_async_sdk._cancellation import end_tasks  # noqa: PLC0415 -- same

        self._begin()
        if self._fed is not None:
            async for fed in self._feed(self._fed):
                yield fed
            return
        if self._plan.slots is not None:
            await asyncio.to_thread(self._plan.begin)
        done: asyncio.Queue[Outcome | None] = asyncio.Queue()
        room = asyncio.Semaphore(2 * self._plan.concurrency)
        turn = asyncio.Lock()
        source = AsyncInput(self._plan, self._payloads)
        ending = asyncio.Event()

        async def work() -> None:
            # The input and the transport run code of others, which may drop a cancellation: before
            # Python 3.12, asyncio.wait_for does, and a worker then sent on for ever.
            while not ending.is_set():
                await room.acquire()
                # The input is read by one worker at a time: it may be a generator.
                async with turn:
                    taken = None if ending.is_set() else await source.take()
                if taken is None or ending.is_set():
                    return
                if isinstance(taken, Outcome):
                    outcome = taken
                else:
                    outcome = await self._deliver(taken)
                done.put_nowait(outcome)

        workers = [asyncio.ensure_future(work()) for _ in range(self._plan.concurrency)]
        all_done = asyncio.ensure_future(asyncio.wait(workers, return_when=asyncio.FIRST_EXCEPTION))
        # The first error ends the run: a worker that waits for room would wait for ever.
        all_done.add_done_callback(lambda _: done.put_nowait(None))
        try:
            while (outcome := await done.get()) is not None:
                room.release()
                yield self._add(outcome)
        finally:
            ending.set()
            await end_tasks(all_done, *workers)
            self._report.close()
            if self._plan.slots is not None:
                await asyncio.to_thread(self._plan.end)
            failures = [worker.exception() for worker in workers if not worker.cancelled()]
        for failure in filter(None, [*failures, source.problem]):
            raise failure

    async def _feed(self, fed: Fed) -> AsyncIterator[Outcome]:
        """Write all payloads and have a feed send them; their outcomes come after that."""
        import asyncio  # noqa: PLC0415 -- the synchronous run does without it

        source = AsyncInput(self._plan, self._payloads)
        try:
            while (prepared := await source.take()) is not None:
                if isinstance(prepared, Outcome):
                    outcome: Outcome | None = prepared
                elif fed.is_nearly_full:
                    # Stores are synchronous: a request to one must not block the event loop.
                    outcome = await asyncio.to_thread(self._store, fed, prepared)
                else:
                    outcome = self._store(fed, prepared)
                if outcome is not None:
                    yield self._add(outcome)
            # A batch that is not whole is not begun: the next call would have another one.
            if source.problem is not None:
                raise source.problem
            request = await asyncio.to_thread(fed.request)
            for accepted in fed.outcomes(await fed.start(request)):
                yield self._add(accepted)
        finally:
            self._report.close()

    async def _deliver(self, job: Job) -> Outcome:
        try:
            accepted = await self._send(job)
        except FcAsyncError as error:
            return self._plan.conclude(job, error)
        return self._plan.conclude(job, accepted)

    async def run(self) -> AsyncFanOut:
        """Do the whole run and return it, for ``failures`` and ``progress``."""
        async for _ in self:
            pass
        return self
