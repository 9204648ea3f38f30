# SPDX-License-Identifier: MIT
"""Both clocks: nothing early, nothing backwards, virtual time moves only on request."""

from __future__ import annotations

import asyncio
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fc_async_local.clock import RealClock, VirtualClock

START = 1_700_000_000_000


def test_real_time_is_the_machines_time() -> None:
    assert abs(RealClock().now() - time.time_ns() // 1_000_000) < 1_000


class Machine:
    """A machine whose clock can be set and that can sleep. Nanoseconds; times in seconds."""

    def __init__(self) -> None:
        self.wall = START * 1_000_000
        self.steady = 5
        self.clock = RealClock(
            wall=lambda: self.wall, steady=lambda: self.steady, look_seconds=0.001
        )

    def passes(self, seconds: float) -> None:
        self.wall += round(seconds * 1e9)
        self.steady += round(seconds * 1e9)

    def sleeps(self, seconds: float) -> None:
        self.wall += round(seconds * 1e9)

    def is_set(self, seconds: float) -> None:
        self.wall += round(seconds * 1e9)

    @property
    def now(self) -> float:
        """Seconds of the runtime's time since the start."""
        return (self.clock.now() - START) / 1_000

    @property
    def shown(self) -> float:
        """The same of the machine's clock."""
        return (self.wall // 1_000_000 - START) / 1_000


def test_time_does_not_lag_after_the_machine_slept() -> None:
    machine = Machine()
    machine.passes(10)
    machine.sleeps(3_600)
    assert machine.now == 3_610
    machine.passes(1)
    assert machine.now == 3_611


def test_time_goes_on_when_the_machines_clock_is_set_back() -> None:
    machine = Machine()
    machine.passes(10)
    assert machine.now == 10
    machine.is_set(-3_600)
    assert machine.now == 10
    machine.passes(8)
    assert machine.now == 17


def test_time_agrees_with_the_machine_again_after_eight_times_what_it_was_set_back() -> None:
    machine = Machine()
    machine.is_set(-60)
    for _ in range(8):
        machine.passes(59)
        assert machine.now > machine.shown
    machine.passes(8)
    assert machine.now == machine.shown


@given(
    st.lists(
        st.tuples(st.sampled_from(["passes", "sleeps", "is_set"]), st.integers(-10_000, 10_000)),
        max_size=30,
    )
)
def test_time_never_goes_back_stands_still_or_runs_ahead(events: list[tuple[str, int]]) -> None:
    machine = Machine()
    for what, seconds in events:
        before, shown = machine.now, machine.shown
        given_seconds = seconds if what == "is_set" else abs(seconds)
        getattr(machine, what)(given_seconds)
        passed = given_seconds if what == "passes" else 0
        # Not before the machine says so, nor before that much has passed: nothing runs early.
        assert machine.now <= max(machine.shown, before + passed)
        assert machine.now >= max(machine.shown, before + passed * 7 / 8 - 0.002)
        assert machine.now - machine.shown <= max(before - shown, 0) + max(-given_seconds, 0)


def test_a_wait_that_became_due_during_suspend_ends() -> None:
    async def go() -> bool:
        machine = Machine()
        waiting = asyncio.ensure_future(machine.clock.wait(START + 3_600_000))
        await asyncio.sleep(0)
        machine.sleeps(3_600)  # the event loop's own timer does not know
        await asyncio.wait_for(waiting, 30)
        return True

    assert asyncio.run(go())


def test_a_wait_is_not_over_early_when_the_machines_clock_is_set_back() -> None:
    async def go() -> list[float]:
        machine, seen = Machine(), []

        async def wait() -> None:
            await machine.clock.wait(START + 10_000)
            seen.append(machine.steady / 1e9)

        waiting = asyncio.ensure_future(wait())
        for _ in range(60):
            await asyncio.sleep(0.002)
            if machine.steady < 1e9:
                machine.is_set(-5)
            machine.passes(0.25)
        waiting.cancel()
        return seen

    (woken,) = asyncio.run(go())
    assert woken >= 10


@pytest.mark.real_time
def test_a_real_wait_is_never_early() -> None:
    async def go() -> list[int]:
        clock = RealClock()
        late = []
        for ms in (0, 1, 2, 3, 5):
            due = clock.now() + ms
            await clock.wait(due)
            late.append(clock.now() - due)
        return late

    assert min(asyncio.run(go())) >= 0


def test_an_event_ends_a_real_wait_that_has_no_end() -> None:
    async def go() -> None:
        wake = asyncio.Event()
        waiting = asyncio.ensure_future(RealClock().wait(None, wake))
        await asyncio.sleep(0)
        wake.set()
        await asyncio.wait_for(waiting, 5)

    asyncio.run(go())


def test_virtual_time_stands_still() -> None:
    async def go() -> tuple[int, bool]:
        clock = VirtualClock(START)
        waiting = asyncio.ensure_future(clock.wait(START + 1))
        await clock.quiet()
        done = waiting.done()
        waiting.cancel()
        return clock.now(), done

    assert asyncio.run(go()) == (START, False)


def test_advance_stops_at_every_time_that_is_waited_for() -> None:
    async def go() -> list[int]:
        clock, seen = VirtualClock(0), []

        async def tick() -> None:
            for due in (10, 25, 25, 31):
                await clock.wait(due)
                seen.append(clock.now())

        ticking = asyncio.ensure_future(tick())
        await clock.advance(30)
        seen.append(clock.now())
        ticking.cancel()
        return seen

    assert asyncio.run(go()) == [10, 25, 25, 30]


def test_advance_waits_for_work_in_progress_at_each_stop() -> None:
    async def go() -> list[int]:
        clock, seen = VirtualClock(0), []

        async def work() -> None:
            with clock.work():
                await clock.wait(10)
                for _ in range(50):
                    await asyncio.sleep(0)
                seen.append(clock.now())

        working = asyncio.ensure_future(work())
        await clock.advance(1_000)
        await working
        return seen

    assert asyncio.run(go()) == [10]


def test_advance_waits_for_work_in_threads() -> None:
    async def go() -> int:
        clock = VirtualClock(0)

        async def work() -> int:
            with clock.work():
                await clock.wait(10)
                await asyncio.to_thread(time.sleep, 0.02)
                return clock.now()

        working = asyncio.ensure_future(work())
        await clock.advance(1_000)
        return await working

    assert asyncio.run(go()) == 10


def test_work_that_a_time_limit_watches_is_not_asleep() -> None:
    async def go() -> int:
        clock = VirtualClock(0)

        async def work() -> int:
            with clock.work():
                with VirtualClock.aside():
                    limit = asyncio.ensure_future(clock.wait(500))
                for _ in range(50):
                    await asyncio.sleep(0)
                limit.cancel()
                return clock.now()

        working = asyncio.ensure_future(work())
        await clock.advance(1_000)
        return await working

    assert asyncio.run(go()) == 0


def test_an_event_that_is_set_ends_a_virtual_wait_without_time() -> None:
    async def go() -> tuple[int, int | None]:
        clock, wake = VirtualClock(START), asyncio.Event()
        waiting = asyncio.ensure_future(clock.wait(START + 9, wake))
        await clock.quiet()
        wake.set()
        await waiting
        return clock.now(), clock.next_wake()

    assert asyncio.run(go()) == (START, None)


def test_setting_virtual_time_back_ends_no_wait() -> None:
    async def go() -> tuple[bool, int]:
        clock = VirtualClock(START)
        waiting = asyncio.ensure_future(clock.wait(START + 5))
        await clock.quiet()
        clock.set(START - 1_000)
        await clock.quiet()
        early = waiting.done()
        await clock.advance(1_005)
        await waiting
        return early, clock.now()

    assert asyncio.run(go()) == (False, START + 5)


def test_time_never_advances_backwards() -> None:
    with pytest.raises(ValueError, match="ms=-1"):
        asyncio.run(VirtualClock().advance(-1))


def test_a_cancellation_that_comes_with_the_event_is_not_lost() -> None:
    async def go() -> bool:
        wake = asyncio.Event()
        waiting = asyncio.ensure_future(RealClock().wait(None, wake))
        await asyncio.sleep(0)
        wake.set()
        await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.wait({waiting})
        return waiting.cancelled()

    assert asyncio.run(go())
