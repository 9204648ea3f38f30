# SPDX-License-Identifier: MIT
"""Order and bounds of the invocations that a node holds."""

from __future__ import annotations

from fc_async_local.domain.invocation import Invocation
from fc_async_local.engine.ready import Held, ReadyQueue


def held(name: str, due_at: int = 0) -> Held:
    return Held(
        Invocation(
            request_id=name,
            task_id=name,
            function="f",
            qualifier="LATEST",
            payload=b"",
            accepted_at=0,
            due_at=due_at,
            task_mode=False,
        )
    )


def filled(slots: int, **due: int) -> ReadyQueue:
    ready = ReadyQueue(slots)
    for name, due_at in due.items():
        ready.add(held(name, due_at))
    return ready


def names(found: list[Held]) -> list[str]:
    return [one.invocation.request_id for one in found]


def test_an_invocation_begins_once_and_not_before_it_is_due() -> None:
    ready = filled(9, a=20, b=10)
    assert names(ready.take_due(9)) == []
    assert ready.next_due == 10
    assert names(ready.take_due(10)) == ["b"]
    assert names(ready.take_due(99)) == ["a"]
    assert ready.next_due is None
    assert names(ready.take_due(99)) == []


def test_equally_due_invocations_begin_in_the_order_of_their_addition() -> None:
    assert names(filled(9, c=5, a=5, b=5, d=1).take_due(5)) == ["d", "c", "a", "b"]


def test_an_invocation_that_is_not_due_takes_a_slot() -> None:
    assert filled(2, a=0, b=100).room == 0


def test_a_slot_is_free_when_the_function_has_ended_up_to_four_held_per_slot() -> None:
    ready = ReadyQueue(1)
    rooms = []
    for name in "abcd":
        ready.add(held(name))
        ready.free_slot()
        rooms.append(ready.room)
    assert rooms == [1, 1, 1, 0]
    (first, *_) = ready.take_due(0)
    ready.remove(first)
    assert (ready.room, len(ready), ready.get("a")) == (1, 3, None)


def test_only_the_end_that_makes_room_in_a_full_queue_is_reported() -> None:
    ready = filled(2, a=0, b=0)
    assert [ready.free_slot(), ready.free_slot()] == [True, False]
    for name in "cdefgh":
        ready.add(held(name))
        ready.free_slot()
    first, second, *_ = ready.take_due(0)
    assert ready.room == 0
    assert [ready.remove(first), ready.remove(second)] == [True, False]


def test_waiting_entries_are_dropped_and_free_their_slots() -> None:
    ready = filled(2, begun=0, waiting=100)
    ready.take_due(0)
    ready.drop_waiting()
    assert names(list(ready)) == ["begun"]
    assert (ready.room, ready.next_due) == (1, None)
