# SPDX-License-Identifier: MIT
"""Queues and their messages: records, limits, errors, and the rules that all stores follow (pure).

Times are milliseconds since the epoch; attributes are in the units of the protocol (seconds,
bytes). Sources of the numbers: the MNS pages on limits and on CreateQueue, API version 2015-06-06
(docs/reference/sources.md).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Final, Literal, NamedTuple

import msgspec

from fc_async_local.domain.invocation import Record
from fc_async_local.services.common import ProtocolError, Receipt, check_body, check_range
from fc_async_sdk.errors import shorten
from fc_async_sdk.spec.destinations import KINDS, QUEUE_NAME
from fc_async_sdk.spec.limits import QUEUE_RETENTION_SECONDS, Range

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from fc_async_local.domain.invocation import Job


class MnsError(ProtocolError):
    """A request that MNS refuses, with a code of the service."""

    codes: ClassVar = {
        400: "InvalidArgument InvalidQueryString InvalidQueueName InvalidRequestURL MalformedXML "
        "MissingReceiptHandle MissingVisibilityTimeout QueueNameLengthError ReceiptHandleError",
        404: "MessageNotExist QueueNotExist SubscriptionNotExist TopicNotExist",
        409: "QueueAlreadyExist SubscriptionAlreadyExist TopicAlreadyExist",
    }


def queue_missing(name: str) -> MnsError:
    """Return the error of a queue that does not exist."""
    return MnsError("QueueNotExist", f"the queue {name!r} does not exist: create it first")


def handle_unknown(handle: str) -> MnsError:
    """Return the error of a receipt handle that does not have the form of one."""
    return MnsError("ReceiptHandleError", f"ReceiptHandle {shorten(handle)} was not given out here")


def message_missing() -> MnsError:
    """Return the error of a receipt that is not valid any more, and of a poll without messages."""
    return MnsError("MessageNotExist", "Message not exist.")


VISIBILITY_SECONDS: Final = Range(1, 43_200, 30)
_LARGEST: Final = KINDS["mns-queue"].payload_bytes
MESSAGE_BYTES: Final = Range(1_024, _LARGEST, _LARGEST)
DELAY_SECONDS: Final = Range(0, 604_800, 0)
POLLING_SECONDS: Final = Range(0, 30, 0)
PRIORITY: Final = Range(1, 16, 8)
BATCH: Final = Range(1, 16, 1)
PAGE: Final = Range(1, 1_000, 1_000)


class QueueAttributes(Record, frozen=True, kw_only=True):
    """Attributes of CreateQueue and SetQueueAttributes, in seconds and bytes."""

    visibility_timeout: int = VISIBILITY_SECONDS.default
    maximum_message_size: int = MESSAGE_BYTES.default
    message_retention_period: int = QUEUE_RETENTION_SECONDS.default
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
    """A user or system property of a message; ``value`` as transmitted (BINARY: base64)."""

    name: str
    value: str
    type: str


class Extras(Record, frozen=True, kw_only=True, omit_defaults=True):
    """Properties that few messages have.

    Attributes:
        group_id: Of the sender; "" if none.
        call_path: Functions that led here through destinations; not shown to clients. Triggers
            pass it on, so that the loop guard also counts calls through queues.
    """

    group_id: str = ""
    user_properties: tuple[Property, ...] = ()
    system_properties: tuple[Property, ...] = ()
    call_path: tuple[str, ...] = ()


def extras_of(source: Extras) -> dict[str, Any]:
    """Return the fields of :class:`Extras` of a draft or a message."""
    return {name: getattr(source, name) for name in Extras.__struct_fields__}


class Draft(Extras, frozen=True, kw_only=True):
    """A message that a sender wants to put into a queue.

    Attributes:
        message_id: Chosen by the service.
        body: Text.
        delay_seconds: None for the delay of the queue.
        priority: 1 is the highest.
        envelope_bytes: Bytes of the body that a topic has added; they do not count as its size.
    """

    message_id: str
    body: str
    delay_seconds: int | None = None
    priority: int = PRIORITY.default
    envelope_bytes: int = 0


class MnsMessage(Extras, frozen=True, kw_only=True):
    """One message in a queue.

    Attributes:
        sequence: Order of arrival in the store.
        visible_at: When it can be received.
        first_dequeued_at: None until it was received once.
        dequeue_count: How often it was received.
        claims: Number of receipt handles issued; only the last one is valid.
    """

    sequence: int
    message_id: str
    body: str
    priority: int
    enqueued_at: int
    visible_at: int
    first_dequeued_at: int | None = None
    dequeue_count: int = 0
    claims: int = 0


class Offer(NamedTuple):
    """A message for a queue.

    Attributes:
        queue: Its name.
        draft: The message.
        otherwise: The job that is written if there is no such queue or it refuses the message.
    """

    queue: str
    draft: Draft
    otherwise: Job


class Counts(NamedTuple):
    """Numbers of messages of a queue: visible, received and hidden, and not yet due."""

    active: int
    inactive: int
    delayed: int


class Received(NamedTuple):
    """The result of a receive.

    Attributes:
        messages: As received.
        next_visible_at: If there are none, when a hidden message becomes visible, or None.
        polling_wait_seconds: The queue's default wait for messages.
    """

    messages: tuple[MnsMessage, ...]
    next_visible_at: int | None
    polling_wait_seconds: int


ATTRIBUTES: Final = {
    "visibility_timeout": VISIBILITY_SECONDS,
    "maximum_message_size": MESSAGE_BYTES,
    "message_retention_period": QUEUE_RETENTION_SECONDS,
    "delay_seconds": DELAY_SECONDS,
    "polling_wait_seconds": POLLING_SECONDS,
}
"""Attributes of queues that are numbers, with their ranges."""

Creation = Literal["created", "same", "different"]
"""Result of CreateQueue: created, or exists with the same or with different attributes."""


def check_name(name: str, *, kind: str = "Queue") -> None:
    """Check the name of a queue, topic or subscription.

    Raises:
        MnsError: QueueNameLengthError, InvalidQueueName or InvalidArgument.
    """
    problem = QUEUE_NAME.problem(name, f"{kind} name")
    if not problem:
        return
    if kind != "Queue":
        raise MnsError("InvalidArgument", problem)
    # Of queues the service tells the two apart.
    is_too_long = len(name) > QUEUE_NAME.longest
    raise MnsError("QueueNameLengthError" if is_too_long else "InvalidQueueName", problem)


def check_attributes(attributes: QueueAttributes) -> None:
    """Check that attributes are in their ranges.

    Raises:
        MnsError: InvalidArgument, naming the attribute, the value and the range.
    """
    for field, allowed in ATTRIBUTES.items():
        check_range(field, getattr(attributes, field), allowed, MnsError)


def compare(existing: Queue, attributes: QueueAttributes) -> Creation:
    """Return the result of CreateQueue for a queue that exists."""
    return "same" if existing.attributes == attributes else "different"


def enqueue(queue: Queue, draft: Draft, *, now: int) -> MnsMessage:
    """Return the message that a draft becomes in a queue, which the store gives its sequence.

    Args:
        queue: The queue.
        draft: The draft.
        now: Milliseconds since the epoch.

    Raises:
        MnsError: InvalidArgument: the body is empty, too large or not valid in XML 1.0, or the
            delay or the priority is out of range.
    """
    largest = queue.attributes.maximum_message_size
    check_body(draft.body, largest, MnsError, envelope_bytes=draft.envelope_bytes)
    check_range("Priority", draft.priority, PRIORITY, MnsError)
    delay = draft.delay_seconds
    if delay is None:
        delay = queue.attributes.delay_seconds
    check_range("DelaySeconds", delay, DELAY_SECONDS, MnsError)
    return MnsMessage(
        sequence=0,
        message_id=draft.message_id,
        body=draft.body,
        priority=draft.priority,
        enqueued_at=now,
        visible_at=now + delay * 1_000,
        **extras_of(draft),
    )


def kept_since(queue: Queue, now: int) -> int:
    """Return the time such that messages enqueued then or earlier have expired."""
    # Compared when a queue is read, not by a job of its own: a queue that is not used costs
    # nothing.
    return now - queue.attributes.message_retention_period * 1_000


def take(queue: Queue, message: MnsMessage, now: int) -> MnsMessage:
    """Return a message as received: hidden for the queue's visibility timeout."""
    first_dequeued_at = message.first_dequeued_at
    if first_dequeued_at is None:
        first_dequeued_at = now
    return msgspec.structs.replace(
        message,
        visible_at=now + queue.attributes.visibility_timeout * 1_000,
        first_dequeued_at=first_dequeued_at,
        dequeue_count=message.dequeue_count + 1,
        # Counted apart from the receives: a change of the visibility gives a new handle, too, and
        # the handle before must not be valid any more.
        claims=message.claims + 1,
    )


