# SPDX-License-Identifier: MIT
"""Dead events; queues, topics and buses with their messages; buckets with their objects."""

from __future__ import annotations

from typing import Any

from fc_async_sdk.admin.models.functions import Encoding
from fc_async_sdk.models import Model


class DeadEvent(Model, frozen=True, kw_only=True):
    """A delivery that was given up.

    Attributes:
        event: The event document, as text or as base64.
        tries: How often it was tried.
        error: Why the latest try failed.
    """

    request_id: str
    task_id: str
    function: str
    qualifier: str
    outcome: str
    destination: str
    event: str
    event_encoding: Encoding = ""
    created_time: int
    tries: int
    error: str


class DeadEvents(Model, frozen=True, kw_only=True):
    """One page of dead events, newest first, and how many there are in all, if that was asked."""

    deliveries: list[DeadEvent]
    total: int | None = None
    next_token: str | None = None


class DeadGroup(Model, frozen=True, kw_only=True):
    """The number of dead events with the same error."""

    error: str
    events: int


class DeadCounts(Model, frozen=True, kw_only=True):
    """Numbers of dead events.

    Attributes:
        total: How many there are.
        at_least: Whether there may be more, because the newest were counted only.
        groups: By error, the most frequent ones first.
        request_ids: Of all, newest first, if they were asked for.
    """

    total: int
    at_least: bool
    groups: list[DeadGroup]
    request_ids: list[str] | None = None


class Redriven(Model, frozen=True, kw_only=True):
    """Number of dead events that are delivered again, and their request ids."""

    redriven: int
    request_ids: list[str]


class Purged(Model, frozen=True, kw_only=True):
    """Number of deleted dead events or messages."""

    purged: int


# --- queues, topics and buses -------------------------------------------------------------------


class Channel(Model, frozen=True, kw_only=True):
    """A queue, a topic or a bus.

    Attributes:
        kind: ``queue``, ``topic``, ``rocketmq`` or ``bus``.
        label: The noun that stands before the name, such as ``queue``.
        instance: Of RocketMQ, else "".
        messages: How many messages it has, or how many of the latest ones are shown.
        facts: Further numbers by name.
    """

    kind: str
    label: str
    name: str
    instance: str
    messages: int
    facts: dict[str, int]


class Channels(Model, frozen=True, kw_only=True):
    """The queues, topics and buses."""

    channels: list[Channel]


class Message(Model, frozen=True, kw_only=True):
    """A message as it is.

    Attributes:
        attributes: What the protocol says of it, by name.
        summary: Facts of the destination event in the body, or of another event of a bus.
        event: The document of the destination event, if the body has it in another form.
    """

    id: str
    at: int
    body: str
    attributes: dict[str, Any]
    summary: dict[str, str | int] | None = None
    event: str | None = None


class Messages(Model, frozen=True, kw_only=True):
    """The messages of a queue, or the latest ones of a topic or a bus."""

    messages: list[Message]


class SendMessage(Model, frozen=True, kw_only=True):
    """A message to send; for a bus the body is an event of JSON.

    Attributes:
        tag: For topics.
        keys: For topics of RocketMQ.
    """

    body: str
    tag: str = ""
    keys: str = ""


class Sent(Model, frozen=True, kw_only=True):
    """The id of a message that was sent."""

    message_id: str


class ReplayMessages(Model, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The ids of the messages whose failed events are sent again."""

    ids: tuple[str, ...]


class MessagesReplayed(Model, frozen=True, kw_only=True):
    """The result of a replay.

    Attributes:
        accepted: Number of events that were accepted, now or before.
        before: Number of those that an earlier replay had sent.
        refused: Why the others were not accepted, by message id.
    """

    accepted: int
    before: int
    refused: dict[str, str]


# --- buckets -----------------------------------------------------------------------------------


class BucketSummary(Model, frozen=True, kw_only=True):
    """A bucket."""

    name: str
    created_time: int


class Buckets(Model, frozen=True, kw_only=True):
    """The buckets, sorted by name."""

    buckets: list[BucketSummary]


class ObjectSummary(Model, frozen=True, kw_only=True):
    """An object, with its size in bytes and the headers that it is returned with."""

    key: str
    size: int
    etag: str
    modified_time: int
    headers: dict[str, str]


class Objects(Model, frozen=True, kw_only=True):
    """A page of the objects of a bucket.

    Attributes:
        prefixes: Common prefixes up to the next ``/``.
        next_token: Begin of the next page, "" at the end.
    """

    objects: list[ObjectSummary]
    prefixes: list[str]
    next_token: str = ""
