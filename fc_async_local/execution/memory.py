# SPDX-License-Identifier: MIT
"""How much memory an instance has, from ``/proc``. Where there is none, everything is 0.

Resident memory is what the service limits and bills. An address space limit would not do:
threads, numpy and node reserve many times what they ever touch.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import Final

from fc_async_local.execution.worker.linux import descendants

_PAGE_KB: Final = os.sysconf("SC_PAGE_SIZE") // 1024


def resident_kb(pid: int) -> int:
    """Resident memory of a process and its descendants, in KB; 0 if it is gone."""
    total = 0
    for member in descendants(pid):
        with contextlib.suppress(OSError):
            fields = Path(f"/proc/{member}/statm").read_bytes().split()
            total += int(fields[1]) * _PAGE_KB
    return total


def peak_kb(pid: int | None) -> int:
    """The most resident memory that a process ever had, in KB; 0 if it is gone."""
    if pid is None:
        return 0
    try:
        status = Path(f"/proc/{pid}/status").read_bytes()
    except OSError:
        return 0
    for line in status.splitlines():
        if line.startswith(b"VmHWM:"):
            return int(line.split()[1])
    return 0
