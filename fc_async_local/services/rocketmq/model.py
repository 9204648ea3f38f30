# SPDX-License-Identifier: MIT
"""The records of RocketMQ topics and consumer groups, and the numbers that bound them.

All times are milliseconds since the epoch. Numbers: the pages of RocketMQ 4.x on limits and on the
HTTP protocol.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import msgspec

from fc_async_sdk.spec.limits import ROCKETMQ_PAYLOAD_BYTES, Range

MESSAGE_BYTES: Final = ROCKETMQ_PAYLOAD_BYTES
BATCH: Final = Range(1, 16, 1)
POLLING_SECONDS: Final = Range(0, 30, 0)
RETENTION_MS: Final = 3 * 86_400_000
MOST_CONSUMED: Final = 289
"""Once, and 288 times again; after that a message is given up for the group."""
DELAY_MS: Final = 40 * 86_400_000
"""How far ``__STARTDELIVERTIME`` may lie ahead."""


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """Base of all records."""


class Topic(Record, frozen=True, kw_only=True):
    """A topic of an instance."""

    instance_id: str
    name: str
    created_at: int


class NewMessage(Record, frozen=True, kw_only=True):
    """What a producer wants to be published.

    Attributes:
        keys: The message key, for looking it up.
        deliver_at: Not before this moment, or None.
        sharding_key: Messages of one key are consumed in order by ordered consumers.
        call_path: Functions that led here through destinations; never shown to clients.
    """

    body: str
    tag: str = ""
    keys: str = ""
    properties: dict[str, str] = {}
    deliver_at: int | None = None
    sharding_key: str = ""
    call_path: tuple[str, ...] = ()


class Message(Record, frozen=True, kw_only=True):
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
        consumed: How often it was handed out.
        next_at: When it may be handed out (again).
        claims: Counts receipt handles given out; only the latest one is good.
    """

    sequence: int
    message: Message
    consumed: int = 0
    next_at: int = 0
    first_at: int = 0
    claims: int = 0


class Receipt(NamedTuple):
    """What a receipt handle says: the right to acknowledge one message for one group."""

    sequence: int
    claims: int
    message_id: str


class Want(NamedTuple):
    """What a consumer asks for.

    Attributes:
        tags: Only messages of these; None: all.
        hold_ms: How long what it gets is hidden from its group.
    """

    limit: int
    tags: frozenset[str] | None
    ordered: bool
    hold_ms: int


class Taken(NamedTuple):
    """What was found.

    Attributes:
        next_at: When there may be more without anybody publishing, or None.
        given_up: Messages that were handed out as often as they may be; gone for the group.
    """

    messages: tuple[Pending, ...]
    next_at: int | None
    given_up: tuple[Pending, ...] = ()
