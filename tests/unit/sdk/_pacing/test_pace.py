# SPDX-License-Identifier: MIT
"""A pace, from the side of a sender."""

from __future__ import annotations

import pickle
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

import pytest

from fc_async_sdk import errors
from fc_async_sdk.pacing import Pace
from fc_async_sdk.stores import MemoryStore
from fc_async_tests.pacing import PlainStore

if TYPE_CHECKING:
    from fc_async_sdk.stores import Row, Step

NOW = 1_790_000_000.0


class Clock:
    def __init__(self, seconds: float = NOW) -> None:
        self.seconds = seconds

    def __call__(self) -> float:
        return self.seconds


class CountingStore(MemoryStore):
    """Counts writes; fails if told to."""

    def __init__(self) -> None:
        super().__init__()
        self.writes = 0
        self.away = False

    def create(self, record: Any) -> Any:
        self._count()
        return super().create(record)

    def replace(self, record: Row, expected: str) -> bool:
        self._count()
        return super().replace(record, expected)

    def advance(self, key: str, step: Step) -> int:
        self._count()
        return super().advance(key, step)

    def _count(self) -> None:
        self.writes += 1
        if self.away:
            raise ConnectionError("the store is away")


@pytest.fixture
def clock() -> Clock:
    return Clock()


def offsets(pace: Pace, count: int, **options: Any) -> list[float]:
    slots = pace.book(count, **options)
    return [round(slots.at(index) / 1e6 - NOW, 3) for index in range(count)]


def test_messages_get_slots_at_the_pace(clock: Clock) -> None:
    pace = Pace("crm", "25/s", clock=clock)
    assert offsets(pace, 3) == [0, 0.04, 0.08]
    assert offsets(pace, 2) == [0.12, 0.16]


def test_a_pause_is_not_made_up_for(clock: Clock) -> None:
    pace = Pace("crm", "1/s", clock=clock)
    pace.book(2)
    clock.seconds += 10
    assert offsets(pace, 2) == [10, 11]


def test_a_burst_starts_at_once_after_a_pause(clock: Clock) -> None:
    assert offsets(Pace("crm", "1/s", burst=3, clock=clock), 5) == [0, 0, 0, 1, 2]


def test_ten_thousand_slots_are_booked_by_one_write(clock: Clock) -> None:
    store = CountingStore()
    Pace("crm", "25/s", store=store, clock=clock).book(10_000, now=round(NOW * 1e6))
    assert store.writes == 1


def test_each_booking_is_one_request_also_if_others_book(clock: Clock) -> None:
    store = CountingStore()
    senders = [Pace("crm", "25/s", store=store, clock=clock) for _ in range(2)]
    for number in range(10):
        senders[number % 2].book()
    assert store.writes == 10


def test_a_store_of_a_user_without_the_verb_serves_as_well(clock: Clock) -> None:
    store = PlainStore()
    senders = [Pace("crm", "1/s", store=store, clock=clock) for _ in range(4)]
    with ThreadPoolExecutor(8) as pool:
        found = sorted(pool.map(lambda number: offsets(senders[number % 4], 1)[0], range(40)))
    assert found == [float(index) for index in range(40)]


def test_senders_that_share_a_store_never_share_a_slot(clock: Clock) -> None:
    store = MemoryStore()
    senders = [Pace("crm", "1/s", store=store, clock=clock) for _ in range(4)]
    found = [offset for _ in range(5) for sender in senders for offset in offsets(sender, 1)]
    assert found == [float(index) for index in range(20)]


def test_each_key_has_a_pace_of_its_own(clock: Clock) -> None:
    pace = Pace("crm", "1/s", key=lambda order: order["shop"], clock=clock)
    assert offsets(pace, 2, key=pace.key_of({"shop": "a"})) == [0, 1]
    assert offsets(pace, 2, key=pace.key_of({"shop": "b"})) == [0, 1]
    assert offsets(pace, 1, key="a") == [2]


def test_a_rate_can_depend_on_the_key(clock: Clock) -> None:
    pace = Pace("crm", lambda shop: {"slow": "1/10s"}.get(shop, 10), clock=clock)
    assert offsets(pace, 2, key="slow") == [0, 10]
    assert offsets(pace, 2, key="fast") == [0, 0.1]


def test_a_payload_without_the_key_is_refused(clock: Clock) -> None:
    pace = Pace("crm", 1, key=lambda order: order["shop"], clock=clock)
    with pytest.raises(errors.InvalidParameter, match="gets no key of the payload: KeyError"):
        pace.key_of({})


def test_a_hold_moves_the_slots_of_every_sender(clock: Clock) -> None:
    store = MemoryStore()
    one, other = (Pace("crm", 1, store=store, clock=clock) for _ in range(2))
    assert offsets(one, 1) == [0]
    other.hold(NOW + 60)
    assert offsets(one, 2) == [60, 61]


