# SPDX-License-Identifier: MIT
"""The kinds of durable jobs, and the payload of those that deliver an outcome.

Pure. What follows from a try is decided by the policy of each kind.
"""

from __future__ import annotations

from typing import Final

import msgspec

from fc_async_local.domain.invocation import Delivery, Job

DELIVERY: Final = "delivery"
"""Tells a destination of a final outcome, or redrives an event that was given up."""
TOPIC_PUSH: Final = "mns.push"
"""Pushes a message of an MNS topic to a subscription."""
EVENT_PUSH: Final = "eventbridge.push"
"""Pushes an event to a target of a rule."""

# MessagePack keeps the document byte for byte, without an encoding as text.
_encode: Final = msgspec.msgpack.Encoder().encode
_decode: Final = msgspec.msgpack.Decoder(Delivery).decode


def deliver(delivery: Delivery, *, now: int, error: str = "") -> Job:
    """Return the job of a delivery.

    Args:
        delivery: What to tell, and whom.
        now: Milliseconds since the epoch; the job is due at once.
        error: Why it can never be delivered: the job is dead from the start. "" if it can.
    """
    return Job(
        kind=DELIVERY,
        key=delivery.request_id,
        payload=_encode(delivery),
        created_at=now,
        due_at=now,
        state="dead" if error else "pending",
        error=error,
    )


def delivery_of(job: Job) -> Delivery:
    """Return what a job of the kind :data:`DELIVERY` delivers."""
    return _decode(job.payload)
