# SPDX-License-Identifier: MIT
"""Runs numbered jobs side by side, none before those it needs.

It knows nothing of steps or accounts. Jobs run in threads, because they wait for the network; all
bookkeeping happens in the calling thread, so what it tells its caller comes in one order.
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
    """How one job ended: with a result or with an error."""

    index: int
    result: T | None
    error: Exception | None


class Run(Generic[T]):
    """One run of some jobs.

    Args:
        needs: For each job, the indices of those that must have succeeded before it begins.
        perform: Does one job; called in other threads.
        workers: Jobs at a time.
        on_end: Told when a job has ended.
        stop_on_error: Begin nothing new after a job failed.
        on_start: Told before a job begins.
        stop: Asked before a job begins; once true, nothing new begins. What runs is let end: cut
            off in the middle, its effect was unknown.

    Attributes:
        ended: All jobs that ended, in that order.
        failed: Whether one of them failed.
    """

    def __init__(
        self,
        needs: Sequence[Sequence[int]],
        perform: Callable[[int], T],
        *,
        workers: int,
        on_end: Callable[[Ended[T]], None],
        stop_on_error: bool,
        on_start: Callable[[int], None] = lambda _: None,
        stop: Callable[[], bool] = lambda: False,
    ) -> None:
        self.ended: list[Ended[T]] = []
        self.failed = False
        self._perform = perform
        self._workers = workers
        self._on_start = on_start
        self._on_end = on_end
        self._stop = stop
        self._stop_on_error = stop_on_error
        self._missing = [len(set(before)) for before in needs]
        self._after: list[list[int]] = [[] for _ in needs]
        for index, before in enumerate(needs):
            for need in set(before):
                self._after[need].append(index)
        # A heap: of all that could begin, the lowest number does.
        self._ready = [index for index, count in enumerate(self._missing) if not count]

    def __call__(self) -> Run[T]:
        """Run until nothing is left to begin and nothing is running."""
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
