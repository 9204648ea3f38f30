# SPDX-License-Identifier: MIT
"""What happens to messages of a queue, as functions of data and time.

Every store calls these, so that there is one place where it is
decided. This module reads no clock, makes no ids and keeps nothing.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

import msgspec

from fc_async_local.services.mns import model
from fc_async_local.services.mns.errors import MnsError
from fc_async_local.services.mns.model import (
    Counts,
    Creation,
    Draft,
    Message,
    Queue,
    QueueAttributes,
    Receipt,
)
from fc_async_sdk.errors import shorten

if TYPE_CHECKING:
    from fc_async_sdk.spec.limits import Range

_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,255}")
_NAME_LENGTH: Final = 256
_HANDLE: Final = re.compile(r"([0-9]{1,18})-([0-9]{1,18})-([0-9A-F]+)", re.ASCII)
_UNSPEAKABLE: Final = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_ATTRIBUTE_RANGES: Final = {
    "visibility_timeout": model.VISIBILITY_SECONDS,
    "maximum_message_size": model.MESSAGE_BYTES,
    "message_retention_period": model.RETENTION_SECONDS,
    "delay_seconds": model.DELAY_SECONDS,
    "polling_wait_seconds": model.POLLING_SECONDS,
}


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
    check_range("Priority", draft.priority, model.PRIORITY)
    delay = draft.delay_seconds
    if delay is None:
        delay = queue.attributes.delay_seconds
    check_range("DelaySeconds", delay, model.DELAY_SECONDS)
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
