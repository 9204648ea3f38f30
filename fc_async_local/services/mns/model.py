# SPDX-License-Identifier: MIT
"""The records of MNS queues, and the numbers that bound them.

Frozen data; what happens to it is in :mod:`fc_async_local.services.mns.model`. All times are
milliseconds since the epoch; attributes are in the units of the protocol (seconds, bytes).
Numbers: the MNS pages on limits and on CreateQueue, API version 2015-06-06.
"""

from __future__ import annotations

import re
from typing import Final, Literal, NamedTuple

import msgspec

from fc_async_local.services.mns.errors import MnsError
from fc_async_sdk.errors import shorten
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


_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,255}")
_NAME_LENGTH: Final = 256
_HANDLE: Final = re.compile(r"([0-9]{1,18})-([0-9]{1,18})-([0-9A-F]+)", re.ASCII)
_UNSPEAKABLE: Final = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_ATTRIBUTE_RANGES: Final = {
    "visibility_timeout": VISIBILITY_SECONDS,
    "maximum_message_size": MESSAGE_BYTES,
    "message_retention_period": RETENTION_SECONDS,
    "delay_seconds": DELAY_SECONDS,
    "polling_wait_seconds": POLLING_SECONDS,
}

Creation = Literal["created", "same", "different"]
"""What CreateQueue found: nothing, a queue with these attributes, one with others."""


def check_name(name: str, *, kind: str = "Queue") -> None:
    """Refuse a name of a queue, topic or subscription that the service would refuse.

    Raises:
        MnsError: QueueNameLengthError, InvalidQueueName or InvalidArgument.
    """
    if len(name) > _NAME_LENGTH:
        code = "QueueNameLengthError" if kind == "Queue" else "InvalidArgument"
        raise MnsError(code, f"{kind} name {shorten(name)}: at most {_NAME_LENGTH} characters")
    if _NAME.fullmatch(name) is None:
        code = "InvalidQueueName" if kind == "Queue" else "InvalidArgument"
        raise MnsError(
            code,
            f"{kind} name {shorten(name)}: letters, digits and '-', a letter or digit in front",
        )


def check_attributes(attributes: QueueAttributes) -> None:
    """Refuse attributes outside of the service's ranges.

    Raises:
        MnsError: InvalidArgument, naming the attribute, the value and the range.
    """
    for field, allowed in _ATTRIBUTE_RANGES.items():
        check_range(field, getattr(attributes, field), allowed)


def check_range(what: str, value: int, allowed: Range) -> None:
    """Refuse a number outside of its range.

    Raises:
        MnsError: InvalidArgument.
    """
    if value not in allowed:
        raise MnsError("InvalidArgument", f"{what}={value}: {allowed.low} to {allowed.high}")


def check_speakable(body: str) -> None:
    """Refuse a body with characters that no XML document can carry.

    Raises:
        MnsError: InvalidArgument.
    """
    unspeakable = _UNSPEAKABLE.search(body)
    if unspeakable is not None:
        raise MnsError(
            "InvalidArgument",
            f"MessageBody holds {unspeakable[0]!r}, which XML 1.0 can't carry: send base64",
        )


def compare(existing: Queue, attributes: QueueAttributes) -> Creation:
    """What CreateQueue says to a queue that exists: the same one again is no error."""
    return "same" if existing.attributes == attributes else "different"


def enqueue(queue: Queue, draft: Draft, *, sequence: int, now: int) -> Message:
    """Put a draft into a queue.

    Raises:
        MnsError: InvalidArgument: empty, over the queue's size, not carried by XML 1.0, or a
            delay or priority outside of its range.
    """
    size = len(draft.body.encode("utf-8", "surrogatepass")) - draft.envelope_bytes
    largest = queue.attributes.maximum_message_size
    if not 0 < size <= largest:
        raise MnsError(
            "InvalidArgument", f"MessageBody has {size} bytes: 1 to {largest} are allowed"
        )
    check_speakable(draft.body)
    check_range("Priority", draft.priority, PRIORITY)
    delay = draft.delay_seconds
    if delay is None:
        delay = queue.attributes.delay_seconds
    check_range("DelaySeconds", delay, DELAY_SECONDS)
    return Message(
        sequence=sequence,
        message_id=draft.message_id,
        body=draft.body,
        priority=draft.priority,
        enqueued_at=now,
        visible_at=now + delay * 1_000,
        group_id=draft.group_id,
        user_properties=draft.user_properties,
        system_properties=draft.system_properties,
        call_path=draft.call_path,
    )


def is_expired(queue: Queue, message: Message, now: int) -> bool:
    """Whether a message was kept as long as its queue keeps messages."""
    return message.enqueued_at <= kept_since(queue, now)


def kept_since(queue: Queue, now: int) -> int:
    """Messages enqueued at this moment or earlier are gone."""
    return now - queue.attributes.message_retention_period * 1_000


def order(message: Message) -> tuple[int, int]:
    """Sort key of what is received first: the priority (1 is highest), then the arrival."""
    return message.priority, message.sequence


def take(queue: Queue, message: Message, now: int) -> Message:
    """Receive a message: it is hidden for the queue's visibility timeout."""
    return msgspec.structs.replace(
        message,
        visible_at=now + queue.attributes.visibility_timeout * 1_000,
        first_dequeued_at=now if message.first_dequeued_at is None else message.first_dequeued_at,
        dequeue_count=message.dequeue_count + 1,
        claims=message.claims + 1,
    )


def hide(message: Message, *, seconds: float, now: int) -> Message:
    """Change the visibility of a received message; the old handle is void from now on."""
    return msgspec.structs.replace(
        message, visible_at=now + int(seconds * 1_000), claims=message.claims + 1
    )


def reveal(message: Message, now: int) -> Message:
    """Take a received message back from whoever has it: visible at once, its handle void."""
    return msgspec.structs.replace(message, visible_at=now, claims=message.claims + 1)


def holds(message: Message, receipt: Receipt, now: int) -> bool:
    """Whether a handle is good: the latest one, of this message, and not run out."""
    return (
        message.message_id == receipt.message_id
        and message.claims == receipt.claims
        and message.visible_at > now
    )


def count(messages: list[Message], now: int) -> Counts:
    """How many messages are to be had, hidden, and not yet due."""
    hidden = [message for message in messages if message.visible_at > now]
    delayed = sum(message.dequeue_count == 0 for message in hidden)
    return Counts(len(messages) - len(hidden), len(hidden) - delayed, delayed)


def handle_of(message: Message) -> str:
    """The receipt handle of a message as received; safe in a URL without any encoding."""
    return f"{message.sequence}-{message.claims}-{message.message_id}"


def read_handle(handle: str) -> Receipt | None:
    """Read a receipt handle. None: it was never given out here."""
    match = _HANDLE.fullmatch(handle)
    return match and Receipt(int(match[1]), int(match[2]), match[3])
