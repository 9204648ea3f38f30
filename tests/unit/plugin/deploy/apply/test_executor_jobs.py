# SPDX-License-Identifier: MIT
"""Jobs run side by side, none before those it needs."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

from hypothesis import given, settings
from hypothesis import strategies as st

from fc_async_plugin.deploy.apply.executor import run_jobs

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from fc_async_plugin.deploy.apply.executor import Ended


def nothing(_: Ended[Any]) -> None:
    pass


def run(
    needs: Sequence[Sequence[int]],
    perform: Callable[[int], Any],
    *,
    workers: int = 4,
    stop: Callable[[], bool] = lambda: False,
    stop_on_error: bool = True,
) -> list[Ended[Any]]:
    return run_jobs(
        needs, perform, nothing, workers=workers, stop=stop, stop_on_error=stop_on_error
    )


def test_nothing_to_do_ends_at_once() -> None:
    assert run([], lambda _: None) == []


def test_a_single_worker_runs_jobs_in_order() -> None:
    done: list[int] = []
    run([(), (), ()], done.append, workers=1)
    assert done == [0, 1, 2]


def test_independent_jobs_run_at_the_same_time() -> None:
    together = threading.Barrier(4, timeout=60)
    ended = run([()] * 4, lambda _: together.wait(), workers=4)
    assert not any(one.error for one in ended)


def test_no_more_jobs_at_a_time_than_workers() -> None:
    lock, running, most = threading.Lock(), 0, 0

    def job(_: int) -> None:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        with lock:
            running -= 1

    run([()] * 50, job, workers=3)
    assert most <= 3


def test_a_failure_keeps_what_needs_it_from_beginning() -> None:
    def job(index: int) -> None:
        if index == 0:
            raise ValueError("no")

    assert [one.index for one in run([(), (0,), (1,)], job)] == [0]


def test_a_failure_stops_the_rest_too() -> None:
    def job(index: int) -> None:
        if index == 1:
            raise ValueError("no")

    assert [one.index for one in run([()] * 10, job, workers=1)] == [0, 1]


def test_a_failure_stops_no_other_job_unless_told() -> None:
    def job(_: int) -> None:
        raise ValueError("no")

    assert len(run([(), (0,), (1,)], job, stop_on_error=False)) == 3


def test_a_stop_lets_what_runs_end_and_begins_nothing_new() -> None:
    stop = threading.Event()
    ended = run([()] * 5, lambda _: stop.set(), workers=1, stop=stop.is_set)
    assert [one.index for one in ended] == [0]


NEEDS = st.integers(1, 30).flatmap(
    lambda count: st.tuples(
        *(st.sets(st.integers(0, index - 1)) if index else st.just(set()) for index in range(count))
    )
)


@settings(max_examples=50)
@given(NEEDS, st.integers(1, 6))
def test_every_job_runs_once_and_after_its_needs(needs, workers: int) -> None:
    lock, done = threading.Lock(), list[int]()

    def job(index: int) -> None:
        with lock:
            assert needs[index] <= set(done)
            done.append(index)

    result = run([tuple(one) for one in needs], job, workers=workers)
    assert not any(one.error for one in result)
    assert sorted(done) == list(range(len(needs)))
