# SPDX-License-Identifier: MIT
"""Which waiters a wake-up wakes and when, and what is published to other nodes."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from fc_async_local.clock import VirtualClock
from fc_async_local.wakeups import POLL_SURVEY_MS, Lines, Wakeups
from fc_async_tests.channels import LostHints, MemoryChannel

if TYPE_CHECKING:
    from collections.abc import Sequence


class TestLines:
    def test_the_longest_waiting_is_taken_first_and_once(self) -> None:
        lines: Lines[str] = Lines()
        for waiter in "abc":
            lines.join("t", waiter)
        assert [lines.take("t", count=2), lines.take("t"), lines.take("t")] == [
            ["a", "b"],
            ["c"],
            [],
        ]

    def test_each_topic_has_a_line_of_its_own(self) -> None:
        lines: Lines[str] = Lines()
        lines.join("t", "a")
        lines.join("u", "b")
        assert (lines.take("u"), lines.topics()) == (["b"], ["t"])

    def test_a_waiter_that_joins_again_is_last_in_line(self) -> None:
        lines: Lines[str] = Lines()
        for waiter in "aba":
            lines.leave("t", waiter)
            lines.join("t", waiter)
        assert lines.take("t") == ["b", "a"]

    @pytest.mark.parametrize(
        ("at", "taken"),
        [(None, ["late", "open"]), (5, ["late", "open"]), (10, ["open"]), (11, ["open"])],
    )
    def test_a_wake_up_takes_no_waiter_that_ends_before_it(
        self, at: int | None, taken: list[str]
    ) -> None:
        lines: Lines[str] = Lines()
        lines.join("t", "late")
        lines.note_end("t", "late", 10)
        lines.join("t", "open")
        lines.note_end("t", "open", None)
        assert lines.take("t", at=at) == taken

    def test_no_topic_is_remembered_without_a_waiter(self) -> None:
        lines: Lines[str] = Lines()
        lines.join("t", "a")
        lines.join("u", "b")
        lines.leave("t", "a")
        lines.take("u")
        lines.leave("u", "b")
        lines.note_end("u", "b", 1)
        assert (lines.topics(), len(lines)) == ([], 0)


class Box:
    """Something that can be polled for."""

    def __init__(self) -> None:
        self.content: list[str] = []
        self.looks = 0
        self.blocked: asyncio.Event | None = None

    async def take(self) -> tuple[Sequence[str], int | None]:
        self.looks += 1
        await asyncio.sleep(0)
        if self.blocked is not None:
            await self.blocked.wait()
        found, self.content = self.content[:1], self.content[1:]
        return found, None


async def settle() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


def begin(wakeups: Wakeups, box: Box, deadline: int = 10**15) -> asyncio.Task[Sequence[str]]:
    return asyncio.ensure_future(wakeups.poll("box", box.take, deadline=deadline))


def play(scene) -> Any:
    return asyncio.run(scene(VirtualClock()))


def test_a_poll_ends_when_there_is_something() -> None:
    async def scene(clock: VirtualClock) -> Any:
        wakeups, box = Wakeups(clock), Box()
        first, second = begin(wakeups, box), begin(wakeups, box)
        await settle()
        box.content.append("a")
        wakeups.announce("box", count=1)
        await settle()
        ended = first.done(), second.done()
        second.cancel()
        return ended, await first

    assert play(scene) == ((True, False), ["a"])


def test_a_poll_that_found_nothing_ends_at_its_deadline() -> None:
    async def scene(clock: VirtualClock) -> Any:
        box = Box()
        poll = begin(Wakeups(clock), box, clock.now() + 30_000)
        await settle()
        clock.set(clock.now() + 30_000)
        return await poll, box.looks

    assert play(scene) == ([], 2)


def test_a_wake_up_during_a_look_makes_the_poll_look_again() -> None:
    async def scene(clock: VirtualClock) -> Any:
        wakeups, box = Wakeups(clock), Box()
        poll = begin(wakeups, box)
        await asyncio.sleep(0)
        assert box.looks == 1
        wakeups.wake("box", count=1)
        await settle()
        assert box.looks == 2
        box.content.append("a")
        wakeups.wake("box", count=1)
        return await poll

    assert play(scene) == ["a"]


@pytest.mark.parametrize("looking", [False, True])
def test_the_wake_up_of_a_poll_that_was_cancelled_goes_to_the_next(looking: bool) -> None:
    async def scene(clock: VirtualClock) -> Any:
        wakeups, box = Wakeups(clock), Box()
        leaving, staying = begin(wakeups, box), begin(wakeups, box)
        await settle()
        box.blocked = asyncio.Event()
        wakeups.wake("box", count=1)
        if looking:
            await settle()
        assert box.looks == 2 + looking
        leaving.cancel()
        await settle()
        box.content.append("a")
        box.blocked.set()
        return await staying

    assert play(scene) == ["a"]


def test_ending_the_polls_ends_those_that_wait_and_those_that_come() -> None:
    async def scene(clock: VirtualClock) -> Any:
        wakeups, box = Wakeups(clock), Box()
        waiting = begin(wakeups, box)
        await settle()
        wakeups.end_polls()
        return await waiting, await begin(wakeups, box)

    assert play(scene) == ([], [])


def test_a_waiter_is_woken_for_what_is_due_before_it_looks_in_any_case() -> None:
    async def scene(clock: VirtualClock) -> Any:
        wakeups, start = Wakeups(clock), clock.now()
        with wakeups.waiter("t") as waiter:
            waiting = asyncio.ensure_future(waiter.wait(start + 100))
            await settle()
            wakeups.wake("t", at=start + 100)
            await settle()
            before = waiting.done()
            wakeups.wake("t", at=start + 99)
            await waiting
        return before

    assert play(scene) is False


def test_a_hint_wakes_the_waiters_of_other_nodes_and_no_more_than_it_says() -> None:
    async def scene(clock: VirtualClock) -> Any:
        here, there = (Wakeups(clock, channel) for channel in MemoryChannel.pair())
        box = Box()
        polls = [begin(there, box), begin(there, box)]
        await settle()
        box.content.append("a")
        here.announce("box", count=0)
        await settle()
        nothing = [poll.done() for poll in polls]
        here.announce("box", count=1)
        await settle()
        one = [poll.done() for poll in polls]
        there.end_polls()
        await asyncio.gather(*polls)
        return nothing, one

    assert play(scene) == ([False, False], [True, False])


def test_a_poll_finds_what_a_lost_hint_was_about_after_the_survey_interval() -> None:
    async def scene(clock: VirtualClock) -> Any:
        box = Box()
        poll = begin(Wakeups(clock, LostHints()), box)
        await settle()
        box.content.append("a")
        clock.set(clock.now() + POLL_SURVEY_MS)
        return await poll

    assert play(scene) == ["a"]


def test_a_single_node_never_surveys() -> None:
    async def scene(clock: VirtualClock) -> Any:
        wakeups = Wakeups(clock)
        with wakeups.waiter("t", survey_ms=1) as waiter:
            waiting = asyncio.ensure_future(waiter.wait())
            await settle()
            due = clock.next_wake()
            waiting.cancel()
        return due, wakeups.shared

    assert play(scene) == (None, False)
