# SPDX-License-Identifier: MIT
"""Runs numbered jobs in threads, each after the jobs that it needs.

Invariants:

- Jobs run in threads, because they wait for the network.
- All bookkeeping is done in the calling thread, which calls ``on_start`` and ``on_end``.
"""

from __future__ import annotations

from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from heapq import heappop, heappush
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

T = TypeVar("T")


@dataclass(frozen=True)
class Ended(Generic[T]):
    """The end of one job: a result or an error."""

    index: int
    result: T | None
    error: Exception | None


class Run(Generic[T]):
    """One run of some jobs.

    Args:
        needs: For each job, the indices of the jobs that must have succeeded before it starts.
        perform: Does one job; called in a thread of the pool.
        on_end: Called when a job has ended.
        on_start: Called when a job is about to start.
        workers: Jobs at a time.
        stop_on_error: Start no further job after one has failed.
        stop: Once true, no further job starts. Running jobs end, because the effect of a job that
            is cut off would be unknown.

    Attributes:
        ended: All jobs that ended, in this order.
        failed: Whether one of them failed.
    """

    def __init__(
        self,
        needs: Sequence[Sequence[int]],
        perform: Callable[[int], T],
        on_end: Callable[[Ended[T]], None],
        on_start: Callable[[int], None] = lambda _: None,
        *,
        workers: int,
        stop_on_error: bool,
        stop: Callable[[], bool] = lambda: False,
    ) -> None:
        self.ended: list[Ended[T]] = []
        self.failed = False
        self._perform, self._on_end, self._on_start = perform, on_end, on_start
        self._workers = workers
        self._stop = stop
        self._stop_on_error = stop_on_error
        self._missing = [len(set(before)) for before in needs]
        self._after: list[list[int]] = [[] for _ in needs]
        for index, before in enumerate(needs):
            for need in set(before):
                self._after[need].append(index)
        # A heap: of the jobs that can start, the one with the lowest number does.
        self._ready = [index for index, count in enumerate(self._missing) if not count]

    def __call__(self) -> Run[T]:
        """Run until no job can start and none is running."""
        running: dict[Future[T], int] = {}
        with ThreadPoolExecutor(self._workers, thread_name_prefix="step") as pool:
            while self._begin(pool, running) or running:
                finished, _ = wait(running, return_when=FIRST_COMPLETED)
                for future in sorted(finished, key=lambda one: running[one]):
                    self._end(running.pop(future), future)
        return self

    def _begin(self, pool: ThreadPoolExecutor, running: dict[Future[T], int]) -> bool:
        while (
            self._ready
            and len(running) < self._workers
            and not (self.failed and self._stop_on_error)
            and not self._stop()
        ):
            index = heappop(self._ready)
            self._on_start(index)
            running[pool.submit(self._perform, index)] = index
        return bool(running)

    def _end(self, index: int, future: Future[T]) -> None:
        error = future.exception()
        # SystemExit and the like end the run; they are not a result of the step.
        if error is not None and not isinstance(error, Exception):
            raise error
        ended = Ended(index, None if error else future.result(), error)
        self.ended.append(ended)
        self.failed = self.failed or error is not None
        self._on_end(ended)
        if error is None or not self._stop_on_error:
            for following in self._after[index]:
                self._missing[following] -= 1
                if not self._missing[following]:
                    heappush(self._ready, following)
