# SPDX-License-Identifier: MIT
"""Messages of a key run one at a time, in order, on virtual time."""

from __future__ import annotations

import contextlib
import random
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from fc_async_sdk._pacing import hop, hosting
from fc_async_sdk._payloads.envelopes import content
from fc_async_sdk.errors import (
    AsyncTaskAlreadyExists,
    InvalidParameter,
    OrderingStoreFailed,
    TaskFailed,
)
from fc_async_sdk.events import handler
from fc_async_sdk.ordering import Concurrency, State
from fc_async_sdk.pacing import Pace, RetryLater
from fc_async_sdk.stores import MemoryStore

if TYPE_CHECKING:
    from collections.abc import Callable

    from fc_async_local.testing import FcLocal
    from tests.integration.sdk.ordering.conftest import Runs


class Message(msgspec.Struct):
    talk: str
    n: int


def talk_of(message: Message) -> str:
    return message.talk


def one_talk(**options: Any) -> Concurrency:
    return Concurrency(
        "talk", 1, key=talk_of, store=MemoryStore(), chance=random.Random(7).random, **options
    )


def of_talk(runs: Runs, talk: str) -> list[int]:
    return [message.n for message in runs.payloads if message.talk == talk]


def test_messages_of_three_talks_run_in_order_and_one_of_each_at_a_time(
    fc_local: FcLocal, deploy: Callable[..., None], runs: Runs
) -> None:
    talk = one_talk(order=True)
    deploy(handler(Message, concurrency=talk)(runs))
    reply = fc_local.client.function("reply", payload=Message, concurrency=talk)
    tasks = [reply.spawn(Message(f"talk-{n % 3}", n)) for n in range(30)]
    fc_local.run_until_idle()
    assert [of_talk(runs, f"talk-{k}") for k in range(3)] == [[*range(k, 30, 3)] for k in range(3)]
    assert runs.most == 3
    assert [task.result()["n"] for task in tasks] == [*range(30)]
    # Ten runs of 5 s of a talk; after each, its next message is there after 2.5 s on average.
    assert runs.starts[-1] < 10 * 5 * 2


def test_without_an_order_all_run_within_the_limit(
    fc_local: FcLocal, deploy: Callable[..., None], runs: Runs
) -> None:
    gpu = Concurrency("gpu", 2, store=MemoryStore())
    deploy(handler(Message, concurrency=gpu)(runs))
    fc_local.client.function("reply").map([Message("", n) for n in range(12)])
    fc_local.run_until_idle()
    assert runs.most == 2
    assert sorted(of_talk(runs, "")) == [*range(12)]


def test_a_message_that_finds_no_room_is_skipped_and_says_so(
    fc_local: FcLocal, deploy: Callable[..., None], runs: Runs
) -> None:
    deploy(handler(Message, concurrency=one_talk(mode="skip"))(runs))
    reply = fc_local.client.function("reply")
    tasks = [reply.spawn(Message(talk, n)) for n, talk in enumerate("aab")]
    fc_local.run_until_idle()
    assert of_talk(runs, "a") + of_talk(runs, "b") == [0, 2]
    assert fc_local.rate_of("reply", per=60) == 2, "a message that is skipped does not run"
    assert tasks[1].result() == {"$fc-async.skipped": {"by": "talk", "reason": "talk: 1 at a time"}}


def test_the_newest_message_cancels_the_one_that_runs(
    fc_local: FcLocal, deploy: Callable[..., None], runs: Runs
) -> None:
    talk = one_talk(mode="cancel")
    runs.seconds = 60
    deploy(handler(Message, concurrency=talk)(runs))
    reply = fc_local.client.function("reply", concurrency=talk)
    tasks = []
    for n, name in enumerate("aaba"):
        tasks.append(reply.spawn(Message(name, n)))
        fc_local.advance(10)
    fc_local.run_until_idle()
    assert [of_talk(runs, "a"), of_talk(runs, "b")] == [[0, 1, 3], [2]]
    assert [task.wait().status for task in tasks] == ["Stopped", "Stopped", *["Succeeded"] * 2]
    assert runs.starts[-1] < 40
    assert runs.most == 2, "one of each talk"


