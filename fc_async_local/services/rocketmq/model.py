# SPDX-License-Identifier: MIT
"""Topics, messages, limits and errors of RocketMQ 4.x, and how its protocol writes them.

All times are milliseconds since the epoch. Sources of the numbers: the pages of RocketMQ 4.x on
limits and on the HTTP protocol (docs/reference/sources.md).
"""

from __future__ import annotations

import re
from typing import ClassVar, Final, NamedTuple

import msgspec

from fc_async_local.domain.invocation import Record
from fc_async_local.services.common import ProtocolError, Receipt, check_body
from fc_async_sdk.errors import shorten
from fc_async_sdk.spec import limits
from fc_async_sdk.spec.destinations import KINDS

MESSAGE_BYTES: Final = KINDS["rocketmq"].payload_bytes
BATCH: Final = limits.ROCKETMQ_BATCH
POLLING_SECONDS: Final = limits.ROCKETMQ_POLLING_SECONDS
RETENTION_MS: Final = 3 * 86_400_000
MOST_CONSUMED: Final = 289
"""One delivery and 288 retries; then the message goes to the group's dead-letter topic."""
DELAY_MS: Final = 40 * 86_400_000
"""Largest distance of ``__STARTDELIVERTIME`` into the future."""
_FORBIDDEN: Final = re.compile("[:|\"'&<>]")
_KEYS: Final = "KEYS"
_MILLISECONDS: Final = re.compile("[0-9]{1,18}")
_DELIVER_AT: Final = "__STARTDELIVERTIME"
_SHARDING_KEY: Final = "__SHARDINGKEY"
_TRANSACTION: Final = "__TransCheckT"


class Topic(Record, frozen=True, kw_only=True):
    """A topic of an instance."""

    instance_id: str
    name: str
    created_at: int


class NewMessage(Record, frozen=True, kw_only=True):
    """A message as a producer publishes it.

    Attributes:
        body: Text.
        tag: For the filters of consumers; "" if it has none.
        keys: The message key, for lookups.
        properties: Of the user.
        deliver_at: Time before which it is not delivered, or None.
        sharding_key: Ordered consumers get messages of one key in order.
        call_path: Functions that led here through destinations; not shown to clients.
    """

    body: str
    tag: str = ""
    keys: str = ""
    properties: dict[str, str] = msgspec.field(default_factory=dict)
    deliver_at: int | None = None
    sharding_key: str = ""
    call_path: tuple[str, ...] = ()


class RocketMqMessage(Record, frozen=True, kw_only=True):
    """A message in a topic's log. ``properties`` are as transmitted: ``k1:v1|k2:v2|``."""

    message_id: str
    body: str
    tag: str
    properties: str
    sharding_key: str
    published_at: int
    call_path: tuple[str, ...] = ()


class Pending(Record, frozen=True, kw_only=True):
    """A message that a group has fetched from the log and not acknowledged.

    Attributes:
        sequence: Its place in the log.
        message: The message.
        consumed: How often it was handed out.
        next_at: When it may be handed out (again).
        first_at: When it was handed out first; 0 before that.
        claims: Number of receipt handles issued; only the last one is valid.
    """

    sequence: int
    message: RocketMqMessage
    consumed: int = 0
    next_at: int = 0
    first_at: int = 0
    claims: int = 0


class ConsumeRequest(NamedTuple):
    """The parameters of a consumer.

    Attributes:
        limit: 1 to 16 messages.
        wait_seconds: 0 to 30.
        tag: Such as ``A||B``; "" and ``*`` match all.
        ordered: Whether messages of one sharding key are handed out in order.
    """

    limit: int = BATCH.default
    wait_seconds: int = POLLING_SECONDS.default
    tag: str = ""
    ordered: bool = False


class Want(NamedTuple):
    """The messages that a consumer wants from a store.

    Attributes:
        limit: Largest number of messages.
        tags: Wanted tags; None for all.
        ordered: Whether messages of one sharding key are handed out in order.
        hold_ms: How long the messages are then hidden from the rest of the group.
    """

    limit: int
    tags: frozenset[str] | None
    ordered: bool
    hold_ms: int


