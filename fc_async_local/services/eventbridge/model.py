# SPDX-License-Identifier: MIT
"""The records of EventBridge, their limits and errors; CloudEvents on their way into a bus (pure).

Fields of resources have the API's names in lower case. All times are milliseconds since the epoch.
Limits: docs/reference/sources.md, EventBridge limits.
"""

from __future__ import annotations

import base64
import binascii
from typing import Any, ClassVar, Final, Literal

import msgspec

from fc_async_local.domain import json_input
from fc_async_local.domain.invocation import Record
from fc_async_local.services.common import ProtocolError
from fc_async_sdk._decoding import prepare
from fc_async_sdk.errors import shorten
from fc_async_sdk.spec.times import rfc3339_millis
from fc_async_sdk.spec.triggers import Strategy

EVENT_BYTES: Final = 256 * 1024
"""Largest event of PutEvents. Events of destinations have a lower limit."""
BATCH_BYTES: Final = 1024 * 1024
BATCH_EVENTS: Final = 16
BUSES: Final = 50
RULES_PER_BUS: Final = 50
TARGETS_PER_RULE: Final = 5
VALUE_CHARACTERS: Final = 10_240
"""Longest Value and Template of a target's parameter."""

Event = dict[str, msgspec.Raw]
"""A CloudEvent by attribute. Values stay as written, because patterns compare their text."""


class Wire(msgspec.Struct, frozen=True, kw_only=True, rename="pascal", omit_defaults=True):
    """Base of records with the same form in the API."""


class Bus(Record, frozen=True, kw_only=True):
    """A custom event bus."""

    name: str
    description: str = ""
    created_at: int


class Parameter(Wire, frozen=True, kw_only=True, rename="pascal", omit_defaults=True):
    """One entry of a target's ParamList: how one input is made from the event."""

    resource_key: str
    form: Literal["ORIGINAL", "CONSTANT", "JSONPATH", "TEMPLATE"] = "CONSTANT"
    value: str = ""
    template: str = ""


class DeadLetterQueue(Wire, frozen=True, kw_only=True, rename="pascal", omit_defaults=True):
    """Destination of events that could not be pushed."""

    arn: str = ""


class Target(Wire, frozen=True, kw_only=True, rename="pascal", omit_defaults=True):
    """One target of a rule.

    ``errors_tolerance`` is stored and shown only: a failed event never blocks others here.
    """

    id: str
    type: str
    endpoint: str = ""
    param_list: tuple[Parameter, ...] = ()
    push_retry_strategy: Strategy = "BACKOFF_RETRY"
    errors_tolerance: Literal["ALL", "NONE"] = "ALL"
    dead_letter_queue: DeadLetterQueue | None = None

    def parameter(self, key: str) -> Parameter | None:
        """Return the parameter with a resource key, or None."""
        return next((item for item in self.param_list if item.resource_key == key), None)


prepare(Target)


class Rule(Record, frozen=True, kw_only=True):
    """Filter of the events of a bus, and their targets."""

    bus: str
    name: str
    pattern: str
    status: Literal["ENABLE", "DISABLE"] = "ENABLE"
    description: str = ""
    targets: tuple[Target, ...] = ()
    created_at: int
    modified_at: int


OF_TRIGGERS: Final = "trigger/"
"""Names of rules that are triggers of functions begin so; names of users have no slash."""


class Entry(Record, frozen=True, kw_only=True):
    """The result for one event of PutEvents."""

    event_id: str = ""
    trace_id: str = ""
    error_code: str = ""
    error_message: str = ""

    def shown(self) -> dict[str, Any]:
        """Return the entry in the form of the API."""
        if self.error_code:
            return {
                "EventId": self.event_id,
                "ErrorCode": self.error_code,
                "ErrorMessage": self.error_message,
            }
        return {"EventId": self.event_id, "TraceId": self.trace_id}


class RulePush(Record, frozen=True, kw_only=True):
    """A job: push one event to one target of one rule.

    Attributes:
        trace_id: Of the event, as its sender got it.
        call_path: Functions that led here through destinations; not a part of the event.
    """

    trace_id: str
    bus: str
    rule: str
    target_id: str
    event: Event
    call_path: tuple[str, ...] = ()


class EventBridgeError(ProtocolError):
    """A request that EventBridge refuses, with a code of the service."""

    codes: ClassVar = {
        400: "InvalidAction InvalidArgument InvalidDigest InvalidEvent InvalidEventPattern "
        "MissingParameter QuotaExceeded",
        403: "SignatureDoesNotMatch",
        404: "EventBusNotExist EventRuleNotExisted",
        409: "EventBusAlreadyExist EventRuleAlreadyExist",
        413: "EntityTooLarge",
    }


_REQUIRED: Final = ("id", "source", "type", "specversion")
_LONGEST: Final = {
    "id": 128,
    "source": 128,
    "type": 128,
    "subject": 512,
    "time": 64,
}
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


def check_event(event: Event) -> None:
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


def stamp(
    event: Event,
    *,
    bus: str,
    region: str,
    account_id: str,
    now: int,
) -> Event:
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
        "time": rfc3339_millis(now),
    }
    service = {
        "aliyunaccountid": account_id,
        # Samples of the product end in "Asia/Shanghai", which parsers of CloudEvents refuse.
        "aliyunpublishtime": rfc3339_millis(now),
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
    decoded = {name: value for name, value in event.items() if name != "data_base64"}
    return decoded | {"data": msgspec.Raw(data)}
