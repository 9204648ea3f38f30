# SPDX-License-Identifier: MIT
"""The rows of a pace: senders that share a store never overwrite each other's change."""

from __future__ import annotations

import time
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from fc_async_sdk import errors
from fc_async_sdk._pacing.rows import PaceRows, PaceState
from fc_async_sdk.stores import MemoryStore
from fc_async_tests.pacing import PlainStore


def now() -> int:
    return time.time_ns() // 1_000


class SendersMachine(RuleBasedStateMachine):
    """Some senders in any order; one may book between what another reads and writes."""

    def __init__(self) -> None:
        super().__init__()
        store = MemoryStore()
        self.senders = [PaceRows(store, "crm") for _ in range(3)]
        self.booked = {"a": 0, "b": 0}

    def book(self, sender: int, key: str, count: int, between: int | None) -> None:
        waiting = [] if between is None else [between]

        def next_state(state: PaceState, _: int) -> PaceState:
            if waiting:
                self.book(waiting.pop(), key, 1, None)
            return PaceState(state.next + count)

        self.senders[sender].change(key, now, next_state)
        self.booked[key] += count

    @rule(
        sender=st.integers(0, 2),
        key=st.sampled_from("ab"),
        count=st.integers(1, 5),
        between=st.none() | st.integers(0, 2),
    )
    def change(self, sender: int, key: str, count: int, between: int | None) -> None:
        self.book(sender, key, count, between)

    @invariant()
    def every_change_counts_once(self) -> None:
        assert {key: self.senders[0].read(key, now()).next for key in self.booked} == self.booked


TestSenders = SendersMachine.TestCase
TestSenders.settings = settings(max_examples=30)


def test_a_write_whose_answer_was_lost_is_not_made_twice() -> None:
    class Repeating(PlainStore):
        """Its client library sends each request a second time."""

        def create(self, record: Any) -> Any:
            super().create(record)
            return super().create(record)

    rows = PaceRows(Repeating(), "crm")
    rows.change("a", now, lambda state, _: PaceState(state.next + 1))
    assert rows.read("a", now()).next == 1


def test_a_store_that_fails_is_an_error_with_the_name_of_the_pace() -> None:
    class Away(MemoryStore):
        def create(self, record: Any) -> Any:
            raise ConnectionError("away")

    with pytest.raises(errors.PaceStoreFailed, match=r"crm.*the store failed in create.*away"):
        PaceRows(Away(), "crm").read("a", now())


def test_what_a_clock_that_was_ahead_has_booked_counts_from_now_on() -> None:
    rows = PaceRows(MemoryStore(), "crm")
    day = 86_400_000_000
    rows.change("a", lambda: now() + day, lambda _, moment: PaceState(moment + 7_000_000, moment))
    following, held = rows.read("a", now())
    assert held <= now()
    assert 0 <= following - now() <= 7_000_000


def test_clocks_that_differ_by_a_minute_share_their_slots() -> None:
    rows = PaceRows(MemoryStore(), "crm")
    rows.change("a", lambda: 1_060_000_000, lambda _, moment: PaceState(moment + 7_000_000))
    assert rows.read("a", 1_000_000_000).next == 1_067_000_000
