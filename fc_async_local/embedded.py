# SPDX-License-Identifier: MIT
"""Runs a runtime in the foreground of a process, or in a thread of its own.

Responsible for event loops, signals and threads; :mod:`fc_async_local.bootstrap.runtime` puts the
runtime together.
"""

from __future__ import annotations

import asyncio
import gc
import importlib
import logging
import os
import signal
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NoReturn, TypeVar

from fc_async_local.bootstrap.options import Options
from fc_async_local.bootstrap.runtime import Runtime
from fc_async_sdk import _project_folder

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from typing_extensions import Self, Unpack

    from fc_async_local.bootstrap.options import OptionFields
    from fc_async_local.bootstrap.services import Services
    from fc_async_local.clock import Clock
    from fc_async_local.domain.faults import Faults
    from fc_async_local.engine.engine import Engine
    from fc_async_local.execution.instances.duplicates import Duplicates
    from fc_async_local.functions import FunctionRegistry
    from fc_async_local.http.tls import Authority
    from fc_async_local.store.protocol import Store
    from fc_async_sdk.admin.models import Addresses

T = TypeVar("T")

_LOG: Final = logging.getLogger(__name__)

_CANCEL_SECONDS: Final = 0.5
"""Seconds in which a cancelled start has to close its sockets, files and connections."""

_CLOSING_SECONDS: Final = 1.0
"""Seconds for a stop to give claims back, beyond the grace for requests and attempts."""

_RESTART_SECONDS: Final = 60
"""The longest real time that callers of other threads wait for a restart with another state."""

_LONG_SECONDS: Final = 600
"""The longest real time of one move of virtual time: the functions that become due run in it."""


