# SPDX-License-Identifier: MIT
"""Messages that wait for longer than the service's delay, on virtual time."""

from __future__ import annotations

import asyncio
import json
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from fc_async_local.settings import Settings
from fc_async_sdk.admin import operations as admin
from fc_async_sdk.errors import TaskFailed
from fc_async_sdk.events import handler
from fc_async_sdk.idempotency import MemoryStore, current_key, idempotent
from fc_async_sdk.pacing import Pace, RetryLater, paced
from fc_async_sdk.payloads import FolderStore

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from fc_async_local.testing import FcLocal
    from tests.integration.sdk.pacing.conftest import Log


class Order(msgspec.Struct):
    n: int


def test_every_slot_of_three_hours_is_kept(
    fc_local: FcLocal, deploy: Callable[..., None], log: Log
) -> None:
    pace = Pace("crm", "1/900s", max_hops=4)
    deploy(handler(Order, pace=pace)(log))
    group = fc_local.client.function("crm", payload=Order, pace=pace).map(
        [Order(number) for number in range(13)], task_ids="night"
    )
    fc_local.run_until_idle()
    assert log.payloads == [Order(number) for number in range(13)]
    assert log.seconds == [900 * number for number in range(13)]
    assert [task.error for task in group] == [None] * 13


def test_a_group_and_a_handle_wait_for_the_end_of_the_chain(
    fc_local: FcLocal, deploy: Callable[..., None], log: Log
) -> None:
    pace = Pace("crm", "1/hour", max_hops=9)
    deploy(handler(Order, pace=pace)(log))
    function = fc_local.client.function("crm", payload=Order, result=Order, pace=pace)
    last = [function.spawn(Order(number), task_id=f"t{number}") for number in range(3)][-1]
    group = function.map([Order(3), Order(4)], task_ids="night")
    assert last.result(timeout=100_000, interval=300) == Order(2)
    assert last.id == "t2"
    found = {task.index: task.result() for task in group.ends(timeout=100_000, interval=300)}
    assert found == {0: Order(3), 1: Order(4)}
    assert log.seconds == [0, 3_600, 7_200, 10_800, 14_400]
    other = fc_local.client.function("crm", result=Order, pace=pace).group("night", size=2)
    assert sorted(task.result().n for task in other) == [3, 4]


def test_the_console_leads_from_each_message_of_a_chain_to_the_others(
    fc_local: FcLocal, deploy: Callable[..., None], log: Log
) -> None:
    pace = Pace("crm", "1/3h", max_hops=9)
    deploy(handler(Order, pace=pace)(log))
    function = fc_local.client.function("crm", payload=Order, pace=pace)
    function.map([Order(0), Order(1)], task_ids="night")
    fc_local.run_until_idle()
    seen, task_id = [], "night-1"
    while task_id:
        task = fc_local.client.send(admin.get_task("crm", task_id))
        actions = {note.action: note.task_id for note in task.notes if note.kind == "action"}
        assert actions.get("replay-of") == ("night-1" if seen else None)
        seen.append(task_id)
        task_id = actions.get("replay") or ""
    assert 3 <= len(seen) <= 5
    assert log.seconds == [0, 10_800]


class TestWithoutResults:
    """The service keeps what a function returned only for accounts that have asked for it."""

    @pytest.fixture
    def fc_local_settings(self) -> Settings:
        return Settings.of(keep_results=False)

    def test_the_end_of_a_chain_is_found_by_what_was_sent(
        self, fc_local: FcLocal, deploy: Callable[..., None], log: Log
    ) -> None:
        pace = Pace("crm", "1/hour", max_hops=9)
        deploy(handler(Order, pace=pace)(log))
        function = fc_local.client.function("crm", payload=Order, pace=pace)
        last = [function.spawn(Order(number)) for number in range(3)][-1]
        group = function.map([Order(3), Order(4)])
        last.wait(timeout=100_000, interval=300)
        assert log.seconds == [0, 3_600, 7_200]
        assert len(list(group.ends(timeout=100_000, interval=300))) == 2
        assert log.seconds == [0, 3_600, 7_200, 10_800, 14_400]


@pytest.mark.parametrize(
    "payload", [b"", b"\xff\x00", b'{"a": 1.50,\n "a": 2}', "面".encode(), b" 7", b"null"]
)
def test_the_handler_gets_the_payload_byte_for_byte(
    fc_local: FcLocal, deploy: Callable[..., None], log: Log, payload: bytes
) -> None:
    pace = Pace("crm", "1/hour", max_hops=9)
    deploy(handler(bytes, pace=pace)(log))
    for _ in range(3):
        fc_local.client.invoke_async("crm", payload, pace=pace)
    fc_local.run_until_idle()
    assert log.payloads == [payload] * 3
    assert log.seconds == [0, 3_600, 7_200]


