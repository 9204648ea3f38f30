# SPDX-License-Identifier: MIT
"""The end of a call's log in a container.

An engine reads what a container prints from a pipe of its own, and passes it on beside the answer
of the call, so that the last lines come a little later than the answer.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from fc_async_local.execution.instances.call import Call
    from fc_async_local.execution.instances.output import Output

_SILENCE: Final = 0.025
"""Seconds without output after which a log counts as whole."""
_LONGEST_WAIT: Final = 0.1
"""Seconds for the first output of a call, where calls print, and for a container that never falls
silent. On a loaded machine podman was 30 ms behind in one of 200 calls."""
_LOOK_SECONDS: Final = 0.005
_END_MARK: Final = b"FC Invoke End RequestId: "
"""Servers that write the marks of the service end the log of a call with this one."""


class ContainerLogs:
    """The output of a container, and the ends of the logs of its calls.

    Args:
        output: Takes what is printed.
    """

    def __init__(self, output: Output) -> None:
        self._output = output
        self._printed_at = 0.0
        self._calls_print = False
        self._waiting: asyncio.Future[None] | None = None

    def feed(self, data: bytes) -> None:
        """Add what was printed."""
        self._printed_at = asyncio.get_running_loop().time()
        self._output.feed(data)

    async def until_whole(self, call: Call) -> None:
        """Wait for the end mark of a call, or for silence where none is written."""
        self._waiting = asyncio.ensure_future(self._wait(call))
        await asyncio.wait({self._waiting})

    async def until_others_are_whole(self) -> None:
        """Wait for the log of the call before: what comes late would be in the log of the next."""
        if self._waiting is not None:
            await asyncio.wait({self._waiting})

    async def _wait(self, call: Call) -> None:
        loop = asyncio.get_running_loop()
        began = loop.time()
        mark = _END_MARK + call.attempt.request_id.encode()
        # A server that has written marks writes one for this call, too.
        writes_marks = _END_MARK in self._output.log.since(0)
        while loop.time() < began + _LONGEST_WAIT:
            log = self._output.log.since(call.position)
            if mark in log:
                break
            is_silent = loop.time() >= max(began, self._printed_at) + _SILENCE
            is_awaited = writes_marks or (self._calls_print and not log)
            if is_silent and not is_awaited:
                break
            await asyncio.sleep(_LOOK_SECONDS)
        self._calls_print = self._calls_print or self._printed_at >= began - _SILENCE
