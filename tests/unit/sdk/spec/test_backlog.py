# SPDX-License-Identifier: MIT
"""Why calls wait, from facts alone: Little's law, what holds them, what is not known."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fc_async_sdk.spec import backlog
from fc_async_sdk.spec.backlog import Backlog, Ceilings, Durations, Traffic, Waiting

NOW = 1_700_000_000_000


def facts(**changes: Any) -> Backlog:
    """The conversation service of a user: 426 calls wait, 31 instances, 44 s each."""
    talk: dict[str, Any] = {
        "function": "reply",
        "now": NOW,
        "running": 31,
        "waiting": Waiting(total=426, due=420, throttled=6, delayed=0, hops=0, errors=0, paused=0),
        "traffic": Traffic(seconds=600, arrivals=440, ends=420, hops=0, throttles=12),
        "durations": Durations(mean_ms=44_000, median_ms=41_000, p90_ms=94_000),
        "ceilings": Ceilings(instance_concurrency=1, reserved=31, quota=100),
    }
    return Backlog(**(talk | changes))


def explained(**changes: Any) -> backlog.Explanation:
    return backlog.explain(facts(**changes))


def test_capacity_and_needed_instances_follow_from_littles_law() -> None:
    explanation = explained()
    assert explanation.capacity_per_minute == pytest.approx(31 * 60 / 44, abs=0.01)
    assert explanation.instances_needed == 33, "44 a minute of 44 s keep 32.3 busy"
    assert explanation.grows
    assert explanation.drain_seconds is None
    [held] = explanation.held_by
    assert (held.cause, held.calls, held.limit) == ("reserved", 426, 31)


def test_more_calls_for_each_instance_raise_the_capacity() -> None:
    many = Ceilings(instance_concurrency=13, reserved=31, quota=100)
    explanation = explained(ceilings=many)
    assert explanation.instances_needed == 3
    assert explanation.capacity_per_minute == pytest.approx(31 * 13 * 60 / 44, abs=0.01)
    assert explanation.drain_seconds == pytest.approx(426 * 60 / (549.545 - 44), abs=1)


def test_hops_are_no_work_of_the_function() -> None:
    explanation = explained(traffic=Traffic(seconds=600, arrivals=440, ends=420, hops=400))
    assert explanation.arrivals_per_minute == 4
    assert explanation.ends_per_minute == 2
    assert explanation.hops_per_minute == 40
    assert explanation.drain_seconds is not None


def test_a_pause_comes_first_and_nothing_drains() -> None:
    paused = Waiting(total=426, due=0, throttled=0, delayed=420, hops=0, errors=0, paused=6)
    explanation = explained(paused_since=NOW - 1, waiting=paused)
    assert [held.cause for held in explanation.held_by] == ["paused", "delayed"]
    assert explanation.drain_seconds is None


def test_a_paused_function_is_shown_as_paused_also_if_nothing_waits() -> None:
    explanation = explained(paused_since=NOW - 1, waiting=Waiting(total=0))
    assert [held.cause for held in explanation.held_by] == ["paused"]


def test_what_an_account_does_not_tell_is_named() -> None:
    explanation = explained(
        waiting=Waiting(total=426),
        traffic=Traffic(seconds=600, arrivals=440, ends=420),
        durations=None,
        unknown=("the quota",),
    )
    assert explanation.unknown == (
        "the quota",
        "durations: no execution has ended in this time",
        "hops: messages that a Pace or RetryLater sends on are in the arrivals",
        "how many of the waiting calls are delayed, paced or wait for a retry",
    )
    assert explanation.capacity_per_minute is None
    assert [held.cause for held in explanation.held_by] == ["reserved"]


def test_due_calls_that_nothing_holds_are_named_as_not_known() -> None:
    idle = Waiting(total=3, due=3, throttled=0, delayed=0, hops=0, errors=0, paused=0)
    explanation = explained(
        running=0,
        waiting=idle,
        traffic=Traffic(seconds=600, arrivals=3, ends=0, hops=0),
    )
    assert explanation.held_by == ()
    assert explanation.unknown == (
        "what holds the waiting calls: they are due, and no limit is reached",
    )


def test_durations_are_mean_median_and_nearest_rank() -> None:
    durations = backlog.durations_of([10, 1, 9, 2, 8, 3, 7, 4, 6, 5])
    assert durations == Durations(mean_ms=5.5, median_ms=5.5, p90_ms=9)
    assert backlog.durations_of([7]) == Durations(mean_ms=7, median_ms=7, p90_ms=7)
    assert backlog.durations_of([]) is None


numbers = st.none() | st.integers(0, 10_000)
waitings = st.builds(
    Waiting,
    total=st.integers(0, 50_000),
    due=numbers,
    delayed=numbers,
    hops=numbers,
    errors=numbers,
    throttled=numbers,
    paused=numbers,
    last_due_at=st.none() | st.integers(NOW - 10_000, NOW + 10**9),
)
everything = st.builds(
    Backlog,
    function=st.just("reply"),
    now=st.just(NOW),
    running=numbers,
    waiting=st.none() | waitings,
    traffic=st.none()
    | st.builds(
        Traffic,
        seconds=st.integers(0, 600),
        arrivals=st.integers(0, 9_999),
        ends=st.integers(0, 9_999),
        hops=numbers,
        throttles=st.integers(0, 3),
    ),
    durations=st.none() | st.builds(Durations, mean_ms=st.floats(0, 1e7)),
    ceilings=st.none()
    | st.builds(
        Ceilings,
        instance_concurrency=st.integers(1, 200),
        reserved=numbers,
        quota=numbers,
        in_flight=numbers,
    ),
    paused_since=st.none() | st.just(NOW - 5),
)


@given(everything)
def test_any_facts_are_explained(known: Backlog) -> None:
    explanation = backlog.explain(known)
    assert len({held.cause for held in explanation.held_by}) == len(explanation.held_by)
    if explanation.drain_seconds is not None:
        assert explanation.drain_seconds >= 0
        assert not explanation.grows
    if known.waiting is None:
        assert explanation.waiting is None
    for held in explanation.held_by:
        assert held.calls is None or held.calls > 0 or held.cause == "paused"
