# SPDX-License-Identifier: MIT
"""The two Linux process attributes that keep orphans from staying. Elsewhere they do nothing.

Without them a worker still dies with its process group; what a function detached from that group
stays behind then.
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
"""A fork bomb must not keep its reader busy with counting it."""

if sys.platform == "linux":
    _libc = ctypes.CDLL(None, use_errno=True)

    def _prctl(option: int, value: int) -> None:
        if _libc.prctl(option, ctypes.c_ulong(value), 0, 0, 0) != 0:
            code = ctypes.get_errno()
            raise OSError(code, os.strerror(code))

else:

    def _prctl(option: int, value: int) -> None:
        """Nothing of the kind exists here."""


def die_with_parent(parent: int, sig: signal.Signals) -> None:
    """Let the kernel send ``sig`` when the process ``parent`` ends; now, if it has already."""
    _prctl(_PR_SET_PDEATHSIG, sig)
    if os.getppid() != parent:
        os.kill(os.getpid(), sig)


def adopt_orphans() -> None:
    """Become the parent of all descendants whose own parent ends."""
    _prctl(_PR_SET_CHILD_SUBREAPER, 1)


def descendants(pid: int) -> Iterator[int]:
    """A process and its descendants, at most the first 256; those that are gone may be included."""
    waiting = [pid]
    for _ in range(_MOST_PROCESSES):
        if not waiting:
            return
        current = waiting.pop()
        yield current
        waiting += children(current)


def children(pid: int) -> list[int]:
    """Direct children of a process, those of its threads included; [] if it is gone."""
    found: list[int] = []
    with contextlib.suppress(OSError):
        for task in Path(f"/proc/{pid}/task").iterdir():
            with contextlib.suppress(OSError):
                found.extend(map(int, (task / "children").read_bytes().split()))
    return found
