# SPDX-License-Identifier: MIT
"""What a pace needs of every store."""

from __future__ import annotations

import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from fc_async_sdk.pacing import Pace

if TYPE_CHECKING:
    from fc_async_sdk.stores import Store


def test_senders_at_the_same_time_get_every_slot_once(store: Store) -> None:
    name = f"crm-{uuid.uuid4()}"

    def send(_: int) -> list[int]:
        pace = Pace(name, "1/s", store=store, clock=lambda: 1_790_000_000)
        booked = [pace.book(3) for _ in range(5)]
        return [slots.at(index) for slots in booked for index in range(3)]

    with ThreadPoolExecutor(4) as pool:
        found = sorted(slot for slots in pool.map(send, range(4)) for slot in slots)
    assert found == [(1_790_000_000 + index) * 1_000_000 for index in range(60)]


def test_a_hold_is_seen_by_another_sender(store: Store) -> None:
    name = f"crm-{uuid.uuid4()}"
    one, other = (
        Pace(name, "1/s", key=str, store=store, clock=lambda: 1_790_000_000) for _ in range(2)
    )
    one.hold(1_790_000_060, key="店铺")
    assert other.book(key="店铺").at(0) == 1_790_000_060_000_000


def test_a_second_start_of_a_run_finds_the_slots_of_the_first(store: Store) -> None:
    name = f"crm-{uuid.uuid4()}"
    first, second = (Pace(name, "1/s", store=store, clock=lambda: 1_790_000_000) for _ in range(2))
    slots, was_booked = first.book_run("crm/nightly", 100)
    assert not was_booked
    assert second.book_run("crm/nightly", 100) == (slots, True)
    first.release(slots, 60, run="crm/nightly")
    assert second.book_run("crm/nightly", 100) == (slots._replace(size=40), True)
    others, was_booked = second.book_run("crm/others", 1)
    assert not was_booked
    assert others.at(0) == 1_790_000_040_000_000


def test_an_instance_sees_a_hold_of_another(store: Store) -> None:
    name = f"crm-{uuid.uuid4()}"
    one, other = (Pace(name, "1/s", store=store, clock=lambda: 1_790_000_000) for _ in range(2))
    assert other.held_until() == 0
    one.hold(1_790_000_060)
    assert other.held_until() == 1_790_000_060_000_000
    other.reset()
    assert one.held_until() == 0