class LocalRuntime:
    """A runtime in a thread of its own: ``with LocalRuntime(data=folder, port=0) as runtime:``.

    Args:
        data: Folder of the database and of unpacked code; made if it does not exist.
        options: Further fields of :class:`~fc_async_local.bootstrap.options.Options`.

    Raises:
        ValueError: An option is outside of its range.
    """

    def __init__(
        self,
        *,
        data: str | os.PathLike[str] = _project_folder.RUNTIME,
        **options: Unpack[OptionFields],
    ) -> None:
        self._options = Options(data=Path(data), **options)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._runtime: Runtime | None = None
        self._restarts: asyncio.Task[None] | None = None
        self._changing = asyncio.Lock()
        self._current = threading.Event()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def _running(self) -> Runtime:
        # A restarted runtime answers requests before reopen() returns it.
        if threading.current_thread() is not self._thread and self._thread is not None:
            self._current.wait(_RESTART_SECONDS)
        if self._runtime is None:
            raise RuntimeError("the local runtime is not started")
        return self._runtime

    @property
    def addresses(self) -> Addresses:
        """The URLs where it listens, with its account and region.

        Raises:
            RuntimeError: It does not run; so for the other properties.
        """
        return self._running.addresses

    @property
    def token(self) -> str:
        """Lets programs use the admin API: ``Authorization: Bearer TOKEN``."""
        return self._running.token

    @property
    def registry(self) -> FunctionRegistry:
        """Functions and their configuration. Await its methods with :meth:`call`."""
        return self._running.registry

    @property
    def engine(self) -> Engine:
        """Invocation. Await its methods with :meth:`call`."""
        return self._running.engine

    @property
    def faults(self) -> Faults:
        """Faults of destinations and functions; see :meth:`call`."""
        return self._running.faults

    @property
    def duplicates(self) -> Duplicates:
        """Runs attempts twice on purpose. Call its methods in the event loop."""
        return self._running.duplicates

    @property
    def services(self) -> Services:
        """MNS, RocketMQ, EventBridge and destinations. Await their methods with :meth:`call`."""
        return self._running.services

    @property
    def store(self) -> Store:
        """Invocations and deliveries. Await its methods with :meth:`call`."""
        return self._running.foundation.stores.store

    @property
    def authority(self) -> Authority:
        """Signs the certificates of clients that speak TLS to its ports."""
        return self._running.authority

    @property
    def endpoint(self) -> str:
        """URL of the FC API."""
        return self.addresses.fc

    @property
    def clock(self) -> Clock:
        """The clock. Await its waits in the event loop."""
        return self._running.foundation.clock

    def now(self) -> int:
        """Return the time of the runtime's clock, in milliseconds since the epoch."""
        return self._running.foundation.clock.now()

    def start(self) -> None:
        """Start and wait until requests are answered; see :meth:`Runtime.open` for errors."""
        loop = new_event_loop()
        self._thread = threading.Thread(target=loop.run_forever, name="fc-async-local")
        self._thread.start()
        self._loop = loop
        try:
            self._runtime = self.call(Runtime.open(self._options))
            self._current.set()
            self.call(self._begin_restarts())
        # Ctrl-C as well: the process could not end while the thread's loop runs.
        except BaseException:
            self._end_thread()
            raise

    async def _begin_restarts(self) -> None:
        self._restarts = asyncio.ensure_future(self._restart_when_asked())

    async def _restart_when_asked(self) -> None:
        while True:
            await self._running.state.restart.wait()
            async with self._changing:
                self._current.clear()
                try:
                    self._runtime = await self._running.reopen(self._options)
                finally:
                    self._current.set()

    async def _close(self) -> None:
        assert self._restarts is not None
        async with self._changing:  # a restart that has begun is finished first
            self._restarts.cancel()
            await self._running.aclose()

    def stop(self) -> None:
        """Stop in an orderly way; see :meth:`Runtime.aclose`."""
        try:
            self.call(self._close())
        finally:
            self._runtime = None
            self._end_thread()

    def call(self, coroutine: Coroutine[Any, Any, T], timeout: float | None = 60) -> T:
        """Run a coroutine in the runtime's event loop and wait for it.

        Args:
            coroutine: What to run.
            timeout: Seconds of real time to wait; None: no limit.

        Raises:
            TimeoutError: It took longer and was cancelled.
        """
        assert self._loop is not None
        future = asyncio.run_coroutine_threadsafe(coroutine, self._loop)
        try:
            return future.result(timeout)
        except BaseException:  # the timeout, or Ctrl-C during the wait
            future.cancel()
            raise

    def advance(self, seconds: float) -> None:
        """Let virtual time pass; returns when everything that fell due on the way is done."""
        self.call(self.engine.advance(round(seconds * 1000)), _LONG_SECONDS)

    def run_until_idle(self) -> None:
        """Let virtual time pass until nothing waits and nothing runs."""
        self.call(self.engine.run_until_idle(), _LONG_SECONDS)

    def _end_thread(self) -> None:
        loop = self._loop
        thread = self._thread
        assert loop is not None
        assert thread is not None
        asyncio.run_coroutine_threadsafe(loop.shutdown_default_executor(), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()
        self._loop = self._thread = None


def run(options: Options, *, ready: Callable[[Addresses], None]) -> None:
    """Run a runtime in this (the main) thread until SIGINT or SIGTERM, then stop it.

    Returns after an orderly stop. A signal that comes before requests are answered, a second
    signal, and a stop that takes too long (the store is unavailable) end the process at once, by
    the same signal. Nothing is lost then: what was accepted is in the store, and what is held is
    given back at the next start.

    Args:
        options: How to start it.
        ready: Called once, when requests are answered.
    """
    loop = new_event_loop()
    try:
        loop.run_until_complete(_run(options, ready))
    finally:
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.run_until_complete(loop.shutdown_default_executor())
        loop.close()


async def _run(options: Options, ready: Callable[[Addresses], None]) -> None:
    signals: asyncio.Queue[int] = asyncio.Queue()
    loop = asyncio.get_running_loop()
    # Before the start, which may wait for a locked store: a signal has to end that as well.
    for ending in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(ending, signals.put_nowait, ending)

    opening = asyncio.ensure_future(Runtime.open(options))
    early = await _signal_during(opening, signals)
    if early is not None:
        opening.cancel()
        await asyncio.wait({opening}, timeout=_CANCEL_SECONDS)
        _end_by(early, "before it had started")
    runtime = opening.result()
    _spare_the_collector()
    number: int = signal.SIGTERM
    try:
        ready(runtime.addresses)
        while (asked := await _signal_during(_restart(runtime), signals)) is None:
            runtime = await runtime.reopen(options)
        number = asked
    finally:
        closing = asyncio.ensure_future(runtime.aclose())
        limit = options.grace_ms / 1_000 + _CLOSING_SECONDS
        # A second signal does not wait for the rest of the grace period.
        second = await _signal_during(closing, signals, limit)
        if not closing.done():
            _end_by(second or number, "before everything that is held was given back")
    closing.result()


def _restart(runtime: Runtime) -> asyncio.Future[Any]:
    """Return what ends when a restart with another state is asked for."""
    return asyncio.ensure_future(runtime.state.restart.wait())


async def _signal_during(
    work: asyncio.Future[Any], signals: asyncio.Queue[int], limit: float | None = None
) -> int | None:
    """Wait for work to end; return early with the number of a signal, or None at the limit."""
    asked = asyncio.ensure_future(signals.get())
    await asyncio.wait({work, asked}, timeout=limit, return_when=asyncio.FIRST_COMPLETED)
    if work.done() or not asked.done():
        asked.cancel()
        return None
    return asked.result()


def _end_by(number: int, when: str) -> NoReturn:
    """End the process by a signal, as a shell expects of a program that did not handle it.

    Not by an exception: threads that wait for the store would hold up the interpreter's end.
    """
    _LOG.warning(
        "ended by %s %s; what was accepted is in the store", signal.Signals(number).name, when
    )
    logging.shutdown()
    sys.stdout.flush()
    signal.signal(number, signal.SIG_DFL)
    os.kill(os.getpid(), number)
    os._exit(128 + number)  # not reached where a signal can end a process


def _spare_the_collector() -> None:
    """Exclude the objects that exist now from garbage collection, and collect rarely.

    Scanning them costs a tenth of the CPU time, and requests leave few reference cycles.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 20, 50)


def new_event_loop() -> asyncio.AbstractEventLoop:
    """Return an event loop, of uvloop if it is installed."""
    try:
        uvloop = importlib.import_module("uvloop")
    except ImportError:
        return asyncio.new_event_loop()
    loop: asyncio.AbstractEventLoop = uvloop.new_event_loop()
    return loop
