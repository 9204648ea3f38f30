# SPDX-License-Identifier: MIT
"""Positions in the list of tasks.

A position names the last task of a page, not a number of rows, so that a list stays in order while
tasks are added and removed. Callers must not interpret it; a position that comes back is checked.
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
    """Return the position of a task."""
    return Position(invocation.accepted_at, invocation.request_id)


def encode(position: Position) -> str:
    """Return the form that callers get."""
    text = f"{position.accepted_at}:{position.request_id}"
    return base64.urlsafe_b64encode(text.encode()).decode("ascii").rstrip("=")


def decode(after: str) -> Position:
    """Return the position that a page ended with.

    Raises:
        ValueError: The text is not a position.
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
