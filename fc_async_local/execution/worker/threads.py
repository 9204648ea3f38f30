# SPDX-License-Identifier: MIT
"""Runs calls in threads and sends their answers, with little more than the interpreter's own cost.

The executor of the standard library keeps a future and a work item for each call, which nobody
here waits for; for a handler that does next to nothing that is most of the time. Never decides how
many calls there may be: the runtime sends no more than the configured concurrency.
"""

from __future__ import annotations

import os
import traceback
from collections import deque
from queue import SimpleQueue
from threading import Lock, Thread
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable


class Threads:
    """As many threads as calls came at a time, at most ``limit``.

    Args:
        limit: Calls at a time.
        work: What a thread does with a call. What it raises ends the process.
    """

    def __init__(self, limit: int, work: Callable[..., None]) -> None:
        self._work = work
        self._calls: SimpleQueue[tuple[Any, ...]] = SimpleQueue()
        self._given = 0
        self._done = [0] * limit  # each thread has a place of its own: no lock
        self._count = 0

    def submit(self, *call: Any) -> None:
        """Let a thread do it. Called by one thread only."""
        self._given += 1
        if self._count < len(self._done) and self._given - sum(self._done) > self._count:
            thread = Thread(target=self._run, args=(self._count,), name=f"request-{self._count}")
            self._count += 1
            thread.daemon = True
            thread.start()
        self._calls.put(call)

    def _run(self, place: int) -> None:
        try:
            while True:
                self._work(*self._calls.get())
                self._done[place] += 1
        except BaseException:  # noqa: BLE001 -- a thread would end unseen, and its call never
            traceback.print_exc()
            os._exit(1)


class Outbox:
    """Sends frames of several threads; those that come while one is sending go together."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._frames: deque[bytes] = deque()
        self._sending = Lock()

    def send(self, frame: bytes) -> None:
        """Send it, or leave it to the thread that is sending now."""
        self._frames.append(frame)
        # Looked at again after each release: a frame may have come just before it.
        while self._frames and self._sending.acquire(blocking=False):
            try:
                self._send_all()
            finally:
                self._sending.release()

    def flush(self) -> None:
        """Return when everything is sent."""
        with self._sending:
            self._send_all()

    def _send_all(self) -> None:
        frames = []
        while self._frames:
            frames.append(self._frames.popleft())
        if frames:
            self._sock.sendall(b"".join(frames))
