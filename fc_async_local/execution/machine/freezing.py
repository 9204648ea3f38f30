# SPDX-License-Identifier: MIT
"""Freezes instances that run no call, as the service does (Configure the instance lifecycle).

All processes of a frozen instance are stopped (SIGSTOP): threads, timers and child processes stand
still until the next call, the pre-stop hook or the end. Connections stay open, and the kernel
accepts new ones. Under load an instance gets its next call before it would be frozen, so this costs
nothing then.

Invariants:
    * An instance that runs a call, a hook or its start is not frozen.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from typing import TYPE_CHECKING, Final, Generic, Protocol, TypeVar

from fc_async_local.execution.worker.linux import descendants

if TYPE_CHECKING:
    from collections.abc import Callable

FREEZE_AFTER: Final = 0.02
"""Seconds that an instance runs no call before it is frozen. A worker answers before it has
returned from its handler, and instances that are busy again at once need not be stopped."""

_PASSES: Final = 3
"""A process outside of the group may start another one while it is looked for."""


class Freezable(Protocol):
    """Interface of the processes that are frozen."""

    def freeze(self) -> None:
        """Stop its processes."""
        ...


F = TypeVar("F", bound=Freezable)


class Freezer(Generic[F]):
    """Freezes what has run no call for a short time.

    Args:
        after: That time in seconds; None: nothing is ever frozen.
        busy: Returns how many calls run in an instance.
    """

    def __init__(self, after: float | None, busy: Callable[[F], int]) -> None:
        self._after = after
        self._busy = busy
        self._idle: dict[F, float] = {}  # since when; the one idle longest first
        self._timer: asyncio.TimerHandle | None = None

    def is_idle(self, instance: F) -> None:
        """Note that the last call of an instance has ended."""
        if self._after is None:
            return
        loop = asyncio.get_running_loop()
        self._idle.pop(instance, None)
        self._idle[instance] = loop.time()
        if self._timer is None:
            self._timer = loop.call_later(self._after, self._freeze_idle)

    def forget(self, instance: F) -> None:
        """Note that an instance gets a call, or ends."""
        self._idle.pop(instance, None)

    def close(self) -> None:
        """Freeze nothing any more."""
        self._idle.clear()
        self._after = None
        if self._timer is not None:
            self._timer.cancel()

    def _freeze_idle(self) -> None:
        loop = asyncio.get_running_loop()
        self._timer = None
        for instance, since in list(self._idle.items()):
            remaining = since + (self._after or 0) - loop.time()
            if remaining > 0:
                self._timer = loop.call_later(remaining, self._freeze_idle)
                return
            del self._idle[instance]
            if not self._busy(instance):
                instance.freeze()


def stop(pid: int) -> None:
    """Stop a process that leads a group, the group, and all descendants outside of it."""
    _signal_group(pid, signal.SIGSTOP)
    stopped: set[int] = set()
    for _ in range(_PASSES):
        started = set(descendants(pid)) - stopped
        if not started:
            return
        for process in started:
            _signal(process, signal.SIGSTOP)
        stopped |= started


def go_on(pid: int) -> None:
    """Let all of them go on, those that started the others last."""
    for process in reversed(list(descendants(pid))):
        _signal(process, signal.SIGCONT)
    _signal_group(pid, signal.SIGCONT)


def _signal_group(pid: int, number: signal.Signals) -> None:
    with contextlib.suppress(OSError):  # it has ended
        os.killpg(pid, number)


def _signal(pid: int, number: signal.Signals) -> None:
    with contextlib.suppress(OSError):
        os.kill(pid, number)
