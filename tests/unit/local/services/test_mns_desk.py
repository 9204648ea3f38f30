# SPDX-License-Identifier: MIT
"""What is at hand of a queue in memory: right, or silent."""

from __future__ import annotations

from typing import Any

import pytest

from fc_async_local.services.mns.desk import WINDOW, WINDOW_CHARACTERS, Desk, Layout
from fc_async_local.services.mns.model import Message, Queue, QueueAttributes, Receipt

NOW = 1_700_000_000_000


def queue(**attributes: Any) -> Any:
    return Queue(
        name="q", attributes=QueueAttributes(**attributes), created_at=NOW, modified_at=NOW
    )


def message(sequence: Any, *, priority: Any = 8, delay: Any = 0, body: Any = "x") -> Any:
    return Message(
        sequence=sequence,
        message_id=f"{sequence:X}",
        body=body,
        priority=priority,
        enqueued_at=NOW,
        visible_at=NOW + delay,
    )


def layout(*ready: Any, **fields: Any) -> Any:
    given = {"whole": True, "next_visible_at": None, "oldest": NOW, "newest": 100}
    return Layout(queue=fields.pop("queue", queue()), ready=ready, **(given | fields))


def laid(*ready: Any, **fields: Any) -> Any:
    desk = Desk()
    desk.begin(1)
    assert desk.lay(layout(*ready, **fields))
    return desk


def numbers(taken: Any) -> Any:
    return None if taken is None else [found.sequence for found in taken]


def receipts(taken: Any) -> Any:
    return [Receipt(found.sequence, found.claims, found.message_id) for found in taken]


def test_messages_are_taken_in_the_order_in_which_they_lie() -> None:
    desk = laid(message(3, priority=1), message(1), message(2))
    assert [numbers(desk.take(2, NOW)), numbers(desk.take(2, NOW))] == [[3, 1], [2]]


def test_a_desk_that_was_not_laid_out_says_nothing() -> None:
    assert Desk().take(1, NOW) is None


def test_an_empty_desk_says_nothing() -> None:
    assert laid().take(1, NOW) is None


@pytest.mark.parametrize(("whole", "taken"), [(True, [1]), (False, None)])
def test_fewer_than_were_asked_for_are_all_there_is(whole: Any, taken: Any) -> None:
    assert numbers(laid(message(1), whole=whole).take(2, NOW)) == taken


@pytest.mark.parametrize(
    "fields",
    [
        {"next_visible_at": NOW + 60_000},
        {"oldest": NOW, "queue": queue(message_retention_period=60)},
    ],
)
def test_it_is_silent_from_the_moment_at_which_something_changes(fields: Any) -> None:
    desk = laid(message(1), message(2), **fields)
    assert numbers(desk.take(1, NOW + 59_999)) == [1]
    assert desk.take(1, NOW + 60_000) is None


def test_a_message_that_was_taken_may_come_back_before_the_others() -> None:
    desk = laid(message(1), message(2), queue=queue(visibility_timeout=10))
    desk.take(1, NOW)
    assert desk.take(1, NOW + 10_000) is None


def test_what_is_sent_lies_where_it_belongs() -> None:
    desk = laid(message(1), message(2))
    desk.add([message(101), message(102, priority=1)])
    assert numbers(desk.take(4, NOW)) == [102, 1, 2, 101]


def test_what_was_there_when_it_was_laid_out_is_not_added_again() -> None:
    desk = laid(message(1), newest=7)
    desk.add([message(7)])
    assert numbers(desk.take(2, NOW)) == [1]


def test_what_is_sent_behind_others_that_are_not_here_is_left_to_the_next_layout() -> None:
    desk = laid(message(1), message(2), whole=False)
    desk.add([message(101), message(102, priority=1)])
    assert numbers(desk.take(3, NOW)) == [102, 1, 2]
    assert desk.is_low(1)


def test_what_is_sent_with_a_delay_ends_the_silence_in_time() -> None:
    desk = laid(message(1))
    desk.add([message(101, delay=5_000)])
    assert desk.take(1, NOW + 5_000) is None


def test_what_is_sent_while_it_is_laid_out_is_not_forgotten() -> None:
    desk = Desk()
    desk.lock._locked = True
    desk.begin(1)
    desk.add([message(101)])
    desk.lay(layout(message(1)))
    assert numbers(desk.take(2, NOW)) == [1, 101]


def test_no_more_than_a_window_lies_there() -> None:
    desk = laid()
    desk.add([message(101 + n) for n in range(WINDOW + 5)])
    assert len(desk.take(WINDOW, NOW)) == WINDOW
    assert desk.is_low(1)


def test_a_long_body_is_left_to_the_next_layout_with_all_behind_it() -> None:
    desk = laid(message(1))
    desk.add([message(101, body="x" * WINDOW_CHARACTERS)])
    desk.add([message(102)])
    assert numbers(desk.take(1, NOW)) == [1]
    assert desk.is_low(1)


def test_a_disturbed_layout_does_not_count() -> None:
    desk = Desk()
    desk.begin(1)
    desk.disturb()
    assert not desk.lay(layout(message(1)))
    assert desk.take(1, NOW) is None


@pytest.mark.parametrize("early", [True, False])
def test_what_is_hidden_for_less_ends_the_silence_in_time(early: Any) -> None:
    desk = Desk()
    desk.begin(1)
    if early:
        desk.expect(NOW + 1_000)
    desk.lay(layout(message(1), message(2)))
    if not early:
        desk.expect(NOW + 1_000)
    assert numbers(desk.take(1, NOW + 999)) == [1]
    assert desk.take(1, NOW + 1_000) is None


def test_a_good_handle_drops_its_message_once() -> None:
    desk = laid(message(1))
    given = receipts(desk.take(1, NOW))
    assert desk.drop(given * 2, NOW) == [True, False]


@pytest.mark.parametrize(
    ("fields", "elapsed", "good"),
    [
        ({}, 29_999, True),
        ({}, 30_000, False),
        ({"queue": queue(message_retention_period=60, visibility_timeout=100)}, 59_999, True),
        ({"queue": queue(message_retention_period=60, visibility_timeout=100)}, 60_000, False),
    ],
)
def test_a_handle_is_good_as_long_as_its_message_is_hidden_and_kept(
    fields: Any, elapsed: Any, good: Any
) -> None:
    desk = laid(message(1), **fields)
    assert desk.drop(receipts(desk.take(1, NOW)), NOW + elapsed) == [good]


def test_a_batch_with_a_message_from_elsewhere_is_left_alone() -> None:
    desk = laid(message(1))
    given = receipts(desk.take(1, NOW))
    assert desk.drop([*given, Receipt(9, 1, "9")], NOW) is None
    assert desk.drop(given, NOW) == [True]


def test_bodies_are_not_kept_once_they_were_given_away() -> None:
    desk = laid(message(1, body="x" * 1_000))
    desk.take(1, NOW)
    assert [held.body for held in desk._held.values()] == [""]


def test_the_more_are_taken_the_more_are_laid_out() -> None:
    desk = Desk()
    wanted = []
    for _ in range(4):
        wanted.append(desk.begin(1))
        desk.lay(layout(*(message(n) for n in range(wanted[-1])), whole=False))
        for _ in range(wanted[-1]):
            desk.take(1, NOW)
    assert wanted == [16, 32, 64, 64]
    assert [desk.begin(1), desk.begin(1), desk.begin(16)] == [64, 1, 16]
