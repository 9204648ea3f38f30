# SPDX-License-Identifier: MIT
"""Two limits at once: one for each key, one for all."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest

from fc_async_sdk.errors import InvalidParameter, WaitTooLong
from fc_async_sdk.events import handler
from fc_async_sdk.pacing import Pace, RetryLater, paced
from fc_async_tests.pacing import most_in_a_window

if TYPE_CHECKING:
    from collections.abc import Callable

    from fc_async_local.testing import FcLocal
    from tests.integration.sdk.pacing.conftest import Log

SHOPS = [f"shop-{number}" for number in range(30)]


def by_shop(log: Log) -> dict[Any, list[int]]:
    starts: dict[Any, list[int]] = {}
    for shop, start in zip(log.payloads, log.starts, strict=True):
        starts.setdefault(shop, []).append(start)
    return starts


def limits(**options: Any) -> tuple[Pace, Pace]:
    total = Pace("all", "10/s")
    return Pace("shop", "1/s", key=lambda shop: shop, within=total, max_hops=2, **options), total


@pytest.mark.parametrize("smooth", [False, True])
def test_both_limits_hold(
    fc_local: FcLocal, deploy: Callable[..., None], log: Log, smooth: bool
) -> None:
    pace, _ = limits(smooth=smooth)
    deploy(handler(str, pace=pace)(log))
    fc_local.client.function("crm", payload=str, pace=pace).map(SHOPS * 5)
    fc_local.run_until_idle()
    assert len(log.starts) == 150
    for seconds in (1, 5):
        assert most_in_a_window(log.starts, seconds * 1_000 - 1) <= 10 * (seconds + 1)
        for starts in by_shop(log).values():
            assert most_in_a_window(starts, seconds * 1_000 - 1) <= seconds + 1
    assert log.seconds[-1] <= 20, "15 s for all, and 5 s for the last shop"


def test_one_busy_shop_takes_no_slots_of_the_others(
    fc_local: FcLocal, deploy: Callable[..., None], log: Log
) -> None:
    pace, _ = limits()
    deploy(handler(str, pace=pace)(log))
    function = fc_local.client.function("crm", payload=str, pace=pace)
    function.map(["busy"] * 100)
    function.map(SHOPS)
    fc_local.run_until_idle()
    starts = by_shop(log)
    assert Counter(log.payloads)["busy"] == 100
    assert most_in_a_window(starts["busy"], 9_999) <= 11
    others = [start for shop in SHOPS for start in starts[shop]]
    assert max(others) <= 14_000, "100 slots of the total are before them, not 100 seconds"


def test_a_hold_of_the_total_holds_every_shop(
    fc_local: FcLocal, deploy: Callable[..., None], log: Log
) -> None:
    pace, total = limits()

    refused: list[str] = []

    def call_partner(shop: str, context: object) -> None:
        if len(log.starts) == 5 and not refused:
            refused.append(shop)
            total.hold(seconds=60)
            raise RetryLater(60, reason="429")
        log(shop)

    deploy(handler(str, pace=pace)(call_partner))
    fc_local.client.function("crm", payload=str, pace=pace).map(SHOPS)
    fc_local.run_until_idle()
    assert len(log.starts) == 30
    assert sum(start < 60_000 for start in log.starts) == 5


def test_messages_of_triggers_have_both_limits(
    fc_local: FcLocal, deploy: Callable[..., None], log: Log
) -> None:
    pace, _ = limits()
    deploy(paced(pace, payload=str)(log))
    for shop in SHOPS * 3:
        fc_local.client.invoke_async("crm", shop)
    fc_local.run_until_idle()
    assert len(log.starts) == 90
    assert most_in_a_window(log.starts, 4_999) <= 10 * 6
    for starts in by_shop(log).values():
        assert most_in_a_window(starts, 4_999) <= 6


def test_what_is_refused_by_one_limit_costs_no_slot_of_the_other() -> None:
    total = Pace("all", "10/s", clock=lambda: 1_790_000_000)
    pace = Pace("shop", "1/hour", within=total, clock=lambda: 1_790_000_000)
    with pytest.raises(WaitTooLong):
        pace.book(10)
    assert total.forecast(1).seconds == 0
    assert pace.forecast(1).seconds == 0
    pace.release(pace.book(), 1)
    assert total.forecast(1).seconds == 0
    total.book(50)
    assert pace.forecast(1).seconds == 5


def test_the_outer_pace_has_no_key() -> None:
    with pytest.raises(InvalidParameter, match="within="):
        Pace("shop", 1, within=Pace("all", 1, key=str))
    with pytest.raises(InvalidParameter, match="must be a pace without a key"):
        Pace("shop", 1, within="100/s")  # type: ignore[arg-type]


def test_a_second_start_of_a_run_finds_the_slots_of_both() -> None:
    total = Pace("all", "10/s", clock=lambda: 1_790_000_000)
    pace = Pace("shop", "20/s", within=total, clock=lambda: 1_790_000_000)
    slots, _ = pace.book_run("nightly", 20)
    assert pace.book_run("nightly", 20) == (slots, True)
    assert slots.at(19) - slots.at(0) == 1_900_000
