# SPDX-License-Identifier: MIT
"""Runs numbered jobs in threads, each after the jobs that it needs.

Invariants:

- Jobs run in threads, because they wait for the network.
- All bookkeeping is done in the calling thread, which calls ``on_start`` and ``on_end``.
"""

from __future__ import annotations

from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from graphlib import TopologicalSorter
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


def run(
    needs: Sequence[Sequence[int]],
    perform: Callable[[int], T],
    on_end: Callable[[Ended[T]], None],
    on_start: Callable[[int], None] = lambda _: None,
    *,
    workers: int,
    stop_on_error: bool,
    stop: Callable[[], bool] = lambda: False,
) -> list[Ended[T]]:
    """Run jobs until none can start and none is running; return those that ended, in this order.

    Args:
        needs: For each job, the indices of the jobs that must have succeeded before it starts.
        perform: Does one job; called in a thread of the pool.
        on_end: Called when a job has ended.
        on_start: Called when a job is about to start.
        workers: Jobs at a time.
        stop_on_error: Start no further job after one has failed.
        stop: Once true, no further job starts. Running jobs end, because the effect of a job that
            is cut off would be unknown.
    """
    order = TopologicalSorter(dict(enumerate(needs)))
    order.prepare()
    ready: list[int] = []  # a heap: of the jobs that can start, the one with the lowest number does
    running: dict[Future[T], int] = {}
    ended: list[Ended[T]] = []
    stopped = False
    with ThreadPoolExecutor(workers, thread_name_prefix="step") as pool:
        while True:
            for index in order.get_ready():
                heappush(ready, index)
            while ready and len(running) < workers and not stopped and not stop():
                index = heappop(ready)
                on_start(index)
                running[pool.submit(perform, index)] = index
            if not running:
                return ended
            finished, _ = wait(running, return_when=FIRST_COMPLETED)
            for future in sorted(finished, key=running.__getitem__):
                one = _ended(running.pop(future), future)
                ended.append(one)
                on_end(one)
                stopped = stopped or (one.error is not None and stop_on_error)
                order.done(one.index)


def _ended(index: int, future: Future[T]) -> Ended[T]:
    error = future.exception()
    # SystemExit and the like end the run; they are not a result of the step.
    if error is not None and not isinstance(error, Exception):
        raise error
    return Ended(index, None if error else future.result(), error)
