# SPDX-License-Identifier: MIT
"""What a limit of messages of a key needs of every store."""

from __future__ import annotations

import threading
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from typing import TYPE_CHECKING

from fc_async_sdk._ordering.concurrency import Held, Wait
from fc_async_sdk.ordering import Concurrency, State

if TYPE_CHECKING:
    from fc_async_sdk.stores import Store


def delivery(request_id: str, attempt: int = 0) -> SimpleNamespace:
    function = SimpleNamespace(name="reply", timeout=60)
    return SimpleNamespace(request_id=request_id, retry_count=attempt, function=function)


def test_instances_at_the_same_time_run_one_message_of_a_key(store: Store) -> None:
    name = f"talk-{uuid.uuid4()}"
    running = threading.Semaphore(1)
    ran: list[str] = []

    def instance(number: int) -> None:
        talk = Concurrency(name, 1, store=store)
        for message in range(3):
            request = f"r-{number}-{message}"
            while True:
                standing = talk.enter("a", delivery(request))
                if isinstance(standing, Held):
                    break
                time.sleep(0.002)
            assert running.acquire(blocking=False), "another message of the key runs"
            ran.append(request)
            running.release()
            talk.leave(standing)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(instance, range(4)))
    assert len(set(ran)) == len(ran) == 12
    assert Concurrency(name, 1, store=store).state("a").running == 0


def test_tickets_are_given_out_once_and_start_in_order(store: Store) -> None:
    name = f"talk-{uuid.uuid4()}"

    def sender(_: int) -> list[int]:
        talk = Concurrency(name, 1, store=store, order=True)
        return [talk.take_ticket("店铺") for _ in range(3)]

    with ThreadPoolExecutor(3) as pool:
        tickets = sorted(ticket for batch in pool.map(sender, range(3)) for ticket in batch)
    assert tickets == [*range(1, 10)]
    talk = Concurrency(name, 1, store=store, order=True)
    second = talk.enter("店铺", delivery("r-2"), ticket=2)
    assert isinstance(second, Wait)
    first = talk.enter("店铺", delivery("r-1"), ticket=1)
    assert isinstance(first, Held)
    assert talk.state("店铺") == State(running=1, waiting=8, seconds=0)
    talk.leave(first)
    assert isinstance(talk.enter("店铺", delivery("r-2"), ticket=2), Held)


def test_a_retry_takes_the_lease_of_a_killed_attempt_over(store: Store) -> None:
    name = f"talk-{uuid.uuid4()}"
    talk = Concurrency(name, 1, store=store)
    killed = talk.enter(None, delivery("r-1"))
    assert isinstance(killed, Held)
    assert isinstance(talk.enter(None, delivery("r-2")), Wait)
    retry = talk.enter(None, delivery("r-1", attempt=1))
    assert isinstance(retry, Held)
    talk.leave(killed)  # it was not killed, but came late: it gives nothing back
    assert isinstance(talk.enter(None, delivery("r-2")), Wait)
    talk.leave(retry)
    assert isinstance(talk.enter(None, delivery("r-2")), Held)
