# SPDX-License-Identifier: MIT
"""Bookings of one instance that wait at the same time are one booking."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from fc_async_sdk.errors import PaceStoreFailed, WaitTooLong
from fc_async_sdk.pacing import Pace
from fc_async_sdk.stores import MemoryStore

if TYPE_CHECKING:
    from fc_async_sdk.stores import Step

NOW = 1_790_000_000
THREADS = 10


class Slow(MemoryStore):
    """The first step takes until all threads are about to book."""

    def __init__(self) -> None:
        super().__init__()
        self.steps: list[Step] = []
        self.is_away = False
        self.ready = threading.Semaphore(0)

    def advance(self, key: str, step: Step) -> int:
        self.steps.append(step)
        if len(self.steps) == 1:
            for _ in range(THREADS):
                self.ready.acquire()
        if self.is_away:
            raise ConnectionError("the store is away")
        return super().advance(key, step)

    def now(self) -> float:
        self.ready.release()
        return NOW


def test_threads_that_wait_for_the_store_book_together() -> None:
    store = Slow()
    pace = Pace("crm", "1/s", store=store, clock=store.now)
    with ThreadPoolExecutor(THREADS) as pool:
        found = sorted(slots.at(0) for slots in pool.map(lambda _: pace.book(), range(THREADS)))
    assert found == [(NOW + index) * 1_000_000 for index in range(THREADS)]
    assert len(store.steps) < THREADS
    assert sum(step.cost for step in store.steps) == THREADS * 1_000_000


def test_a_booking_that_waits_too_long_takes_no_other_with_it() -> None:
    store = Slow()
    pace = Pace("crm", "1/s", store=store, clock=store.now)

    def book(number: int) -> int | None:
        try:
            return pace.book(10_000 if number == 5 else 1).at(0)
        except WaitTooLong:
            return None

    with ThreadPoolExecutor(THREADS) as pool:
        found = list(pool.map(book, range(THREADS)))
    assert found.pop(5) is None
    booked = sorted(slot for slot in found if slot is not None)
    assert booked == [(NOW + index) * 1_000_000 for index in range(THREADS - 1)]


def test_a_store_that_is_away_is_an_error_in_each_thread() -> None:
    store = Slow()
    store.is_away = True
    pace = Pace("crm", "1/s", store=store, clock=store.now)
    with ThreadPoolExecutor(THREADS) as pool:
        bookings = [pool.submit(pace.book) for _ in range(THREADS)]
    for booking in bookings:
        with pytest.raises(PaceStoreFailed, match="the store is away"):
            booking.result()


def test_threads_of_other_keys_do_not_wait() -> None:
    other_is_done = threading.Event()

    class Waiting(MemoryStore):
        def advance(self, key: str, step: Step) -> int:
            if key.endswith("slow"):
                assert other_is_done.wait(30)
            return super().advance(key, step)

    pace = Pace("crm", "1/s", store=Waiting(), key=str, clock=lambda: NOW)
    with ThreadPoolExecutor(2) as pool:
        slow = pool.submit(pace.book, key="slow")
        assert pace.book(key="fast").at(0) == NOW * 1_000_000
        other_is_done.set()
        assert slow.result().at(0) == NOW * 1_000_000
