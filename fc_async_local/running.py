# SPDX-License-Identifier: MIT
"""Runs a runtime: in the foreground of a process, or in a thread of its own.

Event loops, signals and threads are here; what a runtime is made of is
:mod:`fc_async_local.app`'s.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import gc
import importlib
import signal
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from fc_async_local.app import DEFAULT_DATA, Addresses, Options, Runtime

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Coroutine

    from typing_extensions import Self

T = TypeVar("T")

_LONG_SECONDS = 600
"""Real time that virtual time may take: as long as the functions run that fall due."""


class LocalRuntime:
    """A runtime in a thread of its own: ``with LocalRuntime(data=folder, port=0) as runtime:``.

    Args:
        data: Folder of the database and of unpacked code; made if it isn't there.
        options: As further fields of :class:`Options`.
    """

    def __init__(self, *, data: str | os.PathLike[str] = DEFAULT_DATA, **options: Any) -> None:
        self._options = Options(data=Path(data), **options)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._runtime: Runtime | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def runtime(self) -> Runtime:
        """What runs in the thread. Use its parts through :meth:`call`.

        Raises:
            RuntimeError: It doesn't run.
        """
        if self._runtime is None:
            raise RuntimeError("the local runtime is not started")
        return self._runtime

    @property
    def addresses(self) -> Addresses:
        """Where it listens."""
        return self.runtime.addresses

    @property
    def endpoint(self) -> str:
        """URL of the FC API."""
        return self.addresses.fc

    def start(self) -> None:
        """Start and wait until requests are answered; see :meth:`Runtime.open` for errors."""
        loop = new_event_loop()
        self._thread = threading.Thread(target=loop.run_forever, name="fc-async-local")
        self._thread.start()
        self._loop = loop
        try:
            self._runtime = self.call(Runtime.open(self._options))
        except BaseException:
            self._end_thread()
            raise

    def stop(self) -> None:
        """Stop in an orderly way; see :meth:`Runtime.aclose`."""
        try:
            self.call(self.runtime.aclose())
        finally:
            self._runtime = None
            self._end_thread()

    def call(self, coroutine: Coroutine[Any, Any, T], timeout: float | None = 60) -> T:
        """Run a coroutine in the runtime's event loop and wait for it.

        Args:
            coroutine: What to run.
            timeout: Seconds of real time to wait; None: as long as it takes.

        Raises:
            TimeoutError: It took longer; it was cancelled.
        """
        assert self._loop is not None
        future = asyncio.run_coroutine_threadsafe(coroutine, self._loop)
        try:
            return future.result(timeout)
        except concurrent.futures.TimeoutError:
            future.cancel()
            raise

    def advance(self, seconds: float) -> None:
        """Let virtual time pass; returns when everything that fell due on the way is done."""
        self.call(self.runtime.engine.advance(round(seconds * 1000)), _LONG_SECONDS)

    def run_until_idle(self) -> None:
        """Let virtual time pass until nothing waits and nothing runs."""
        self.call(self.runtime.engine.run_until_idle(), _LONG_SECONDS)

    def _end_thread(self) -> None:
        loop, thread = self._loop, self._thread
        assert loop is not None
        assert thread is not None
        asyncio.run_coroutine_threadsafe(loop.shutdown_default_executor(), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()
        self._loop = self._thread = None


def run(options: Options, *, ready: Callable[[Addresses], None]) -> None:
    """Run a runtime in this (the main) thread until SIGINT or SIGTERM, then stop it.

    Args:
        options: How to start it.
        ready: Called once, when requests are answered.

    Raises:
        KeyboardInterrupt: A second SIGINT came before it had stopped.
    """
    loop = new_event_loop()
    try:
        loop.run_until_complete(_run(options, ready))
    finally:
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.run_until_complete(loop.shutdown_default_executor())
        loop.close()


async def _run(options: Options, ready: Callable[[Addresses], None]) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    runtime = await Runtime.open(options)
    _spare_the_collector()
    try:
        ready(runtime.addresses)
        await stop.wait()
        loop.remove_signal_handler(signal.SIGINT)
    finally:
        await runtime.aclose()


def _spare_the_collector() -> None:
    """What is loaded by now stays; looking through it again and again costs a tenth of the CPU.

    Requests leave next to no cycles behind: rare collections are enough.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 20, 50)


def new_event_loop() -> asyncio.AbstractEventLoop:
    """An event loop, uvloop's where there is one."""
    try:
        uvloop = importlib.import_module("uvloop")
    except ImportError:
        return asyncio.new_event_loop()
    loop: asyncio.AbstractEventLoop = uvloop.new_event_loop()
    return loop
