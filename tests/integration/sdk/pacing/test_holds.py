# SPDX-License-Identifier: MIT
"""``hold`` holds every message of a pace, also those that the service already has."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from fc_async_sdk.events import handler
from fc_async_sdk.pacing import Pace, RetryLater, paced
from fc_async_sdk.stores import MemoryStore
from fc_async_tests.pacing import PlainStore

if TYPE_CHECKING:
    from collections.abc import Callable

    from fc_async_local.testing import FcLocal
    from tests.integration.sdk.pacing.conftest import Log


class Partner:
    """Says 429 for a minute, and counts the calls that it got meanwhile."""

    def __init__(self, fc_local: FcLocal, pace: Pace, log: Log) -> None:
        self._now = fc_local.runtime.now
        self._full_until = self._now() + 60_000
        self._pace = pace
        self._log = log
        self.refused = 0

    def call(self, payload: Any, _: object = None) -> None:
        left = self._full_until - self._now()
        if left > 0:
            self.refused += 1
            self._pace.hold(seconds=left / 1_000)
            raise RetryLater(left / 1_000, reason="429")
        self._log(payload)


@pytest.mark.parametrize("smooth", [False, True])
def test_a_partner_that_says_429_is_not_called_by_messages_that_were_sent_before(
    fc_local: FcLocal, deploy: Callable[..., None], log: Log, smooth: bool
) -> None:
    pace = Pace("crm", "5/s", smooth=smooth, max_hops=2)
    partner = Partner(fc_local, pace, log)
    deploy(handler(int, pace=pace)(partner.call))
    fc_local.client.fan_out("crm", range(400), pace=pace).run()
    fc_local.run_until_idle()
    assert partner.refused <= 5, "those that began in the same second"
    assert sorted(log.payloads) == list(range(400))
    assert log.seconds[0] >= 60
    assert fc_local.rate_of("crm", per=1) <= 10
    assert fc_local.rate_of("crm", per=10) <= 5 * 11
    assert log.seconds[-1] <= 60 + 400 / 5 + 10


def test_a_hold_of_one_key_holds_no_other(
    fc_local: FcLocal, deploy: Callable[..., None], log: Log
) -> None:
    pace = Pace("crm", "1/s", key=lambda shop: shop)
    deploy(handler(str, pace=pace)(log))
    fc_local.client.function("crm", payload=str, pace=pace).map(["held", "free"] * 10)
    pace.hold(seconds=60, key="held")
    fc_local.run_until_idle()
    starts = list(zip(log.payloads, log.seconds, strict=True))
    assert max(at for shop, at in starts if shop == "free") <= 10
    held = [at for shop, at in starts if shop == "held"]
    assert held[1] >= 60, "only the first one began before the hold"
    assert len(starts) == 20


def test_a_message_of_a_trigger_that_has_booked_is_held(
    fc_local: FcLocal, deploy: Callable[..., None], log: Log
) -> None:
    pace = Pace("crm", "1/s")
    deploy(paced(pace)(log))
    for number in range(5):
        fc_local.client.invoke_async("crm", number)
    fc_local.advance(1.5)
    began = len(log.starts)
    pace.hold(seconds=60)
    fc_local.run_until_idle()
    assert began < 5
    assert min(log.seconds[began:]) >= 60
    assert len(log.starts) == 5


def test_a_message_in_its_slot_runs_while_the_store_is_away(
    fc_local: FcLocal,
    deploy: Callable[..., None],
    log: Log,
    caplog: pytest.LogCaptureFixture,
) -> None:
    class Breaking(PlainStore):
        is_away = False

        def create(self, record: Any) -> Any:
            if self.is_away:
                raise ConnectionError("the store is away")
            return super().create(record)

    store = Breaking()
    pace = Pace("crm", "1/s", store=store)
    deploy(handler(int, pace=pace)(log))
    fc_local.client.fan_out("crm", range(3), pace=pace).run()
    store.is_away = True
    fc_local.run_until_idle()
    assert log.payloads == [0, 1, 2]
    assert "its pace may be held" in caplog.text


def test_a_handler_that_reads_another_type_than_the_key_still_runs(
    fc_local: FcLocal, deploy: Callable[..., None], log: Log
) -> None:
    pace = Pace("crm", "1/s", key=lambda order: order["shop"])
    deploy(handler(list, pace=pace)(log))
    fc_local.client.invoke_async("crm", ["a"])
    fc_local.run_until_idle()
    assert log.payloads == [["a"]]


def test_a_message_in_its_slot_writes_nothing_to_the_store(
    fc_local: FcLocal, deploy: Callable[..., None], log: Log
) -> None:
    class Counted(MemoryStore):
        writes = 0

        def create(self, record: Any) -> Any:
            stored = super().create(record)
            self.writes += stored is None
            return stored

        def replace(self, record: Any, expected: str) -> bool:
            self.writes += 1
            return super().replace(record, expected)

        def advance(self, key: str, step: Any) -> int:
            self.writes += 1
            return super().advance(key, step)

    store = Counted()
    pace = Pace("crm", "1/s", store=store)
    deploy(handler(int, pace=pace)(log))
    fc_local.client.fan_out("crm", range(10), pace=pace).run()
    fc_local.run_until_idle()
    assert len(log.starts) == 10
    assert store.writes == 1
