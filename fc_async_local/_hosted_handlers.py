# SPDX-License-Identifier: MIT
"""Handlers in the process of a test that send messages, or wait for virtual time, while they run.

Invariants:

- The event loop of the runtime is not blocked: it answers what the handler sends.
- Virtual time does not pass while a handler runs, except while it waits for that time.
"""

from __future__ import annotations

import asyncio
import contextvars
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from fc_async_sdk._coroutines import is_coroutine_function
from fc_async_sdk._pacing.hosting import MARK, Host

if TYPE_CHECKING:
    from collections.abc import Callable

    from fc_async_local.embedded import LocalRuntime
    from fc_async_sdk import Client

    Handler = Callable[[bytes, Any], Any]


def sends(handler: Handler) -> bool:
    """Return whether a handler may send messages while it runs."""
    return bool(getattr(handler, MARK, False))


def host_of(runtime: LocalRuntime, client: Client) -> Host:
    """Return a runtime and its time, as handlers see them."""

    async def wait(seconds: float) -> None:
        await runtime.clock.wait(runtime.now() + max(1, round(seconds * 1_000)))

    def sleep(seconds: float) -> None:
        runtime.call(wait(seconds))

    return Host(client, lambda: runtime.now() / 1_000, wait, sleep)


async def run(handler: Handler, event: bytes, context: Any) -> Any:
    """Run a handler; in a thread of its own, unless it is a coroutine function."""
    if is_coroutine_function(handler):
        return await handler(event, context)
    inherited = contextvars.copy_context()
    # Not in the executor of the loop: its threads are few, and handlers may wait for virtual time.
    thread = ThreadPoolExecutor(1, "handler")
    try:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(thread, lambda: inherited.run(handler, event, context))
    finally:
        thread.shutdown(wait=False)