def test_a_message_that_came_before_the_newest_does_not_cancel_it(
    fc_local: FcLocal, deploy: Callable[..., None], runs: Runs
) -> None:
    talk = one_talk(mode="cancel")
    deploy(handler(Message, concurrency=talk)(runs))
    earlier = talk.take_ticket("a")
    reply = fc_local.client.function("reply", concurrency=talk)
    newest = reply.spawn(Message("a", 2))
    fc_local.advance(1)
    late = hop.Hop(payload=content(b'{"talk": "a", "n": 1}'), turn=hop.Turn(ticket=earlier))
    fc_local.client.invoke_async("reply", late.encode())
    fc_local.run_until_idle()
    assert of_talk(runs, "a") == [2]
    assert newest.result()["n"] == 2


def test_a_message_that_has_waited_for_too_long_goes_to_the_failure_destination(
    fc_local: FcLocal, deploy: Callable[..., None], runs: Runs
) -> None:
    talk = one_talk(patience=60)
    runs.seconds = 200
    queue = fc_local.create_queue("failures")
    destination = {"onFailure": {"destination": queue}}
    deploy(handler(Message, concurrency=talk)(runs), destinationConfig=destination)
    reply = fc_local.client.function("reply", concurrency=talk)
    tasks = [reply.spawn(Message("a", n)) for n in range(2)]
    fc_local.run_until_idle()
    assert of_talk(runs, "a") == [0]
    with pytest.raises(TaskFailed):
        tasks[1].result()
    event = fc_local.receive(queue)
    assert event is not None
    assert event.response.json()["errorType"] == "WaitedTooLong"
    assert "it has waited 60 s" in fc_local.failed_attempts()
    # The patience of a message that is sent again much later begins anew.
    fc_local.advance(3_600)
    runs.seconds = 30
    busy = reply.spawn(Message("a", 2))
    assert [again.accepted is not None for again in fc_local.client.replay_events([event])]
    fc_local.run_until_idle()
    busy.wait()
    assert of_talk(runs, "a") == [0, 2, 1]


def test_a_message_that_fails_or_is_sent_back_keeps_its_place(
    fc_local: FcLocal, deploy: Callable[..., None], runs: Runs
) -> None:
    talk = one_talk(order=True)
    tries: dict[int, int] = {}

    async def work(message: Message, context: Any) -> Any:
        tries[message.n] = tries.get(message.n, 0) + 1
        if message.n == 0 and tries[0] == 1:
            raise ValueError("the model is away")
        if message.n == 1 and tries[1] == 1:
            raise RetryLater(90)
        return await runs(message, context)

    deploy(handler(Message, concurrency=talk)(work))
    reply = fc_local.client.function("reply", concurrency=talk)
    tasks = [reply.spawn(Message("a", n)) for n in range(4)]
    fc_local.run_until_idle()
    assert of_talk(runs, "a") == [0, 1, 2, 3]
    assert tries == {0: 2, 1: 2, 2: 1, 3: 1}
    assert [task.result()["n"] for task in tasks] == [0, 1, 2, 3]


def test_a_message_that_fails_for_good_stops_its_talk_for_two_minutes_only(
    fc_local: FcLocal, deploy: Callable[..., None], runs: Runs
) -> None:
    talk = one_talk(order=True)

    async def work(message: Message, context: Any) -> Any:
        if message.n == 0:
            raise ValueError("it cannot be read")
        return await runs(message, context)

    deploy(handler(Message, concurrency=talk)(work), maxAsyncRetryAttempts=0)
    reply = fc_local.client.function("reply", concurrency=talk)
    for n in range(3):
        reply.spawn(Message("a", n))
    fc_local.run_until_idle()
    assert of_talk(runs, "a") == [1, 2]
    assert 100 < runs.starts[0] < 190


def test_a_synchronous_handler_keeps_the_limit(
    fc_local: FcLocal, deploy: Callable[..., None], runs: Runs
) -> None:
    ran: list[int] = []

    def work(message: Message, _: object) -> None:
        ran.append(message.n)
        host = hosting.current()
        assert host is not None
        host.sleep(5)

    talk = one_talk(order=True)
    deploy(handler(Message, concurrency=talk)(work))
    reply = fc_local.client.function("reply", concurrency=talk)
    for n in range(5):
        reply.spawn(Message("a", n))
    fc_local.run_until_idle()
    assert ran == [0, 1, 2, 3, 4]


def test_a_message_that_was_stopped_does_not_stop_its_talk(
    fc_local: FcLocal, deploy: Callable[..., None], runs: Runs
) -> None:
    talk = one_talk(order=True)
    runs.seconds = 100
    deploy(handler(Message, concurrency=talk)(runs))
    reply = fc_local.client.function("reply", concurrency=talk)
    tasks = [reply.spawn(Message("a", n)) for n in range(2)]
    fc_local.advance(10)
    tasks[0].stop()
    fc_local.run_until_idle()
    assert of_talk(runs, "a") == [0, 1]


