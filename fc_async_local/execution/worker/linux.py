# SPDX-License-Identifier: MIT
"""Linux process attributes that leave no orphans, and what ``/proc`` tells of processes.

On other systems the attributes do nothing: a worker still ends with its process group, but
processes that a function detached from that group stay behind.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import signal
    from collections.abc import Iterator

_PR_SET_PDEATHSIG: Final = 1
_PR_SET_CHILD_SUBREAPER: Final = 36
_MOST_PROCESSES: Final = 256
"""A limit, so that a fork bomb does not keep its reader busy."""

if sys.platform == "linux":
    _libc = ctypes.CDLL(None, use_errno=True)

    def _prctl(option: int, value: int) -> None:
        if _libc.prctl(option, ctypes.c_ulong(value), 0, 0, 0) != 0:
            code = ctypes.get_errno()
            raise OSError(code, os.strerror(code))

else:

    def _prctl(option: int, value: int) -> None:
        """Do nothing: this system has no such attributes."""


def die_with_parent(parent: int, sig: signal.Signals) -> None:
    """Let the kernel send a signal to this process when its parent ends; now, if it has ended.

    Args:
        parent: Pid of the parent.
        sig: The signal.
    """
    _prctl(_PR_SET_PDEATHSIG, sig)
    # The kernel sends it only for a parent that ends from now on (prctl(2), PR_SET_PDEATHSIG).
    if os.getppid() != parent:
        os.kill(os.getpid(), sig)


def adopt_orphans() -> None:
    """Become the parent of all descendants whose own parent ends."""
    _prctl(_PR_SET_CHILD_SUBREAPER, 1)


def descendants(pid: int) -> Iterator[int]:
    """Yield a process and its descendants, at most 256; some may have ended."""
    waiting = [pid]
    for _ in range(_MOST_PROCESSES):
        if not waiting:
            return
        current = waiting.pop()
        yield current
        waiting += children(current)


def peak_kb(pid: int | None) -> int:
    """Return the largest resident memory that a process or one of its descendants had, in KB.

    Returns:
        0 if there is no process, and on systems without ``/proc``.
    """
    # Of a command in a mount namespace, the first process is bubblewrap.
    return 0 if pid is None else max(map(_peak_kb, descendants(pid)))


def _peak_kb(pid: int) -> int:
    try:
        status = Path(f"/proc/{pid}/status").read_bytes()
    except OSError:
        return 0
    _, _, peak = status.partition(b"VmHWM:")
    return int(peak.split(maxsplit=1)[0]) if peak else 0


def children(pid: int) -> list[int]:
    """Return the direct children of a process and its threads; [] if it has ended."""
    pids: list[int] = []
    with contextlib.suppress(OSError):
        for task in Path(f"/proc/{pid}/task").iterdir():
            with contextlib.suppress(OSError):
                pids.extend(map(int, (task / "children").read_bytes().split()))
    return pids
