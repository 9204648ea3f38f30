# SPDX-License-Identifier: MIT
"""Reads, checks and stamps CloudEvents on their way into a bus (pure)."""

from __future__ import annotations

import base64
import binascii
from datetime import datetime, timezone
from typing import Any, Final

import msgspec

from fc_async_local.domain import json_input
from fc_async_local.services.eventbridge.model import EVENT_BYTES, Event, EventBridgeError
from fc_async_sdk.errors import shorten

_REQUIRED: Final = ("id", "source", "type", "specversion")
_LONGEST: Final = {"id": 128, "source": 128, "type": 128, "subject": 512, "time": 64}
"""Largest numbers of characters (docs/reference/sources.md, EventBridge limits)."""
_ATTRIBUTES: Final = {*_REQUIRED, "subject", "time", "data", "datacontenttype", "dataschema"}
"""Of CloudEvents, which the RPC API writes in upper camel case."""
encode: Final = msgspec.json.Encoder().encode


def raw(value: Any) -> msgspec.Raw:
    """Return a value as JSON."""
    return msgspec.Raw(encode(value))


def read_batch(body: bytes) -> list[Event]:
    """Read a JSON array of events; attributes stay as written.

    Raises:
        EventBridgeError: InvalidEvent.
    """
    try:
        return json_input.read(body, list[Event])
    except json_input.InvalidJson as error:
        raise EventBridgeError(
            "InvalidEvent", f"expected a JSON array of CloudEvents: {error}"
        ) from error


def from_rpc(event: Event) -> Event:
    """Return an event of the RPC API, which has attributes in upper camel case."""
    return {
        name.lower() if name.lower() in _ATTRIBUTES else name: value
        for name, value in event.items()
    }


def text_of(event: Event, name: str) -> str:
    """Return an attribute as text; "" if it is absent.

    Raises:
        EventBridgeError: InvalidEvent: the attribute is not a string.
    """
    value = event.get(name)
    if value is None:
        return ""
    try:
        return msgspec.json.decode(value, type=str)
    except msgspec.DecodeError:
        raise EventBridgeError("InvalidEvent", f"{name} must be a string") from None


def rfc3339(now: int) -> str:
    """Return a time in RFC 3339, as the CloudEvents specification requires.

    Samples of the product end in ``Asia/Shanghai``, which parsers of CloudEvents refuse.

    Args:
        now: Milliseconds since the epoch.
    """
    moment = datetime.fromtimestamp(now / 1_000, tz=timezone.utc)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def check(event: Event) -> None:
    """Check the attributes and the size of an event.

    Raises:
        EventBridgeError: InvalidEvent, EntityTooLarge.
    """
    for name in _REQUIRED:
        if not text_of(event, name):
            raise EventBridgeError("InvalidEvent", f"{name} is missing")
    if text_of(event, "specversion") != "1.0":
        raise EventBridgeError("InvalidEvent", "specversion must be 1.0")
    for name, longest in _LONGEST.items():
        value = text_of(event, name)
        if len(value) > longest:
            raise EventBridgeError(
                "InvalidEvent", f"{name}={shorten(value)}: at most {longest} characters"
            )
    size = len(encode(event))
    if size > EVENT_BYTES:
        raise EventBridgeError(
            "EntityTooLarge", f"the event has {size} bytes, more than {EVENT_BYTES}"
        )


def stamp(event: Event, *, bus: str, region: str, account_id: str, now: int) -> Event:
    """Return an event with the attributes that the bus adds.

    JSON in ``data_base64`` becomes ``data``.

    Args:
        event: The event.
        bus: Name of the bus.
        region: Of the runtime.
        account_id: Of the runtime.
        now: Milliseconds since the epoch.
    """
    added = {
        "datacontenttype": "application/json",
        "time": rfc3339(now),
    }
    service = {
        "aliyunaccountid": account_id,
        "aliyunpublishtime": rfc3339(now),
        "aliyuneventbusname": bus,
        "aliyunregionid": region,
        "aliyunpublishaddr": "127.0.0.1",
    }
    stamped = {name: raw(value) for name, value in added.items()} | event
    stamped |= {name: raw(value) for name, value in service.items()}
    return _with_data(stamped)


def _with_data(event: Event) -> Event:
    """Decode JSON in base64: one official client sends it so, and patterns read ``data``."""
    if "data_base64" not in event or "data" in event:
        return event
    try:
        data = base64.b64decode(text_of(event, "data_base64"), validate=True)
        json_input.read(data)
    except (binascii.Error, ValueError):
        return event
    rest = {name: value for name, value in event.items() if name != "data_base64"}
    return rest | {"data": msgspec.Raw(data)}
