# SPDX-License-Identifier: MIT
"""Positions in the list of tasks.

A position names the last task that was shown, not a number of rows, so that a list stays in order
while tasks come and go. It is opaque to callers and comes back from outside: never trusted.
"""

from __future__ import annotations

import base64
import binascii
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from fc_async_local.domain.invocation import Invocation


LARGEST: Final = 2**63 - 1
"""The largest time that a store can hold."""


class Position(NamedTuple):
    """The place of a task in the order of lists."""

    accepted_at: int
    request_id: str


def place(invocation: Invocation) -> Position:
    """Where a task stands."""
    return Position(invocation.accepted_at, invocation.request_id)


def encode(position: Position) -> str:
    """The opaque form."""
    text = f"{position.accepted_at}:{position.request_id}"
    return base64.urlsafe_b64encode(text.encode()).decode("ascii").rstrip("=")


def decode(after: str) -> Position:
    """The position that a page ended with.

    Raises:
        ValueError: It isn't one.
    """
    try:
        padded = after.encode("ascii") + b"=" * (-len(after) % 4)
        raw = base64.b64decode(padded, altchars=b"-_", validate=True)
        at, _, request_id = raw.decode().partition(":")
        # PostgreSQL keeps no NUL in a text.
        if abs(int(at)) <= LARGEST and "\0" not in request_id:
            return Position(int(at), request_id)
    except (ValueError, binascii.Error):
        pass
    raise ValueError(f"{after!r} is not a position in the list of tasks: use a nextToken as given")