def test_a_payload_in_a_store_stays_there_while_its_message_waits(
    fc_local: FcLocal, deploy: Callable[..., None], log: Log, tmp_path: Path
) -> None:
    store = FolderStore(tmp_path / "large")
    pace = Pace("crm", "1/hour", max_hops=9)
    deploy(handler(bytes, pace=pace, large=store)(log))
    payload = b"x" * 300_000
    client = fc_local.client
    client.fan_out("crm", [payload, b"small"], large=store, pace=pace).run()
    client.invoke_async("crm", payload, large=store, pace=pace)
    client.function("crm", payload=bytes, large=store, pace=pace).spawn(payload)
    fc_local.run_until_idle()
    assert log.payloads == [payload, b"small", payload, payload]
    assert log.seconds == [0, 3_600, 7_200, 10_800]


def test_a_message_that_failed_after_its_wait_is_replayed_with_its_payload(
    fc_local: FcLocal, deploy: Callable[..., None], log: Log
) -> None:
    pace = Pace("crm", "1/2h", max_hops=9)
    healthy: list[bool] = []

    @handler(Order, pace=pace)
    def work(order: Order, context: object) -> None:
        log(order)
        if order.n == 1 and not healthy:
            raise ValueError("refused")

    queue = fc_local.create_queue("failed")
    destination = {"onFailure": {"destination": queue}}
    deploy(work, maxAsyncRetryAttempts=0, destinationConfig=destination)
    fc_local.client.function("crm", payload=Order, pace=pace).map([Order(0), Order(1)])
    fc_local.run_until_idle()
    healthy.append(True)
    failed = [fc_local.receive("failed")]
    run = fc_local.client.replay_events(failed, pace=pace)
    assert [outcome.error for outcome in run] == [None]
    fc_local.run_until_idle()
    assert log.payloads == [Order(0), Order(1), Order(1)]
    assert log.seconds == [0, 7_200, 14_400]


def test_a_coroutine_handler_waits_alike(
    fc_local: FcLocal, deploy: Callable[..., None], log: Log
) -> None:
    pace = Pace("crm", "1/hour", max_hops=9)

    @handler(Order, pace=pace)
    async def work(order: Order, context: object) -> None:
        await asyncio.sleep(0)
        log(order)

    deploy(work)
    fc_local.client.fan_out("crm", [{"n": 0}, {"n": 1}, {"n": 2}], pace=pace).run()
    fc_local.run_until_idle()
    assert log.seconds == [0, 3_600, 7_200]


def test_a_delivery_that_runs_twice_sends_its_message_once(
    fc_local: FcLocal, deploy: Callable[..., None], log: Log
) -> None:
    pace = Pace("crm", "1/hour", max_hops=9)
    deploy(handler(Order, pace=pace)(log))
    function = fc_local.client.function("crm", payload=Order, pace=pace)
    for number in range(3):
        function.spawn(Order(number))
    fc_local.duplicate("crm", "crash", times=2)
    fc_local.duplicate("crm", "redelivery", times=1)
    fc_local.run_until_idle()
    assert log.payloads == [Order(0), Order(1), Order(2)]
    assert log.seconds == [0, 3_600, 7_200]
    failed = fc_local.client.list_async_tasks("crm", status="Failed")
    assert failed.tasks == (), "a replay of such a task would run its message twice"


def test_the_loop_guard_does_not_stop_a_long_chain(
    fc_local: FcLocal, deploy: Callable[..., None], log: Log
) -> None:
    pace = Pace("crm", "1/30h", max_hops=31)
    deploy(handler(Order, pace=pace)(log))
    function = fc_local.client.function("crm", payload=Order, pace=pace)
    function.map([Order(0), Order(1)])
    fc_local.run_until_idle()
    assert log.seconds == [0, 108_000]


def test_a_key_of_idempotent_work_stays_the_same_over_hops(
    fc_local: FcLocal, deploy: Callable[..., None], log: Log
) -> None:
    pace = Pace("crm", "1/hour", max_hops=9)
    keys: list[str] = []

    @handler(Order, pace=pace)
    @idempotent(MemoryStore(), key=lambda order, _: order.n)
    def work(order: Order, context: object) -> None:
        keys.append(current_key())

    deploy(work)
    for _ in range(2):
        fc_local.client.function("crm", payload=Order, pace=pace).map(
            [Order(1), Order(1), Order(2)]
        )
    fc_local.run_until_idle()
    assert sorted(keys) == ["crm/1", "crm/2"]


