# SPDX-License-Identifier: MIT
"""The output of an instance: its newest part, and who is told of it while calls run.

Invariants:

- Memory is bounded, whatever a function prints.
- Calls are told whole lines, each line once, in order.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from fc_async_local.execution.instances.call import Call

_TELL_SECONDS: Final = 0.1
"""Output is told when it is this old: an error that is logged before the answer comes with it."""
_FIRST_TELL_SECONDS: Final = 0.5
"""The same for the first lines of a call, so that all output of a short call stays together."""
_TOLD_BYTES: Final = 64 * 1024
"""The most that is told at a time."""


class LogTail:
    """The newest part of what an instance prints, in bounded memory.

    Positions count all bytes since the start of the instance.

    Args:
        limit: How many bytes are kept.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._kept = bytearray()
        self._end = 0

    @property
    def position(self) -> int:
        """Return how many bytes were fed so far."""
        return self._end

    def feed(self, data: bytes) -> None:
        """Add bytes."""
        self._kept += data
        self._end += len(data)
        # Cutting copies the kept bytes, so it waits until there are twice as many.
        if len(self._kept) > 2 * self._limit:
            del self._kept[: -self._limit]

    def since(self, position: int) -> bytes:
        """Return the bytes after a position, at most the last ``limit`` of them."""
        count = min(self._end - position, self._limit, len(self._kept))
        return bytes(self._kept[len(self._kept) - count :]) if count > 0 else b""

    def lines(self, position: int, until: int, most: int) -> tuple[int, bytes]:
        """Return the newest whole lines between two positions, and where they begin.

        Progress bars end their lines with a carriage return.

        Args:
            position: Where the first line begins.
            until: What was fed after it is left out.
            most: How many bytes are returned at most; a longer line is cut in front.
        """
        first = self._end - len(self._kept)
        begin, end = max(position - first, 0), max(until - first, 0)
        # A carriage return at the end may be half of a line end.
        half = self._kept.rfind(b"\r", begin, max(end - 1, 0))
        end = 1 + max(self._kept.rfind(b"\n", begin, end), half)
        begin = max(begin, end - most)
        return first + begin, bytes(self._kept[begin:end])


class Output:
    """The output of one instance, and the calls that follow it.

    Args:
        limit: How many bytes are kept.

    Attributes:
        log: The newest part of the output.
    """

    def __init__(self, limit: int) -> None:
        self.log = LogTail(limit)
        self._followers: set[Call] = set()
        self._is_due = False  # a timer runs, after which the followers are told

    def feed(self, data: bytes) -> None:
        """Add what was printed; calls that follow are told of it later."""
        self.log.feed(data)
        if data and self._followers and not self._is_due:
            self._tell_later()

    def follow(self, call: Call) -> None:
        """Let a call that begins have what is printed from now on."""
        call.follow(self.log.position)
        self._followers.add(call)

    def unfollow(self, call: Call) -> None:
        """Tell a call nothing more; no-op if it does not follow."""
        self._followers.discard(call)

    def of_call(self, call: Call) -> tuple[bytes, int]:
        """Return the log of a call that has ended, and how many bytes of it were told."""
        log = self.log.since(call.position)
        return log, max(0, len(log) - (self.log.position - call.told))

    def _tell_later(self) -> None:
        self._is_due = True
        goes_on = any(call.told > call.position for call in self._followers)
        seconds = _TELL_SECONDS if goes_on else _FIRST_TELL_SECONDS
        asyncio.get_running_loop().call_later(seconds, self._tell, self.log.position)

    def _tell(self, until: int) -> None:
        """Tell the calls that run the lines before a position."""
        self._is_due = False
        for call in self._followers:
            tell = call.attempt.tell
            if tell is None or call.done.done():
                continue
            begin, lines = self.log.lines(call.told, until, _TOLD_BYTES)
            if lines and tell(lines, begin > call.told):
                call.tell_until(begin + len(lines))
        if self._followers and self.log.position > until:
            self._tell_later()
