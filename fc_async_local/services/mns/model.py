# SPDX-License-Identifier: MIT
"""The records of MNS queues, and the numbers that bound them.

Frozen data; what happens to it is in :mod:`fc_async_local.services.mns.queue`. All times are
milliseconds since the epoch; attributes are in the units of the protocol (seconds, bytes).
Numbers: the MNS pages on limits and on CreateQueue, API version 2015-06-06.
"""

from __future__ import annotations

from typing import Final, Literal, NamedTuple

import msgspec

from fc_async_sdk.spec.limits import MNS_PAYLOAD_BYTES, Range

VISIBILITY_SECONDS: Final = Range(1, 43_200, 30)
MESSAGE_BYTES: Final = Range(1_024, MNS_PAYLOAD_BYTES, MNS_PAYLOAD_BYTES)
RETENTION_SECONDS: Final = Range(60, 604_800, 345_600)
DELAY_SECONDS: Final = Range(0, 604_800, 0)
POLLING_SECONDS: Final = Range(0, 30, 0)
PRIORITY: Final = Range(1, 16, 8)
BATCH: Final = Range(1, 16, 1)
PAGE: Final = Range(1, 1_000, 1_000)


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """Base of all records of MNS."""


class QueueAttributes(Record, frozen=True, kw_only=True):
    """What CreateQueue and SetQueueAttributes set. Seconds and bytes, as in the protocol."""

    visibility_timeout: int = VISIBILITY_SECONDS.default
    maximum_message_size: int = MESSAGE_BYTES.default
    message_retention_period: int = RETENTION_SECONDS.default
    delay_seconds: int = DELAY_SECONDS.default
    polling_wait_seconds: int = POLLING_SECONDS.default
    logging_enabled: bool = False


class Queue(Record, frozen=True, kw_only=True):
    """One queue."""

    name: str
    attributes: QueueAttributes
    created_at: int
    modified_at: int


class Property(Record, frozen=True, kw_only=True):
    """One user or system property of a message; ``value`` as transmitted (BINARY: base64)."""

    name: str
    value: str
    type: str


class Draft(Record, frozen=True, kw_only=True):
    """What a sender wants to be queued.

    Attributes:
        message_id: Chosen by the service.
        delay_seconds: None: the queue's own delay.
        envelope_bytes: How much of the body a topic wrapped around it; doesn't count as size.
        call_path: Functions that led here through destinations; never shown to clients. Triggers
            hand it on, so that the loop guard sees through queues.
    """

    message_id: str
    body: str
    delay_seconds: int | None = None
    priority: int = PRIORITY.default
    group_id: str = ""
    user_properties: tuple[Property, ...] = ()
    system_properties: tuple[Property, ...] = ()
    envelope_bytes: int = 0
    call_path: tuple[str, ...] = ()


class Message(Record, frozen=True, kw_only=True):
    """One message in a queue.

    Attributes:
        sequence: Order of arrival in the store.
        first_dequeued_at: None until it was received once.
        visible_at: From when on it can be received.
        dequeue_count: How often it was received.
        claims: Counts receipt handles given out; only the latest one is good.
    """

    sequence: int
    message_id: str
    body: str
    priority: int
    enqueued_at: int
    visible_at: int
    group_id: str = ""
    user_properties: tuple[Property, ...] = ()
    system_properties: tuple[Property, ...] = ()
    call_path: tuple[str, ...] = ()
    first_dequeued_at: int | None = None
    dequeue_count: int = 0
    claims: int = 0


class Receipt(NamedTuple):
    """What a receipt handle says: the right to delete one message or to hide it longer."""

    sequence: int
    claims: int
    message_id: str


class Counts(NamedTuple):
    """Messages of a queue: to be had, received and hidden, not yet due."""

    active: int
    inactive: int
    delayed: int


class Received(NamedTuple):
    """What a receive found.

    Attributes:
        next_visible_at: If nothing was found: when a hidden message comes (back), or None.
        polling_wait_seconds: How long the queue wants an empty receive to wait.
    """

    messages: tuple[Message, ...]
    next_visible_at: int | None
    polling_wait_seconds: int


Creation = Literal["created", "same", "different"]
"""What CreateQueue found: nothing, a queue with these attributes, one with others."""
