# SPDX-License-Identifier: MIT
"""The states of an asynchronous invocation.

The names are the service's (ListAsyncTasks, ``status``).
"""

from __future__ import annotations

import enum
from typing import Final

from fc_async_sdk.models import TERMINAL_STATUSES


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
FINAL: Final = frozenset(map(Status, TERMINAL_STATUSES))
