# SPDX-License-Identifier: MIT
"""The steps between the states of an invocation that are legal: the law that stores are held to."""

from __future__ import annotations

from fc_async_local.domain.states import FINAL, Status

HELD = frozenset({Status.DEQUEUED, Status.RUNNING, Status.STOPPING})

# The claims of a node that ended are released: DEQUEUED and RUNNING may return to the waiting state
# before them.
LEGAL: dict[Status, frozenset[Status]] = {
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
    return after in LEGAL[before]
