# SPDX-License-Identifier: MIT
"""Channels between nodes in one event loop; they implement fc_async_local.wakeups.Channel."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


class LostHints:
    """Loses every hint."""

    def send(self, topic: str, count: int | None) -> None:
        pass

    def receive(self, hear: Callable[[str, int | None], None], missed: Callable[[], None]) -> None:
        pass


class MemoryChannel:
    """Hands hints to the other end at once."""

    def __init__(self) -> None:
        self.other: MemoryChannel | None = None
        self.hear: Callable[[str, int | None], None] | None = None

    @classmethod
    def pair(cls) -> tuple[MemoryChannel, MemoryChannel]:
        """Two ends of one channel."""
        first, second = cls(), cls()
        first.other, second.other = second, first
        return first, second

    def send(self, topic: str, count: int | None) -> None:
        if self.other is not None and self.other.hear is not None:
            self.other.hear(topic, count)

    def receive(self, hear: Callable[[str, int | None], None], missed: Callable[[], None]) -> None:
        self.hear = hear
