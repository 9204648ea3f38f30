# SPDX-License-Identifier: MIT
"""Steps of one process that wait at the same time are one step at the store (group commit).

Invariants:

- While a thread is at the store for a key, the steps that arrive wait; then one of them takes all.
- Each gets the time that it would have got alone after those before it.
- A step that is refused together with others is tried alone.
"""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

from fc_async_sdk.stores import Step

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


class _Request:
    """A step that waits, and what came of it."""

    def __init__(self, step: Step) -> None:
        self.step = step
        self.start: int | None = None
        self.error: Exception | None = None

    @property
    def is_done(self) -> bool:
        return self.start is not None or self.error is not None


class _Line:
    """The steps of one key. The lock is held by the thread that is at the store."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.waiting: list[_Request] = []
        self.users = 0


class CoalescedSteps:
    """Makes one step of many.

    Args:
        advance: Does a step of a key at the store; see :func:`fc_async_sdk.stores.advanced`.
    """

    def __init__(self, advance: Callable[[str, Step], int]) -> None:
        self._advance = advance
        self._lines: dict[str, _Line] = {}
        self._lock = threading.Lock()  # of the lines and their lists

    def advance(self, key: str, step: Step) -> int:
        """Do a step, perhaps together with those of other threads; return when it begins."""
        request = _Request(step)
        with self._line(key) as line:
            with self._lock:
                line.waiting.append(request)
            with line.lock:
                if not request.is_done:
                    self._serve(key, line)
        if request.error is not None:
            raise request.error
        assert request.start is not None
        return request.start

    @contextmanager
    def _line(self, key: str) -> Iterator[_Line]:
        """Return the line of a key, which exists as long as a thread uses it."""
        with self._lock:
            line = self._lines.setdefault(key, _Line())
            line.users += 1
        try:
            yield line
        finally:
            with self._lock:
                line.users -= 1
                if not line.users:
                    del self._lines[key]

    def _serve(self, key: str, line: _Line) -> None:
        with self._lock:
            requests = line.waiting
            line.waiting = []
        try:
            if len(requests) == 1 or not self._serve_together(key, requests):
                for request in requests:
                    request.start = self._advance(key, request.step)
        except Exception as error:  # noqa: BLE001 -- each thread raises it
            for request in requests:
                if not request.is_done:
                    request.error = error
        finally:
            # After Ctrl-C in this thread another one takes what is left.
            with self._lock:
                line.waiting = [
                    request for request in requests if not request.is_done
                ] + line.waiting

    def _serve_together(self, key: str, requests: list[_Request]) -> bool:
        """Do the steps as one; return whether none of them began too late."""
        now = max(request.step.now for request in requests)
        earliest = max(request.step.earliest for request in requests)
        limit = requests[0].step.limit
        cost = 0
        for request in requests:
            limit = min(limit, request.step.limit - cost)
            cost += request.step.cost
        start = self._advance(key, Step(now, earliest, cost, limit))
        if start > limit:
            return False
        for request in requests:
            request.start = start
            start += request.step.cost
        return True
