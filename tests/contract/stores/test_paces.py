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
