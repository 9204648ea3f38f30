# SPDX-License-Identifier: MIT
"""Starts background loops and tasks, and logs their unforeseen errors.

Every loop and task that the runtime starts for itself is started here, or catches and logs its
errors itself.

Invariants:
    An unforeseen error is logged with its traceback.
    A loop goes on after an error, with growing waits. Only cancellation ends it.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any, Final, NoReturn, TypeVar

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine

    from fc_async_local.clock import Clock

T = TypeVar("T")

_LOG: Final = logging.getLogger(__name__)

_FIRST_WAIT_MS: Final = 100
_LONGEST_WAIT_MS: Final = 5_000


def outage_wait(failures: int) -> int:
    """Return the milliseconds to wait after a number of consecutive failures (from 1)."""
    return min(_FIRST_WAIT_MS << min(failures - 1, 16), _LONGEST_WAIT_MS)


def pause_on(clock: Clock) -> Callable[[int], Awaitable[None]]:
    """Return the waits of :func:`keep_running` on a clock."""

    async def pause(ms: int) -> None:
        await clock.wait(clock.now() + ms)

    return pause


async def pause_for_real(ms: int) -> None:
    """Wait in real time, for what no clock moves: a :func:`keep_running` of connections."""
    await asyncio.sleep(ms / 1_000)


async def keep_running(
    name: str,
    work: Callable[[], Awaitable[None]],
    pause: Callable[[int], Awaitable[None]],
    *,
    unavailable: tuple[type[Exception], ...] = (),
) -> NoReturn:
    """Call ``work`` again and again until this is cancelled.

    Args:
        name: For the log.
        work: One turn; waits by itself if there is nothing to do.
        pause: Waits for a number of milliseconds after a turn that failed.
        unavailable: Errors that are expected of what ``work`` uses: logged without a traceback.
    """
    failures = 0
    while True:
        try:
            await work()
            failures = 0
        except Exception as error:  # noqa: BLE001 -- logged; nothing but cancellation may end a loop
            failures += 1
            wait = outage_wait(failures)
            if isinstance(error, unavailable):
                _LOG.warning("%s: unavailable (%s); tried again in %d ms", name, error, wait)
            else:
                _LOG.exception("%s: failed unexpectedly; retrying in %d ms", name, wait)
            await pause(wait)


def start_task(name: str, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
    """Start a task whose unforeseen error is logged when it ends, also if no caller awaits it."""
    task = asyncio.get_running_loop().create_task(work, name=name)
    task.add_done_callback(_tell)
    return task


def _tell(task: asyncio.Task[Any]) -> None:
    if task.cancelled():
        return
    error = task.exception()
    if error is not None:
        _LOG.error("%s: ended unexpectedly", task.get_name(), exc_info=error)
