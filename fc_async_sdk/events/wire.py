# SPDX-License-Identifier: MIT
"""Destination events as they go over the wire: the one place that writes them.

The local runtime and the builders for tests use it; :mod:`fc_async_sdk.events.document` reads what
it writes.
"""

from __future__ import annotations

import base64
import datetime as dt
from typing import Any, Final

import msgspec

_OK: Final = 200


def encode_payload(payload: bytes) -> tuple[str, bool]:
    """Return a payload as the text that an event carries, and whether the text is base64.

    Payloads are text on the wire. One that is not UTF-8 travels as base64 and is flagged.
    """
    try:
        return payload.decode(), False
    except UnicodeDecodeError:
        return base64.b64encode(payload).decode("ascii"), True


def document(
    *,
    timestamp: int,
    request_id: str,
    function_arn: str,
    attempts: int,
    request_payload: bytes,
    response_payload: bytes = b"",
    condition: str = "",
    status_code: int = _OK,
    function_error: str = "",
) -> dict[str, Any]:
    """Return the document that MNS, functions and RocketMQ get, as plain JSON objects.

    Args:
        timestamp: Milliseconds since the epoch.
        request_id: Of the invocation.
        function_arn: ARN of the function that was called.
        attempts: How often it was executed: ``approximateInvokeCount``.
        request_payload: What it was called with.
        response_payload: What it returned, or its error document.
        condition: Why it failed, "" on success.
        status_code: Other than 200 is a system error.
        function_error: Error type of the function, "" on success.
    """
    request, request_is_base64 = encode_payload(request_payload)
    response, response_is_base64 = encode_payload(response_payload)
    result: dict[str, Any] = {
        "timestamp": timestamp,
        "requestContext": {
            "requestId": request_id,
            "functionArn": function_arn,
            "condition": condition,
            "approximateInvokeCount": attempts,
        },
        "requestPayload": request,
        "responseContext": {"statusCode": status_code, "functionError": function_error},
        "responsePayload": response,
    }
    if request_is_base64:
        result["requestPayloadEncoding"] = "base64"
    if response_is_base64:
        result["responsePayloadEncoding"] = "base64"
    return result


def envelope(
    data: dict[str, Any],
    *,
    event_id: str,
    event_type: str,
    bus: str,
    account_id: str,
    region: str,
    published_at: int,
    published_from: str = "127.0.0.1",
) -> dict[str, Any]:
    """Return the CloudEvents envelope that EventBridge delivers, around a document.

    Args:
        data: What :func:`document` made.
        event_id: Unique within the source.
        event_type: ``fc:AsyncInvoke:succeeded`` or ``fc:AsyncInvoke:failed``.
        bus: The event bus.
        account_id: Account of the bus.
        region: Region of the bus.
        published_at: Milliseconds since the epoch.
        published_from: Address of who put it.
    """
    moment = dt.datetime.fromtimestamp(published_at // 1000, dt.timezone.utc)
    china = moment + dt.timedelta(hours=8)
    return {
        "specversion": "1.0",
        "id": event_id,
        "source": "acs:fc",
        "type": event_type,
        "subject": data["requestContext"]["functionArn"],
        "time": f"{moment:%Y-%m-%dT%H:%M:%SZ}",
        "datacontenttype": "application/json",
        "data": data,
        "aliyunaccountid": account_id,
        "aliyunregionid": region,
        "aliyuneventbusname": bus,
        "aliyunpublishtime": f"{china:%Y-%m-%dT%H:%M:%S}.{published_at % 1000:03d}Asia/Shanghai",
        "aliyunpublishaddr": published_from,
    }


def encode(event: dict[str, Any]) -> bytes:
    """Return a document or an envelope as bytes."""
    return msgspec.json.encode(event)
