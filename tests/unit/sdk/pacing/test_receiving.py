# SPDX-License-Identifier: MIT
"""The wrapper of handlers, without a runtime: errors, retries, what is sent on."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import datetime, timezone
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from fc_async_sdk import _client, errors
from fc_async_sdk._pacing import hop
from fc_async_sdk._payloads.envelopes import content
from fc_async_sdk.events import handler
from fc_async_sdk.operations import AcceptedInvocation
from fc_async_sdk.pacing import Pace, RetryLater, paced
from fc_async_tests.faults import fail
from fc_async_tests.pacing import PlainStore

if TYPE_CHECKING:
    from collections.abc import Callable

NOW = 1_790_000_000.0


class Away(PlainStore):
    def create(self, record: Any) -> Any:
        raise ConnectionError("the store is away")


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """Messages that handlers send on."""
    found: list[dict[str, Any]] = []

    def invoke_async(_: object, function: str, payload: bytes, **options: Any) -> Any:
        taken = options["task_id"] in {one["task_id"] for one in found}
        found.append({"function": function, "payload": payload, **options})
        return AcceptedInvocation(request_id="r", task_id=options["task_id"], duplicate=taken)

    monkeypatch.setattr(_client.Client, "invoke_async", invoke_async)
    return found


def context(request_id: str = "r-1", **more: Any) -> SimpleNamespace:
    function = SimpleNamespace(name="crm", timeout=60)
    return SimpleNamespace(
        request_id=request_id,
        function=function,
        region="cn-hangzhou",
        account_id="1234567890123456",
        **more,
    )


def busy(**options: Any) -> Pace:
    """Return a pace whose next slot is in half an hour."""
    pace = Pace("crm", "1/30min", clock=lambda: NOW, **options)
    pace.book()
    return pace


def echo(event: Any, _: object) -> Any:
    return event


def test_a_message_whose_slot_is_now_runs(sent: list[dict[str, Any]]) -> None:
    work = paced(Pace("crm", 2, clock=lambda: NOW))(echo)
    assert work(b"7", context()) == b"7"
    assert work("7", context()) == "7", "half a second is within the precision"
    assert sent == []


def test_every_attempt_of_a_delivery_sends_the_same_message(sent: list[dict[str, Any]]) -> None:
    work = paced(busy())(echo)
    first, second = work(b"7", context()), work(b"7", context())
    assert [one["task_id"] for one in sent] == ["hop_r-1", "hop_r-1"]
    assert first["$fc-async.hop"]["next"] == second["$fc-async.hop"]["next"] == "hop_r-1"
    message = hop.read(sent[0]["payload"])
    assert message is not None
    assert (message.payload.open(), sent[0]["delay"] + message.rest) == (b"7", 1_800)
    work(b"7", context("r-2"))
    assert sent[-1]["task_id"] == "hop_r-2"


@dataclass
class Order:
    shop: str


def test_a_message_that_was_sent_back_books_by_its_key(sent: list[dict[str, Any]]) -> None:
    pace = Pace("crm", "1/30min", key=lambda order: order.shop, clock=lambda: NOW)
    seen: list[Order] = []

    @handler(Order, pace=pace)
    def work(order: Order, _: object) -> None:
        seen.append(order)
        if len(seen) == 1:
            raise RetryLater(60)

    pace.book(key="busy")
    work(b'{"shop": "busy"}', context())
    work(sent[0]["payload"], context("r-2"))
    assert seen == [Order("busy")]
    assert sent[1]["delay"] + rest_of(sent[1]["payload"]) == 1_800
    work(hop.Hop(payload=content(b'{"shop": "idle"}'), booked=False).encode(), context("r-3"))
    assert seen == [Order("busy"), Order("idle")]


def test_the_key_of_a_message_that_arrives_is_taken_from_its_type(
    sent: list[dict[str, Any]],
) -> None:
    pace = Pace("crm", "1/30min", key=lambda order: order.shop, clock=lambda: NOW)
    work = paced(pace, payload=Order)(echo)
    for shop, count in (("a", 0), ("b", 0), ("a", 1)):
        work(b'{"shop": "%b"}' % shop.encode(), context(f"r-{shop}"))
        assert len(sent) == count
    assert work(b"{}", context("r-4")) == b"{}", "what does not fit is the handler's"


def rest_of(payload: bytes) -> int:
    message = hop.read(payload)
    assert message is not None
    return message.rest


def test_a_handler_does_not_run_while_the_store_is_away(sent: list[dict[str, Any]]) -> None:
    work = paced(Pace("crm", 1, store=Away(), clock=lambda: NOW))(echo)
    with pytest.raises(errors.PaceStoreFailed):
        work(b"7", context())
    assert sent == []


def test_a_handler_can_run_unpaced_while_the_store_is_away(
    sent: list[dict[str, Any]], caplog: pytest.LogCaptureFixture
) -> None:
    pace = Pace("crm", 1, store=Away(), on_store_error="send", clock=lambda: NOW)
    assert paced(pace)(echo)(b"7", context()) == b"7"
    assert "a message is handled unpaced: pace crm" in caplog.text


def test_a_message_is_not_sent_on_for_ever(sent: list[dict[str, Any]]) -> None:
    message = hop.Hop(payload=content(b"7"), rest=60, count=168)
    work = handler(int, pace=busy())(echo)
    with pytest.raises(errors.PaceError, match="was sent on 168 times"):
        work(message.encode(), context())
    assert sent == []


def test_a_message_that_cannot_be_sent_on_fails_the_attempt(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    fail(monkeypatch, _client.Client, "invoke_async", errors.OutcomeUnknown("no answer"))
    with pytest.raises(errors.OutcomeUnknown):
        paced(busy())(echo)(b"7", context())


def test_the_newest_keys_of_the_context_are_used(monkeypatch: pytest.MonkeyPatch) -> None:
    keys: list[str] = []

    def invoke_async(self: Any, *_: object, **options: Any) -> Any:
        keys.append(self._provider().access_key_id)
        return AcceptedInvocation(request_id="r")

    monkeypatch.setattr(_client.Client, "invoke_async", invoke_async)
    work = paced(busy())(echo)
    for number in range(2):
        credentials = SimpleNamespace(
            access_key_id=f"key-{number}", access_key_secret="s", security_token="t"
        )
        work(b"7", context(f"r-{number}", credentials=credentials))
    assert keys == ["key-0", "key-1"]


def test_late_deliveries_wait_for_less(sent: list[dict[str, Any]]) -> None:
    message = hop.Hop(payload=content(b"7"), rest=5_000, due=NOW - 100)
    assert hop.remaining(message, NOW) == 4_900
    assert hop.remaining(message, NOW - 200) == 5_000, "a clock that is behind changes nothing"
    assert hop.remaining(message, NOW + 9_000) == 1, "it is sent on, as its payload says"


def _later(function: Callable[..., Any]) -> Callable[..., Any]:
    async def work(event: Any, context: Any) -> Any:
        await asyncio.sleep(0)
        return function(event, context)

    return work


class _Object:
    """A handler that is an object whose call is a coroutine function."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self.function = function

    async def __call__(self, event: Any, context: Any) -> Any:
        await asyncio.sleep(0)
        return self.function(event, context)


