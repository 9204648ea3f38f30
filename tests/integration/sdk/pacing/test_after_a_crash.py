# SPDX-License-Identifier: MIT
"""A sender that was killed goes on, and a clock that was wrong does no lasting harm."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

import pytest

from fc_async_sdk.errors import WaitTooLong
from fc_async_sdk.pacing import Pace
from fc_async_sdk.stores import MemoryStore

if TYPE_CHECKING:
    from collections.abc import Callable

    from fc_async_local.testing import FcLocal
    from fc_async_sdk.pacing import Slots
    from tests.integration.sdk.pacing.conftest import Log

DAY = 86_400


class KilledPace(Pace):
    """The pace of a sender that is killed: it gives nothing back."""

    def release(self, slots: Slots, unused: int, **_: Any) -> None:
        """Do nothing, as a process that was killed."""


def send_and_die(fc_local: FcLocal, store: MemoryStore, count: int, accepted: int) -> None:
    pace = KilledPace("crm", "1/s", store=store)
    run = fc_local.client.fan_out("crm", range(count), pace=pace, task_ids="nightly", concurrency=1)
    for _ in itertools.islice(run, accepted):
        pass


@pytest.mark.parametrize("seconds_down", [0, 30])
def test_a_sender_that_was_killed_three_times_goes_on(
    fc_local: FcLocal, deploy: Callable[..., None], log: Log, seconds_down: int
) -> None:
    store = MemoryStore()
    deploy(log)
    for start in range(3):
        send_and_die(fc_local, store, 1_000, 20 * (start + 1))
        fc_local.advance(seconds_down)
    pace = Pace("crm", "1/s", store=store)
    run = fc_local.client.fan_out("crm", range(1_000), pace=pace, task_ids="nightly").run()
    assert run.failures == []
    assert run.duplicates >= 60
    fc_local.run_until_idle()
    assert sorted(map(int, log.payloads)) == list(range(1_000))
    assert log.seconds[-1] <= 1_000 + 3 * seconds_down + 64, "no list of slots was lost"
    assert fc_local.rate_of("crm", per=1) <= 2
    assert fc_local.rate_of("crm", per=10) <= 11


def test_a_run_that_was_left_gives_its_slots_to_others_and_goes_on(
    fc_local: FcLocal, deploy: Callable[..., None], log: Log
) -> None:
    pace = Pace("crm", "1/s")
    deploy(log)
    client = fc_local.client
    left = client.fan_out("crm", range(1_000), pace=pace, task_ids="nightly", concurrency=1)
    for _ in itertools.islice(left, 5):
        pass
    client.fan_out("crm", range(100), pace=pace, task_ids="others").run()
    client.fan_out("crm", range(1_000), pace=pace, task_ids="nightly").run()
    fc_local.run_until_idle()
    assert len(log.starts) == 1_100
    assert log.seconds[-1] <= 1_110
    assert fc_local.rate_of("crm", per=1) <= 2


def test_messages_that_the_service_had_give_their_slots_to_the_next(
    fc_local: FcLocal, deploy: Callable[..., None], log: Log
) -> None:
    deploy(log)
    client = fc_local.client

    def same_id(index: int, _: object) -> str:
        return f"order_{index}"

    client.fan_out("crm", range(200), task_ids=same_id).run()
    fc_local.run_until_idle()
    pace = Pace("crm", "1/s")
    client.fan_out("crm", iter(range(210)), pace=pace, task_ids=same_id, concurrency=1).run()
    began = fc_local.runtime.now()
    fc_local.run_until_idle()
    assert len(log.starts) == 210
    assert (fc_local.runtime.now() - began) / 1_000 <= 30


def test_a_clock_that_was_a_day_ahead_stops_nothing(fc_local: FcLocal) -> None:
    store = MemoryStore()
    ahead = Pace("crm", "1/s", store=store, clock=lambda: fc_local.runtime.now() / 1_000 + DAY)
    right = Pace("crm", "1/s", store=store)
    ahead.book(10)
    assert right.forecast(1).seconds <= 10
    slots = right.book()
    assert (slots.at(0) - right.now()) / 1_000_000 <= 10
    right.hold(seconds=2 * DAY)
    with pytest.raises(WaitTooLong):
        right.book()


def test_a_pace_is_reset(fc_local: FcLocal) -> None:
    store = MemoryStore()
    pace = Pace("crm", "1/s", store=store)
    pace.hold(seconds=DAY)
    other = Pace("crm", "1/s", store=store)
    other.reset()
    assert other.forecast(1).seconds == 0
    assert pace.book().at(0) <= pace.now()


@pytest.mark.parametrize("writes", [1, 2, 3])
def test_a_sender_may_be_killed_at_any_write(
    fc_local: FcLocal, deploy: Callable[..., None], log: Log, writes: int
) -> None:
    class Killed(BaseException):
        pass

    class Killing(MemoryStore):
        left = 1_000

        def create(self, record: Any) -> Any:
            self._count()
            return super().create(record)

        def replace(self, record: Any, expected: str) -> bool:
            self._count()
            return super().replace(record, expected)

        def advance(self, key: str, step: Any) -> int:
            self._count()
            return super().advance(key, step)

        def _count(self) -> None:
            if not self.left:
                raise Killed
            self.left -= 1

    store = Killing()
    store.left = writes - 1
    deploy(log)
    with pytest.raises(Killed):
        send_and_die(fc_local, store, 100, 100)
    store.left = 1_000
    pace = Pace("crm", "1/s", store=store)
    fc_local.client.fan_out("crm", range(100), pace=pace, task_ids="nightly").run()
    fc_local.run_until_idle()
    assert sorted(map(int, log.payloads)) == list(range(100))
    assert fc_local.rate_of("crm", per=10) <= 11
    assert log.seconds[-1] <= 200, "one list of slots is lost at most"
