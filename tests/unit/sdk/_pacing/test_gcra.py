# SPDX-License-Identifier: MIT
"""The arithmetic of a pace: bounds in every window, waits beyond the service's delay."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fc_async_sdk._pacing import gcra
from fc_async_sdk.errors import InvalidParameter
from fc_async_tests.pacing import most_in_a_window

NOW = 1_790_000_000_123_456
LONGEST = 3_599


@pytest.mark.parametrize(
    ("rate", "interval"),
    [
        (25, 40_000),
        (0.1, 10_000_000),
        ("25/s", 40_000),
        ("25 per second", 40_000),
        ("1/10s", 10_000_000),
        ("1/10 s", 10_000_000),
        ("600/min", 100_000),
        ("600/minutes", 100_000),
        ("90/hour", 40_000_000),
        ("1/2d", 172_800_000_000),
        ("2.5/s", 400_000),
        (3, 333_334),
    ],
)
def test_a_rate_is_a_number_or_a_text_with_a_unit(rate: object, interval: int) -> None:
    assert gcra.interval_of(rate) == interval


@pytest.mark.parametrize(
    "rate",
    [
        0,
        -1,
        True,
        float("nan"),
        float("inf"),
        "",
        "25",
        "25/",
        "0/s",
        "25/fortnight",
        "25/ms",
        "25/ss",
        None,
    ],
)
def test_what_is_not_a_rate_is_refused_with_examples(rate: object) -> None:
    with pytest.raises(InvalidParameter, match="such as 25/s, 1/10s"):
        gcra.interval_of(rate)


@pytest.mark.parametrize("rate", [20_000, "1/8d"])
def test_a_rate_that_is_too_fast_or_too_slow_is_refused(rate: object) -> None:
    with pytest.raises(InvalidParameter, match="one a week to 10,000 a second"):
        gcra.interval_of(rate)


@given(
    interval=st.integers(100, 5_000_000),
    burst=st.integers(1, 20),
    sends=st.lists(st.tuples(st.integers(0, 20_000_000), st.integers(1, 50)), max_size=20),
)
def test_no_window_has_more_slots_than_rate_times_its_length_and_burst(
    interval: int, burst: int, sends: list[tuple[int, int]]
) -> None:
    state, now, starts = 0, NOW, []
    for pause, count in sends:
        now += pause
        slots = gcra.book(state, now, count, interval=interval, burst=burst)
        state = slots.end
        starts += [slots.at(index) for index in range(count)]
        assert slots.at(0) >= now
    for window in (interval, 1_000_000, 7_654_321):
        assert most_in_a_window(starts, window) <= window / interval + burst


def test_slots_follow_each_other_without_a_gap_while_messages_wait() -> None:
    slots = gcra.book(0, NOW, 3, interval=40_000, burst=1)
    more = gcra.book(slots.end, NOW + 5, 2, interval=40_000, burst=1)
    found = [slots.at(index) for index in range(3)] + [more.at(index) for index in range(2)]
    assert found == [NOW + index * 40_000 for index in range(5)]


def test_a_hold_lets_no_slot_and_no_burst_through_before_its_end() -> None:
    held = gcra.hold(0, NOW + 60_000_000, interval=40_000, burst=5)
    slots = gcra.book(held, NOW, 3, interval=40_000, burst=5)
    assert [slots.at(index) - NOW for index in range(3)] == [60_000_000, 60_040_000, 60_080_000]


def test_an_earlier_hold_changes_nothing() -> None:
    assert gcra.hold(NOW + 9, NOW, interval=1, burst=1) == NOW + 9


@given(st.integers(0, 10**12), st.integers(0, 10**12))
def test_a_delay_is_never_early_and_less_than_a_second_late(slot: int, now: int) -> None:
    start = now + gcra.whole_seconds(slot, now) * gcra.SECOND
    assert max(slot, now) <= start < max(slot, now) + gcra.SECOND


@given(st.integers(0, 604_800), st.integers(0, 2**44))
def test_a_wait_is_divided_into_delays_that_the_service_takes(seconds: int, spread: int) -> None:
    waits = [gcra.first_wait(seconds, spread)]
    while sum(waits) < seconds:
        waits.append(gcra.next_wait(seconds - sum(waits)))
    assert sum(waits) == seconds
    assert all(0 < wait <= LONGEST for wait in waits) or seconds == 0
    assert len(waits) - 1 <= gcra.hops(seconds)


@pytest.mark.parametrize(("seconds", "hops"), [(3_599, 0), (3_600, 1), (7_198, 1), (108_000, 31)])
def test_hops_are_known_before_the_message_is_sent(seconds: int, hops: int) -> None:
    assert gcra.hops(seconds) == hops


def test_messages_that_wait_for_longer_than_an_hour_do_not_come_back_in_a_wave() -> None:
    slots = gcra.book(0, NOW, 10_800, interval=10 * gcra.SECOND, burst=1)
    arrivals: Counter[int] = Counter()
    for index in range(slots.size):
        slot = slots.at(index)
        seconds = gcra.whole_seconds(slot, NOW)
        at = gcra.first_wait(seconds, slot // slots.interval)
        arrivals[at // 60] += 1
        while at < seconds:
            at += gcra.next_wait(seconds - at)
            arrivals[at // 60] += 1
    # 10,800 messages that are delivered once an hour at least are 180 a minute.
    assert max(arrivals.values()) <= 180 * 1.25
