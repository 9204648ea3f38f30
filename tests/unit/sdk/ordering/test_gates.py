# SPDX-License-Identifier: MIT
"""A process that is killed at any write of its store: no message is lost, no key stays taken."""

from __future__ import annotations

import heapq
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from fc_async_sdk._pacing import hosting
from fc_async_sdk._payloads.envelopes import content
from fc_async_sdk.errors import AsyncTaskNotFound
from fc_async_sdk.events import handler
from fc_async_sdk.operations import AcceptedInvocation
from fc_async_sdk.ordering import Concurrency, Debounce
from fc_async_sdk.stores import MemoryStore

if TYPE_CHECKING:
    from collections.abc import Callable

START = 1_790_000_000.0


class Killed(BaseException):
    """The end of a process, at which no code runs any more."""


class Mortal(MemoryStore):
    """A store whose process is killed at one of its writes.

    Attributes:
        writes: How many there were.
        dead: Whether the process has been killed, and not started again.
        is_over: Whether no process is killed any more.
    """

    def __init__(self, at: int, *, after: bool) -> None:
        super().__init__()
        self._at = at
        self._after = after
        self.writes = 0
        self.dead = False
        self.is_over = False

    def _write(self, verb: Callable[..., Any], *arguments: Any) -> Any:
        if self.dead:
            raise Killed
        self.writes += 1
        is_last = self.writes == self._at and not self.is_over
        answer = verb(*arguments) if self._after or not is_last else None
        if is_last:
            self.dead = True
            raise Killed
        return answer

    def create(self, record: Any) -> Any:
        return self._write(super().create, record)

    def replace(self, record: Any, expected: str) -> Any:
        return self._write(super().replace, record, expected)


class Service:
    """Delivers messages at least once, in virtual time, and keeps task ids."""

    def __init__(self, work: Callable[[Any, Any], Any], store: Mortal) -> None:
        self._work = work
        self._store = store
        self._queue: list[tuple[float, int, bytes, str, int]] = []
        self._ids: set[str] = set()
        self._count = 0
        self.now = START

    def invoke_async(self, _: str, payload: bytes, **options: Any) -> AcceptedInvocation:
        task_id = options["task_id"]
        if task_id in self._ids:
            return AcceptedInvocation(request_id="r", task_id=task_id, duplicate=True)
        self._ids.add(task_id)
        self._count += 1
        self.put(payload, f"r-{self._count}", options["delay"])
        return AcceptedInvocation(request_id="r", task_id=task_id)

    def get_async_task(self, _: str, task_id: str, **__: Any) -> None:
        if task_id not in self._ids:
            raise AsyncTaskNotFound("AsyncTaskNotFound", "no such task", http_status=404)

    def put(self, payload: bytes, request_id: str, later: float, attempt: int = 0) -> None:
        entry = (self.now + later, len(self._queue), payload, request_id, attempt)
        heapq.heappush(self._queue, entry)

    def run(self) -> None:
        while self._queue:
            moment, _, payload, request_id, attempt = heapq.heappop(self._queue)
            self.now = max(self.now, moment)
            context = SimpleNamespace(
                request_id=request_id,
                retry_count=attempt,
                function=SimpleNamespace(name="reply", timeout=60),
            )
            try:
                self._work(payload, context)
            except Killed:
                self._store.dead = False  # another process
                self.put(payload, request_id, 1, attempt + 1)


def messages_under_a_kill(at: int, *, after: bool, order: bool) -> int:
    """Deliver four messages to a process that is killed at a write, and return all its writes."""
    store = Mortal(at, after=after)
    done: list[int] = []

    def work(number: int, _: object) -> None:
        assert not store.dead
        done.append(number)

    talk = Concurrency("talk", 1, store=store, order=order, chance=lambda: 0.5)
    service = Service(handler(int, concurrency=talk)(work), store)
    for number in range(4):
        service.put(b"%d" % number, f"first-{number}", number)
    host = hosting.Host(service, lambda: service.now, None, None)  # type: ignore[arg-type]
    with hosting.hosted(host):
        service.run()
        writes = store.writes
        store.is_over = True
        assert talk.state().running == 0, at
    assert sorted(set(done)) == [0, 1, 2, 3], at
    # Two minutes for a ticket whose message was killed before it was sent on.
    assert service.now - START < 400, at
    return writes


@pytest.mark.parametrize("order", [False, True])
@pytest.mark.parametrize("after", [False, True])
def test_a_kill_at_any_write_loses_no_message_and_leaves_no_key_taken(
    after: bool, order: bool
) -> None:
    writes = at = 1
    while at <= writes:
        writes = messages_under_a_kill(at, after=after, order=order)
        at += 1
    assert at > 8


def window_under_a_kill(at: int, *, after: bool) -> int:
    """Deliver a burst to a process that is killed at a write, and return all its writes."""
    store = Mortal(at, after=after)
    done: list[int] = []

    def work(number: int, _: object) -> None:
        assert not store.dead
        done.append(number)

    debounce = Debounce("reply", 3, max_wait=30, store=store)
    service = Service(handler(int, debounce=debounce)(work), store)
    for number in range(4):
        service.put(b"%d" % number, f"first-{number}", number)
    host = hosting.Host(service, lambda: service.now, None, None)  # type: ignore[arg-type]
    with hosting.hosted(host):
        service.run()
        writes = store.writes
        store.is_over = True
        assert debounce.state().waiting == 0, at
    assert done[-1] == 3, (at, done)
    assert 1 <= len(done) <= 2, (at, done)
    assert service.now - START < 400, at
    return writes


@pytest.mark.parametrize("after", [False, True])
def test_a_kill_at_any_write_leaves_a_burst_that_runs(after: bool) -> None:
    writes = at = 1
    while at <= writes:
        writes = window_under_a_kill(at, after=after)
        at += 1
    assert at > 8


def test_a_sender_that_is_killed_before_it_sends_leaves_no_window_that_never_runs() -> None:
    store = MemoryStore()
    now = START
    debounce = Debounce("reply", 3, store=store, clock=lambda: now)
    killed = debounce.offer(None, content(b"1"))
    assert not killed.sent
    second = debounce.offer(None, content(b"2"))
    assert (second.id, second.sent) == (killed.id, False), "the next caller sends it"
    debounce.confirm(None, second)
    assert debounce.offer(None, content(b"3")).sent
    now += 700
    late = debounce.offer(None, content(b"4"))
    assert not late.sent, "what carried it is late: it is sent a second time"
    assert late.task_id != second.task_id


def test_a_handler_that_is_called_with_an_object_keeps_no_limit() -> None:
    talk = Concurrency("talk", 1, mode="skip")
    work = handler(int, concurrency=talk)(lambda number, _: number)
    assert [work(number, None) for number in range(3)] == [0, 1, 2]
