# SPDX-License-Identifier: MIT
"""The end of an instance's process, or of its container, in the words of both."""

from __future__ import annotations

import os
import signal
from typing import NamedTuple

from fc_async_local.execution.worker.frames import NOT_FORKED


class Exit(NamedTuple):
    """End of a process.

    Attributes:
        status: As of ``waitpid``; None if the fork server died with it; 65536 and more if the
            process could not be forked (65536 + errno).
        peak_kb: Largest resident memory, 0 if unknown.
        lost_with: What ended when ``status`` is None.
    """

    status: int | None
    peak_kb: int
    lost_with: str = "the fork server"

    @property
    def by_itself(self) -> bool:
        """Return whether the process itself ended, and not the fork server."""
        return self.status is not None and self.status < NOT_FORKED

    @property
    def code(self) -> int:
        """Return the exit code as in a shell: 128 plus the number of a signal."""
        if self.status is None or not self.by_itself:
            return -1
        code = os.waitstatus_to_exitcode(self.status)
        return code if code >= 0 else 128 - code

    @property
    def message(self) -> str:
        """Return what ended the process, in words."""
        if self.status is None:
            return f"{self.lost_with} ended"
        if self.status >= NOT_FORKED:
            return f"can't fork: {os.strerror(self.status - NOT_FORKED)}"
        code = os.waitstatus_to_exitcode(self.status)
        return f"exit status {code}" if code >= 0 else f"signal {signal.Signals(-code).name}"
