# SPDX-License-Identifier: MIT
"""Do the same with many items, or what blocks: on threads or on an event loop."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

T = TypeVar("T")


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


def blocking(work: Callable[..., T], *args: Any, thread: bool) -> T:  # noqa: ARG001 -- as async_blocking
    """Call a function."""
    return work(*args)


async def async_blocking(work: Callable[..., T], *args: Any, thread: bool) -> T:
    """Call a function: in a thread if it may block the event loop."""
    if not thread:
        return work(*args)
    import asyncio  # noqa: PLC0415 -- synchronous programs do without it

    return await asyncio.to_thread(work, *args)