def hide(
    messages: Mapping[int, MnsMessage],
    receipt: Receipt,
    *,
    seconds: float,
    now: int,
) -> MnsMessage | None:
    """Return a received message with another visibility and a new handle.

    Args:
        messages: Messages by sequence.
        receipt: Of the message.
        seconds: How long it is hidden.
        now: Milliseconds since the epoch.

    Returns:
        None if the receipt is not valid.
    """
    message = messages.get(receipt.sequence)
    if message is None or not holds(message, receipt, now):
        return None
    return msgspec.structs.replace(
        message,
        visible_at=now + int(seconds * 1_000),
        claims=message.claims + 1,
    )


def delete(
    messages: Mapping[int, MnsMessage], receipts: Sequence[Receipt], now: int
) -> tuple[list[bool], list[int]]:
    """Decide which received messages are deleted.

    Args:
        messages: Messages by sequence.
        receipts: Of the messages.
        now: Milliseconds since the epoch.

    Returns:
        Whether each receipt is valid, the first time that it occurs; the sequences to delete.
    """
    results: list[bool] = []
    deleted: list[int] = []
    for receipt in receipts:
        message = messages.get(receipt.sequence)
        is_valid = message is not None and holds(message, receipt, now)
        is_first = receipt.sequence not in deleted
        results.append(is_valid and is_first)
        if is_valid and is_first:
            deleted.append(receipt.sequence)
    return results, deleted


def refused(offers: Sequence[Offer], taken: Sequence[bool]) -> list[Job]:
    """Return the jobs of the offers whose queue did not take the message."""
    return [offer.otherwise for offer, took in zip(offers, taken, strict=True) if not took]


def holds(message: MnsMessage, receipt: Receipt, now: int) -> bool:
    """Return whether a receipt is valid: the last one of this message, and not timed out."""
    return (
        message.message_id == receipt.message_id
        and message.claims == receipt.claims
        and message.visible_at > now
    )


def handle_of(message: MnsMessage) -> str:
    """Return the receipt handle of a received message."""
    return Receipt(message.sequence, message.claims, message.message_id).handle
