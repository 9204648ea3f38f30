# SPDX-License-Identifier: MIT
"""Background work: an unforeseen error is logged, and a loop goes on after it."""

from __future__ import annotations

import ast
import asyncio
from pathlib import Path

import fc_async_local
from fc_async_local.background import keep_running, outage_wait, pause_on, start_task
from fc_async_local.clock import VirtualClock

START_THEIR_OWN = {
    "service.py",  # a change of OSS that the request awaits; it ends also if the client is gone
    "background.py",  # the mechanism itself
    "clock.py",  # waits that are awaited where they are started
    "edge.py",  # the watch of one request, which ends with it
    "dispatching.py",  # the end of a wait that is awaited there
    "streaming.py",  # the receiver of one request, which ends with it
    "embedded.py",  # the main tasks, awaited there
}
"""Files that start tasks without ``start_task``, each with its reason."""


def test_a_loop_goes_on_after_errors_and_its_waits_grow(caplog) -> None:
    clock = VirtualClock(0)
    turns: list[int] = []

    async def turn() -> None:
        turns.append(clock.now())
        if len(turns) in {1, 2}:
            raise KeyError("unforeseen")
        if len(turns) == 3:
            raise OSError("foreseen")
        await clock.wait(clock.now() + 1_000)

    async def scenario() -> None:
        loop = start_task(
            "loop", keep_running("loop", turn, pause_on(clock), unavailable=(OSError,))
        )
        await clock.advance(3_000)
        loop.cancel()
        await asyncio.wait({loop})

    asyncio.run(scenario())
    assert turns == [0, 100, 300, 700, 1_700, 2_700]
    assert caplog.text.count("Traceback") == 2
    assert "loop: unavailable (foreseen); tried again in 400 ms" in caplog.text


def test_a_task_that_nothing_awaits_tells_how_it_ended(caplog) -> None:
    async def broken() -> None:
        raise KeyError("unforeseen")

    async def scenario() -> None:
        await asyncio.wait({start_task("a task", broken())})

    asyncio.run(scenario())
    assert "a task: ended unexpectedly" in caplog.text
    assert "KeyError: 'unforeseen'" in caplog.text


def test_a_cancelled_task_is_not_an_error(caplog) -> None:
    async def scenario() -> None:
        task = start_task("a task", asyncio.sleep(60))
        task.cancel()
        await asyncio.wait({task})

    asyncio.run(scenario())
    assert caplog.text == ""


def test_every_background_task_is_started_where_its_errors_are_logged() -> None:
    """Functions run elsewhere, in ``execution``: their tasks belong to a call that awaits them."""
    root = Path(fc_async_local.__file__).parent
    found = set()
    for file in root.rglob("*.py"):
        if "execution" in file.relative_to(root).parts:
            continue
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Attribute) and node.attr in {"create_task", "ensure_future"}:
                found.add(file.name)
    assert found == START_THEIR_OWN


def test_waits_in_an_outage_grow_to_five_seconds() -> None:
    waits = [outage_wait(n) for n in range(1, 9)]
    assert waits == [100, 200, 400, 800, 1_600, 3_200, 5_000, 5_000]