def test_messages_of_senders_without_a_pace_are_paced_when_they_arrive(
    fc_local: FcLocal, deploy: Callable[..., None], log: Log
) -> None:
    deploy(paced(Pace("crm", "1/40s"))(log))
    for number in range(100):
        fc_local.client.invoke_async("crm", {"n": number}, task_id=f"t{number}")
    fc_local.run_until_idle()
    assert log.seconds == [40 * number for number in range(100)]
    assert sorted(json.loads(payload)["n"] for payload in log.payloads) == list(range(100))


def test_a_handler_may_send_its_message_back(
    fc_local: FcLocal, deploy: Callable[..., None], log: Log
) -> None:
    pace = Pace("crm", "1/s")
    refusals = iter([60, 30])

    @handler(Order, pace=pace)
    def work(order: Order, context: object) -> Order:
        log(order)
        if order.n == 1 and (seconds := next(refusals, None)):
            raise RetryLater(seconds, reason="429")
        return order

    deploy(work, maxAsyncRetryAttempts=0)
    function = fc_local.client.function("crm", payload=Order, result=Order, pace=pace)
    group = function.map([Order(0), Order(1), Order(2)], task_ids="g")
    assert {task.index: task.result() for task in group.ends(timeout=1_000)} == {
        0: Order(0),
        1: Order(1),
        2: Order(2),
    }
    assert log.seconds == [0, 1, 2, 61, 91]


def test_many_messages_that_are_sent_back_together_do_not_return_together(
    fc_local: FcLocal, deploy: Callable[..., None], log: Log
) -> None:
    pace = Pace("crm", "1/s", burst=5)
    refused: set[int] = set()

    @handler(Order, pace=pace)
    def work(order: Order, context: object) -> None:
        log(order)
        if order.n not in refused:
            refused.add(order.n)
            raise RetryLater(
                at=datetime.fromtimestamp(fc_local.runtime.now() / 1e3 + 60, timezone.utc)
            )

    deploy(work)
    fc_local.client.function("crm", payload=Order, pace=pace).map([Order(n) for n in range(5)])
    fc_local.run_until_idle()
    assert log.seconds == [0] * 5 + [60] * 5
    fc_local.advance(600)
    assert len(log.starts) == 10


def test_a_message_is_sent_back_as_often_as_it_may_be_and_then_fails(
    fc_local: FcLocal, deploy: Callable[..., None], log: Log
) -> None:
    pace = Pace("crm", "1/s")

    @handler(Order, pace=pace)
    def work(order: Order, context: object) -> None:
        log(order)
        raise RetryLater(60, limit=3)

    deploy(work, maxAsyncRetryAttempts=0)
    task = fc_local.client.function("crm", payload=Order, pace=pace).spawn(Order(0))
    with pytest.raises(TaskFailed):
        task.result(timeout=1_000)
    assert log.seconds == [0, 60, 120, 180]


def test_a_hold_slows_everybody(fc_local: FcLocal, deploy: Callable[..., None], log: Log) -> None:
    store = MemoryStore()
    here, there = Pace("crm", "1/s", store=store), Pace("crm", "1/s", store=store)
    deploy(handler(Order, pace=here)(log))
    fc_local.client.function("crm", payload=Order, pace=there).map([Order(0), Order(1)])
    fc_local.advance(0)  # the first has run, and the second has its slot
    here.hold(seconds=30)
    fc_local.client.function("crm", payload=Order, pace=there).map([Order(2), Order(3)])
    fc_local.run_until_idle()
    assert log.seconds == [0, 30, 31, 32]
    assert [order.n for order in log.payloads] == [0, 2, 3, 1], "behind those that have slots"


def test_a_handler_without_the_pace_says_what_is_missing(
    fc_local: FcLocal, deploy: Callable[..., None], log: Log
) -> None:
    pace = Pace("crm", "1/hour", max_hops=9)
    deploy(handler(Order)(log), maxAsyncRetryAttempts=0)
    function = fc_local.client.function("crm", payload=Order, pace=pace)
    group = function.map([Order(0), Order(1)])
    fc_local.run_until_idle()
    assert len(group.wait().failures) == 2
    assert "pace=None: must be given: the message waits" in fc_local.failed_attempts()


def test_a_time_to_return_needs_a_zone() -> None:
    with pytest.raises(Exception, match="with a time zone"):
        RetryLater(at=datetime(2026, 1, 1))  # noqa: DTZ001
    with pytest.raises(Exception, match="give either seconds or at"):
        RetryLater()
    later = RetryLater(at=datetime(2026, 1, 1, tzinfo=timezone.utc), reason="429")
    assert str(later).endswith(": 429")


def test_a_call_with_an_object_runs_at_once(log: Log) -> None:
    work: Any = handler(Order, pace=Pace("crm", 1))(log)
    assert work(Order(7), None) == Order(7)
