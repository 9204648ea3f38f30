# SPDX-License-Identifier: MIT
"""Stops idle instances, and kills those over their memory limit, for as long as there are some."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fc_async_local.execution.instances.living import LivingInstances


class Housekeeper:
    """Looks at the instances again and again, while there are some. Belongs to one event loop.

    Args:
        instances: The instances.
        seconds: Between two looks.
    """

    def __init__(self, instances: LivingInstances, seconds: float) -> None:
        self._instances = instances
        self._seconds = seconds
        self._timer: asyncio.TimerHandle | None = None
        self._closed = False

    def wake(self) -> None:
        """Look again later, because an instance starts; no-op if that is planned already."""
        if self._timer is None and not self._closed:
            self._timer = asyncio.get_running_loop().call_later(self._seconds, self._look)

    def close(self) -> None:
        """Look no more."""
        self._closed = True
        if self._timer is not None:
            self._timer.cancel()

    def _look(self) -> None:
        # psutil would be a part of the start of a runtime, which may never run a process.
        from fc_async_local.execution.machine.processes import resident_kb  # noqa: PLC0415 -- see above

        self._timer = None
        self._instances.stop_idle(asyncio.get_running_loop().time())
        self._instances.kill_over_memory(resident_kb)
        if len(self._instances):
            self.wake()