class Away(MemoryStore):
    def create(self, record: Any) -> Any:
        raise ConnectionError("the store is away")


def test_nothing_runs_and_nothing_is_sent_while_the_store_is_away(
    fc_local: FcLocal, deploy: Callable[..., None], runs: Runs
) -> None:
    talk = Concurrency("talk", 1, store=Away(), order=True)
    queue = fc_local.create_queue("failures")
    destination = {"onFailure": {"destination": queue}}
    deploy(handler(Message, concurrency=talk)(runs), destinationConfig=destination)
    reply = fc_local.client.function("reply", concurrency=talk)
    with pytest.raises(OrderingStoreFailed, match="talk: the store failed in create"):
        reply.spawn(Message("a", 0))
    fc_local.client.function("reply").spawn(Message("a", 1))
    fc_local.run_until_idle()
    assert runs.payloads == []
    event = fc_local.receive(queue)
    assert event is not None
    assert event.response.json()["errorType"] == "OrderingStoreFailed"


def test_messages_with_slots_run_in_order_too(
    fc_local: FcLocal, deploy: Callable[..., None], runs: Runs
) -> None:
    talk = one_talk(order=True)
    pace = Pace("crm", "1/10s", store=MemoryStore())
    deploy(handler(Message, concurrency=talk, pace=pace)(runs))
    reply = fc_local.client.function("reply", concurrency=talk, pace=pace)
    for n in range(6):
        reply.spawn(Message("ab"[n % 2], n))
    fc_local.run_until_idle()
    assert [of_talk(runs, "a"), of_talk(runs, "b")] == [[0, 2, 4], [1, 3, 5]]
    assert runs.starts[0] < 1


def test_the_payload_arrives_byte_for_byte(
    fc_local: FcLocal, deploy: Callable[..., None], runs: Runs
) -> None:
    talk = Concurrency("talk", 1, store=MemoryStore(), order=True)
    deploy(handler(bytes, concurrency=talk)(runs))
    reply = fc_local.client.function("reply", concurrency=talk)
    sent = [b"", b"\xff\x00", b'{"a": 1.50,\n "a": 2}', "面".encode(), b" 7", b"null"]
    for payload in sent:
        reply.spawn(payload)
    fc_local.run_until_idle()
    assert runs.payloads == sent


def test_a_message_that_was_sent_before_takes_no_ticket(
    fc_local: FcLocal, deploy: Callable[..., None], runs: Runs
) -> None:
    talk = one_talk(order=True)
    deploy(handler(Message, concurrency=talk)(runs))
    reply = fc_local.client.function("reply", concurrency=talk)
    for n in range(3):
        reply.spawn(Message("a", n), task_id=f"t{n}")
    # A sender that was killed begins again with the same ids.
    for n in range(5):
        with contextlib.suppress(AsyncTaskAlreadyExists):
            reply.spawn(Message("a", n), task_id=f"t{n}")
    fc_local.run_until_idle()
    assert of_talk(runs, "a") == [0, 1, 2, 3, 4]
    assert runs.starts[-1] < 60, "none waited for a message that is missing"


def test_the_state_of_a_key_is_shown(
    fc_local: FcLocal, deploy: Callable[..., None], runs: Runs
) -> None:
    talk = one_talk(order=True)
    deploy(handler(Message, concurrency=talk)(runs))
    reply = fc_local.client.function("reply", concurrency=talk)
    for n in range(4):
        reply.spawn(Message("a", n))
    fc_local.advance(1)
    assert talk.state("a") == State(running=1, waiting=3, seconds=0)
    fc_local.run_until_idle()
    assert talk.state("a") == State(running=0, waiting=0, seconds=5)


def test_what_does_not_fit_together_is_refused() -> None:
    for wrong in (
        {"limit": 0},
        {"mode": "replace"},
        {"mode": "skip", "order": True},
        {"mode": "cancel", "limit": 2},
        {"patience": 0},
        {"missing": 10},
        {"store": "redis://"},
    ):
        with pytest.raises(InvalidParameter, match=min(wrong)):
            Concurrency("talk", **{"limit": 1, **wrong})  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="'patient'"):
        Concurrency("talk", patient=3)  # type: ignore[call-arg]


def test_a_list_has_no_order(fc_local: FcLocal) -> None:
    reply = fc_local.client.function("reply", concurrency=one_talk(order=True))
    with pytest.raises(InvalidParameter, match="send with spawn"):
        reply.map([Message("a", 1)])
