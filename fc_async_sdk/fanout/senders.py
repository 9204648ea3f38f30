# SPDX-License-Identifier: MIT
"""Keeps many calls of a synchronous ``fan_out`` on the wire.

With the extra ``aio`` installed, calls are sent on an event loop in a thread of its own, which is
several times faster than threads. Without it, they are sent on threads that share the client's
pool. Both report results in the order in which calls complete.
"""

from __future__ import annotations

import collections
import queue
import threading
from concurrent import futures
from typing import TYPE_CHECKING, Any, Final

from fc_async_sdk.errors import FcAsyncError

if TYPE_CHECKING:
    from collections.abc import Callable

    from fc_async_sdk.fanout.plan import Job
    from fc_async_sdk.operations import AcceptedInvocation
    from fc_async_sdk.transport.loop import LoopTransport

    Result = tuple[Job, AcceptedInvocation | FcAsyncError]

_AT_ONCE: Final = 256


class _Sender:
    """Base of senders: results in the order of completion, several at a time."""

    def __init__(self) -> None:
        self._results: queue.SimpleQueue[list[Result] | BaseException] = queue.SimpleQueue()

    def completed(self) -> list[Result]:
        """Return jobs that have ended; wait for at least one.

        Raises:
            BaseException: What a sending thread raised that is not an error of the SDK.
        """
        results: list[Result] = []
        # Waits for the first one only; what has come meanwhile is taken along.
        while not results or (len(results) < _AT_ONCE and not self._results.empty()):
            more = self._results.get()
            if isinstance(more, BaseException):
                raise more
            results += more
        return results


class ThreadSender(_Sender):
    """Sends on threads.

    Args:
        send: Sends one call.
        concurrency: How many calls are on the wire at a time.
    """

    def __init__(self, send: Callable[[Job], AcceptedInvocation], concurrency: int) -> None:
        super().__init__()
        self._send = send
        self._pool = futures.ThreadPoolExecutor(concurrency, thread_name_prefix="fan_out")

    def submit(self, job: Job) -> None:
        """Begin to send a call as soon as a thread is free."""
        self._pool.submit(self._deliver, job)

    def close(self) -> None:
        """Drop the calls that have not begun and wait for the others."""
        # What is on the wire is waited for: the service may have it, and the outcome would not be
        # known.
        self._pool.shutdown(cancel_futures=True)

    def _deliver(self, job: Job) -> None:
        try:
            accepted = self._send(job)
        except FcAsyncError as error:
            self._results.put([(job, error)])
        except BaseException as error:  # noqa: BLE001 -- the iterating thread raises it
            self._results.put(error)
        else:
            self._results.put([(job, accepted)])


class LoopSender(_Sender):
    """Sends on an event loop in a thread of its own.

    Args:
        transport: Sends the calls; closed at the end.
        concurrency: How many calls are on the wire at a time.
        check_open: Raises when the client has been closed.
    """

    def __init__(
        self, transport: LoopTransport, concurrency: int, check_open: Callable[[], None]
    ) -> None:
        import asyncio  # noqa: PLC0415 -- only when this sender is used

        super().__init__()
        self._transport = transport
        self._concurrency = concurrency
        self._check_open = check_open
        self._inbox: collections.deque[Job] = collections.deque()
        self._tasks: set[Any] = set()
        self._ready: list[Result] = []
        self._woken = False
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="fan_out", daemon=True)
        self._thread.start()

    def submit(self, job: Job) -> None:
        """Queue a call for sending.

        Raises:
            RuntimeError: The client has been closed.
        """
        self._check_open()
        self._inbox.append(job)
        # A wake-up writes to a pipe of the loop: one is enough for all jobs that wait in the inbox.
        if not self._woken:
            self._woken = True
            self._loop.call_soon_threadsafe(self._start)

    def close(self) -> None:
        """Drop what has not begun, cancel what has."""
        self._inbox.clear()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()

    def _run(self) -> None:
        import asyncio  # noqa: PLC0415 -- loaded by the constructor

        from fc_async_sdk._cancellation import end_tasks  # noqa: PLC0415 -- same

        asyncio.set_event_loop(self._loop)
        try:
            self._loop.run_forever()
            # Tasks first: they use the connections that the transport closes.
            self._loop.run_until_complete(end_tasks(*self._tasks))
            self._loop.run_until_complete(self._transport.close())
        finally:
            asyncio.set_event_loop(None)
            self._loop.close()

    def _start(self) -> None:
        self._woken = False
        # Tasks go on as long as there is work: no more are made than are on the wire at a time.
        for _ in range(min(len(self._inbox), self._concurrency - len(self._tasks))):
            task = self._loop.create_task(self._work())
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _work(self) -> None:
        while self._inbox:
            job = self._inbox.popleft()
            try:
                accepted = await self._transport.send(job.call)
            except FcAsyncError as error:
                self._report((job, error))
            except Exception as error:  # noqa: BLE001 -- the iterating thread raises it
                self._results.put(error)
            else:
                self._report((job, accepted))

    def _report(self, result: Result) -> None:
        # The iterating thread is woken once per turn of the loop and not once per result: two
        # threads that take turns at every result cost a fifth of the throughput.
        if not self._ready:
            self._loop.call_soon(self._hand_over)
        self._ready.append(result)

    def _hand_over(self) -> None:
        ready = self._ready
        self._ready = []
        self._results.put(ready)


Sender = LoopSender | ThreadSender
"""Sends many calls at a time, for the synchronous run."""