class Taken(NamedTuple):
    """The messages for a consumer.

    Attributes:
        messages: As handed out.
        next_at: When there may be more without a new publication, or None.
        given_up: Messages that were handed out too often; the group no longer has them.
    """

    messages: tuple[Pending, ...]
    next_at: int | None
    given_up: tuple[Pending, ...] = ()


def handle_of(pending: Pending) -> str:
    """Return the receipt handle of a message that was handed out."""
    return Receipt(pending.sequence, pending.claims, pending.message.message_id).handle


def read_tags(text: str) -> frozenset[str] | None:
    """Read a tag expression, such as ``A||B``; return None for "" and ``*``, which are all tags."""
    tags = frozenset(tag.strip() for tag in text.split("||") if tag.strip())
    return None if not tags or "*" in tags else tags


def message_of(new: NewMessage, *, message_id: str, now: int) -> RocketMqMessage:
    """Return a message as the log keeps it.

    Args:
        new: The producer's message.
        message_id: Its id.
        now: Milliseconds since the epoch.

    Raises:
        RocketMqError: InvalidArgument: the body is empty, larger than 4 MB or not valid in XML
            1.0, or the delivery time is too late.
    """
    check_body(new.body, MESSAGE_BYTES, RocketMqError)
    if new.deliver_at is not None and new.deliver_at > now + DELAY_MS:
        raise RocketMqError(
            "InvalidArgument", f"{_DELIVER_AT}={new.deliver_at}: at most 40 days from now"
        )
    return RocketMqMessage(
        message_id=message_id,
        body=new.body,
        tag=new.tag,
        properties=write_properties(new),
        sharding_key=new.sharding_key,
        published_at=now,
        call_path=new.call_path,
    )


def write_properties(new: NewMessage) -> str:
    """Return the properties as transmitted.

    Raises:
        RocketMqError: InvalidArgument: a name or value contains one of ``: | " ' & < >``.
    """
    reserved = {
        _KEYS: new.keys,
        _DELIVER_AT: "" if new.deliver_at is None else str(new.deliver_at),
        _SHARDING_KEY: new.sharding_key,
    }
    every = {name: value for name, value in reserved.items() if value} | new.properties
    for name, value in every.items():
        if _FORBIDDEN.search(name) or _FORBIDDEN.search(value):
            raise RocketMqError(
                "InvalidArgument",
                f"property {shorten(name)}={shorten(value)}: none of : | \" ' & < > may be in it",
            )
    return "".join(f"{name}:{value}|" for name, value in every.items())


def read_new_message(body: str, tag: str, properties: str) -> NewMessage:
    """Read a message as a client transmits it.

    Args:
        body: The body.
        tag: Its tag; "" if it has none.
        properties: ``k1:v1|k2:v2|``, including keys, delivery time and sharding key.

    Raises:
        RocketMqError: InvalidArgument.
    """
    pairs = dict(pair.split(":", 1) for pair in properties.split("|") if ":" in pair)
    if _TRANSACTION in pairs:
        raise RocketMqError(
            "InvalidArgument", f"{_TRANSACTION}: transactional messages are not supported"
        )
    deliver_at = pairs.pop(_DELIVER_AT, "")
    if deliver_at and not _MILLISECONDS.fullmatch(deliver_at):
        raise RocketMqError(
            "InvalidArgument",
            f"{_DELIVER_AT}={shorten(deliver_at)}: expected milliseconds since the epoch",
        )
    return NewMessage(
        body=body,
        tag=tag,
        keys=pairs.pop(_KEYS, ""),
        sharding_key=pairs.pop(_SHARDING_KEY, ""),
        deliver_at=int(deliver_at) if deliver_at else None,
        properties=pairs,
    )


class RocketMqError(ProtocolError):
    """A request that RocketMQ refuses, with a code of the service."""

    codes: ClassVar = {
        400: "InvalidArgument InvalidRequestURL MalformedXML",
        404: "MessageNotExist TopicNotExist",
    }