def test_a_hold_takes_a_time_or_seconds(clock: Clock) -> None:
    pace = Pace("crm", 1, clock=clock)
    pace.hold(seconds=5)
    assert offsets(pace, 1) == [5]
    pace.hold(datetime.fromtimestamp(NOW + 30, timezone.utc))
    assert offsets(pace, 1) == [30]
    with pytest.raises(errors.InvalidParameter, match="give either until or seconds"):
        pace.hold()


def test_a_wait_beyond_the_delay_of_the_service_is_refused_and_books_nothing(clock: Clock) -> None:
    pace = Pace("crm", "1/10s", clock=clock)
    with pytest.raises(errors.WaitTooLong, match="the last of 361 messages waits 3,600 s") as error:
        pace.book(361)
    assert "max_hops=1" in str(error.value)
    assert offsets(pace, 1) == [0]


def test_a_pace_whose_function_delivers_again_takes_such_a_wait(clock: Clock) -> None:
    pace = Pace("crm", "1/10s", max_hops=31, clock=clock)
    assert offsets(pace, 10_800)[-1] == 107_990
    with pytest.raises(errors.WaitTooLong, match="allows max_hops=31") as refused:
        pace.book(10_800)
    assert "allow max_hops=61 (fc-async invoke: --max-hops 61)" in str(refused.value)


def test_a_forecast_names_the_last_start_and_books_nothing(clock: Clock) -> None:
    pace = Pace("crm", "25/s", clock=clock)
    seen = pace.forecast(10_000)
    assert seen.seconds == pytest.approx(399.96)
    assert (seen.hops, seen.extra_invocations) == (0, 0)
    assert offsets(pace, 1) == [0]
    assert pace.forecast(1).seconds == pytest.approx(0.04)


def test_a_forecast_counts_the_invocations_that_only_wait(clock: Clock) -> None:
    seen = Pace("crm", "1/10s", clock=clock).forecast(720)
    assert (seen.hops, seen.extra_invocations) == (1, 360)
    assert seen.last.timestamp() == pytest.approx(NOW + 7190)


def test_a_store_that_is_away_is_an_error_that_names_the_pace(clock: Clock) -> None:
    store = CountingStore()
    store.away = True
    with pytest.raises(errors.PaceStoreFailed, match=r"pace crm: .*the store is away") as error:
        Pace("crm", 1, store=store, clock=clock).book()
    assert isinstance(error.value.__cause__, ConnectionError)


def test_a_store_that_refuses_every_write_is_an_error(clock: Clock) -> None:
    class Broken(PlainStore):
        def replace(self, record: Row, expected: str) -> bool:
            return False

    store = Broken()
    with pytest.raises(errors.PaceStoreFailed, match="refused 100 conditional writes"):
        Pace("crm", 1, store=store, clock=clock).book()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"name": ""}, "name=''"),
        ({"rate": 0}, "rate=0"),
        ({"burst": 0}, "burst=0"),
        ({"max_hops": 169}, "max_hops=169"),
        ({"on_store_error": "retry"}, "on_store_error='retry'"),
    ],
)
def test_an_option_out_of_its_range_is_refused_at_once(
    options: dict[str, Any], message: str
) -> None:
    with pytest.raises(errors.InvalidParameter, match=message):
        Pace(**{"name": "crm", "rate": 1, **options})


def test_errors_can_be_pickled() -> None:
    error = pickle.loads(pickle.dumps(errors.WaitTooLong("crm", 3_600, 2, 1, 0)))  # noqa: S301
    assert (error.pace, error.seconds) == ("crm", 3_600)


@pytest.mark.parametrize(
    "wrong",
    [
        {"until": datetime(2026, 11, 28)},  # noqa: DTZ001 -- has no zone
        {"until": "tomorrow"},
        {"seconds": "30"},
        {"seconds": float("inf")},
        {"seconds": 700_000},
        {"until": 1_790_000_000_000},  # milliseconds: every sender would be stopped for good
    ],
)
def test_a_hold_that_is_not_a_time_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(errors.InvalidParameter, match="until"):
        Pace("crm", 1).hold(**wrong)


def test_a_store_that_is_not_one_is_refused_before_anything_is_sent() -> None:
    with pytest.raises(errors.InvalidParameter, match="must be a store: Pace"):
        Pace("crm", 1, store="redis://localhost")  # type: ignore[arg-type]


@pytest.mark.parametrize("count", [0, -1, 1.5, "2"])
def test_a_number_of_messages_that_is_not_one_is_refused(count: Any) -> None:
    with pytest.raises(errors.InvalidParameter, match="count"):
        Pace("crm", 1).book(count)
    with pytest.raises(errors.InvalidParameter, match="count"):
        Pace("crm", 1).forecast(count)


def test_a_rate_that_fails_for_a_key_is_told_with_the_key() -> None:
    pace = Pace("crm", {"a": 1}.__getitem__, key=lambda order: order)
    with pytest.raises(errors.InvalidParameter, match="key='b': the pace crm gets no rate"):
        pace.book(key="b")
