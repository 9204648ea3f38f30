# SPDX-License-Identifier: MIT
"""The newest part of what an instance prints, in bounded memory."""

from __future__ import annotations


class LogTail:
    """Keeps the last ``limit`` bytes; positions count all bytes that ever came."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._kept = bytearray()
        self._end = 0

    @property
    def position(self) -> int:
        """How many bytes came so far."""
        return self._end

    def feed(self, data: bytes) -> None:
        """Take more."""
        self._kept += data
        self._end += len(data)
        # Twice the limit before anything is moved: cutting costs a copy.
        if len(self._kept) > 2 * self._limit:
            del self._kept[: -self._limit]

    def since(self, position: int) -> bytes:
        """What came after ``position``, at most the last ``limit`` bytes of it."""
        count = min(self._end - position, self._limit, len(self._kept))
        return bytes(self._kept[len(self._kept) - count :]) if count > 0 else b""
