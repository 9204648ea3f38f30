"""Ends the worker on SIGTERM and SIGINT: at once if it waits, otherwise after the work in hand."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


class Stopped(BaseException):
    """The worker was told to stop while it waited. The official clients catch Exception only."""


class Stop:
    """A request to stop, which comes as a signal.

    Attributes:
        requested: Whether it came.
    """

    def __init__(self) -> None:
        self.requested = False
        self._interrupts = False

    def listen(self) -> None:
        """Take the signals from now on."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._take)

    @contextmanager
    def interrupts(self) -> Iterator[None]:
        """Let the request interrupt what is done in this block.

        A message that arrives in that moment is not lost: it is received again later.

        Raises:
            Stopped: The request came in the block.
        """
        self._interrupts = True
        try:
            if self.requested:
                raise Stopped
            yield
        finally:
            self._interrupts = False

    def _take(self, number: int, frame: FrameType | None) -> None:
        self.requested = True
        if self._interrupts:
            raise Stopped
