# SPDX-License-Identifier: MIT
"""Destination events in the messages of queue clients.

Messages are recognised by their attributes, so none of those clients is imported.
"""

from __future__ import annotations

import base64
import binascii
import contextlib
from collections.abc import Mapping
from typing import Any, Final

import msgspec

from fc_async_sdk._decoding import JSON_ERRORS
from fc_async_sdk.errors import InvalidEvent
from fc_async_sdk.events.document import DestinationEvent, parse, to_bytes


class _Notification(msgspec.Struct, rename="pascal"):
    topic_name: str
    message: str | None = None


_NOTIFICATION: Final = msgspec.json.Decoder(_Notification)


def from_mns_message(message: Any) -> DestinationEvent:
    """Read what ``Queue.receive_message()`` of ``aliyun-mns-sdk`` returned.

    Messages that a topic passed on to the queue or to an HTTP endpoint are unwrapped, whichever
    format their subscription has (XML, JSON, SIMPLIFIED).

    Args:
        message: The message, or its body.

    Raises:
        InvalidEvent: Its body is not a destination event.
    """
    body = _body(message)
    return parse(body if isinstance(body, Mapping) else _unwrap(body))


def from_rocketmq_message(message: Any) -> DestinationEvent:
    """Read a message of ``mq_http_sdk`` (HTTP) or of ``rocketmq`` (remoting).

    Args:
        message: The message, or its body.

    Raises:
        InvalidEvent: Its body is not a destination event.
    """
    return parse(_body(message))


def from_eventbridge(event: Any) -> DestinationEvent:
    """Read what EventBridge delivers: the event of a function that it triggers, or a request body.

    Args:
        event: Bytes, text, a decoded JSON object, or a ``cloudevents`` object.

    Raises:
        InvalidEvent: It is not a destination event in an envelope.
    """
    parsed = parse(event)
    if parsed.envelope is None:
        raise InvalidEvent("there is no CloudEvents envelope around it", "$.specversion")
    return parsed


def _unwrap(body: Any) -> bytes:
    """Return what was published to a topic, from the notification that its subscriber gets."""
    data = to_bytes(body).strip()
    # A message of MNS is base64 unless its client has decoded it, so both forms are read.
    if data[:1] not in {b"<", b"{"}:
        with contextlib.suppress(binascii.Error, ValueError):
            data = base64.b64decode(b"".join(data.split()), validate=True).strip()
    if data.startswith(b"<"):
        return _from_xml(data)
    if data.startswith(b"{") and b'"TopicName"' in data:
        with contextlib.suppress(*JSON_ERRORS):
            inner = _NOTIFICATION.decode(data).message
            return data if inner is None else inner.encode("utf-8", "replace")
    return data


def _from_xml(data: bytes) -> bytes:
    from xml.etree import ElementTree as ET  # noqa: PLC0415 -- rarely needed

    # A document type is the only way to entities, and no notification has one.
    if b"<!DOCTYPE" in data:
        raise InvalidEvent("a notification has no document type")
    try:
        # Decoded first, so that no other encoding can hide what was looked for.
        root = ET.fromstring(data.decode())  # noqa: S314 -- without a document type it is harmless
    except (ET.ParseError, ValueError, LookupError) as error:
        raise InvalidEvent(f"the notification is not XML: {error}") from error
    for node in root.iter():
        _, _, name = node.tag.rpartition("}")  # the namespace is before it
        if name != "Message":
            continue
        if not node.text:
            break
        return node.text.encode("utf-8", "replace")
    raise InvalidEvent("the notification has no Message", "Notification.Message")


def _body(message: Any) -> Any:
    if isinstance(message, (bytes, bytearray, memoryview, str, Mapping)):
        return message
    for name in ("message_body", "body"):
        body = getattr(message, name, None)
        if body is not None:
            return body() if callable(body) else body
    raise InvalidEvent(
        f"a {type(message).__name__} is not a message: it has no message_body or body"
    )
