# SPDX-License-Identifier: MIT
"""Paced sending: what goes out for a slot, and what is not sent."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from fc_async_sdk import async_client, client, handler
from fc_async_sdk._pacing import hop
from fc_async_sdk.errors import (
    AsyncTaskAlreadyExists,
    InvalidParameter,
    PaceStoreFailed,
    WaitTooLong,
)
from fc_async_sdk.operations import AcceptedInvocation
from fc_async_sdk.pacing import Pace, paced
from fc_async_sdk.stores import MemoryStore
from fc_async_sdk.testing import Stubber

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from fc_async_sdk.stores import Row, Step

NOW = 1_790_000_000.0
URL = "http://127.0.0.1:9"


class Clock:
    def __init__(self, seconds: float = NOW) -> None:
        self.seconds = seconds

    def __call__(self) -> float:
        return self.seconds


class Away(MemoryStore):
    """Fails from a write on, counted from 1."""

    def __init__(self, first: int = 1) -> None:
        super().__init__()
        self.writes = 0
        self._first = first

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
        if self.writes >= self._first:
            raise ConnectionError("the store is away")


class Service:
    """Stands for the service in both clients; keeps the delays and payloads in order."""

    def __init__(self) -> None:
        self.sent: list[dict[str, Any]] = []
        self.ids: set[str] = set()

    def __call__(self, _: object, __: object, arguments: dict[str, Any], **___: object) -> Any:
        task_id = arguments["task_id"]
        if task_id in self.ids:
            raise AsyncTaskAlreadyExists("AsyncTaskAlreadyExists", "m", http_status=409)
        self.ids |= {task_id} - {None}
        self.sent.append(arguments)
        return AcceptedInvocation(request_id="r", task_id=task_id or "")

    @property
    def delays(self) -> list[int]:
        return sorted(one["delay"] or 0 for one in self.sent)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def service() -> Service:
    return Service()


@pytest.fixture(params=["sync", "async"])
def fan_out(request: pytest.FixtureRequest, service: Service) -> Callable[..., Any]:
    def sync(payloads: Iterable[Any], **options: Any) -> Any:
        with client(endpoint_url=URL) as made:
            vars(made)["_perform"] = service
            return made.fan_out("f", payloads, **options).run()

    async def later(payloads: Iterable[Any], **options: Any) -> Any:
        async def answer(*args: Any, **kwargs: Any) -> Any:
            return service(*args, **kwargs)

        async with async_client(endpoint_url=URL) as made:
            vars(made)["_perform"] = answer
            return await made.fan_out("f", payloads, **options).run()

    if request.param == "sync":
        return sync
    return lambda payloads, **options: asyncio.run(later(payloads, **options))


def generated(count: int) -> Iterator[int]:
    yield from range(count)


def test_a_slot_becomes_the_delay(clock: Clock) -> None:
    pace = Pace("crm", "1/s", clock=clock)
    with client(endpoint_url=URL) as made, Stubber(made) as stub:
        for delay in (None, 1, 2):
            stub.add_response(
                "invoke_async",
                AcceptedInvocation(request_id="r"),
                {"delay": delay, "payload": b"7"},
            )
        for _ in range(3):
            made.invoke_async("f", 7, pace=pace)


def test_a_function_handle_sends_at_its_pace(clock: Clock, service: Service) -> None:
    with client(endpoint_url=URL) as made:
        vars(made)["_perform"] = service
        handle = made.function("f", payload=int, pace=Pace("crm", "1/s", clock=clock))
        handle.spawn(0)
        handle.map(range(1, 4))
    assert service.delays == [0, 1, 2, 3]


def test_an_asyncio_client_sends_at_the_pace(clock: Clock, service: Service) -> None:
    async def answer(*args: Any, **kwargs: Any) -> Any:
        return service(*args, **kwargs)

    async def scenario() -> None:
        pace = Pace("crm", "1/s", clock=clock)
        async with async_client(endpoint_url=URL) as made:
            vars(made)["_perform"] = answer
            await made.invoke_async("f", 0, pace=pace)
            await made.function("f", pace=pace).spawn(1)
            await made.function("f", pace=pace).map([2, 3])

    asyncio.run(scenario())
    assert service.delays == [0, 1, 2, 3]


def test_a_delay_and_a_pace_are_refused_together(clock: Clock) -> None:
    pace = Pace("crm", 1, clock=clock)
    with client(endpoint_url=URL) as made:
        for send in (
            lambda: made.invoke_async("f", delay=5, pace=pace),
            lambda: made.fan_out("f", [1], delay=5, pace=pace),
        ):
            with pytest.raises(InvalidParameter, match="is decided by the pace"):
                send()


@pytest.mark.parametrize("payloads", [range, generated], ids=["known", "unknown"])
def test_many_messages_get_slots_one_after_the_other(
    fan_out: Callable[..., Any],
    service: Service,
    clock: Clock,
    payloads: Callable[[int], Iterable[int]],
) -> None:
    pace = Pace("crm", "10/s", clock=clock)
    assert fan_out(payloads(100), pace=pace).failures == []
    assert service.delays == [0] + [second for second in range(1, 10) for _ in range(10)] + [10] * 9
    assert pace.forecast(1).seconds == pytest.approx(10), "no slot is lost at the end"


def test_the_slots_of_a_sequence_are_booked_with_one_write(
    fan_out: Callable[..., Any], clock: Clock
) -> None:
    store = Away(first=10_000)
    fan_out(range(1_000), pace=Pace("crm", "25/s", store=store, clock=clock))
    assert store.writes == 1


def test_each_key_is_paced_by_itself(
    fan_out: Callable[..., Any], service: Service, clock: Clock
) -> None:
    pace = Pace("crm", 1, key=lambda order: order["shop"], clock=clock)
    orders = [{"shop": "ab"[number % 2], "n": number} for number in range(6)]
    fan_out(orders, pace=pace)
    assert service.delays == [0, 0, 1, 1, 2, 2]


def test_a_payload_that_has_no_key_is_an_outcome_and_takes_no_slot(
    fan_out: Callable[..., Any], service: Service, clock: Clock
) -> None:
    pace = Pace("crm", 1, key=lambda order: order["shop"], clock=clock)
    run = fan_out(iter([{"shop": "a"}, {}, {"shop": "a"}]), pace=pace)
    assert [failed.index for failed in run.failures] == [1]
    assert service.delays == [0, 1]


def test_nothing_is_sent_while_the_store_is_away(
    fan_out: Callable[..., Any], service: Service, clock: Clock
) -> None:
    with pytest.raises(PaceStoreFailed, match="pace crm: the store failed in advance"):
        fan_out(range(10), pace=Pace("crm", 1, store=Away(), clock=clock))
    assert service.sent == []


def test_a_single_message_is_not_sent_while_the_store_is_away(
    service: Service, clock: Clock
) -> None:
    with client(endpoint_url=URL) as made:
        vars(made)["_perform"] = service
        with pytest.raises(PaceStoreFailed):
            made.invoke_async("f", 7, pace=Pace("crm", 1, store=Away(), clock=clock))
    assert service.sent == []


def test_messages_can_be_sent_unpaced_while_the_store_is_away(
    fan_out: Callable[..., Any],
    service: Service,
    clock: Clock,
    caplog: pytest.LogCaptureFixture,
) -> None:
    store = Away()
    pace = Pace("crm", 1, store=store, on_store_error="send", clock=clock)
    fan_out(range(10), pace=pace)
    assert service.delays == [0] * 10
    assert caplog.text.count("messages are sent unpaced: pace crm") == 1
    assert store.writes == 1, "a store that is away is not asked for every message"


def test_a_wait_that_the_function_cannot_take_is_refused_before_anything_is_sent(
    fan_out: Callable[..., Any], service: Service, clock: Clock
) -> None:
    with pytest.raises(WaitTooLong, match="@handler"):
        fan_out(range(361), pace=Pace("crm", "1/10s", clock=clock))
    assert service.sent == []


def test_a_sender_that_was_stopped_does_not_send_a_burst_afterwards(
    service: Service, clock: Clock
) -> None:
    def payloads() -> list[int]:
        return list(range(20))

    class Sleepy(list[int]):
        def __iter__(self) -> Iterator[int]:
            for number in range(20):
                if number == 5:
                    clock.seconds += 100
                yield number

    with client(endpoint_url=URL) as made:
        vars(made)["_perform"] = service
        made.fan_out("f", Sleepy(payloads()), pace=Pace("crm", 1, clock=clock)).run()
    assert service.delays == [0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14]


def test_a_message_that_waits_beyond_the_hour_travels_in_an_envelope(
    fan_out: Callable[..., Any], service: Service, clock: Clock
) -> None:
    pace = Pace("crm", "1/10s", max_hops=1, clock=clock)
    fan_out([{"n": number} for number in range(370)], task_ids="night", pace=pace)
    by_id = {one["task_id"]: one for one in service.sent}
    in_an_hour = hop.read(by_id["night-359"]["payload"])
    assert in_an_hour is not None
    assert (in_an_hour.rest, in_an_hour.slot) == (0, round((NOW + 3_590) * 1e6))
    found = hop.read(by_id["night-369"]["payload"])
    assert found is not None
    assert (found.payload.open(), found.task) == (b'{"n":369}', "night-369")
    assert found.rest + by_id["night-369"]["delay"] == 3_690


def test_a_smooth_pace_sends_the_fraction_of_the_second_along(
    service: Service, clock: Clock
) -> None:
    pace = Pace("crm", "4/s", smooth=True, clock=clock)
    with client(endpoint_url=URL) as made:
        vars(made)["_perform"] = service
        made.fan_out("f", range(6), pace=pace).run()
    waits = []
    for one in service.sent:
        found = hop.read(one["payload"])
        assert found is not None
        waits.append((one["delay"] or 0) + found.part / 1e6)
        assert found.slot == round((NOW + waits[-1]) * 1e6)
    assert sorted(waits) == [0, 0.25, 0.5, 0.75, 1, 1.25]


def test_a_task_id_that_is_too_long_to_be_followed_is_refused(clock: Clock) -> None:
    pace = Pace("crm", "1/10s", max_hops=9, clock=clock)
    pace.book(400)
    with client(endpoint_url=URL) as made, pytest.raises(InvalidParameter, match="task_id="):
        made.invoke_async("f", 7, task_id="t" * 120, pace=pace)


def test_an_envelope_is_small(clock: Clock) -> None:
    payload = msgspec.json.encode({"order": "x" * 1_000})
    _, sent = hop.first(payload, seconds=90_000, part=0, spread=7, task="nightly-12345")
    assert len(sent) - len(payload) < 100


@pytest.mark.parametrize(
    "use",
    [
        lambda sender, pace: sender.invoke_async("f", {}, pace=pace),
        lambda sender, pace: sender.function("f", pace=pace).spawn({}),
        lambda sender, pace: sender.fan_out("f", [1], pace=pace),
        lambda _, pace: handler(dict, pace=pace),
        lambda _, pace: paced(pace),
    ],
    ids=["invoke", "function", "fan_out", "handler", "paced"],
)
def test_a_rate_in_place_of_a_pace_is_refused(use: Callable[[object, object], object]) -> None:
    with (
        client(endpoint_url=URL) as sender,
        pytest.raises(InvalidParameter, match="pace='25/s': must be a pace, such as Pace"),
    ):
        use(sender, "25/s")


@pytest.mark.parametrize("burst", [1, 3])
@pytest.mark.parametrize("kind", ["invoke_async", "spawn"])
def test_a_message_that_the_service_had_gives_its_slot_back(
    service: Service, clock: Clock, kind: str, burst: int
) -> None:
    pace = Pace("crm", "1/10s", burst=burst, clock=clock)
    pace.book(burst)
    with client(endpoint_url=URL) as made:
        vars(made)["_perform"] = service
        function = made.function("f", pace=pace)
        for _ in range(3):
            with contextlib.suppress(AsyncTaskAlreadyExists):
                if kind == "spawn":
                    function.spawn(1, task_id="order-1")
                else:
                    made.invoke_async("f", 1, task_id="order-1", pace=pace)
        made.invoke_async("f", 2, task_id="order-2", pace=pace)
    assert [one["delay"] for one in service.sent if one["task_id"] == "order-2"] == [20]
