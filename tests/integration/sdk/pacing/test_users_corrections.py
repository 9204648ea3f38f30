# SPDX-License-Identifier: MIT
"""What a team corrected that built pacing by hand: each correction is a scenario here.

Its external service took one task in ten seconds for each account.
"""

from __future__ import annotations

import asyncio
import threading
from collections import Counter
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from fc_async_sdk import async_client
from fc_async_sdk.events import handler
from fc_async_sdk.operations import AcceptedInvocation
from fc_async_sdk.pacing import Pace, RetryLater, paced
from fc_async_tests.pacing import PlainStore

if TYPE_CHECKING:
    from collections.abc import Callable

    from fc_async_local.testing import FcLocal
    from tests.integration.sdk.pacing.conftest import Log


class Order(msgspec.Struct):
    account: str
    n: int


def orders(count: int, account: str = "a") -> list[Order]:
    return [Order(account, number) for number in range(count)]


def test_eight_hundred_submissions_are_not_on_the_wire_at_once() -> None:
    on_the_wire, most = 0, 0

    async def accept(*_: object, **__: object) -> AcceptedInvocation:
        nonlocal on_the_wire, most
        on_the_wire += 1
        most = max(most, on_the_wire)
        await asyncio.sleep(0)
        on_the_wire -= 1
        return AcceptedInvocation(request_id="r")

    async def scenario() -> None:
        async with async_client(endpoint_url="http://127.0.0.1:9") as client:
            vars(client)["_perform"] = accept
            run = client.fan_out("crm", range(800), concurrency=8, pace=Pace("crm", "25/s"))
            assert (await run.run()).failures == []

    asyncio.run(scenario())
    assert most <= 8


@pytest.mark.slow
def test_sixteen_hundred_messages_do_not_start_sixteen_hundred_instances(
    fc_local: FcLocal, deploy: Callable[..., None], log: Log
) -> None:
    pace = Pace("crm", "25/s")
    deploy(log)
    fc_local.client.fan_out("crm", range(1_600), pace=pace).run()
    fc_local.run_until_idle()
    assert len(log.starts) == 1_600
    assert fc_local.rate_of("crm", per=1) == 25
    assert fc_local.rate_of("crm", per=10) == 250


