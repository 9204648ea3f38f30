# SPDX-License-Identifier: MIT
"""Reads single keys from the terminal, as long as this process is in its foreground.

Invariants:
    The terminal is as it was before when the block ends, whatever ended it.
    Ctrl-C, Ctrl-Z and what the user prints are left to the terminal.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import sys
import threading
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import FrameType

HELP: Final = (
    ("i", "invoke the last payload again"),
    ("o", "open the console in a browser"),
    ("t", "move virtual time to what is due next"),
    ("?", "show this list"),
    ("Ctrl-C", "end"),
)


@contextlib.contextmanager
def reading(pressed: Callable[[str], None]) -> Iterator[bool]:
    """Call a function with each key, from another thread, until the block ends.

    Yields:
        Whether keys are read: not without a terminal, and not in the background.
    """
    if not (sys.stdin.isatty() and sys.stdout.isatty() and _in_foreground()):
        yield False
        return
    import termios  # noqa: PLC0415 -- not on Windows
    import tty  # noqa: PLC0415 -- see above

    descriptor = sys.stdin.fileno()
    before = termios.tcgetattr(descriptor)
    wake, waker = os.pipe()
    resumed = signal.getsignal(signal.SIGCONT)

    def on_resume(_number: int, _frame: FrameType | None) -> None:
        # The shell gave the terminal its own modes while this process was stopped.
        if _in_foreground():
            tty.setcbreak(descriptor, termios.TCSADRAIN)

    signal.signal(signal.SIGCONT, on_resume)
    tty.setcbreak(descriptor, termios.TCSADRAIN)  # keys arrive at once and unseen; signals stay
    thread = threading.Thread(
        target=_read, args=(descriptor, wake, pressed), name="keys", daemon=True
    )
    thread.start()
    try:
        yield True
    finally:
        os.write(waker, b".")
        thread.join()
        signal.signal(signal.SIGCONT, resumed)
        for end in (wake, waker):
            os.close(end)
        # In the background this write would stop the process (SIGTTOU) instead of ending it.
        if _in_foreground():
            termios.tcsetattr(descriptor, termios.TCSADRAIN, before)


def _in_foreground() -> bool:
    try:
        return os.tcgetpgrp(sys.stdin.fileno()) == os.getpgrp()
    except (OSError, ValueError):
        return False


def _read(descriptor: int, wake: int, pressed: Callable[[str], None]) -> None:
    while True:
        ready, _, _ = select.select([descriptor, wake], [], [])
        if wake in ready:
            return
        data = os.read(descriptor, 64)
        if not data:
            return
        if data.startswith(b"\x1b"):
            continue  # an arrow or another key that is a sequence
        for key in data.decode("utf-8", "ignore"):
            pressed(key)
