# SPDX-License-Identifier: MIT
"""The states of an asynchronous invocation and the steps between them that are legal.

The names are the service's (ListAsyncTasks, ``status``). Only this module compares status
strings and decides which step is allowed.
"""

from __future__ import annotations

import enum
from typing import Final


class Status(str, enum.Enum):
    """The state of an invocation."""

    ENQUEUED = "Enqueued"
    DEQUEUED = "Dequeued"
    RUNNING = "Running"
    RETRYING = "Retrying"
    STOPPING = "Stopping"
    SUCCEEDED = "Succeeded"
    FAILED = "Failed"
    STOPPED = "Stopped"
    EXPIRED = "Expired"
    INVALID = "Invalid"

    # A status equals its string, so it must have the same hash; Enum would hash its name.
    __hash__ = str.__hash__

    @property
    def final(self) -> bool:
        """True when no step leads out of this state."""
        return self in FINAL

    @property
    def waiting(self) -> bool:
        """True when the invocation is in the queue and not claimed."""
        return self in WAITING


WAITING: Final = frozenset({Status.ENQUEUED, Status.RETRYING})
HELD: Final = frozenset({Status.DEQUEUED, Status.RUNNING, Status.STOPPING})
FINAL: Final = frozenset(
    {Status.SUCCEEDED, Status.FAILED, Status.STOPPED, Status.EXPIRED, Status.INVALID}
)

# The claims of a node that ended are released: DEQUEUED and RUNNING may return to the waiting state
# before them.
LEGAL: Final[dict[Status, frozenset[Status]]] = {
    Status.ENQUEUED: frozenset({Status.DEQUEUED, Status.STOPPING}),
    Status.DEQUEUED: frozenset(
        {
            Status.RUNNING,
            Status.ENQUEUED,
            Status.RETRYING,
            Status.STOPPING,
            Status.EXPIRED,
            Status.INVALID,
            Status.FAILED,
            # Without task mode RUNNING is not visible, so it is not written.
            Status.SUCCEEDED,
        }
    ),
    Status.RUNNING: frozenset(
        {
            Status.RETRYING,
            Status.ENQUEUED,
            Status.STOPPING,
            Status.SUCCEEDED,
            Status.FAILED,
            Status.EXPIRED,
            Status.INVALID,
        }
    ),
    Status.RETRYING: frozenset({Status.DEQUEUED, Status.STOPPING}),
    # The attempt may have ended before the stop interrupted it.
    Status.STOPPING: frozenset(
        {Status.STOPPED, Status.SUCCEEDED, Status.FAILED, Status.EXPIRED, Status.INVALID}
    ),
    **{status: frozenset() for status in FINAL},
}


def legal(before: Status, after: Status) -> bool:
    """Return whether a step from one state to the other is allowed."""
    return after in LEGAL[before]
