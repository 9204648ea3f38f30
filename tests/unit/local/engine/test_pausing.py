# SPDX-License-Identifier: MIT
"""What a node parks that has not heard of a resume is found, also after a restart."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fc_async_local.domain.pausing import Pause
from fc_async_local.domain.states import Status

if TYPE_CHECKING:
    from tests.unit.local.engine.conftest import Play, TableCatalog, World

PAUSED = Pause(since=0)


def heard_late(registry: TableCatalog, times: int) -> None:
    """Let a node see a pause so often that has ended."""
    seen = iter([PAUSED] * times)

    async def pause(function: str, *, known: bool = False) -> Pause | None:
        return next(seen, None)

    registry.pause = pause  # type: ignore[method-assign]


def test_a_node_that_parked_after_the_resume_finds_out_by_itself(play: Play) -> None:
    async def scenario(world: World) -> None:
        world.function("orders", lambda *_: b"")
        heard_late(world.registry, 1)
        await world.invoke("orders", b"x", task_id="t")
        await world.engine.advance(1_000)
        assert await world.status("orders", "t") is Status.SUCCEEDED

    play(scenario)


def test_what_a_killed_node_left_parked_runs_after_its_restart(play: Play) -> None:
    async def scenario(world: World) -> None:
        world.function("orders", lambda *_: b"")
        # It parks, looks whether that was right, and is killed before it hears of the resume.
        heard_late(world.registry, 2)
        await world.invoke("orders", b"x", task_id="t")
        await world.engine.advance(1_000)
        assert await world.store.parked() == ["orders"]
        assert world.runs == []
        await world.engine.aclose()
        await world.new_engine().start(world.destinations)
        await world.engine.advance(1_000)
        assert len(world.runs) == 1

    play(scenario)


def test_nothing_wakes_during_a_pause_before_the_end_of_an_age(play: Play) -> None:
    async def scenario(world: World) -> None:
        world.function("orders", lambda *_: b"", age=600)
        world.registry.pauses["orders"] = PAUSED
        await world.invoke("orders", b"x", task_id="t")
        await world.engine.run_until_idle()
        assert world.now == 600_000
        assert await world.status("orders", "t") is Status.EXPIRED
        steps = await world.steps("orders", "t")
        assert steps == ["Enqueued", "Dequeued", "Enqueued", "Dequeued", "Expired"]

    play(scenario)