@pytest.mark.parametrize(
    "make", [lambda function: function, _later, _Object], ids=["function", "coroutine", "object"]
)
def test_a_handler_that_asks_for_it_is_called_again_later(
    sent: list[dict[str, Any]], make: Callable[[Any], Any]
) -> None:
    def work(event: bytes, _: object) -> None:
        raise RetryLater(4_000, reason="429")

    wrapped = Pace("crm", 1, clock=lambda: NOW).wrap(make(work))
    found = wrapped(b"7", context())
    found = asyncio.run(found) if asyncio.iscoroutine(found) else found
    assert found["$fc-async.hop"]["reason"] == "429"
    message = hop.read(sent[0]["payload"])
    assert message is not None
    assert (message.retries, message.booked) == (1, False)
    assert sent[0]["delay"] + message.rest == 4_000


def test_ids_of_messages_that_follow_a_task_are_those_of_replays() -> None:
    def next_id(task: str, count: int = 2) -> str:
        return hop.next_id(hop.Hop(payload=content(b"7"), task=task, count=count), "r-1")

    number = int(next_id("order").removeprefix("order_r"))
    assert number // 1_000_000 == 2
    assert next_id("night-7") == f"night_r{number}-7"
    assert next_id("night_r3-7") == f"night_r{number}-7"
    assert next_id("order_r3") == f"order_r{number}"
    assert next_id("") == "hop_r-1"
    assert next_id("night-007") == f"night-007_r{number}"


@pytest.mark.parametrize("seconds", [-1, 700_000, float("nan"), "60"])
def test_a_time_to_return_is_within_a_week(seconds: Any) -> None:
    with pytest.raises(errors.InvalidParameter, match="must be a number from 0 to seven days"):
        RetryLater(seconds)


def test_a_text_is_no_time_to_return_at() -> None:
    at: Any = "Wed, 21 Oct 2026 07:28:00 GMT"
    with pytest.raises(errors.InvalidParameter, match="must be a datetime with a time zone"):
        RetryLater(at=at)


def test_a_message_that_waits_on_keeps_its_trace(sent: list[dict[str, Any]]) -> None:
    span = "124ed43254b54966:124ed43254b54966:0:1"
    work = paced(busy())(echo)
    work(b"7", context(tracing=SimpleNamespace(span_context=span)))
    work(b"7", context("r-2", tracing=SimpleNamespace(span_context=None)))
    header = "x-fc-tracing-opentracing-span-context"
    assert [one["headers"] for one in sent] == [{header: span}, None]


def test_a_time_to_return_that_is_too_far_fails_the_attempt_at_once(
    sent: list[dict[str, Any]],
) -> None:
    @handler(dict, pace=Pace("crm", 1, clock=lambda: NOW))
    def work(order: dict[str, Any], _: object) -> None:
        raise RetryLater(at=datetime(2199, 1, 1, tzinfo=timezone.utc))

    with pytest.raises(errors.InvalidParameter, match="must be within seven days"):
        work(b"{}", context())
    assert sent == []
