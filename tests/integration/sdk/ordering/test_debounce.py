# SPDX-License-Identifier: MIT
"""Of messages that come shortly after one another, only the last runs; on virtual time."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from fc_async_sdk.errors import InvalidParameter, OrderingStoreFailed, TaskFailed
from fc_async_sdk.events import handler
from fc_async_sdk.ordering import Burst, Concurrency, Debounce
from fc_async_sdk.pacing import Pace, RetryLater
from fc_async_sdk.stores import MemoryStore

if TYPE_CHECKING:
    from collections.abc import Callable

    from fc_async_local.testing import FcLocal
    from tests.integration.sdk.ordering.conftest import Runs


class Message(msgspec.Struct):
    talk: str
    n: int


def newest(**options: Any) -> Debounce:
    options = {"quiet": 3, "max_wait": 30, **options}
    return Debounce("reply", key=lambda message: message.talk, store=MemoryStore(), **options)


@pytest.fixture
def runs(runs: Runs) -> Runs:
    runs.seconds = 0.001
    return runs


def of_talk(runs: Runs, talk: str) -> list[int]:
    return [message.n for message in runs.payloads if message.talk == talk]


def test_messages_within_two_seconds_become_one_run_of_the_last(
    fc_local: FcLocal, deploy: Callable[..., None], runs: Runs
) -> None:
    debounce = newest()
    deploy(handler(Message, debounce=debounce)(runs))
    reply = fc_local.client.function("reply", payload=Message, debounce=debounce)
    tasks = []
    for n in range(20):
        tasks.append(reply.spawn(Message("ab"[n % 2], n)))
        fc_local.advance(0.1)
    fc_local.run_until_idle()
    assert [of_talk(runs, "a"), of_talk(runs, "b")] == [[18], [19]]
    assert all(4.8 <= start <= 6 for start in runs.starts)
    assert len({task.id for task in tasks}) == 2
    assert tasks[0].result() == {"talk": "a", "n": 18}, "each caller gets the result of the run"
    assert debounce.state("a") == Burst(waiting=0, calls=10, runs=1, replaced=9)


def test_a_steady_stream_runs_once_in_each_longest_wait(
    fc_local: FcLocal, deploy: Callable[..., None], runs: Runs
) -> None:
    debounce = newest()
    deploy(handler(Message, debounce=debounce)(runs))
    reply = fc_local.client.function("reply", debounce=debounce)
    for n in range(120):
        reply.spawn(Message("a", n))
        fc_local.advance(1)
    fc_local.run_until_idle()
    assert len(runs.starts) == 4
    gaps = [later - earlier for earlier, later in zip(runs.starts, runs.starts[1:], strict=False)]
    assert all(30 <= gap <= 32 for gap in gaps[:-1])
    assert of_talk(runs, "a")[-1] == 119
    assert debounce.state("a") == Burst(waiting=0, calls=120, runs=4, replaced=116)


def test_the_first_message_may_run_at_once(
    fc_local: FcLocal, deploy: Callable[..., None], runs: Runs
) -> None:
    debounce = newest(leading=True)
    deploy(handler(Message, debounce=debounce)(runs))
    reply = fc_local.client.function("reply", debounce=debounce)
    for n in range(5):
        reply.spawn(Message("a", n))
        fc_local.advance(0.5)
    fc_local.run_until_idle()
    fc_local.advance(60)
    reply.spawn(Message("a", 5))
    fc_local.run_until_idle()
    assert of_talk(runs, "a") == [0, 4, 5]
    assert runs.starts[0] < 0.5


def test_messages_of_a_trigger_join_when_they_are_delivered(
    fc_local: FcLocal, deploy: Callable[..., None], runs: Runs
) -> None:
    debounce = newest()
    deploy(handler(Message, debounce=debounce)(runs))
    reply = fc_local.client.function("reply")
    tasks = [reply.spawn(Message("a", n)) for n in range(4)]
    fc_local.run_until_idle()
    assert len(runs.payloads) == 1
    assert debounce.state("a") == Burst(waiting=0, calls=4, runs=1, replaced=3)
    results = [task.result() for task in tasks]
    assert sum("$fc-async.skipped" in result for result in results) == 3


def test_a_retry_runs_with_the_same_payload_though_another_window_is_open(
    fc_local: FcLocal, deploy: Callable[..., None], runs: Runs
) -> None:
    debounce = newest()
    seen: list[int] = []

    async def work(message: Message, context: Any) -> Any:
        seen.append(message.n)
        if len(seen) == 1:
            await asyncio.to_thread(reply.spawn, Message("a", 9))
            raise ValueError("the model is away")
        return await runs(message, context)

    deploy(handler(Message, debounce=debounce)(work))
    reply = fc_local.client.function("reply", debounce=debounce)
    for n in range(3):
        reply.spawn(Message("a", n))
    fc_local.run_until_idle()
    assert seen == [2, 2, 9]


def test_a_message_that_the_handler_sends_back_keeps_its_payload(
    fc_local: FcLocal, deploy: Callable[..., None], runs: Runs
) -> None:
    debounce = newest()
    seen: list[int] = []

    async def work(message: Message, context: Any) -> Any:
        seen.append(message.n)
        if len(seen) == 1:
            raise RetryLater(20)
        return await runs(message, context)

    deploy(handler(Message, debounce=debounce)(work))
    reply = fc_local.client.function("reply", debounce=debounce)
    tasks = [reply.spawn(Message("a", n)) for n in range(3)]
    fc_local.run_until_idle()
    assert seen == [2, 2]
    assert tasks[0].result()["n"] == 2


def test_a_window_may_be_open_for_hours(
    fc_local: FcLocal, deploy: Callable[..., None], runs: Runs
) -> None:
    debounce = newest(quiet=7_200, max_wait=86_400)
    deploy(handler(Message, debounce=debounce)(runs))
    reply = fc_local.client.function("reply", debounce=debounce)
    for n in range(2):
        reply.spawn(Message("a", n))
        fc_local.advance(3_000)
    fc_local.run_until_idle()
    assert of_talk(runs, "a") == [1]
    assert 10_199 <= runs.starts[0] <= 10_205


def test_nothing_runs_and_nothing_is_sent_while_the_store_is_away(
    fc_local: FcLocal, deploy: Callable[..., None], runs: Runs
) -> None:
    class Away(MemoryStore):
        def create(self, record: Any) -> Any:
            raise ConnectionError("the store is away")

    debounce = Debounce("reply", 3, store=Away())
    deploy(handler(Message, debounce=debounce)(runs))
    with pytest.raises(OrderingStoreFailed, match="reply: the store failed in create"):
        fc_local.client.function("reply", debounce=debounce).spawn(Message("a", 0))
    task = fc_local.client.function("reply").spawn(Message("a", 1))
    fc_local.run_until_idle()
    assert runs.payloads == []
    with pytest.raises(TaskFailed):
        task.result()


def test_what_a_debounce_decides_cannot_be_given(fc_local: FcLocal) -> None:
    debounce = newest()
    reply = fc_local.client.function("reply", debounce=debounce)
    for refused in (
        lambda: reply.map([Message("a", 1)]),
        lambda: reply.spawn(Message("a", 1), delay=5),
        lambda: reply.spawn(Message("a", 1), task_id="mine"),
        lambda: fc_local.client.function("reply", debounce=debounce, pace=Pace("crm", 1)),
        lambda: fc_local.client.function("reply", debounce=3),  # type: ignore[call-overload]
    ):
        with pytest.raises(InvalidParameter):
            refused()
    assert debounce.state("a").calls == 0
    for wrong in ({"quiet": 0.5}, {"max_wait": 2}, {"quiet": "3"}):
        with pytest.raises(InvalidParameter):
            newest(**wrong)


def test_with_a_limit_and_a_pace_the_last_message_runs_in_its_turn_and_slot(
    fc_local: FcLocal, deploy: Callable[..., None], runs: Runs
) -> None:
    debounce = newest()
    pace = Pace("crm", "1/10s", store=MemoryStore())
    limit = Concurrency("all", 1, store=MemoryStore(), order=True)
    deploy(handler(Message, debounce=debounce, concurrency=limit, pace=pace)(runs))
    reply = fc_local.client.function("reply", debounce=debounce, concurrency=limit)
    for n in range(12):
        reply.spawn(Message("abc"[n % 3], n))
    fc_local.run_until_idle()
    assert sorted(message.n for message in runs.payloads) == [9, 10, 11]
    gaps = [later - earlier for earlier, later in zip(runs.starts, runs.starts[1:], strict=False)]
    assert all(gap >= 9 for gap in gaps)
