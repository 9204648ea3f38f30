# SPDX-License-Identifier: MIT
from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fc_async_local.domain.invocation import Count, Invocation, Lease, Settlement
from fc_async_local.domain.states import FINAL, WAITING, Status
from fc_async_local.store import rows, steps
from fc_async_tests.legal_steps import HELD, legal

NOW = 1_000_000


def an_invocation(status: Status, **fields) -> Invocation:
    defaults: dict[str, Any] = {
        "request_id": "r",
        "task_id": "t",
        "function": "f",
        "qualifier": "LATEST",
        "payload": b"",
        "accepted_at": 0,
        "due_at": NOW,
        "task_mode": True,
    }
    return Invocation(status=status, **(defaults | fields))


class TestReadyAt:
    @pytest.mark.parametrize("status", sorted(WAITING | {Status.STOPPING}, key=str))
    def test_is_the_due_time_without_a_lease(self, status: Status) -> None:
        assert steps.ready_at(an_invocation(status)) == NOW

    @pytest.mark.parametrize("status", sorted(HELD, key=str))
    def test_is_the_end_of_the_lease_under_a_lease(self, status: Status) -> None:
        assert steps.ready_at(an_invocation(status, lease_until=NOW + 5)) == NOW + 5

    @pytest.mark.parametrize("status", sorted(FINAL, key=str))
    def test_is_never_when_it_is_final(self, status: Status) -> None:
        assert steps.ready_at(an_invocation(status)) is None


class TestPathsAreLegal:
    """Whatever a verb makes of an invocation, the steps that it records are allowed."""

    attempts = st.integers(0, 3)

    @given(st.sampled_from(sorted(WAITING | HELD, key=str)), attempts)
    def test_claims_follow_legal_steps(self, status: Status, attempts: int) -> None:
        before = an_invocation(status, attempts=attempts)
        after, events = steps.claimed(before, now=NOW, until=NOW + 1, owner="o")
        assert path_is_legal(before, after, [event.status for event in events])
        assert after.epoch == before.epoch + 1

    @given(st.sampled_from(sorted(HELD, key=str)), attempts)
    def test_releases_follow_legal_steps(self, status: Status, attempts: int) -> None:
        before = an_invocation(status, attempts=attempts, lease_until=NOW)
        after, events = steps.released(before, now=NOW)
        assert path_is_legal(before, after, [event.status for event in events])
        assert after.lease_until is None

    @given(st.sampled_from(Status), st.none() | st.integers(NOW - 5, NOW + 5))
    def test_stops_follow_legal_steps(self, status: Status, lease_until: int | None) -> None:
        before = an_invocation(status, lease_until=lease_until)
        after, events, claimed = steps.stopped(before, now=NOW, until=NOW + 9, owner="o")
        assert path_is_legal(before, after, [event.status for event in events])
        held_by_another = lease_until is not None and lease_until > NOW
        assert claimed == (not status.final and not held_by_another)


def path_is_legal(before: Invocation, after: Invocation, path: list[Status]) -> bool:
    whole = [before.status, *path]
    return whole[-1] is after.status and all(map(legal, whole, whole[1:]))


@pytest.mark.parametrize("status", sorted(HELD, key=str))
def test_a_settlement_may_not_leave_it_held(status: Status) -> None:
    with pytest.raises(ValueError, match="is held"):
        steps.settled(Lease(key="r", epoch=1), Settlement(invocation=an_invocation(status)))


def test_a_settled_one_keeps_the_epoch_of_its_lease_and_is_free() -> None:
    settlement = Settlement(invocation=an_invocation(Status.RETRYING, lease_until=NOW, epoch=9))
    after = steps.settled(Lease(key="r", epoch=3), settlement)
    assert (after.epoch, after.lease_until, after.lease_owner) == (3, None, "")


@pytest.mark.parametrize(
    ("at", "minute"), [(0, 0), (59_999, 0), (60_000, 60_000), (119_999, 60_000), (-1, -60_000)]
)
def test_metrics_are_summed_by_the_minute(at: int, minute: int) -> None:
    assert steps.minute(at) == minute


def test_equal_counts_are_added_up_in_a_fixed_order() -> None:
    counts = [
        Count(metric="b", function="f", at=61_000),
        Count(metric="a", function="f", at=1),
        Count(metric="a", function="f", at=2, value=3),
    ]
    assert rows.sums(counts) == [("a", "f", 0, 4, 2, 3), ("b", "f", 60_000, 1, 1, 1)]
