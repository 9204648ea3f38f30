# SPDX-License-Identifier: MIT
"""Waits and ends of asyncio tasks that lose no cancellation.

Before Python 3.12, ``asyncio.wait_for`` drops a cancellation that comes together with its result
(https://github.com/python/cpython/issues/86296). Nothing of this project calls it.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Awaitable

_AGAIN_SECONDS: Final = 1


async def ends_within(seconds: float, work: Awaitable[Any]) -> bool:
    """Return whether some work has ended after that time; cancel it if not.

    Args:
        seconds: How long to wait; 0 or less looks once.
        work: A coroutine or a task. The result and the error of a task remain in it.
    """
    task = asyncio.ensure_future(work)
    task.add_done_callback(_look_at)
    try:
        await asyncio.wait({task}, timeout=seconds)
        return task.done()
    finally:
        task.cancel()


async def end_tasks(*tasks: asyncio.Future[Any]) -> None:
    """Cancel tasks and return when all of them have ended.

    A cancellation is repeated, for code of others may drop it: functions that wait with
    ``asyncio.wait_for``, and psycopg_pool.
    """
    running = {task for task in tasks if not task.done()}
    while running:
        for task in running:
            task.cancel()
        _, running = await asyncio.wait(running, timeout=_AGAIN_SECONDS)


def _look_at(task: asyncio.Future[Any]) -> None:
    """Take note of an error, which asyncio would otherwise log when the wait was cancelled."""
    if not task.cancelled():
        task.exception()
