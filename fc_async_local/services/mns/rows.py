# SPDX-License-Identifier: MIT
"""Queues and messages as rows, the same in SQLite and PostgreSQL (pure)."""

from __future__ import annotations

from typing import Final

import msgspec

from fc_async_local.services.mns.model import Message, Property, Queue, QueueAttributes, Record

QueueRow = tuple[str, bytes, int, int]
"""Name, attributes, created_at, modified_at."""

MessageRow = tuple[int, str, str, int, int, int, "int | None", int, int, "bytes | None"]
"""The sequence, then a message's fields in the order of :func:`to_message`; extras last."""


class _Extra(Record, frozen=True, kw_only=True, omit_defaults=True):
    """Fields that few messages have: one column, which is NULL if they are all empty."""

    group_id: str = ""
    user_properties: tuple[Property, ...] = ()
    system_properties: tuple[Property, ...] = ()
    call_path: tuple[str, ...] = ()


_NOTHING: Final = _Extra()
_encode: Final = msgspec.json.Encoder().encode
_extra: Final = msgspec.json.Decoder(_Extra).decode
_attributes: Final = msgspec.json.Decoder(QueueAttributes).decode


def from_attributes(attributes: QueueAttributes) -> bytes:
    """Return the attributes of a queue as one column."""
    return _encode(attributes)


def to_queue(row: QueueRow) -> Queue:
    """Return a queue from its row."""
    name, attributes, created_at, modified_at = row
    return Queue(
        name=name,
        attributes=_attributes(attributes),
        created_at=created_at,
        modified_at=modified_at,
    )


def extra_of(message: Message) -> bytes | None:
    """Return the fields that few messages have as one column."""
    extra = _Extra(
        group_id=message.group_id,
        user_properties=message.user_properties,
        system_properties=message.system_properties,
        call_path=message.call_path,
    )
    return None if extra == _NOTHING else _encode(extra)


def change_of(message: Message) -> dict[str, object]:
    """Return the sequence of a message and the columns that a receive changes."""
    return {
        "sequence": message.sequence,
        "visible_at": message.visible_at,
        "first_dequeued_at": message.first_dequeued_at,
        "dequeue_count": message.dequeue_count,
        "claims": message.claims,
    }


def to_message(row: MessageRow) -> Message:
    """Return a message from its row."""
    extra = _NOTHING if row[9] is None else _extra(row[9])
    return Message(
        sequence=row[0],
        message_id=row[1],
        body=row[2],
        priority=row[3],
        enqueued_at=row[4],
        visible_at=row[5],
        first_dequeued_at=row[6],
        dequeue_count=row[7],
        claims=row[8],
        group_id=extra.group_id,
        user_properties=extra.user_properties,
        system_properties=extra.system_properties,
        call_path=extra.call_path,
    )
