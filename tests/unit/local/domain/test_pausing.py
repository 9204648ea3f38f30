# SPDX-License-Identifier: MIT
"""How many parked invocations are let go at a time, and when the next ones follow."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from fc_async_local.domain import pausing
from fc_async_local.domain.pausing import Batch, Released

NOW = 1_700_000_000_000


@given(st.integers(100, 604_800_000_000))
def test_batches_are_never_faster_than_the_rate(interval_us: int) -> None:
    batch = pausing.batch_of(interval_us)
    assert batch.number >= 1
    assert batch.spread_ms * 1_000 >= batch.number * interval_us
    # No slower than a millisecond a batch, which is the precision of a due time.
    assert batch.spread_ms * 1_000 < batch.number * interval_us + 1_000


def test_a_batch_is_what_starts_within_a_second() -> None:
    assert pausing.batch_of(200_000) == Batch(5, 1_000)
    assert pausing.batch_of(30_000_000) == Batch(1, 30_000)
    assert pausing.batch_of(0).spread_ms == 0


def test_the_next_batch_follows_the_one_before_until_none_is_left() -> None:
    job = pausing.job_of("orders", now=NOW)
    full = Released(5, Batch(5, 1_000))
    [following] = pausing.follow(job, full, NOW + 3).added
    assert (following.key, following.due_at) == (job.key, NOW + 1_000)
    assert pausing.follow(job, Released(4, Batch(5, 1_000)), NOW).added == ()
    assert pausing.follow(job, None, NOW).added == ()


def test_a_batch_that_is_late_is_not_made_up_for() -> None:
    job = replace(pausing.job_of("orders", now=NOW), due_at=NOW)
    [following] = pausing.follow(job, Released(5, Batch(5, 1_000)), NOW + 60_000).added
    assert following.due_at == NOW + 60_000
