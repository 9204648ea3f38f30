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
        self._newest = bytearray()
        self._end = 0

    @property
    def position(self) -> int:
        """Return how many bytes were fed so far."""
        return self._end

    def feed(self, data: bytes) -> None:
        """Add bytes."""
        self._newest += data
        self._end += len(data)
        # Cutting copies the kept bytes, so it waits until there are twice as many.
        is_twice_too_long = len(self._newest) > 2 * self._limit
        if is_twice_too_long:
            del self._newest[: -self._limit]

    def since(self, position: int) -> bytes:
        """Return the bytes after a position, at most the last ``limit`` of them."""
        count = min(self._end - position, self._limit, len(self._newest))
        if count <= 0:
            return b""
        return bytes(self._newest[-count:])

    def lines(self, position: int, until: int, most: int) -> tuple[int, bytes]:
        """Return the newest whole lines between two positions, and where they begin.

        Progress bars end their lines with a carriage return.

        Args:
            position: Where the first line begins.
            until: What was fed after it is left out.
            most: How many bytes are returned at most; a longer line is cut in front.
        """
        first = self._end - len(self._newest)
        begin = max(position - first, 0)
        end = max(until - first, 0)
        last_newline = self._newest.rfind(b"\n", begin, end)
        # A carriage return at the end may be half of a line end.
        before_last_byte = max(end - 1, 0)
        last_return = self._newest.rfind(b"\r", begin, before_last_byte)
        end = max(last_newline, last_return) + 1
        begin = max(begin, end - most)
        lines = bytes(self._newest[begin:end])
        return first + begin, lines


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
        if not data or not self._followers:
            return
        if not self._is_due:
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
        untold = self.log.position - call.told
        # The log is cut in front: more may be left to tell than it has.
        told = max(0, len(log) - untold)
        return log, told

    def _tell_later(self) -> None:
        self._is_due = True
        seconds = _FIRST_TELL_SECONDS
        if any(call.told > call.position for call in self._followers):
            seconds = _TELL_SECONDS
        asyncio.get_running_loop().call_later(seconds, self._tell, self.log.position)

    def _tell(self, until: int) -> None:
        """Tell the calls that run the lines before a position."""
        self._is_due = False
        for call in self._followers:
            if not call.done.done():
                self._tell_call(call, until)
        is_behind = self.log.position > until
        if self._followers and is_behind:
            self._tell_later()

    def _tell_call(self, call: Call, until: int) -> None:
        tell = call.attempt.tell
        if tell is None:
            return
        begin, lines = self.log.lines(call.told, until, _TOLD_BYTES)
        if not lines:
            return
        was_cut = begin > call.told
        # What was not taken is told again with the next lines.
        if tell(lines, was_cut):
            call.tell_until(begin + len(lines))
