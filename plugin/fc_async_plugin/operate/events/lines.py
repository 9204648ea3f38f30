# SPDX-License-Identifier: MIT
"""Destination events as lines of JSON: what ``events tail -o json`` writes, read again. Pure."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from fc_async_plugin.report.payloads import as_bytes
from fc_async_sdk import events
from fc_async_sdk.errors import InvalidEvent

if TYPE_CHECKING:
    from fc_async_sdk.events import DestinationEvent, Payload


class Shown(NamedTuple):
    """A message of a queue, a topic or a file, with the destination event in it.

    Attributes:
        message_id: Its id where it is.
        event: The event in it; None if it is not a destination event.
        problem: Why it is not a destination event, else "".
    """

    message_id: str
    event: DestinationEvent | None
    problem: str = ""


def read(message_id: str, message: Any) -> Shown:
    """Return the event in a message of a queue client, or in its body."""
    try:
        return Shown(message_id, events.from_mns_message(message))
    except InvalidEvent as error:
        return Shown(message_id, None, str(error))


def as_data(message: Shown) -> dict[str, Any]:
    """Return a message as plain JSON objects."""
    event = message.event
    if event is None:
        return {"messageId": message.message_id, "problem": message.problem}
    return {
        "messageId": message.message_id,
        "time": event.time.isoformat() if event.time else None,
        "functionArn": event.function_arn,
        "succeeded": event.succeeded,
        "condition": event.condition,
        "functionError": event.function_error,
        "statusCode": event.status_code,
        "attempts": event.attempts,
        "requestId": event.request_id,
        **_payload_data("request", event.request),
        **({} if event.complete else {"requestPayloadOmitted": True}),
        **_payload_data("response", event.response),
    }


def from_line(message_id: str, line: bytes) -> Shown:
    """Return the event of a line: what :func:`as_data` made, or an event in any other form."""
    try:
        fields = msgspec.json.decode(line)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return read(message_id, line)
    if not isinstance(fields, dict):
        return read(message_id, line)
    # Not a line of events tail: an event as a destination gets it, or of another program.
    if "requestContext" in fields or "functionArn" not in fields:
        problem = fields.get("problem")
        return Shown(message_id, None, problem) if problem else read(message_id, line)
    document = {
        "timestamp": fields.get("time"),
        "requestContext": {
            "requestId": fields.get("requestId"),
            "functionArn": fields["functionArn"],
            "condition": fields.get("condition"),
            "approximateInvokeCount": fields.get("attempts"),
        },
        "responseContext": {
            "statusCode": fields.get("statusCode"),
            "functionError": fields.get("functionError"),
        },
        **{name: value for name, value in fields.items() if "Payload" in name},
    }
    return read(message_id, document)


def _payload_data(name: str, payload: Payload) -> dict[str, str]:
    """Return a payload as text, or as base64 with a second field that says so."""
    try:
        return {f"{name}Payload": payload.text()}
    except InvalidEvent:
        encoded = base64.b64encode(as_bytes(payload)).decode()
        return {f"{name}Payload": encoded, f"{name}PayloadEncoding": "base64"}
