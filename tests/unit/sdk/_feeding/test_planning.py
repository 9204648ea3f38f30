# SPDX-License-Identifier: MIT
"""Which messages a step of a feed sends: data and time in, a stretch out."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from fc_async_sdk._feeding import planning
from fc_async_sdk._feeding.planning import Lane, Turn
from fc_async_sdk._pacing import gcra

SECOND = gcra.SECOND
NOW = 1_800_000_000 * SECOND

intervals = st.integers(100, 7 * 86_400 * SECOND)
lanes = st.builds(
    Lane, st.integers(0, 2 * 3_600 * SECOND).map(lambda ahead: NOW + ahead), intervals
)


def steps_of(messages: int, interval: int, late: int = 0) -> tuple[int, list[int]]:
    """Run the steps of a feed of an unshared pace; return their number and all slots."""
    now = NOW
    free = NOW
    slots: list[int] = []
    steps = 0
    while len(slots) < messages:
        steps += 1
        free = max(free, now)
        left = min(messages - len(slots), 100_000)
        plan = planning.stretch([None] * left, {None: Lane(free, interval)}, now, left)
        slots += [free + number * interval for number in range(plan.size)]
        free += plan.size * interval
        now += planning.delay(plan.again, now) * SECOND + late
    return steps, slots


@given(st.integers(1, 3_000), st.integers(SECOND // 1_000, 60 * SECOND))
def test_a_feed_adds_at_most_two_percent_of_invocations(messages: int, interval: int) -> None:
    steps, slots = steps_of(messages, interval)
    assert steps <= 2 + messages * 0.02
    assert len(slots) == messages


def test_a_million_messages_at_100_a_second_take_less_than_300_steps() -> None:
    steps, slots = steps_of(1_000_000, SECOND // 100)
    assert steps <= 300
    assert slots[-1] - NOW <= 10_000 * SECOND


@given(
    st.integers(200, 2_000), st.integers(SECOND // 100, 20 * SECOND), st.integers(0, 10 * SECOND)
)
def test_a_step_that_is_up_to_ten_seconds_late_costs_no_slot(
    messages: int, interval: int, late: int
) -> None:
    _, slots = steps_of(messages, interval, late)
    assert slots[-1] == NOW + (messages - 1) * interval


@given(
    st.lists(st.integers(0, 4), max_size=200),
    st.lists(lanes, min_size=5, max_size=5),
    st.integers(0, 300),
)
def test_no_slot_of_a_stretch_is_beyond_its_window(
    keys: list[int], five: list[Lane], limit: int
) -> None:
    plan = planning.stretch(keys, dict(enumerate(five)), NOW, limit)
    assert 0 <= plan.size <= min(limit, len(keys))
    booked = dict.fromkeys(range(5), 0)
    for key in keys[: plan.size]:
        lane = five[key]
        slot = lane.free + booked[key] * lane.interval
        assert slot <= NOW + planning.window(lane.interval)
        booked[key] += 1
    assert 1 <= planning.delay(plan.again, NOW) <= 3_599


@given(lanes, st.integers(1, 500))
def test_a_stretch_that_is_empty_is_planned_again_when_slots_are_near(
    lane: Lane, messages: int
) -> None:
    plan = planning.stretch([None] * messages, {None: lane}, NOW, messages)
    if plan.size:
        return
    following = planning.stretch([None] * messages, {None: lane}, plan.again, messages)
    assert following.size


turns = st.builds(
    Turn,
    priority=st.integers(0, 2),
    sent=st.integers(0, 5_000),
    left=st.integers(0, 5_000),
    until=st.sampled_from([NOW - 1, NOW + 100 * SECOND]),
)


@given(st.dictionaries(st.sampled_from("abcd"), turns), turns, st.integers(SECOND // 100, SECOND))
def test_a_feed_waits_for_those_of_higher_priority_and_for_no_other(
    others: dict[str, Turn], own: Turn, interval: int
) -> None:
    share = planning.share({**others, "own": own}, "own", interval, NOW)
    active = [turn for turn in others.values() if turn.left and turn.until > NOW]
    ahead = [turn for turn in active if turn.priority > own.priority]
    equals = [turn for turn in active if turn.priority == own.priority]
    if ahead:
        assert share.limit == 0
        assert planning.window(interval) <= share.wait <= 3_500 * SECOND
    elif not equals:
        assert share.limit is None
    elif own.sent <= min(turn.sent for turn in equals):
        assert share.limit
        assert share.limit > 0


@given(
    st.integers(2, 5),
    st.integers(SECOND // 20, SECOND),
    st.lists(st.integers(0, 4), min_size=50, max_size=300),
)
def test_no_feed_is_ahead_of_another_by_more_than_a_window(
    feeds: int, interval: int, order: list[int]
) -> None:
    sent = dict.fromkeys(range(feeds), 0)
    for number in order:
        feed = number % feeds
        state = {str(name): Turn(0, count, 1, NOW + SECOND) for name, count in sent.items()}
        limit = planning.share(state, str(feed), interval, NOW).limit
        assert limit is not None
        sent[feed] += limit
        assert max(sent.values()) - min(sent.values()) <= planning.window(interval) // interval


def test_a_feed_that_joins_does_not_make_up_for_the_time_before() -> None:
    state = {"a": Turn(0, 900, 50, NOW + 1), "b": Turn(0, 800, 50, NOW + 1), "c": Turn(1, 5, 9, 0)}
    assert planning.joined(state, 0, NOW) == 800
    assert planning.joined(state, 1, NOW) == 0
