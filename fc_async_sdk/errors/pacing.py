# SPDX-License-Identifier: MIT
"""Errors of paced sending."""

from __future__ import annotations

from fc_async_sdk.errors.tree import FcAsyncError

__all__ = ["PaceError", "PaceStoreFailed", "WaitTooLong"]


class PaceError(FcAsyncError):
    """A message got no slot. It was not sent.

    Attributes:
        pace: Name of the pace.
    """

    def __init__(self, pace: str, message: str) -> None:
        super().__init__(f"pace {pace}: {message}")
        self.pace = pace
        self.message = message

    def __reduce__(self) -> tuple[object, ...]:
        return _rebuild, (type(self), vars(self))


def _rebuild(cls: type[PaceError], attributes: dict[str, str]) -> PaceError:
    error = cls.__new__(cls)
    PaceError.__init__(error, attributes["pace"], attributes["message"])
    vars(error).update(attributes)
    return error


class PaceStoreFailed(PaceError):
    """The store could not be read or written; ``__cause__`` is the error of its client."""


class WaitTooLong(PaceError):
    """The slot is later than the message may wait.

    Attributes:
        seconds: The wait until the last slot.
    """

    def __init__(self, pace: str, seconds: int, count: int, hops: int, max_hops: int) -> None:
        waits = "the message waits" if count == 1 else f"the last of {count:,} messages waits"
        advice = (
            f"Decorate the handler: @handler(…, pace=…), allow max_hops={hops}; or send fewer."
            if not max_hops
            else f"The pace allows max_hops={max_hops}, this takes {hops}: raise it, or send fewer."
        )
        super().__init__(pace, f"{waits} {seconds:,} s, longer than it may; not sent\n{advice}")
        self.seconds = seconds
