# SPDX-License-Identifier: MIT
"""Group commit: one transaction for many callers.

While a transaction is under way, further callers gather for the next one, so the groups grow with
the load.

Invariants:
    A bad value or a cancelled caller does not affect the others of its group.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final, Generic, TypeVar

from fc_async_local.background import start_task
from fc_async_local.store.protocol import StoreUnavailable

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

I = TypeVar("I")  # noqa: E741 -- an item of a batch
T = TypeVar("T")

_GROUP: Final = 256
"""Items of one transaction at most."""


class Batcher(Generic[I, T]):
    """Takes items from callers and hands them to a function in groups.

    Args:
        run: Writes a group in one transaction; returns one result, or what to raise, for each item.
            If it raises, it is called again with each item by itself.
    """

    def __init__(self, run: Callable[[Sequence[I]], Awaitable[Sequence[T | Exception]]]) -> None:
        self._run = run
        self._waiting: list[tuple[I, asyncio.Future[T]]] = []
        self._flush: asyncio.Task[None] | None = None
        self._closed = False

    def submit(self, item: I) -> asyncio.Future[T]:
        """Return a future for the result of an item, resolved after its transaction's commit."""
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        if self._closed:
            future.set_exception(StoreUnavailable("the store is closed"))
            return future
        self._waiting.append((item, future))
        if self._flush is None or self._flush.done():
            self._flush = start_task("batch", self._flush_all())
        return future

    async def aclose(self) -> None:
        """Write what is waiting; later items fail with :class:`StoreUnavailable`."""
        self._closed = True
        if self._flush is not None:
            await asyncio.wait({self._flush})

    async def _flush_all(self) -> None:
        while self._waiting:
            group = self._waiting[:_GROUP]
            del self._waiting[:_GROUP]
            results = await self._results(group)
            for (_, future), result in zip(group, results, strict=True):
                if future.done():  # its caller was cancelled
                    continue
                if isinstance(result, Exception):
                    future.set_exception(result)
                else:
                    future.set_result(result)

    async def _results(
        self, group: Sequence[tuple[I, asyncio.Future[T]]]
    ) -> Sequence[T | Exception]:
        items = [item for item, _ in group]
        try:
            return await self._run(items)
        except StoreUnavailable as error:
            return [error] * len(items)
        except Exception as error:  # noqa: BLE001 -- belongs to the caller of the bad item
            if len(items) == 1:
                return [error]
        # One by one: a value that the database refuses fails its own caller, not all of the group.
        results: list[T | Exception] = []
        for pair in group:
            results.extend(await self._results([pair]))
        return results
