# SPDX-License-Identifier: MIT
"""Destination events of every kind, and the messages that carry them, for tests."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, TypedDict

import msgspec

from fc_async_sdk import events
from fc_async_sdk.events import triggers
from fc_async_sdk.spec import oss

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from fc_async_sdk.events import DestinationEvent

_ACCOUNT: Final = "1234567890123456"
_TIMESTAMP: Final = 1_660_120_276_975
_REQUEST_ID: Final = "1-6737f2b8-15a7b7a8-9d9a1f5c3c2e"


class EventFields(TypedDict, total=False):
    """Fields of every destination event.

    Attributes:
        function: Name of the function; ``f`` unless it is given.
        payload: What it was called with: bytes, text or anything JSON; empty unless it is given.
        response: What it returned, likewise.
        attempts: How often it was executed.
        request_id: Of the invocation.
        timestamp: Milliseconds since the epoch.
        region: Of the function's ARN.
        account_id: Of the function's ARN.
    """

    function: str
    payload: Any
    response: Any
    attempts: int
    request_id: str
    timestamp: int
    region: str
    account_id: str


def success_event(**fields: Unpack[EventFields]) -> DestinationEvent:
    """Return the event of a function that returned; its destination gets ``event.source``.

    Args:
        **fields: See :class:`EventFields`.
    """
    return _event(**fields)


def failure_event(
    *,
    error: str = "UnhandledInvocationError",
    error_message: str = "boom",
    **fields: Unpack[EventFields],
) -> DestinationEvent:
    """Return the event of a function that failed in every attempt.

    Args:
        error: The error's type: ``condition`` and ``functionError``.
        error_message: What the function said.
        **fields: See :class:`EventFields`; it was executed four times unless they say otherwise.
    """
    document = {"errorMessage": error_message, "errorType": "Exception", "stackTrace": []}
    given: EventFields = {"attempts": 4, "response": document, **fields}
    return _event(condition=error, function_error=error, **given)


def system_error_event(
    *,
    condition: str = "FunctionResourceExhausted",
    status_code: int = 429,
    **fields: Unpack[EventFields],
) -> DestinationEvent:
    """Return the event of an invocation that the service could not carry out.

    Args:
        condition: Why.
        status_code: The service's own status, not 200.
        **fields: See :class:`EventFields`; it was executed three times unless they say otherwise.
    """
    given: EventFields = {"attempts": 3, **fields}
    return _event(condition=condition, status_code=status_code, **given)


def expired_event(**fields: Unpack[EventFields]) -> DestinationEvent:
    """Return the event of an invocation whose maximum age passed before it was executed.

    Args:
        **fields: See :class:`EventFields`.
    """
    given: EventFields = {"attempts": 0, **fields}
    return _event(condition="AsyncEventAgeExceeded", **given)


def stopped_event(**fields: Unpack[EventFields]) -> DestinationEvent:
    """Return the event of a task that was stopped.

    Args:
        **fields: See :class:`EventFields`.
    """
    return _event(condition="AsyncTaskStopped", **fields)


def eventbridge_event(
    event: DestinationEvent | None = None, *, bus: str = "my-bus", event_id: str = "ecc48651"
) -> dict[str, Any]:
    """Return the input of a function behind an EventBridge trigger: an event in its envelope.

    Args:
        event: The event inside; a success when None.
        bus: The event bus.
        event_id: Id of the envelope.
    """
    inside = event or success_event()
    arn = inside.arn
    outcome = "succeeded" if inside.succeeded else "failed"
    return events.envelope(
        inside.to_dict(),
        event_id=event_id,
        event_type=f"fc:AsyncInvoke:{outcome}",
        bus=bus,
        account_id=arn.account_id if arn else _ACCOUNT,
        region=arn.region if arn else "cn-hangzhou",
        published_at=inside.timestamp or _TIMESTAMP,
    )


class Message(msgspec.Struct, frozen=True):
    """A message as the clients of MNS and RocketMQ (HTTP) hand it out."""

    message_body: str
    message_id: str = "0-1"
    receipt_handle: str = "1-handle"


def mns_message(event: DestinationEvent | None = None) -> Message:
    """Return a message like ``Queue.receive_message()`` of ``aliyun-mns-sdk``, decoded.

    Args:
        event: The event inside; a success when None.
    """
    return Message((event or success_event()).source.decode())


def rocketmq_message(event: DestinationEvent | None = None) -> Message:
    """Return a message like the consumer of ``mq_http_sdk`` returns.

    Args:
        event: The event inside; a success when None.
    """
    return Message((event or success_event()).source.decode())


def timer_event(trigger: str = "nightly", *, payload: str = "", at: int = _TIMESTAMP) -> bytes:
    """Return the input of a function behind a timer trigger.

    Args:
        trigger: Name of the trigger.
        payload: Text of its configuration.
        at: When it was due, in milliseconds since the epoch.
    """
    return triggers.encode(triggers.timer(trigger, at, payload=payload))


def oss_event(
    bucket: str,
    key: str,
    *,
    event: str = oss.CREATED,
    size: int = 0,
    at: int = _TIMESTAMP,
) -> bytes:
    """Return the input of a function behind an OSS trigger.

    Args:
        bucket: Name of the bucket.
        key: Key of the object.
        event: Such as ``ObjectCreated:PutObject``.
        size: Of the object, in bytes.
        at: When it happened, in milliseconds since the epoch.
    """
    return triggers.encode(triggers.oss(bucket, key, event=event, at=at, size=size))


def _event(
    *,
    function: str = "f",
    payload: Any = b"",
    response: Any = b"",
    region: str = "cn-hangzhou",
    account_id: str = _ACCOUNT,
    **fields: Any,
) -> DestinationEvent:
    document: dict[str, Any] = {
        "timestamp": _TIMESTAMP,
        "request_id": _REQUEST_ID,
        "attempts": 1,
        "function_arn": f"acs:fc:{region}:{account_id}:functions/{function}",
        "request_payload": _bytes(payload),
        "response_payload": _bytes(response),
        **fields,
    }
    return events.parse(events.encode(events.document(**document)))


def _bytes(value: Any) -> bytes:
    if isinstance(value, (bytes, bytearray, memoryview)):
        return bytes(value)
    return value.encode() if isinstance(value, str) else msgspec.json.encode(value)