@pytest.mark.slow
def test_messages_beyond_the_hour_do_not_wake_together(
    fc_local: FcLocal, deploy: Callable[..., None], log: Log
) -> None:
    pace = Pace("crm", "1/10s", max_hops=2)
    deliveries: Counter[int] = Counter()
    began = fc_local.runtime.now()

    def counted(event: bytes, context: object) -> object:
        deliveries[(fc_local.runtime.now() - began) // 60_000] += 1
        return work(event, context)

    work = handler(Order, pace=pace)(log)
    vars(counted).update(vars(work))
    deploy(counted)
    fc_local.client.function("crm", payload=Order, pace=pace).map(orders(720))
    fc_local.run_until_idle()
    assert log.seconds == [10 * number for number in range(720)]
    assert max(deliveries.values()) <= 20, "6 slots a minute, and those that wait on"


def test_no_execution_sleeps_for_its_slot(
    fc_local: FcLocal, deploy: Callable[..., None], log: Log
) -> None:
    pace = Pace("crm", "1/hour", max_hops=2)
    deploy(handler(Order, pace=pace)(log))  # a timeout of 3 seconds
    group = fc_local.client.function("crm", payload=Order, pace=pace).map(orders(2))
    fc_local.run_until_idle()
    assert [task.error for task in group] == [None, None]
    durations = fc_local.client.list_async_tasks("crm").tasks
    assert max(task.duration_ms or 0 for task in durations) < 1_000


def test_a_slot_is_25_hours_ahead_where_messages_are_kept_for_two(
    fc_local: FcLocal, deploy: Callable[..., None], log: Log
) -> None:
    pace = Pace("crm", "1/25h", max_hops=30)
    deploy(handler(Order, pace=pace)(log), maxAsyncEventAgeInSeconds=7_200)
    fc_local.client.function("crm", payload=Order, pace=pace).map(orders(2))
    fc_local.run_until_idle()
    assert log.seconds == [0, 90_000]


def test_every_account_is_paced_by_itself(
    fc_local: FcLocal, deploy: Callable[..., None], log: Log
) -> None:
    pace = Pace("crm", "1/10s", key=lambda order: order.account)
    deploy(handler(Order, pace=pace)(log))
    fc_local.client.function("crm", payload=Order, pace=pace).map(orders(3, "a") + orders(2, "b"))
    fc_local.run_until_idle()
    by_account = {
        account: [
            at
            for at, order in zip(log.seconds, log.payloads, strict=True)
            if order.account == account
        ]
        for account in "ab"
    }
    assert by_account == {"a": [0, 10, 20], "b": [0, 10]}


def test_a_task_that_fails_after_its_wait_reaches_the_failure_destination(
    fc_local: FcLocal, deploy: Callable[..., None], log: Log
) -> None:
    pace = Pace("crm", "1/2h", max_hops=3)

    @handler(Order, pace=pace)
    def work(order: Order, context: object) -> None:
        if order.n == 1:
            raise ValueError("refused by the provider")

    queue = fc_local.create_queue("failed")
    deploy(
        work,
        maxAsyncRetryAttempts=0,
        destinationConfig={"onFailure": {"destination": queue}},
    )
    function = fc_local.client.function("crm", payload=Order, pace=pace)
    group = function.map(orders(2), task_ids="night")
    fc_local.run_until_idle()
    event = fc_local.receive("failed")
    assert event is not None
    assert "refused by the provider" in event.response.text()
    assert fc_local.receive("failed") is None, "hops are not failures"
    assert [task.index for task in group.wait().failures] == [1]


def test_results_come_through_the_chain(
    fc_local: FcLocal, deploy: Callable[..., None], log: Log
) -> None:
    pace = Pace("crm", "1/2h", max_hops=5)
    deploy(handler(Order, pace=pace)(log))
    function = fc_local.client.function("crm", payload=Order, result=Order, pace=pace)
    group = function.map(orders(3))
    fc_local.run_until_idle()
    assert sorted(task.result().n for task in group.ends(results=True)) == [0, 1, 2]


def test_a_message_is_sent_on_in_the_region_of_the_function(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from fc_async_sdk import _client

    seen: list[Any] = []

    def invoke_async(self: Any, function: str, payload: bytes, **options: Any) -> Any:
        seen.append((self.region_name, self.account_id, function, options["qualifier"]))
        return AcceptedInvocation(request_id="r")

    monkeypatch.setattr(_client.Client, "invoke_async", invoke_async)
    now = 1_790_000_000.0
    pace = Pace("crm", "1/30min", clock=lambda: now)
    pace.book(2)
    context = SimpleNamespace(
        request_id="r-1",
        region="eu-central-1",
        account_id="1234567890123456",
        credentials=SimpleNamespace(
            access_key_id="k",
            access_key_secret="s",
            security_token="t",
        ),
        function=SimpleNamespace(name="crm", qualifier="prod"),
    )
    paced(pace)(lambda *_: None)(b"7", context)
    assert seen == [("eu-central-1", "1234567890123456", "crm", "prod")]


def test_a_provider_that_says_429_slows_the_messages_behind(
    fc_local: FcLocal, deploy: Callable[..., None], log: Log
) -> None:
    pace = Pace("crm", "1/s")
    full_until = fc_local.runtime.now() + 60_000
    refused: list[bytes] = []

    @paced(pace)
    def work(event: bytes, context: object) -> None:
        if fc_local.runtime.now() < full_until:
            refused.append(event)
            pace.hold(seconds=60)
            raise RetryLater(60, reason="429")
        log(event)

    deploy(work)
    for number in range(20):
        fc_local.client.invoke_async("crm", number)
    fc_local.run_until_idle()
    assert sorted(log.payloads, key=int) == [str(number).encode() for number in range(20)]
    assert fc_local.rate_of("crm", per=1) <= 2
    assert len(refused) == 1, "the others wait behind it"
    assert log.seconds[0] >= 60
    assert min(b - a for a, b in zip(log.seconds, log.seconds[1:], strict=False)) >= 1


class BothAtOnce(PlainStore):
    """Lets two senders that saw no row write at the same time."""

    def __init__(self) -> None:
        super().__init__()
        self._barrier = threading.Barrier(2, timeout=30)
        self._have_met = False

    def create(self, record: Any) -> Any:
        if not self._have_met:
            self._barrier.wait()
            self._have_met = True
        return super().create(record)


def test_two_threads_that_send_share_the_pace(
    fc_local: FcLocal, deploy: Callable[..., None], log: Log
) -> None:
    store = BothAtOnce()
    deploy(log)
    client = fc_local.client

    def send() -> None:
        client.fan_out("crm", range(100), pace=Pace("crm", "10/s", store=store)).run()

    threads = [threading.Thread(target=send) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    fc_local.run_until_idle()
    assert fc_local.rate_of("crm", per=1) <= 11
    assert max(log.seconds) == 20
