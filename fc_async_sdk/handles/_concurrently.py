# SPDX-License-Identifier: MIT
"""Do the same with many items, several at a time: on threads or on an event loop."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence


def each(work: Callable[[str], None], items: Sequence[str], concurrency: int) -> None:
    """Call a function with every item, on at most ``concurrency`` threads."""
    from concurrent import futures  # noqa: PLC0415 -- few programs need it

    with futures.ThreadPoolExecutor(concurrency, thread_name_prefix="stop") as pool:
        for _ in pool.map(work, items):
            pass


async def async_each(
    work: Callable[[str], Awaitable[None]], items: Sequence[str], concurrency: int
) -> None:
    """Call a coroutine function with every item, with at most ``concurrency`` at a time."""
    import asyncio  # noqa: PLC0415 -- synchronous programs do without it

    room = asyncio.Semaphore(concurrency)

    async def one(item: str) -> None:
        async with room:
            await work(item)

    await asyncio.gather(*[one(item) for item in items])
