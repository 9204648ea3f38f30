# SPDX-License-Identifier: MIT
"""Decides how the waiting invocations of a function that was paused start again. Pure.

While a function is paused, each of its invocations that falls due is parked: it waits until the end
of its age. A durable job of the kind :data:`RESUME` lets parked invocations go, some at a time, and
adds the job that lets the next ones go.

Invariants:
    After a restart nothing is made up for: at most one batch more than the rate allows starts.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import msgspec

from fc_async_local.domain.invocation import Job, JobSettlement, Record
from fc_async_sdk._decoding import prepare

RESUME: Final = "resume"
"""Kind of the jobs that let parked invocations go."""

_AT_ONCE: Final = 1_000
"""Invocations that one transaction lets go: the most that another write waits for."""
_SECOND_US: Final = 1_000_000


class Pause(Record, frozen=True, kw_only=True):
    """State of a function that was paused.

    Attributes:
        since: When it was paused, in milliseconds since the epoch.
        interval_us: Microseconds between the starts of parked invocations, after it was resumed at
            a rate; 0: it is paused.
    """

    since: int
    interval_us: int = 0

    @property
    def holds(self) -> bool:
        """True if no attempt begins."""
        return self.interval_us == 0


class Release(msgspec.Struct, frozen=True, kw_only=True):
    """Payload of a job: the function whose parked invocations it lets go."""

    function: str


prepare(Release)
read_release: Final = msgspec.msgpack.Decoder(Release).decode


class Released(NamedTuple):
    """Result of a job.

    Attributes:
        number: How many invocations were let go.
        batch: How many there might have been.
    """

    number: int
    batch: Batch


class Batch(NamedTuple):
    """Invocations that are let go together.

    Attributes:
        number: How many.
        spread_ms: Over which time they start, and after which the next batch follows.
    """

    number: int
    spread_ms: int


def batch_of(interval_us: int) -> Batch:
    """Return what is let go at a time: what starts within a second, at least one invocation."""
    if interval_us == 0:
        return Batch(_AT_ONCE, 0)
    number = max(1, _SECOND_US // interval_us)
    # Rounded up, to a slower rate.
    return Batch(number, -(-number * interval_us // 1_000))


def job_of(function: str, *, now: int) -> Job:
    """Return the job that lets the parked invocations of a function go."""
    return Job(
        kind=RESUME,
        key=f"{RESUME} {function}",
        payload=msgspec.msgpack.encode(Release(function=function)),
        scope=function,
        created_at=now,
        due_at=now,
    )


def follow(job: Job, released: Released | None, now: int) -> JobSettlement:
    """Return what follows from a batch: the job of the next one, unless none is left.

    Args:
        job: The job of the batch.
        released: What was let go; None: the function is paused again.
        now: Milliseconds since the epoch.
    """
    if released is None or released.number < released.batch.number:
        return JobSettlement(job=None)
    following = msgspec.structs.replace(
        job,
        # A late batch is not made up for.
        due_at=max(now, job.due_at + released.batch.spread_ms),
        lease_until=None,
        lease_owner="",
    )
    return JobSettlement(job=None, added=(following,))
