# SPDX-License-Identifier: MIT
"""Waits and ends of tasks: a cancellation is never lost."""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path

import pytest

import fc_async_local
import fc_async_plugin
import fc_async_sdk
from fc_async_sdk import _cancellation
from fc_async_sdk._cancellation import end_tasks, ends_within


def test_a_task_ends_although_it_lost_its_first_cancellation(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(_cancellation, "_AGAIN_SECONDS", 0)

    async def forgetful() -> None:
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.Event().wait()
        await asyncio.Event().wait()

    async def scenario() -> bool:
        task = asyncio.ensure_future(forgetful())
        await asyncio.sleep(0)
        await end_tasks(task, asyncio.ensure_future(asyncio.sleep(0)))
        return task.cancelled()

    assert asyncio.run(scenario())


def test_a_cancellation_that_comes_with_the_end_of_the_work_is_not_lost() -> None:
    async def scenario() -> None:
        work = asyncio.get_running_loop().create_future()
        waiting = asyncio.ensure_future(ends_within(60, work))
        await asyncio.sleep(0)
        work.set_result(None)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting

    asyncio.run(scenario())


def test_work_that_takes_longer_is_cancelled_and_work_in_time_keeps_its_result() -> None:
    async def scenario() -> tuple[bool, bool, bool, int]:
        slow = asyncio.ensure_future(asyncio.Event().wait())
        in_time = await ends_within(0, slow)
        await asyncio.wait({slow})
        quick = asyncio.ensure_future(asyncio.sleep(0, 7))
        return in_time, slow.cancelled(), await ends_within(60, quick), quick.result()

    assert asyncio.run(scenario()) == (False, True, True, 7)


@pytest.mark.parametrize("package", [fc_async_sdk, fc_async_local, fc_async_plugin])
def test_no_module_waits_in_a_way_that_may_lose_a_cancellation(package) -> None:
    root = Path(package.__file__).parent
    found = [
        file.name
        for file in root.rglob("*.py")
        if "asyncio.wait_for(" in file.read_text(encoding="utf-8")
    ]
    assert found == []
