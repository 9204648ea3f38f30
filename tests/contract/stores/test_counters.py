# SPDX-License-Identifier: MIT
"""Every store moves a counter on as ``advanced`` says, in one step."""

from __future__ import annotations

import random
import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

from fc_async_sdk.stores import Step, advanced, counters
from fc_async_tests.pacing import PlainStore

if TYPE_CHECKING:
    from fc_async_sdk.stores import Store

NOW = 1_790_000_000_123_456
SECOND = 1_000_000
NEVER = 2**53 - 1


def key() -> str:
    return f'$pace/crm "订单"/{uuid.uuid4()}'


def step(now: int = NOW, cost: int = SECOND, limit: int = NEVER, **changes: int) -> Step:
    return Step(now, changes.pop("earliest", now), cost, limit, **changes)


def test_steps_follow_each_other(store: Store) -> None:
    counter = key()
    starts = [counters.advance(store, counter, step(cost=3 * SECOND)) for _ in range(3)]
    assert starts == [NOW, NOW + 3 * SECOND, NOW + 6 * SECOND]


def test_a_pause_is_not_made_up_for(store: Store) -> None:
    counter = key()
    counters.advance(store, counter, step())
    assert counters.advance(store, counter, step(NOW + 60 * SECOND)) == NOW + 60 * SECOND


def test_a_step_that_would_begin_too_late_changes_nothing(store: Store) -> None:
    counter = key()
    assert counters.advance(store, counter, step(limit=NOW - 1)) == NOW
    counters.advance(store, counter, step(cost=9 * SECOND))
    assert counters.advance(store, counter, step(limit=NOW + 8 * SECOND)) == NOW + 9 * SECOND
    assert counters.advance(store, counter, step(limit=NOW + 9 * SECOND)) == NOW + 9 * SECOND
    assert counters.advance(store, counter, step()) == NOW + 10 * SECOND


def test_random_steps_end_as_the_specification_says(store: Store) -> None:
    chance = random.Random(7)
    counter = key()
    expected: Any = None
    now = NOW
    for _ in range(40):
        # Clocks that are behind, and one that was a day ahead.
        now += chance.choice(
            [0, 1, SECOND, -SECOND, 100 * SECOND, 86_400 * SECOND, -86_400 * SECOND]
        )
        planned = Step(
            now,
            now + chance.choice([0, 0, 5 * SECOND]),
            chance.choice([0, 1, 40_000, 7 * SECOND]),
            chance.choice([NEVER, now + SECOND]),
            chance.choice([0, 0, now + 9 * SECOND]),
        )
        start, moved = advanced(expected, counter, planned)
        assert counters.advance(store, counter, planned) == start
        expected = moved or expected
        stored = counters.read(store, counter)
        assert stored is not None
        if expected is not None:
            assert (stored.next, stored.held, stored.written, stored.expires) == (
                expected.next,
                expected.held,
                expected.written,
                expected.expires,
            )


def test_many_writers_at_the_same_time_get_every_step_once(store: Store) -> None:
    counter = key()
    with ThreadPoolExecutor(16) as pool:
        starts = sorted(pool.map(lambda _: counters.advance(store, counter, step()), range(64)))
    assert starts == [NOW + index * SECOND for index in range(64)]


def test_a_writer_with_a_token_sees_that_a_step_was_done(store: Store) -> None:
    counter = key()
    counters.advance(store, counter, step())
    seen = counters.read(store, counter)
    assert seen is not None
    counters.advance(store, counter, step())
    assert not store.replace(counters.counter_at(counter, NOW, NOW, 0), seen.token)
    last = counters.read(store, counter)
    assert last is not None
    assert store.replace(counters.counter_at(counter, NOW, NOW, 0), last.token)
    assert counters.advance(store, counter, step()) == NOW


@pytest.mark.parametrize("writers", [1, 16])
def test_a_store_without_the_verb_is_asked_by_conditional_writes(writers: int) -> None:
    store, counter = PlainStore(), key()
    with ThreadPoolExecutor(writers) as pool:
        starts = sorted(pool.map(lambda _: counters.advance(store, counter, step()), range(64)))
    assert starts == [NOW + index * SECOND for index in range(64)]
