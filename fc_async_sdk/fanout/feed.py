# SPDX-License-Identifier: MIT
"""The input of a fan-out: payloads, taken one by one as there is room for them."""

from __future__ import annotations

from collections.abc import AsyncIterable, Iterable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fc_async_sdk.fanout.plan import Job, Outcome, Plan


class Feed:
    """The input, taken as it is needed. When it breaks, what was sent is brought home first."""

    def __init__(self, plan: Plan, payloads: Iterable[Any]) -> None:
        self._plan = plan
        self._source = enumerate(payloads)
        self._taken: dict[str, int] = {}
        self._problem: Exception | None = None
        self.exhausted = False

    def take(self, count: int) -> Iterator[Job | Outcome]:
        """The next few, made into jobs."""
        for _ in range(0 if self.exhausted else count):
            try:
                index, payload = next(self._source)
                prepared = self._plan.prepare(index, payload, self._taken)
            except StopIteration:
                self.exhausted = True
                return
            except Exception as error:  # noqa: BLE001 -- raised when the run has ended
                self.exhausted = True
                self._problem = error
                return
            yield prepared

    def raise_problem(self) -> None:
        """Raise what the input raised, if it did."""
        if self._problem is not None:
            raise self._problem


class AsyncFeed:
    """The input of an asynchronous run, of either kind, taken one by one."""

    def __init__(self, plan: Plan, payloads: Iterable[Any] | AsyncIterable[Any]) -> None:
        self._plan = plan
        self._feed = Feed(plan, payloads) if isinstance(payloads, Iterable) else None
        self._source = payloads.__aiter__() if isinstance(payloads, AsyncIterable) else None
        self._next = 0
        self._taken: dict[str, int] = {}
        self._problem: Exception | None = None

    async def take(self) -> Job | Outcome | None:
        """The next one, made into a job; None when there is none."""
        if self._feed is not None:
            return next(self._feed.take(1), None)
        if self._source is None:
            return None
        try:
            index, payload = self._next, await self._source.__anext__()
            self._next += 1
            return self._plan.prepare(index, payload, self._taken)
        except StopAsyncIteration:
            self._source = None
        except Exception as error:  # noqa: BLE001 -- raised when the run has ended
            self._source = None
            self._problem = error
        return None

    def raise_problem(self) -> None:
        """Raise what the input raised, if it did."""
        if self._feed is not None:
            self._feed.raise_problem()
        if self._problem is not None:
            raise self._problem
