# SPDX-License-Identifier: MIT
"""Threads of a worker and the frames that they send."""

from __future__ import annotations

import socket
import threading
from queue import SimpleQueue

from fc_async_local.execution.worker import frames
from fc_async_local.execution.worker.threads import Outbox, Threads


def test_calls_run_at_the_same_time() -> None:
    meeting = threading.Barrier(4)
    threads = Threads(3, lambda: meeting.wait(60))
    for _ in range(3):
        threads.submit()
    meeting.wait(60)


def test_a_thread_that_is_free_is_used_again() -> None:
    names: SimpleQueue[str] = SimpleQueue()
    threads = Threads(10, lambda: names.put(threading.current_thread().name))
    seen = set()
    for _ in range(50):
        threads.submit()
        seen.add(names.get(timeout=60))
    assert len(seen) < 10


def test_there_are_no_more_threads_than_allowed() -> None:
    names: SimpleQueue[str] = SimpleQueue()
    threads = Threads(2, lambda: names.put(threading.current_thread().name))
    for _ in range(20):
        threads.submit()
    assert len({names.get(timeout=60) for _ in range(20)}) <= 2


def test_frames_of_many_threads_arrive_whole_and_once() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        outbox = Outbox(ours)

        def send(thread: int) -> None:
            for number in range(200):
                outbox.send(frames.encode({"from": thread, "number": number}, b"x" * number))

        senders = [threading.Thread(target=send, args=(number,)) for number in range(8)]
        for sender in senders:
            sender.start()
        stream = frames.stream(theirs)
        received = [next(stream)[0] for _ in range(1600)]
        for sender in senders:
            sender.join()
    for thread in range(8):
        numbers = [one["number"] for one in received if one["from"] == thread]
        assert numbers == list(range(200))


def test_a_flush_returns_when_everything_is_sent() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        outbox = Outbox(ours)
        outbox._frames.append(frames.encode({"left": "behind"}))
        outbox.flush()
        assert frames.receive(theirs) == ({"left": "behind"}, b"")
