# SPDX-License-Identifier: MIT
"""What a debounce needs of every store."""

from __future__ import annotations

import uuid
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from typing import TYPE_CHECKING

from fc_async_sdk._ordering.debounce import Ended, Later, Taken
from fc_async_sdk._payloads.envelopes import content
from fc_async_sdk.ordering import Burst, Debounce

if TYPE_CHECKING:
    from fc_async_sdk.stores import Store

NOW = 1_790_000_000.0


def delivery(request_id: str, attempt: int = 0) -> SimpleNamespace:
    function = SimpleNamespace(name="reply", timeout=60)
    return SimpleNamespace(request_id=request_id, retry_count=attempt, function=function)


def test_messages_of_several_senders_become_one_run(store: Store) -> None:
    name = f"reply-{uuid.uuid4()}"
    now = NOW

    def debounce() -> Debounce:
        return Debounce(name, 3, store=store, clock=lambda: now)

    def send(sender: int) -> set[str]:
        mine = debounce()
        return {mine.offer("店铺", content(b"%d" % sender)).id for _ in range(3)}

    with ThreadPoolExecutor(4) as pool:
        (window,) = set.union(*pool.map(send, range(4)))
    last = debounce().offer("店铺", content(b'{"last": 1.50}'))
    assert last.id == window
    instance = debounce()
    early = instance.take("店铺", window, content(b"0"), delivery("r-1"))
    assert early == Later(3)
    now += 4
    taken = instance.take("店铺", window, content(b"0"), delivery("r-1"))
    assert isinstance(taken, Taken)
    assert taken.run.payload.open() == b'{"last": 1.50}'
    # Another message that carries the window waits until it is known how the run has ended.
    other = debounce()
    assert other.take("店铺", window, content(b"0"), delivery("r-2")) == Later(60)
    retry = other.take("店铺", window, content(b"0"), delivery("r-1", attempt=1))
    assert isinstance(retry, Taken)
    assert retry.run.payload.open() == b'{"last": 1.50}'
    other.end(retry)
    assert isinstance(other.take("店铺", window, content(b"0"), delivery("r-2")), Ended)
    assert other.state("店铺") == Burst(waiting=0, calls=13, runs=1, replaced=12)


def test_a_window_that_the_store_has_lost_runs_with_what_its_message_carries(store: Store) -> None:
    debounce = Debounce(f"reply-{uuid.uuid4()}", 3, store=store)
    taken = debounce.take(None, "lost", content(b"7"), delivery("r-1"))
    assert isinstance(taken, Taken)
    assert taken.run.payload.open() == b"7"
